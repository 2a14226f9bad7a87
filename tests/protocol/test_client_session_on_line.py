"""The client session on a serial line: opening it anew cures nothing, and an answer names its unit."""

from __future__ import annotations

from typing import Any

import pytest

from mbap.errors import ProtocolError, ResponseTimeout
from mbap.protocol.adu import Adu
from mbap.protocol.ascii import AsciiFraming
from mbap.protocol.client import TURNAROUND, ClientSession
from mbap.protocol.lineclient import LineSession
from mbap.protocol.pdu import ReadCoils, ReadDeviceIdentification, ReadHoldingRegisters, WriteSingleRegister
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.sides import Side

ONE, WRITE = ReadHoldingRegisters(0, 1), WriteSingleRegister(0, 1)
SEVEN, EIGHT = b"\x03\x02\x00\x07", b"\x03\x02\x00\x08"


def on_line(**options: Any) -> ClientSession:
    return LineSession(RtuFraming(echo=False), byte_time=0.001, **options)


def frame(pdu: bytes, unit: int = 1) -> bytes:
    return RtuFraming(Side.SERVER, echo=False).pack(Adu(unit, pdu))


def one_silent(**options: Any) -> ClientSession:
    """A session whose unit 1 was asked at 0 and has not answered within 1 s."""
    session = on_line(**options)
    session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    (given_up,) = session.check_deadlines(1.0)
    assert isinstance(given_up.error, ResponseTimeout)
    return session


def test_another_unit_is_asked_at_once_after_one_was_silent() -> None:
    session = one_silent()
    other = session.begin(ONE, 2, 1.0)
    assert session.data_to_send(1.0)
    assert session.receive_data(frame(SEVEN, 2), 1.1) == [other]
    assert other.result() == [7]


def test_the_silent_unit_itself_is_not_asked_until_the_quarantine_is_over() -> None:
    session = one_silent()
    again = session.begin(ONE, 1, 1.0)
    assert 1 in session.absent
    assert session.data_to_send(1.9) == b""
    assert session.next_deadline() == 2.0
    assert session.check_deadlines(2.0) == []
    assert session.data_to_send(2.0)
    assert session.receive_data(frame(SEVEN), 2.1) == [again]


def test_those_behind_a_request_to_the_silent_unit_overtake_it() -> None:
    session = one_silent()
    waiting, other = session.begin(ONE, 1, 1.0), session.begin(ONE, 2, 1.0)
    session.data_to_send(1.0)
    assert (waiting.sent, other.sent) == (False, True)


def test_a_late_answer_is_dropped_counted_and_ends_the_quarantine() -> None:
    session = one_silent()
    assert session.receive_data(frame(SEVEN), 1.5) == []
    assert (session.late, session.late_awaited) == (1, 0)
    again = session.begin(ONE, 1, 1.0)
    session.data_to_send(1.5)
    session.receive_data(frame(EIGHT), 1.6)
    assert again.result() == [8]


def test_a_late_answer_is_told_from_that_of_the_unit_that_is_asked_now() -> None:
    session = one_silent()
    other = session.begin(ONE, 2, 1.0)
    session.data_to_send(1.0)
    assert session.receive_data(frame(SEVEN, 1) + frame(EIGHT, 2), 1.1) == [other]
    assert other.result() == [8]
    assert session.late == 1


def test_a_late_exception_ends_the_quarantine_too() -> None:
    session = one_silent()
    session.receive_data(frame(b"\x83\x02"), 1.5)
    assert (session.late, session.late_awaited) == (1, 0)


def test_what_is_no_answer_to_the_request_that_was_given_up_does_not_end_the_quarantine() -> None:
    session = one_silent()
    session.receive_data(frame(b"\x03\x04\x00\x07\x00\x08"), 1.5)
    assert (session.late, session.unmatched, session.late_awaited) == (0, 1, 1)


def test_the_line_stays_in_use_however_often_units_are_silent() -> None:
    session = on_line()
    for unit in range(1, 20):
        session.begin(ONE, unit, 1.0)
        session.data_to_send(float(unit))
        session.check_deadlines(unit + 1.0)
    assert session.failure is None


def test_quarantines_last_as_long_as_told() -> None:
    assert one_silent(quarantine=5.0).next_deadline() == 6.0
    assert one_silent(quarantine=0.0).late_awaited == 0


def test_a_request_that_was_cancelled_has_the_line_until_its_time_is_over() -> None:
    session = on_line()
    cancelled, other = session.begin(ONE, 1, 1.0), session.begin(ONE, 2, 1.0)
    session.data_to_send(0.0)
    session.cancel(cancelled)
    assert session.quarantined
    assert session.data_to_send(0.5) == b""
    session.check_deadlines(1.0)
    assert session.data_to_send(1.0)
    assert other.sent
    assert 1 in session.absent


