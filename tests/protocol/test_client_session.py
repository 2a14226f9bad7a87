"""The client session: pairs answers with requests, and never hands over what does not fit."""

from __future__ import annotations

import struct

import pytest

from mbap.errors import (
    ConnectFailed,
    ConnectionLost,
    IllegalDataAddress,
    ModbusError,
    ProtocolError,
    ResponseTimeout,
)
from mbap.protocol.adu import Adu
from mbap.protocol.client import TOMBSTONES, ClientSession, Transaction
from mbap.protocol.pdu import ReadCoils, ReadHoldingRegisters, WriteSingleRegister
from mbap.protocol.tcp import TcpFraming
from mbap.protocol.wire import Registers

READ = ReadHoldingRegisters(107, 3)
ANSWER = bytes.fromhex("03 06 022b 0000 0064")


def packed(pdu: bytes, *, transaction: int = 1, unit: int = 1) -> bytes:
    return TcpFraming().pack(Adu(unit, pdu, transaction))


def asked(session: ClientSession, count: int = 1, now: float = 100.0) -> list[Transaction[Registers]]:
    transactions = [session.begin(READ, 1, timeout=3.0) for _ in range(count)]
    session.data_to_send(now)
    return transactions


def test_an_answer_ends_its_transaction_with_its_result() -> None:
    session = ClientSession()
    (transaction,) = asked(session)
    assert session.receive_data(packed(ANSWER), 100.1) == [transaction]
    assert transaction.result() == [555, 0, 100]


def test_an_answer_that_comes_byte_by_byte_is_the_same() -> None:
    session = ClientSession()
    (transaction,) = asked(session)
    for byte in packed(ANSWER):
        assert not transaction.done
        session.receive_data(bytes((byte,)), 100.1)
    assert transaction.result() == [555, 0, 100]


def test_it_gives_up_at_the_deadline_and_not_before() -> None:
    session = ClientSession()
    (transaction,) = asked(session)
    assert session.next_deadline() == 103.0
    assert session.check_deadlines(now=102.9) == []
    assert session.check_deadlines(now=103.0) == [transaction]
    with pytest.raises(ResponseTimeout, match="no answer within 3 s"):
        transaction.result()
    assert session.next_deadline() is None


def test_the_time_of_a_request_begins_when_it_is_sent() -> None:
    session = ClientSession(outstanding=1)
    asked(session, 2, now=100.0)
    session.receive_data(packed(ANSWER), 102.0)
    session.data_to_send(102.0)
    assert session.next_deadline() == 105.0


def test_one_request_is_outstanding_unless_more_are_asked_for() -> None:
    session = ClientSession()
    asked(session, 3)
    assert (session.pending, session.queued) == (1, 2)


def test_several_outstanding_answered_in_any_order_are_told_apart() -> None:
    session = ClientSession(outstanding=3)
    transactions = asked(session, 3)
    for number in (3, 1, 2):
        pdu = b"\x03\x06" + struct.pack(">3H", number, number, number)
        session.receive_data(packed(pdu, transaction=number), 100.1)
    assert [list(t.result()) for t in transactions] == [[1] * 3, [2] * 3, [3] * 3]


def test_the_late_answer_of_a_request_given_up_is_dropped_and_counted() -> None:
    session = ClientSession()
    asked(session)
    session.check_deadlines(now=103.0)
    (second,) = asked(session, now=103.0)
    late = packed(b"\x03\x06" + bytes(6), transaction=1)
    assert session.receive_data(late, 103.1) == []
    assert not second.done
    assert session.late == 1


def test_a_number_is_not_used_again_while_its_tombstone_stands() -> None:
    session = ClientSession()
    asked(session)
    session.check_deadlines(now=103.0)
    numbers = set()
    for _ in range(0x10000):
        (transaction,) = asked(session, now=104.0)
        numbers.add(transaction.number)
        session.cancel(transaction)
        session._tombstones.pop(transaction.number)
    assert 1 not in numbers


