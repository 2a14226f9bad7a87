"""A device out of a capture answers what it answered there, at the same offsets in time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.diagnose import capturehistory
from mbap.diagnose.capture import Captured, decoded, exchanges
from mbap.diagnose.capturedevice import DeviceFromCapture
from mbap.diagnose.wording import said
from mbap.errors import ExceptionResponse
from mbap.server.device import Device
from mbap.server.devicefile import parse_device_file
from mbap.server.handler import Call, Handler, Peer
from mbap.server.simulator import Simulation
from support.hand_clock import HandClock
from support.recorded import NAMES

SECOND = 1_000_000
KEPT = (1, 2, 3, 4, 5, 6, 15, 16, 22, 23)
"""Functions of which the answers can be made again from values."""
NOT_KEPT = ("no answer", "malformed")


def exchange(pdu: str, answer: str | None = None, *, at: float = 0) -> Captured:
    asked = bytes.fromhex(pdu)
    made = Captured(int(at * SECOND), "10.0.0.5", 40_000, "10.0.0.9", 502, 1, 1, decoded(asked), asked)
    if answer is not None:
        made.response, made.response_time = bytes.fromhex(answer), made.time + 1000
    return made


def text_of(captured: Sequence[Captured]) -> str:
    device = DeviceFromCapture()
    for one in captured:
        device.take(one)
    return device.text()


def answer(handler: Handler, one: Captured) -> bytes:
    assert one.request is not None
    try:
        result = handler.handle(Call(one.request, one.unit, Peer()))
    except ExceptionResponse as error:
        return bytes((one.pdu[0] | 0x80, error.code))
    return one.request.encode_response(result)


def asked_again(captured: Sequence[Captured]) -> list[tuple[Captured, bytes]]:
    """The requests of a capture, in its times, with what the device that was made of it answers."""
    clock = HandClock(0.0)
    began = min(one.time for one in captured)
    simulation = Simulation(parse_device_file(text_of(captured)), clock)
    found = []
    for one in sorted(captured, key=lambda one: one.time):
        clock.now = (one.time - began) / 1e6
        if one.request is not None:
            found.append((one, answer(simulation, one)))
    return found


def same(captured: Sequence[Captured]) -> bool:
    return all(again == one.response for one, again in asked_again(captured))


def test_a_value_that_changed_changes_again_when_it_did() -> None:
    captured = [exchange("03 0000 0001", f"03 02 {value:04x}", at=value) for value in range(5)]
    assert 'steps = [["0s", 0], ["1s", 1], ["2s", 2], ["3s", 3], ["4s", 4]]' in text_of(captured)
    assert same(captured)


def test_it_begins_again_after_the_end() -> None:
    captured = [exchange("03 0000 0001", f"03 02 {value:04x}", at=value) for value in range(5)]
    clock = HandClock(0.0)
    simulation = Simulation(parse_device_file(text_of(captured)), clock)
    clock.now = 4.001 + 1.0 + 2.0  # the end, a pause, and two seconds of the second time
    assert answer(simulation, captured[0]) == bytes.fromhex("03 02 0002")


def test_what_a_client_changed_is_left_to_clients() -> None:
    captured = [
        exchange("03 0000 0001", "03 02 0001", at=0),
        exchange("06 0000 0009", "06 0000 0009", at=1),
        exchange("03 0000 0001", "03 02 0009", at=2),
    ]
    assert parse_device_file(text_of(captured)).units[1].values[Table.HOLDING_REGISTERS] == {0: [1]}
    assert same(captured)


def test_a_value_that_is_written_and_moves_on_does_both_again() -> None:
    captured = [
        exchange("03 0000 0001", "03 02 0064", at=0),
        exchange("03 0000 0001", "03 02 0065", at=1),
        exchange("06 0000 0000", "06 0000 0000", at=2),
        exchange("03 0000 0001", "03 02 0000", at=3),
        exchange("03 0000 0001", "03 02 0001", at=4),
    ]
    assert 'written = "passes"' in text_of(captured)
    assert same(captured)


def test_coils_and_masks_and_function_23_are_included() -> None:
    captured = [
        exchange("01 0000 0003", "01 01 05", at=0),
        exchange("05 0001 ff00", "05 0001 ff00", at=1),
        exchange("01 0000 0003", "01 01 03", at=2),
        exchange("02 0000 0001", "02 01 00", at=2),
        exchange("02 0000 0001", "02 01 01", at=3),
        exchange("16 0004 00f2 0025", "16 0004 00f2 0025", at=4),
        exchange("17 0004 0001 0005 0001 02 0007", "17 02 0005", at=5),
    ]
    assert same(captured)


def test_what_was_refused_stays_a_hole_and_is_named() -> None:
    captured = [
        exchange("03 0000 0002", "03 04 0001 0002", at=0),
        exchange("03 0002 0001", "83 02", at=1),
        exchange("03 0000 0003", "83 02", at=2),
        exchange("06 0002 0001", "86 02", at=3),
    ]
    assert same(captured)
    assert "# In the capture: unit 1, read hr2: exception 02, illegal data address" in text_of(captured)


VALUES = st.integers(0, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(0, 3), st.integers(1, 3)),
        st.tuples(st.just("write"), st.integers(0, 5), VALUES),
        st.tuples(st.just("moves"), st.integers(0, 5), VALUES),
    ),
    min_size=1,
    max_size=40,
)


@given(STEPS)
def test_any_device_that_was_read_answers_the_same_again(steps: list[tuple[str, int, int]]) -> None:
    real, captured = Device(holding_registers=[0] * 6), [exchange("03 0000 0001", "03 02 0000")]
    for second, (what, address, value) in enumerate(steps, start=1):
        if what == "moves":
            real.holding_registers[address] = value
            continue
        pdu = f"03 {address:04x} {value:04x}" if what == "read" else f"06 {address:04x} {value:04x}"
        one = exchange(pdu, "00", at=second)
        one.response = answer(real, one)
        captured.append(one)
    assert same(captured)


def test_what_is_remembered_is_bounded_and_the_rest_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturehistory, "MOST_STEPS", 3)
    monkeypatch.setattr(capturehistory, "MOST_PLACES", 2)
    captured = [
        exchange("03 0000 0003", f"03 06 {value:04x} 0000 0000", at=float(value)) for value in range(9)
    ]
    text = text_of(captured)
    assert text.count('"], ') + text.count("], [") >= 3
    assert "values and changes were too many to be remembered" in text
    assert parse_device_file(text).units[1].values[Table.HOLDING_REGISTERS].keys() == {0, 1}


@pytest.mark.parametrize("name", NAMES)
def test_recorded_traffic_is_answered_as_it_was(captures: Path, name: str) -> None:
    every = list(exchanges(captures / name))
    for server in sorted({(one.server, one.server_port) for one in every}):
        mine = [one for one in every if (one.server, one.server_port) == server]
        kept = [one for one in mine if one.function_code in KEPT and not said(one, 0).startswith(NOT_KEPT)]
        if any(one.exception is None and one.request is not None for one in kept):
            found = {id(one): again for one, again in asked_again(mine)}
            wrong = [one.frame for one in kept if one.request and found[id(one)] != one.response]
            assert not wrong