def test_the_answer_to_a_request_that_was_cancelled_frees_the_line() -> None:
    session = on_line()
    cancelled = session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    session.cancel(cancelled)
    session.receive_data(frame(SEVEN), 0.2)
    assert (session.quarantined, session.late, session.late_awaited) == (False, 1, 0)


def test_after_a_wrong_answer_the_unit_is_left_alone_and_the_session_goes_on() -> None:
    session = on_line()
    wrong = session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    session.receive_data(frame(b"\x03\x04\x00\x07\x00\x08"), 0.5)
    assert isinstance(wrong.error, ProtocolError)
    assert session.failure is None
    assert 1 in session.absent
    session.receive_data(frame(SEVEN), 0.6)
    assert (session.late, 1 in session.absent) == (1, True)
    session.check_deadlines(2.0)
    assert 1 not in session.absent


def test_after_an_answer_that_came_twice_the_unit_is_left_alone_for_a_while() -> None:
    session = on_line()
    session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    session.receive_data(frame(SEVEN) * 2, 0.5)
    assert session.failure is None
    assert (1 in session.absent, 2 in session.absent) == (True, False)


def test_who_may_answer_for_another_keeps_all_from_being_asked() -> None:
    session = one_silent(leniency=_AnyUnit())
    session.begin(ONE, 2, 1.0)
    assert session.data_to_send(1.0) == b""


def test_the_next_session_on_the_line_knows_what_is_owed() -> None:
    session = on_line()
    session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    session.receive_eof()
    following = on_line(owed=session.owed)
    following.begin(ONE, 1, 1.0)
    assert following.data_to_send(0.5) == b""
    following.receive_data(frame(SEVEN), 0.6)
    assert following.late == 1
    assert following.data_to_send(0.7)


def test_noise_while_nothing_is_asked_does_not_end_the_session() -> None:
    session = on_line()
    session.receive_data(b"\x55" * 5000, 0.0)
    assert session.failure is None
    late = session.begin(ONE, 1, 1.0)
    session.data_to_send(0.1)
    session.receive_data(frame(SEVEN), 0.2)
    assert late.result() == [7]


@pytest.mark.parametrize(
    ("request_", "size"),
    [
        (ONE, 9 + 8),
        (ReadHoldingRegisters(0, 125), 9 + 4 + 252),
        (ReadCoils(0, 9), 9 + 8),
        (WRITE, 9 + 11),
        (ReadDeviceIdentification(), 8 + 257),
    ],
)
def test_the_time_on_the_line_is_that_of_the_request_and_its_longest_answer(request_: Any, size: int) -> None:
    assert on_line().time_on_line(request_) == pytest.approx(size / 1000)


def test_elsewhere_bytes_take_no_time() -> None:
    assert ClientSession(RtuFraming()).time_on_line(ONE) == 0


def test_after_a_broadcast_the_line_is_left_alone_from_its_last_byte_on() -> None:
    session = on_line()
    broadcast = session.begin(WRITE, 0, 1.0, answered=False)
    session.data_to_send(0.0)
    assert broadcast.deadline == pytest.approx(TURNAROUND + 0.009)
    assert session.check_deadlines(0.3) == [broadcast]
    assert (broadcast.error, session.late_awaited) == (None, 0)


def test_ascii_on_a_line_is_the_same() -> None:
    session = LineSession(AsciiFraming(echo=False), byte_time=0.002)
    session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    session.check_deadlines(1.0)
    assert (session.on_line, 1 in session.absent, 2 in session.absent) == (True, True, False)


def silence_after(session: ClientSession, heard: bytes = b"") -> ResponseTimeout:
    """What a request to unit 9 ends with that nobody answers."""
    session.begin(ONE, 9, 1.0)
    session.data_to_send(5.0)
    session.receive_data(heard, 5.5)
    (given_up,) = session.check_deadlines(6.0)
    assert isinstance(given_up.error, ResponseTimeout)
    return given_up.error


def test_silence_on_a_line_comes_with_advice_for_lines() -> None:
    assert (
        silence_after(on_line()).advice == "check the unit, speed and parity, and whether A and B are swapped"
    )


def test_where_others_answer_it_is_the_unit() -> None:
    session = on_line()
    session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    session.receive_data(frame(SEVEN), 0.1)
    assert silence_after(session).advice.startswith("others on the line do answer: check the unit")


def test_bytes_that_are_no_message_are_told() -> None:
    error = silence_after(on_line(), b"\x92\x00\x55\x01")
    assert error.reason == "no answer within 1 s, but 4 bytes that are no message"
    assert error.advice.startswith("check speed and parity")


class _AnyUnit:
    in_order = True

    def number_fits(self, got: int, asked: int) -> bool:
        return True

    def unit_fits(self, got: int, asked: int) -> bool:
        return True

    def decode(self, request: Any, pdu: bytes, error: ProtocolError) -> Any:
        raise error

    def silence(self, transaction: Any) -> None:
        return None