def test_an_answer_that_comes_twice_is_not_the_next_ones() -> None:
    session = ClientSession()
    asked(session)
    session.receive_data(packed(ANSWER), 100.1)
    (second,) = asked(session)
    session.receive_data(packed(ANSWER), 100.2)
    assert (second.done, session.unmatched) == (False, 1)


def test_after_a_wrong_answer_the_right_one_is_late_and_its_number_is_not_used_again() -> None:
    session = ClientSession()
    (transaction,) = asked(session)
    session.receive_data(packed(ANSWER, unit=9), 100.1)
    assert isinstance(transaction.error, ProtocolError)
    session.last_number = 0  # as after 65,535 requests
    (other,) = asked(session)
    assert other.number == 2
    session.receive_data(packed(ANSWER), 100.2)
    assert (session.late, other.done) == (1, False)


def test_a_stranger_does_not_take_a_tombstone_away() -> None:
    session = ClientSession()
    (transaction,) = asked(session)
    session.cancel(transaction)
    session.receive_data(packed(b"\x83\x02", unit=9), 100.1)
    assert (session.late, session.unmatched) == (0, 1)
    session.receive_data(packed(b"\x83\x02"), 100.2)
    assert (session.late, session.unmatched) == (1, 1)


def test_tombstones_are_bounded_and_those_beyond_are_counted() -> None:
    session = ClientSession()
    for _ in range(TOMBSTONES + 10):
        (transaction,) = asked(session)
        session.cancel(transaction)
    assert len(session._tombstones) == TOMBSTONES
    assert session.forgotten == 10


def test_an_answer_to_nothing_is_counted() -> None:
    session = ClientSession()
    (transaction,) = asked(session)
    assert session.receive_data(packed(ANSWER, transaction=77), 100.1) == []
    assert session.unmatched == 1
    assert not transaction.done


WRONG = {
    "another unit": packed(ANSWER, unit=2),
    "another function": packed(bytes.fromhex("04 06 022b 0000 0064")),
    "fewer registers": packed(bytes.fromhex("03 04 022b 0000")),
    "more registers": packed(bytes.fromhex("03 08 022b 0000 0064 0000")),
    "a byte count that lies": packed(bytes.fromhex("03 06 022b 0000")),
    "an odd byte count": packed(bytes.fromhex("03 05 022b 0000 00")),
    "no byte count": packed(b"\x03"),
    "an exception for another function": packed(b"\x84\x02"),
    "an exception without a code": packed(b"\x83"),
    "an exception with code 0": packed(b"\x83\x00"),
    "an exception with more than a code": packed(b"\x83\x02\x00"),
}


@pytest.mark.parametrize("stream", WRONG.values(), ids=WRONG.keys())
def test_what_does_not_fit_the_request_is_a_protocol_error(stream: bytes) -> None:
    session = ClientSession()
    (transaction,) = asked(session)
    session.receive_data(stream, 100.1)
    with pytest.raises(ProtocolError):
        transaction.result()


def test_an_exception_response_is_raised_to_the_caller() -> None:
    session = ClientSession()
    (transaction,) = asked(session)
    session.receive_data(packed(b"\x83\x02"), 100.1)
    with pytest.raises(IllegalDataAddress) as caught:
        transaction.result()
    assert caught.value.code == 2


def test_an_exception_code_that_the_standard_does_not_know_is_kept() -> None:
    session = ClientSession()
    (transaction,) = asked(session)
    session.receive_data(packed(b"\x83\xe1"), 100.1)
    with pytest.raises(ModbusError, match="exception E1"):
        transaction.result()


def test_a_write_that_is_echoed_wrongly_is_a_protocol_error() -> None:
    session = ClientSession()
    transaction = session.begin(WriteSingleRegister(1, 3), 1, timeout=1.0)
    session.data_to_send(0.0)
    session.receive_data(packed(bytes.fromhex("06 0001 0004")), 0.1)
    with pytest.raises(ProtocolError, match="should repeat"):
        transaction.result()


