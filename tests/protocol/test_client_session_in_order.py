"""The client session where only the order tells answers apart: RTU, and devices without transactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from mbap.errors import ConnectionLost, IllegalDataAddress, ModbusError, ProtocolError, ResponseTimeout
from mbap.protocol.adu import Adu
from mbap.protocol.client import TURNAROUND, ClientSession
from mbap.protocol.pdu import ReadHoldingRegisters, Request, WriteSingleRegister
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.sides import Side
from mbap.protocol.tcp import TcpFraming
from mbap.protocol.transaction import AnyTransaction
from mbap.protocol.wire import Registers

R = TypeVar("R")

ONE, OTHER = ReadHoldingRegisters(0, 1), ReadHoldingRegisters(9, 1)
SEVEN, EIGHT = b"\x03\x02\x00\x07", b"\x03\x02\x00\x08"


def on_rtu(**options: Any) -> ClientSession:
    return ClientSession(RtuFraming(Side.CLIENT, echo=False), outstanding=8, **options)


def frame(pdu: bytes, unit: int = 1) -> bytes:
    return RtuFraming(Side.SERVER, echo=False).pack(Adu(unit, pdu))


def test_one_request_is_on_its_way_however_many_are_asked_for() -> None:
    session = on_rtu()
    session.begin(ONE, 1, 1.0)
    session.begin(OTHER, 1, 1.0)
    session.data_to_send(0.0)
    assert (session.outstanding, session.pending, session.queued) == (1, 1, 1)


def test_an_answer_ends_the_request_that_is_on_its_way() -> None:
    session = on_rtu()
    first = session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    assert session.receive_data(frame(SEVEN), 0.1) == [first]
    assert first.result() == [7]
    assert session.answers == 1


@pytest.mark.parametrize(("pdu", "unit"), [(SEVEN, 2), (b"\x04\x02\x00\x07", 1)])
def test_an_answer_of_another_unit_or_function_is_left_out(pdu: bytes, unit: int) -> None:
    session = ClientSession(TcpFraming(), leniency=Forgiving())
    first = session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    assert session.receive_data(TcpFraming().pack(Adu(unit, pdu, 1)), 0.1) == []
    assert (session.unmatched, first.done) == (1, False)


def test_after_a_request_that_was_given_up_nothing_is_sent_until_its_answer_came() -> None:
    session = on_rtu()
    late = session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    assert session.check_deadlines(1.0) == [late]
    assert isinstance(late.error, ResponseTimeout)
    following = session.begin(OTHER, 1, 1.0)
    assert (session.quarantined, session.data_to_send(1.1)) == (True, b"")
    assert session.receive_data(frame(SEVEN), 1.2) == []
    assert (session.late, session.quarantined, following.done) == (1, False, False)
    assert session.data_to_send(1.3)
    assert session.receive_data(frame(EIGHT), 1.4) == [following]
    assert following.result() == [8]


def test_a_late_exception_ends_the_quarantine_too() -> None:
    session = on_rtu()
    session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    session.check_deadlines(1.0)
    session.receive_data(frame(b"\x83\x02"), 1.2)
    assert not session.quarantined


def test_what_does_not_fit_does_not_end_the_quarantine() -> None:
    session = on_rtu()
    session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    session.check_deadlines(1.0)
    session.receive_data(frame(b"\x03\x04\x00\x07\x00\x08"), 1.2)
    assert (session.quarantined, session.unmatched) == (True, 1)


@pytest.mark.parametrize(("given", "end"), [(None, 2.0), (5.0, 6.0)])
def test_a_quarantine_that_nothing_ends_ends_the_session(given: float | None, end: float) -> None:
    session = on_rtu(quarantine=given)
    session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    session.check_deadlines(1.0)
    waiting = session.begin(OTHER, 1, 1.0)
    assert session.next_deadline() == end
    assert session.check_deadlines(end - 0.1) == []
    assert session.check_deadlines(end) == [waiting]
    assert isinstance(session.failure, ConnectionLost)


def test_a_cancelled_request_leaves_a_quarantine() -> None:
    session = on_rtu()
    transaction = session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    assert session.cancel(transaction)
    assert session.quarantined


def test_cancelling_what_has_ended_changes_nothing() -> None:
    session = on_rtu()
    transaction = session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    session.receive_data(frame(SEVEN), 0.1)
    assert session.cancel(transaction)
    assert transaction.result() == [7]
    assert not session.quarantined


def test_a_connection_that_ends_while_nothing_was_asked_says_only_that() -> None:
    session = on_rtu()
    waiting = session.begin(ONE, 1, 1.0)
    assert session.receive_eof() == [waiting]
    assert str(waiting.error) == "the device closed the connection"


def test_an_answer_that_comes_twice_ends_the_session() -> None:
    session = on_rtu()
    session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    session.receive_data(frame(SEVEN), 0.1)
    waiting = session.begin(OTHER, 1, 1.0)
    assert session.receive_data(frame(SEVEN), 0.2) == [waiting]
    assert "came twice" in str(session.failure)


def test_an_answer_that_the_request_refuses_ends_the_session() -> None:
    session = on_rtu()
    transaction = session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    assert session.receive_data(frame(b"\x03\x04\x00\x07\x00\x08"), 0.1) == [transaction]
    assert isinstance(transaction.error, ProtocolError)
    assert "did not fit" in str(session.failure)


def test_an_exception_is_an_answer_like_any_other() -> None:
    session = on_rtu()
    transaction = session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    session.receive_data(frame(b"\x83\x02"), 0.1)
    assert isinstance(transaction.error, IllegalDataAddress)
    assert (session.failure, session.answers) == (None, 1)


def test_a_request_that_nobody_answers_ends_after_a_while_and_leaves_no_quarantine() -> None:
    session = on_rtu()
    broadcast = session.begin(WriteSingleRegister(1, 3), 0, 1.0, answered=False)
    session.data_to_send(0.0)
    assert session.receive_data(frame(SEVEN), 0.1) == []
    assert session.check_deadlines(TURNAROUND) == [broadcast]
    assert (broadcast.error, session.quarantined) == (None, False)


def test_over_tcp_a_request_that_nobody_answers_ends_at_once() -> None:
    session = ClientSession()
    broadcast = session.begin(WriteSingleRegister(1, 3), 0, 1.0, answered=False)
    session.data_to_send(0.0)
    assert session.check_deadlines(0.0) == [broadcast]


def test_what_came_while_nothing_was_asked_is_dropped() -> None:
    session = ClientSession()
    session.receive_data(b"\x00\x01\x00", 0.0)
    transaction = session.begin(ONE, 1, 1.0)
    session.data_to_send(0.1)
    session.receive_data(TcpFraming().pack(Adu(1, SEVEN, 1)), 0.2)
    assert transaction.result() == [7]


def test_rubbish_while_nothing_was_asked_is_counted_and_dropped() -> None:
    session = ClientSession()
    assert session.receive_data(b"\x00\x01\x00\x00\xff\xff\x01", 0.0) == []
    assert (session.failure, session.unmatched) == (None, 1)


def test_a_timeout_says_that_something_else_was_answered() -> None:
    session = ClientSession()
    transaction = session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    session.receive_data(TcpFraming().pack(Adu(1, SEVEN, 99)), 0.2)
    session.check_deadlines(1.0)
    assert "but 1 that answered nothing asked; a device that does not repeat" in str(transaction.error)


# --- a device that is known to break the rules ---


@dataclass
class Forgiving:
    """Takes any transaction and unit 255, one register too many, and knows what silence means."""

    in_order: bool = True
    meaning: ModbusError | None = None

    def number_fits(self, got: int, asked: int) -> bool:
        return got == 0

    def unit_fits(self, got: int, asked: int) -> bool:
        return got == 255

    def decode(self, request: Request[R], unit: int, pdu: bytes, error: ProtocolError) -> R:
        if len(pdu) != 6:
            raise error
        return request.decode_response(b"\x03\x02" + pdu[2:4])

    def silence(self, transaction: AnyTransaction) -> ModbusError | None:
        return self.meaning


def asked(session: ClientSession) -> AnyTransaction:
    transaction = session.begin(ONE, 1, 1.0)
    session.data_to_send(0.0)
    return transaction


@pytest.mark.parametrize(("unit", "number"), [(1, 0), (255, 0), (1, 1)])
def test_what_is_forgiven_is_an_answer(unit: int, number: int) -> None:
    session = ClientSession(leniency=Forgiving())
    transaction = asked(session)
    session.receive_data(TcpFraming().pack(Adu(unit, SEVEN, number)), 0.1)
    assert transaction.result() == [7]


def test_a_transaction_that_is_not_forgiven_is_left_out() -> None:
    session = ClientSession(leniency=Forgiving())
    transaction = asked(session)
    session.receive_data(TcpFraming().pack(Adu(1, SEVEN, 77)), 0.1)
    assert (transaction.done, session.unmatched) == (False, 1)


def test_an_answer_that_only_leniency_takes_is_a_result() -> None:
    session = ClientSession(leniency=Forgiving(in_order=False))
    transaction = asked(session)
    session.receive_data(TcpFraming().pack(Adu(255, b"\x03\x04\x00\x07\x00\x08", 1)), 0.1)
    assert transaction.result() == Registers.of([7])


def test_an_answer_that_not_even_leniency_takes_is_an_error() -> None:
    session = ClientSession(leniency=Forgiving(in_order=False))
    transaction = asked(session)
    session.receive_data(TcpFraming().pack(Adu(1, b"\x03\x00", 1)), 0.1)
    assert isinstance(transaction.error, ProtocolError)


@pytest.mark.parametrize("answered_before", [False, True])
def test_silence_of_a_device_that_answered_before_can_have_a_meaning(answered_before: bool) -> None:
    session = ClientSession(leniency=Forgiving(in_order=False, meaning=IllegalDataAddress()))
    if answered_before:
        asked(session)
        session.receive_data(TcpFraming().pack(Adu(1, SEVEN, 1)), 0.1)
    transaction = asked(session)
    session.check_deadlines(1.0)
    assert isinstance(transaction.error, IllegalDataAddress if answered_before else ResponseTimeout)


def test_silence_of_a_unit_means_nothing_because_another_answered() -> None:
    session = ClientSession(leniency=Forgiving(in_order=False, meaning=IllegalDataAddress()))
    asked(session)
    session.receive_data(TcpFraming().pack(Adu(1, SEVEN, 1)), 0.1)
    other = session.begin(ONE, 2, 1.0)
    session.data_to_send(0.0)
    session.check_deadlines(1.0)
    assert isinstance(other.error, ResponseTimeout)


def test_silence_without_a_meaning_is_a_timeout() -> None:
    session = ClientSession(leniency=Forgiving(in_order=False))
    asked(session)
    session.receive_data(TcpFraming().pack(Adu(1, SEVEN, 1)), 0.1)
    transaction = asked(session)
    session.check_deadlines(1.0)
    assert isinstance(transaction.error, ResponseTimeout)
