"""`mbap write`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import mbap
from mbap import Client, Device
from support.commandline import CommandLine
from support.scripted import Reply, Silence, scripted
from support.serialports import serial_pair


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def url() -> Iterator[str]:
    with mbap.serving(Device(holding_registers=[0] * 200, coils=[False] * 8)) as url:
        yield url


def test_what_was_written_is_read_back(run: CommandLine, url: str) -> None:
    done = run("write", url, "hr10=42", "co3=on", "40108:float32=1.5")
    assert done.out.splitlines() == [
        "reference  address  value",
        "40011      hr10     42     read back, the same",
        "00004      co3      on     read back, the same",
        "40108      hr107    1.5    read back, the same",
    ]
    assert (done.code, done.err) == (0, "")
    with Client(url) as plc:
        assert (plc.read("hr10"), plc.read("co3"), plc.read("40108:float32")) == (42, True, 1.5)


@pytest.mark.parametrize(
    ("assignment", "item", "value"),
    [
        ("hr0=0x2A", "hr0", 42),
        ("hr0:int16=-5", "hr0:int16", -5),
        ("hr0:int16,scale=0.1=23.1", "hr0", 231),
        ("hr0..2=1,2,3", "hr0..2", [1, 2, 3]),
        ("co0..2=on,off,1", "co0..2", [True, False, True]),
        ("hr0.3=on", "hr0", 8),
        ("hr0..3:string=Pump 7", "hr0:string/4", "Pump 7"),
        ("hr0:string/2=a=b", "hr0:string/2", "a=b"),
        ("hr0:bool=yes", "hr0", 1),
    ],
)
def test_values_are_written_as_people_write_them(
    run: CommandLine, url: str, assignment: str, item: str, value: object
) -> None:
    assert run("write", url, assignment).code == 0
    with Client(url) as plc:
        assert plc.read(item) == value


def test_the_order_holds_for_what_names_none(run: CommandLine, url: str) -> None:
    assert run("write", url, "hr0:float32=1.5", "--order", "CDAB").code == 0
    with Client(url) as plc:
        assert plc.read_holding_registers(0, 2) == [0, 0x3FC0]


def test_without_verifying_nothing_is_read(run: CommandLine) -> None:
    with scripted(Reply()) as server:
        done = run("write", server.url, "hr10=42", "--no-verify")
        assert [request.pdu[0] for request in server.requests] == [6]
    assert "written, not read back" in done.out
    assert done.code == 0


def test_a_device_that_shows_something_else_is_exit_7(run: CommandLine) -> None:
    with scripted(Reply()) as server:
        done = run("write", server.url, "hr10=42")
    assert f"written, but it reads {0x1100 + 10}" in done.out
    assert done.code == 7


def test_what_cannot_be_read_back_is_exit_7(run: CommandLine) -> None:
    with scripted(Reply(), Reply(pdu=b"\x83\x02")) as server:
        done = run("write", server.url, "hr10=42")
    assert "written, but it cannot be read back: the device answered with exception 02" in done.out
    assert done.code == 7


def test_a_write_without_answer_is_in_doubt_is_exit_7_and_the_rest_is_not_written(run: CommandLine) -> None:
    with scripted(Silence()) as server:
        done = run("write", server.url, "hr10=42", "co3=on", "--timeout", "100ms")
        assert len(server.requests) == 1
    assert done.code == 7
    assert "it may have been carried out; read the value back before writing again" in done.err
    assert "not written: co3" in done.err


def test_a_refused_write_is_exit_5(run: CommandLine, url: str) -> None:
    done = run("write", url, "hr10=1", "hr900=1", "hr11=1")
    assert done.code == 5
    assert "holding register 900 (reference 40901)" in done.err
    assert "not written: hr11" in done.err
    with Client(url) as plc:
        assert plc.read("hr10..11") == [1, 0]


def test_nothing_is_written_where_one_assignment_is_not_understood(run: CommandLine, url: str) -> None:
    assert run("write", url, "hr10=42", "hr11=x").code == 2
    with Client(url) as plc:
        assert plc.read("hr10") == 0


def test_json_says_what_became_of_each(run: CommandLine, url: str) -> None:
    done = run("write", url, "hr10=42", "hr900=1", "co0=on", "--json")
    writes = json.loads(done.out)["writes"]
    assert writes[0] == {
        "item": "hr10",
        "reference": "40011",
        "address": "hr10",
        "value": 42,
        "written": True,
        "verified": True,
    }
    assert [one["written"] for one in writes] == [True, False, False]
    assert "exception 02" in writes[1]["error"]


def test_json_of_a_write_in_doubt_does_not_claim_to_know(run: CommandLine) -> None:
    with scripted(Silence()) as server:
        done = run("write", server.url, "hr10=42", "--json", "--timeout", "100ms")
    assert json.loads(done.out)["writes"][0]["written"] is None


@pytest.mark.parametrize(
    ("assignment", "complaint"),
    [
        ("ir3=4", "can only be read"),
        ("hr0=65536", "65536"),
        ("hr0=many", "hr0 takes a number, not 'many'"),
        ("co0=maybe", "co0 takes on or off, not 'maybe'"),
        ("hr0..2=1,2", "3 values are needed, not 2"),
        ("hr0", "a value is missing"),
        ("40000=1", "40000"),
    ],
)
def test_what_cannot_be_written_is_a_sentence_and_exit_2(
    run: CommandLine, assignment: str, complaint: str
) -> None:
    done = run("write", "plc", assignment)
    assert (done.code, done.out) == (2, "")
    assert complaint in done.err


@pytest.mark.peer
def test_unit_0_of_a_serial_line_is_every_unit_and_none_is_waited_for(
    run: CommandLine, tmp_path: Path
) -> None:
    one, other = Device(holding_registers=[0]), Device(holding_registers=[0])
    with serial_pair(tmp_path) as pair, mbap.serving(mbap.Units({1: one, 2: other}), pair.far_url):
        done = run("write", pair.near_url, "hr0=9", "--unit", "0", "--timeout", "5s")
        assert run("read", pair.near_url, "hr0", "--unit", "2").code == 0
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[1].endswith("sent to every unit; nobody answers")
    assert (one.holding_registers[0], other.holding_registers[0]) == (9, 9)
