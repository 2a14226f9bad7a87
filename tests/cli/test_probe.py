"""`mbap probe`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

import mbap
from mbap import Device
from mbap.collect.profiles import load_profile
from mbap.server.handler import Call
from mbap.values import Encoding
from support.commandline import CommandLine
from support.peers import free_port

R = TypeVar("R")


class Counted:
    """A device that counts how often it is asked."""

    asked = 0

    def handle(self, call: Call[R]) -> R | Awaitable[R]:
        self.asked += 1
        return Device(holding_registers=[1, 2, 3, 4]).handle(call)


FAST = ("--every", "10ms")


def words(*typed: tuple[str, float], order: str = "CDAB") -> list[int]:
    return [word for kind, value in typed for word in Encoding(kind, order).encode(value)]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.setenv("COLUMNS", "80")
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def url() -> Iterator[str]:
    registers = [0] * 100
    block = words(("float32", 230.61), ("float32", 229.87), ("float32", 5.317), ("uint32", 123456))
    registers[10:18] = block
    registers[18:23] = [4998, 2301, 0x0801, 0, 0]
    registers[23:26] = list(Encoding("string", length=3).encode("PUMP 7"))
    with mbap.serving(Device(holding_registers=registers)) as url:
        yield url


def test_at_80_columns_each_place_has_one_line(run: CommandLine, url: str) -> None:
    done = run("probe", url, "hr10..25", "--samples", "2", *FAST)
    assert (done.code, done.err) == (0, "")
    assert done.out == SNAPSHOT_80.format(url=url)


def test_at_120_columns_there_is_room_for_more_reasons(
    run: CommandLine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert run("probe", url, "hr10..25", "--samples", "2", *FAST).out == SNAPSHOT_120.format(url=url)


def test_the_line_to_read_it_so_reads_it_so(run: CommandLine, url: str) -> None:
    printed = json.loads(run("probe", url, "hr10..17", "--samples", "1", "--json").out)
    values = [line.split()[-1] for line in run("read", url, *printed["read"]).out.splitlines()[1:]]
    assert values == ["230.61", "229.87", "5.317", "123456"]


def test_json_has_every_place_with_reasons_and_others(run: CommandLine, url: str) -> None:
    (block,) = json.loads(run("probe", url, "hr10..17", "--samples", "1", "--json").out)["blocks"]
    assert (block["order"], block["address"], block["count"]) == ("CDAB", 10, 8)
    first = block["places"][0]
    assert (first["item"], first["reference"], first["sure"]) == ("hr10:float32,CDAB", "40011", "sure")
    assert first["reasons"]
    assert first["others"][0]["behind"] >= 8


def test_that_nothing_changes_is_said_once_where_it_is_so_of_all(run: CommandLine) -> None:
    out = run("probe", "-", "--all", given=b"0007 5B3C\n\n0007 5B3C").out
    assert "it does not change" not in out
    assert out.count("(nothing changed, which is in favour of all of them)") == 1


def test_all_shows_every_reading_of_every_order(run: CommandLine, url: str) -> None:
    out = run("probe", url, "hr10..11", "--samples", "1", "--all").out
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.startswith("    ")}
    assert rows["type"] == ["ABCD", "CDAB", "BADC", "DCBA"]
    assert rows["float32"][1] == "230.61"
    assert {"uint16", "int16", "bcd16", "uint32", "bcd32", "text"} < set(rows)
    assert "hex 9C29 4366" in out


@pytest.mark.parametrize("columns", [80, 120])
def test_all_fits_the_console(
    run: CommandLine, url: str, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    out = run("probe", url, "hr10..25", "--samples", "1", "--all").out
    assert (
        max(map(len, out.partition("hr10 (reference")[2].partition("to read it so")[0].splitlines()))
        <= columns
    )


def test_a_draft_is_a_profile(run: CommandLine, url: str, tmp_path: Path) -> None:
    path = tmp_path / "draft.toml"
    done = run("probe", url, "hr10..25", "--samples", "2", *FAST, "--to-profile", str(path))
    profile = load_profile(path)
    assert done.code == 0
    assert [point.name for point in profile.points] == [
        "hr10",
        "hr12",
        "hr14",
        "hr16",
        "hr18",
        "hr19",
        "hr20",
        "hr23",
    ]
    assert profile.points[0].encoding == Encoding("float32", "CDAB")


def test_registers_may_be_given(run: CommandLine) -> None:
    out = run("probe", "--registers", "4366 8000 4365 4000", "ir100").out
    assert [line.split()[:3] for line in out.splitlines()[1:3]] == [
        ["ir100", "float32", "230.5"],
        ["ir102", "float32", "229.25"],
    ]


def test_samples_may_come_from_standard_input(run: CommandLine) -> None:
    done = run("probe", "-", "hr7", "--json", given=b"0000 08FD\n\n0000 08FE\n")
    (block,) = json.loads(done.out)["blocks"]
    assert (block["samples"], block["address"]) == (2, 7)


def test_a_known_value_decides(run: CommandLine) -> None:
    out = run("probe", "--registers", "04D3", "hr5", "--known", "hr5=12.35").out
    assert "uint16,scale=0.01  12.35" in out


def test_near_finds_the_place_and_the_scale(run: CommandLine) -> None:
    out = run("probe", "--registers", "0102 5A3C", "--near", "231").out
    assert "uint16,scale=0.01  231" in out


def test_a_known_value_that_nothing_shows_is_said(run: CommandLine) -> None:
    done = run("probe", "--registers", "04D3 0001", "hr5", "--known", "hr5=7777")
    assert done.code == 0
    assert "--known hr5=7777: no reading of hr5 (reference 40006) shows that now" in done.err
    assert done.out.splitlines()[1].split()[:4] == ["hr5", "uint16", "1235", "open"]


def test_a_value_nearby_that_nothing_shows_is_said(run: CommandLine) -> None:
    done = run("probe", "--registers", "04D3", "--near", "1.2", "--near", "777")
    assert "--near 777: no place shows about that" in done.err
    assert "--near 1.2:" not in done.err


def test_what_is_said_to_be_slow_and_jumps_is_named(run: CommandLine) -> None:
    done = run("probe", "-", "hr7", "--slow", given=b"0010\n\n8000\n\n00C3\n")
    assert "--slow: hr7 changes by more than a fiftieth from sample to sample" in done.err


def test_what_is_said_to_count_and_falls_is_named(run: CommandLine) -> None:
    done = run("probe", "-", "hr7", "--counter", "--json", given=b"0110\n\n0100\n\n00F3\n")
    assert json.loads(done.out)["contradicted"] == ["--counter: hr7 falls in every likely reading"]


@pytest.mark.parametrize(
    "hint", [("--known", "hr0=x"), ("--known", "hr9=1"), ("--counter", "--samples", "1")]
)
def test_a_wrong_hint_is_refused_before_the_device_is_asked(run: CommandLine, hint: tuple[str, ...]) -> None:
    device = Counted()
    with mbap.serving(device) as url:
        assert run("probe", url, "hr0..3", *hint).code == 2
    assert device.asked == 0


def test_hints_that_agree_are_not_spoken_of(run: CommandLine) -> None:
    given = b"0110\n\n0111\n\n0112\n"
    done = run("probe", "-", "hr7", "--counter", "--slow", "--known", "hr7=27.4", given=given)
    assert (done.code, done.err) == (0, "")


def test_slow_and_counter_want_more_than_one_sample(run: CommandLine) -> None:
    done = run("probe", "--registers", "04D3", "--slow")
    assert done.code == 2
    assert "which one sample does not show" in done.err


def test_an_order_that_is_known_is_the_only_one(run: CommandLine) -> None:
    out = run("probe", "--registers", "4366 8000", "--order", "CDAB").out
    assert "order CDAB, by 1 sample, as you said" in out


def test_registers_that_a_device_refuses_are_left_out(run: CommandLine) -> None:
    device = Device(holding_registers={0: [2301, 2299], 5: [2304]})
    with mbap.serving(device) as url:
        done = run("probe", url, "hr0..5", "--samples", "1", "--quirk", "no-gaps")
        refused = run("probe", url, "hr0..5", "--samples", "1")
    assert [line.split()[0] for line in done.out.splitlines()[1:4]] == ["hr0", "hr1", "hr5"]
    assert refused.code == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("127.0.0.1",), "give ENDPOINT and ITEM"),
        (("127.0.0.1", "co0..7"), "coils and discrete inputs are bits"),
        (("127.0.0.1", "hr0:float32"), "leave it out"),
        (("127.0.0.1", "hr0.3"), "whole registers"),
        (("127.0.0.1", "hr0..600"), "at most 500"),
        (("--registers", "436"), "odd"),
        (("--registers", "4366 80"), "no whole registers"),
        (("--registers", "4366", "--known", "hr9=1"), "not among those that are probed"),
        (("--registers", "4366", "--known", "hr0=x"), "a place and a number"),
        (("--registers", "4366\n\n4366 8000"), "same number of registers"),
    ],
)
def test_wrong_usage_is_said_in_a_sentence(run: CommandLine, arguments: tuple[str, ...], said: str) -> None:
    done = run("probe", *arguments)
    assert done.code == 2
    assert said in done.err


def test_no_connection_is_exit_code_3(run: CommandLine) -> None:
    assert run("probe", f"tcp://127.0.0.1:{free_port()}", "hr0..3", "--retries", "0").code == 3


def test_nothing_is_written_to_the_device(run: CommandLine) -> None:
    asked: list[int] = []

    class Watching(Device):
        def handle(self, call: Call[R]) -> R:
            asked.append(call.request.function_code)
            return super().handle(call)

    with mbap.serving(Watching(holding_registers=[1] * 10)) as url:
        run("probe", url, "hr0..9", "--samples", "3", *FAST)
    assert asked == [3, 3, 3]


SNAPSHOT_80 = """\
place     type               value     sure    why
hr10      float32,CDAB       230.61    sure    230.6 is a usual magnitude
hr12      float32,CDAB       229.87    sure    229.9 is a usual magnitude
hr14      float32,CDAB       5.317     sure    5.317 is a round number
hr16      uint32,CDAB        123456    likely  123456 is of a usual size
hr18      uint16,scale=0.01  49.98     likely  49.98 could be the mains frequ...
hr19      uint16,scale=0.1   230.1     likely  230.1 could be a phase voltage
hr20      uint16             2049      open    2049 is of a usual size
hr21..22  -                  0         open    it is always 0
hr23      string/3           'PUMP 7'  sure    its bytes are letters and digits

