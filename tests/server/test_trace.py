"""Traces: read line by line, and answered from as the device did."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbap.addresses import Table
from mbap.errors import (
    GatewayTargetFailedToRespond,
    IllegalDataAddress,
    IllegalFunction,
    NoAnswer,
    ServerDeviceBusy,
)
from mbap.filefaults import FileFaults
from mbap.protocol.pdu import (
    ReadCoils,
    ReadExceptionStatus,
    ReadHoldingRegisters,
    WriteSingleRegister,
)
from mbap.server.handler import Call, Peer
from mbap.server.replay import Replay
from mbap.server.trace import Exchange, Trace, looks_like_a_trace, parse_trace
from support.hand_clock import HandClock

HEAD = '{"mbap_trace": 1, "device": "tcp://plc:502", "began": "2026-01-01T00:00:00+00:00"}'
READ = bytes.fromhex("03 0000 0002")


def exchange(at: float, request: str, answer: str | None, unit: int = 1) -> Exchange:
    return Exchange(
        at, 1, unit, bytes.fromhex(request), None if answer is None else bytes.fromhex(answer), 0.5
    )


TRACE = Trace(
    "tcp://plc:502",
    "",
    (
        exchange(0.0, "03 0000 0002", "03 04 0001 0002"),
        exchange(1.0, "03 0002 0001", "03 02 0003"),
        exchange(2.0, "06 0000 0009", "86 06"),
        exchange(3.0, "01 0000 0003", "01 01 05"),
        exchange(4.0, "07", None),
        exchange(5.0, "03 0005 0001", "03 02"),
        exchange(10.0, "03 0000 0002", "03 04 0007 0008"),
    ),
)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def replay(clock: HandClock) -> Replay:
    return Replay(TRACE, clock)


def read(replay: Replay, address: int, count: int, unit: int = 1) -> list[int]:
    answer = replay.handle(Call(ReadHoldingRegisters(address, count), unit, Peer()))
    return list(answer)


def test_what_is_written_is_read_again() -> None:
    text = "\n".join([TRACE.header(), *(item.as_json() for item in TRACE.exchanges)])
    assert parse_trace(text) == TRACE


def test_exchanges_are_sorted_by_the_time_of_their_requests() -> None:
    lines = [f'{{"at": {at}, "request": "07", "answer": "0705"}}' for at in (5, 1)]
    assert [one.at for one in parse_trace("\n".join([HEAD, *lines])).exchanges] == [1.0, 5.0]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([], "trace:1: is not JSON"),
        (["{}"], "trace:1: is no trace"),
        ([HEAD, "[]"], "trace:2: is no JSON object"),
        ([HEAD, "", "x"], "trace:3: is not JSON"),
        ([HEAD, '{"request": "0x"}'], 'trace:2: "request" is a PDU in hexadecimal'),
        ([HEAD, '{"request": ""}'], 'trace:2: "request" is a PDU in hexadecimal, of 1 to 253 bytes'),
        ([HEAD, '{"request": "07", "answer": 5}'], 'trace:2: "answer" is a PDU'),
        ([HEAD, '{"request": "07", "unit": 256}'], 'trace:2: "unit" is 0 to 255, not 256'),
        ([HEAD, '{"request": "07", "at": -1}'], 'trace:2: "at" is seconds, not -1'),
    ],
)
def test_what_is_no_trace_is_said_with_its_line(lines: list[str], fault: str) -> None:
    with pytest.raises(FileFaults) as caught:
        parse_trace("\n".join(lines))
    assert str(caught.value).startswith(fault)


def test_a_trace_is_told_from_other_files(tmp_path: Path) -> None:
    trace, other = tmp_path / "a.jsonl", tmp_path / "b.toml"
    trace.write_text(HEAD, encoding="utf-8")
    other.write_text("[device]", encoding="utf-8")
    assert [looks_like_a_trace(path) for path in (trace, other, tmp_path / "none")] == [True, False, False]


def test_registers_have_their_values_over_time() -> None:
    first = TRACE.registers(1)[Table.HOLDING_REGISTERS, 0]
    assert [first.at(second) for second in (0.0, 10.0, 10.6)] == [1.0, 1.0, 7.0]


def test_a_request_is_answered_as_at_that_time(replay: Replay, clock: HandClock) -> None:
    assert read(replay, 0, 2) == [1, 2]
    clock.now += 10.0
    assert read(replay, 0, 2) == [7, 8]


def test_the_trace_begins_again_when_it_is_over(replay: Replay, clock: HandClock) -> None:
    clock.now += 11.6
    assert read(replay, 0, 2) == [1, 2]


def test_a_read_that_was_not_recorded_is_put_together(replay: Replay, clock: HandClock) -> None:
    assert read(replay, 1, 2) == [2, 3]
    clock.now += 11.0
    assert read(replay, 1, 2) == [8, 3]
    assert replay.handle(Call(ReadCoils(1, 2), 1, Peer())) == [False, True]


def test_a_register_that_was_not_read_is_answered_with_02(replay: Replay) -> None:
    with pytest.raises(IllegalDataAddress):
        read(replay, 2, 2)


def test_a_recorded_exception_is_answered(replay: Replay) -> None:
    with pytest.raises(ServerDeviceBusy):
        replay.handle(Call(WriteSingleRegister(0, 9), 1, Peer()))


def test_a_write_that_was_not_recorded_is_answered_with_01(replay: Replay) -> None:
    with pytest.raises(IllegalFunction):
        replay.handle(Call(WriteSingleRegister(0, 10), 1, Peer()))


def test_recorded_silence_is_silence(replay: Replay) -> None:
    with pytest.raises(NoAnswer):
        replay.handle(Call(ReadExceptionStatus(), 1, Peer()))


def test_an_answer_that_did_not_fit_is_silence_and_counted(replay: Replay) -> None:
    with pytest.raises(NoAnswer):
        read(replay, 5, 1)
    assert replay.unfit == 1


def test_a_unit_that_is_not_in_the_trace_is_answered_with_0b(replay: Replay) -> None:
    with pytest.raises(GatewayTargetFailedToRespond):
        read(replay, 0, 2, unit=9)


def test_it_says_what_it_has(replay: Replay) -> None:
    assert replay.contents == "trace of tcp://plc:502: 7 exchanges over 10.5 s, units: 1"
