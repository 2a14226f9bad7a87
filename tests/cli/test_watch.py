"""`mbap watch` where nobody looks: rounds of text, lines of JSON, exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

import mbap
from mbap import Device
from support import peers
from support.commandline import CommandLine
from support.scripted import Reply, Silence, scripted


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def url() -> Iterator[str]:
    device = Device(holding_registers=[20, 21, 0x4148, 0], coils=[True, False])
    with mbap.serving(device) as url:
        yield url


def plain(text: str) -> list[str]:
    """Lines of a round without what differs from run to run: the time, ages, milliseconds."""
    text = re.sub(r"^\S+Z (tcp\S+)", "TIME URL", text, flags=re.MULTILINE)
    return re.sub(r" +\d+\.\ds +\d+\.\d", " AGE MS", text).splitlines()


def test_a_round_is_a_table_of_text(run: CommandLine, url: str) -> None:
    done = run("watch", url, "hr0..1", "hr2:float32", "co1", "--times", "1")
    lines = plain(done.out)
    assert lines[0] == "TIME URL unit 1"
    assert lines[1].split() == [
        *("address", "reference", "type", "value", "trend", "quality", "age", "ms", "errors")
    ]
    assert lines[2:] == [
        "hr0      40001      uint16   20       ▅      good AGE MS",
        "hr1      40002      uint16   21       ▅      good AGE MS",
        "hr2      40003      float32  12.5     ▅      good AGE MS",
        "co1      00002      bool     off      ▅      good AGE MS",
    ]
    assert (done.code, done.err) == (0, "")


def test_what_is_printed_has_no_escapes(run: CommandLine, url: str) -> None:
    for form in ("--plain", "--json"):
        assert "\x1b" not in run("watch", url, "hr0", "hr900", form, "--times", "1").out


def test_rounds_end_after_so_many(run: CommandLine, url: str) -> None:
    done = run("watch", url, "hr0", "--json", "--times", "3", "--every", "50ms")
    assert len(done.out.splitlines()) == 3


def test_json_has_one_line_a_round(run: CommandLine, url: str) -> None:
    found = json.loads(run("watch", url, "hr0", "hr2:float32", "co0", "--json", "--times", "1").out)
    assert found["unit"] == 1
    latencies = [one.pop("latency_ms") for one in found["values"]]
    assert all(0 < one < 5000 for one in latencies)
    assert found["values"] == [
        {"reference": "40001", "address": "hr0", "type": "uint16", "value": 20, "quality": "good"},
        {"reference": "40003", "address": "hr2", "type": "float32", "value": 12.5, "quality": "good"},
        {"reference": "00001", "address": "co0", "type": "bool", "value": True, "quality": "good"},
    ]


def test_what_a_device_refuses_is_said_and_the_rest_is_read(run: CommandLine, url: str) -> None:
    done = run("watch", url, "hr0", "hr900", "--json", "--times", "1")
    values = json.loads(done.out)["values"]
    assert [(one["value"], one["quality"]) for one in values] == [(20, "good"), (None, "exc 02")]
    assert done.code == 5
    assert "holding register 900 (reference 40901)" in done.err


def test_a_device_that_comes_back_is_read_again_and_the_first_error_is_the_exit_code(
    run: CommandLine,
) -> None:
    with scripted(Silence(), Reply()) as server:
        done = run(
            "watch", server.url, "hr0", "--json", "--times", "2", "--timeout", "200ms", "--every", "50ms"
        )
    first, second = map(json.loads, done.out.splitlines())
    assert first["values"][0]["quality"] == "silent"
    assert second["values"][0]["quality"] == "good"
    assert done.code == 4


def test_nobody_there_is_exit_3(run: CommandLine) -> None:
    done = run("watch", f"127.0.0.1:{peers.free_port()}", "hr0", "--times", "1")
    assert done.code == 3
    assert "offline" in done.out
    assert "refused" in done.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("hr0", "--every", "10ms"), "--every is 50ms or more"),
        (("hr0", "--write"), "--write needs the full screen"),
        (("hr0..3000",), "3001 values are more than can be watched at once"),
        (("hr0:float99",), "float99"),
        ((), "Missing argument"),
    ],
)
def test_wrong_usage_is_a_sentence_and_exit_2(
    run: CommandLine, words: tuple[str, ...], complaint: str
) -> None:
    done = run("watch", "127.0.0.1:1", *words)
    assert done.code == 2
    assert complaint in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("terminal", ["dumb", "unknown"])
def test_a_terminal_that_only_prints_gets_rounds_of_text(
    run: CommandLine, url: str, monkeypatch: pytest.MonkeyPatch, terminal: str
) -> None:
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setattr("mbap.cli.watch.at_terminal", lambda: True)
    done = run("watch", url, "hr0", "--times", "1")
    assert plain(done.out)[0] == "TIME URL unit 1"
    assert (done.code, done.err) == (0, "")