def test_the_end_of_the_connection_ends_every_open_transaction_once() -> None:
    session = ClientSession()
    ended: list[object] = []
    transactions = asked(session, 3)
    for transaction in transactions:
        transaction.on_end = ended.append
    assert session.receive_eof() == transactions
    assert session.receive_eof() == []
    assert ended == transactions
    for transaction in transactions:
        with pytest.raises(ConnectionLost, match="instead of answering"):
            transaction.result()


def test_the_reason_of_the_end_reaches_every_caller_as_an_error_of_its_own() -> None:
    session = ClientSession()
    first, second = asked(session, 2)
    session.receive_eof(ConnectFailed("the host refused"))
    assert isinstance(first.error, ConnectFailed)
    assert isinstance(second.error, ConnectFailed)
    assert first.error is not second.error


def test_an_end_in_the_middle_of_an_answer_is_said_to_be_that() -> None:
    session = ClientSession()
    (transaction,) = asked(session)
    session.receive_data(packed(ANSWER)[:9], 100.1)
    session.receive_eof()
    with pytest.raises(ConnectionLost, match="in the middle of an answer"):
        transaction.result()


def test_rubbish_ends_the_session_with_a_protocol_error() -> None:
    session = ClientSession()
    (transaction,) = asked(session)
    assert session.receive_data(b"HTTP/1.1 400 Bad Request\r\n", 100.1) == [transaction]
    with pytest.raises(ProtocolError, match="cannot be followed"):
        transaction.result()
    assert session.begin(READ, 1, timeout=1.0).done


def test_a_cancelled_request_that_waits_is_never_sent() -> None:
    session = ClientSession()
    first, second = (session.begin(READ, 1, timeout=1.0) for _ in range(2))
    session.data_to_send(0.0)
    assert session.cancel(second) is False
    assert session.cancel(first) is True
    assert session.data_to_send(0.0) == b""


def test_a_cancelled_request_frees_its_place() -> None:
    session = ClientSession()
    first, second = asked(session, 2)
    session.cancel(first)
    session.data_to_send(101.0)
    assert second.sent


def test_a_result_before_the_end_is_a_bug_of_the_caller() -> None:
    session = ClientSession()
    with pytest.raises(RuntimeError):
        session.begin(ReadCoils(0, 1), 1, timeout=1.0).result()


@pytest.mark.parametrize("unit", [-1, 256])
def test_a_unit_that_cannot_be_is_refused(unit: int) -> None:
    with pytest.raises(ValueError, match="unit is 0 to 255"):
        ClientSession().begin(READ, unit, timeout=1.0)


@pytest.mark.parametrize("outstanding", [0, 65])
def test_outstanding_is_1_to_64(outstanding: int) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        ClientSession(outstanding=outstanding)


def test_a_timeout_says_that_an_answer_began_and_did_not_end() -> None:
    session = ClientSession()
    transaction = session.begin(ReadHoldingRegisters(0, 1), 1, 1.0)
    session.data_to_send(0.0)
    session.receive_data(bytes.fromhex("0001 0000 0006 01 03 02 00 07"), 0.1)
    session.check_deadlines(1.0)
    assert "but 11 bytes of one that did not end; a device whose length" in str(transaction.error)


def test_the_answer_of_another_unit_names_the_quirk_for_it() -> None:
    session = ClientSession()
    transaction = session.begin(ReadHoldingRegisters(0, 1), 1, 1.0)
    session.data_to_send(0.0)
    session.receive_data(bytes.fromhex("0001 0000 0005 09 03 02 00 07"), 0.1)
    assert "unit 9 answers what unit 1 was asked; " in str(transaction.error)
    assert "needs the quirk answer-unit" in str(transaction.error)
