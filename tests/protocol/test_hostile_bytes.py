"""Hostile bytes at framings and decoders, by number; those at a server's port are in server/test_hostile.py.

Each is answered, refused or dropped as the standard wants, and the next good message is right.
"""

from __future__ import annotations

import random

import pytest

from mbap.errors import ExceptionResponse, ProtocolError
from mbap.protocol.adu import Adu
from mbap.protocol.explain import explain
from mbap.protocol.layouts import walk_response
from mbap.protocol.pdu import (
    ReadHoldingRegisters,
    Request,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
    raise_exception,
)
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.server import Indication, ServerSession
from mbap.protocol.sides import Side
from mbap.protocol.tcp import TcpFraming
from mbap.protocol.wire import Registers
from support.rtu_frames import ANSWER, ANSWER_BYTES, REQUEST, asked

GOOD = bytes.fromhex("0002 0000 0006 11 03 0000 0001")


def refused(indication: Indication[object]) -> int:
    """The exception that *indication* is answered with; 0 where it is a request."""
    return indication.request.code if isinstance(indication.request, ExceptionResponse) else 0


def received(session: ServerSession, data: str | bytes) -> list[tuple[int | None, int, int]]:
    """Transaction, unit and refusal of what comes out."""
    some = session.receive_data(bytes.fromhex(data) if isinstance(data, str) else data)
    return [(one.transaction, one.unit, refused(one)) for one in some]


# At a server


def test_h006_what_is_not_whole_is_kept_and_bounded() -> None:
    session = ServerSession()
    assert received(session, "0001 0000 0009 01 03 0000 0001") == []
    assert (session.partial, session.failure) == (12, None)


def test_h007_rubbish_behind_a_request_is_no_request() -> None:
    session = ServerSession()
    assert received(session, bytes.fromhex("0001 0000 0006 01 03 0000 0001 AABBCC") + GOOD) == [(1, 1, 0)]
    assert session.failure is not None


def test_h008_a_length_with_spare_bytes_is_consumed_whole() -> None:
    long = bytes.fromhex("0001 0000 0010 11 10 0000 0003 06 0002 0000 0006 AABBCC")
    assert received(ServerSession(), long + GOOD) == [(1, 17, 3), (2, 17, 0)]


def test_h009_what_is_outside_the_length_is_the_next_message() -> None:
    short = bytes.fromhex("0001 0000 0006 01 10 0000 0002 04")
    assert received(ServerSession(), short[:12] + GOOD) == [(1, 1, 3), (2, 17, 0)]


def test_h010_another_protocol_is_left_out_by_its_length_and_three_end_it() -> None:
    session = ServerSession()
    foreign = bytes.fromhex("0001 0001 0006 01 03 0000 0001")
    assert received(session, foreign * 2 + GOOD) == [(2, 17, 0)]
    assert received(session, foreign * 3 + GOOD) == []
    assert session.failure is not None


@pytest.mark.parametrize("seed", range(8))
def test_h014_noise_ends_it_within_one_message(seed: int) -> None:
    session = ServerSession()
    noise = random.Random(seed).randbytes(4096)
    assert all(code for *_, code in received(session, noise))
    assert session.failure is not None
    assert session.partial <= 260


@pytest.mark.parametrize("transaction", ["0000", "FFFF"])
def test_h016_odd_transactions_are_repeated_in_order(transaction: str) -> None:
    session = ServerSession()
    request = bytes.fromhex(f"{transaction} 0000 0006 01 03 0000 0001")
    some = session.receive_data(request * 2)
    packed = [session.pack_response(one, Registers.of([7])) for one in some]
    assert packed == [bytes.fromhex(f"{transaction} 0000 0005 01 03 02 0007")] * 2


@pytest.mark.parametrize("unit", [0, 248, 254, 255])
def test_h017_reserved_units_are_units_for_the_handler_to_judge(unit: int) -> None:
    session = ServerSession()
    (one,) = session.receive_data(TcpFraming().pack(Adu(unit, REQUEST.pdu, 1)))
    assert (one.unit, session.is_broadcast(one)) == (unit, False)


def test_h023_a_hundred_requests_in_one_piece_all_come_out() -> None:
    assert received(ServerSession(), GOOD * 100) == [(2, 17, 0)] * 100


def test_h024_a_request_cut_into_single_bytes_comes_out_once() -> None:
    session = ServerSession()
    assert [one for byte in GOOD for one in received(session, bytes((byte,)))] == [(2, 17, 0)]