order CDAB, by 2 samples; ABCD is 11.9 points behind

to read it so:
  mbap read {url} \\
    hr10:float32,CDAB hr12:float32,CDAB hr14:float32,CDAB \\
    hr16:uint32,CDAB hr18:uint16,scale=0.01 hr19:uint16,scale=0.1 \\
    hr20:uint16 hr23:string/3
"""

SNAPSHOT_120 = """\
place     type               value     sure    why
hr10      float32,CDAB       230.61    sure    230.6 is a usual magnitude, 230.61 could be a phase voltage
hr12      float32,CDAB       229.87    sure    229.9 is a usual magnitude, 229.87 could be a phase voltage
hr14      float32,CDAB       5.317     sure    5.317 is a round number, 5.317 is a usual magnitude
hr16      uint32,CDAB        123456    likely  123456 is of a usual size
hr18      uint16,scale=0.01  49.98     likely  49.98 could be the mains frequency, 4998 is of a usual size
hr19      uint16,scale=0.1   230.1     likely  230.1 could be a phase voltage, 2301 is of a usual size
hr20      uint16             2049      open    2049 is of a usual size
hr21..22  -                  0         open    it is always 0
hr23      string/3           'PUMP 7'  sure    its bytes are letters and digits

order CDAB, by 2 samples; ABCD is 11.9 points behind

to read it so:
  mbap read {url} \\
    hr10:float32,CDAB hr12:float32,CDAB hr14:float32,CDAB \\
    hr16:uint32,CDAB hr18:uint16,scale=0.01 hr19:uint16,scale=0.1 \\
    hr20:uint16 hr23:string/3
"""


@pytest.mark.parametrize("words", [("--unit", "3"), ("--samples", "2"), ("--every", "1s"), ("--ca", "x.pem")])
def test_how_a_device_is_asked_does_not_go_with_given_registers(
    run: CommandLine, words: tuple[str, str]
) -> None:
    done = run("probe", "--registers", "4366 8000", *words)
    assert (done.code, done.out) == (2, "")
    assert f"{words[0]} is for a device" in done.err