def test_h025_of_two_and_a_half_two_come_out_and_a_half_is_kept() -> None:
    session = ServerSession()
    assert received(session, GOOD * 2 + GOOD[:6]) == [(2, 17, 0)] * 2
    assert session.partial == 6
    assert received(session, GOOD[6:]) == [(2, 17, 0)]


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x01", bytes(10)])
def test_h039_a_sweep_of_all_functions_gets_clean_answers(data: bytes) -> None:
    session = ServerSession()
    for code in range(1, 128):
        (one,) = session.receive_data(TcpFraming().pack(Adu(1, bytes((code,)) + data, code)))
        assert refused(one) in (0, 1, 2, 3)
        if refused(one):
            packed = session.pack_response(one, ExceptionResponse(refused(one)))
            assert packed == bytes((0, code, 0, 0, 0, 3, 1, code | 0x80, refused(one)))


# At a client


@pytest.mark.parametrize(
    ("number", "request_", "answer"),
    [
        ("H096", ReadHoldingRegisters(0, 2), "04 04 0001 0002"),
        ("H097", ReadHoldingRegisters(0, 1), "03 FA" + "0001" * 125),
        ("H098", ReadHoldingRegisters(0, 2), "03 02 0001"),
        ("H099", ReadHoldingRegisters(0, 2), "03 03 000100"),
        ("H100", ReadHoldingRegisters(0, 2), "03 04 0001"),
        ("H101", WriteSingleCoil(7, True), "05 0008 FF00"),
        ("H101", WriteSingleCoil(7, True), "05 0007 0000"),
        ("H101", WriteSingleRegister(7, 1), "06 0007 0002"),
        ("H101", WriteMultipleCoils(7, [True]), "0F 0007 0002"),
        ("H101", WriteMultipleRegisters(7, [1]), "10 0006 0001"),
    ],
)
def test_an_answer_that_does_not_fit_is_a_protocol_error(
    number: str, request_: Request[object], answer: str
) -> None:
    with pytest.raises(ProtocolError):
        request_.decode_response(bytes.fromhex(answer))


def test_h102_an_exception_without_its_code_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="a malformed exception response: 84"):
        raise_exception(b"\x84", 4)


@pytest.mark.parametrize("code", [7, 9, 12, 255])
def test_h103_an_unknown_exception_is_reported_with_its_number(code: int) -> None:
    with pytest.raises(ExceptionResponse, match=f"exception {code:02X}"):
        raise_exception(bytes((0x83, code)), 3)


def test_h103_exception_00_is_none() -> None:
    with pytest.raises(ProtocolError):
        raise_exception(b"\x83\x00", 3)


def test_h114_a_header_alone_is_no_answer_yet() -> None:
    framing = TcpFraming()
    whole = framing.pack(Adu(1, b"\x03\x02\x00\x07", 5))
    assert framing.unpack(whole[:7]) == []
    assert framing.unpack(whole[7:]) == [Adu(1, b"\x03\x02\x00\x07", 5)]


@pytest.mark.parametrize(
    "noise",
    [
        RtuFraming().pack(REQUEST),
        ANSWER_BYTES[:-1] + b"\x00",
        RtuFraming(Side.SERVER).pack(Adu(5, ANSWER.pdu)),
        b"\xff\x00\x11",
    ],
    ids=["echo", "wrong check", "another unit", "noise"],
)
def test_h119_what_disturbs_a_serial_line_is_dropped_until_the_silence(noise: bytes) -> None:
    framing = asked()
    got = framing.unpack(noise) + framing.silence()
    assert ANSWER not in got
    assert framing.partial == 0
    framing.pack(REQUEST)
    assert framing.unpack(ANSWER_BYTES) == [ANSWER]


@pytest.mark.parametrize("size", [1, 87, 300])
def test_h144_messages_over_several_records_and_several_in_one_are_the_same(size: int) -> None:
    framing = TcpFraming()
    stream = b"".join(framing.pack(Adu(1, b"\x03\xfa" + bytes(250), number)) for number in range(4))
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [adu.transaction for piece in pieces for adu in framing.unpack(piece)] == [0, 1, 2, 3]


# Shown to people


@pytest.mark.parametrize("text", [b"\"'", b"a\r\nb", b"<script>", b"\x1b]0;x\x07", b"\xe2\x80\xae", b"\x00"])
def test_h153_text_of_a_device_is_shown_in_plain_ascii_without_line_ends(text: bytes) -> None:
    pdu = b"\x2b\x0e\x01\x01\x00\x00\x01\x00" + bytes((len(text),)) + text
    shown = str(walk_response(pdu).fields[-1].value)
    assert shown.isascii()
    assert shown.isprintable()


def test_h150_an_answer_whose_request_was_not_seen_is_explained_alone() -> None:
    (one,) = explain(TcpFraming().pack(Adu(1, bytes.fromhex("03 02 0007"), 5)))
    assert (one.answers, one.every_fault) == (None, ())
