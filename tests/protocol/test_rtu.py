"""The RTU framing: any cut gives the same ADUs, and the next frame is found behind anything."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mbap.protocol.adu import Adu
from mbap.protocol.framing import Framing
from mbap.protocol.pdu import ReadHoldingRegisters
from mbap.protocol.pdu.lengths import request_length, response_length
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.server import ServerSession
from mbap.protocol.sides import MOST_NOISE, Side
from mbap.protocol.wire import Registers
from support.rtu_frames import (
    ANSWER,
    ANSWER_BYTES,
    REQUEST,
    REQUEST_BYTES,
    asked,
    byte_by_byte,
    framed,
    in_pieces,
    server,
)
from vectors.frames import Exchange
from vectors.more_frames import EVERY_EXCHANGE

known = pytest.mark.parametrize("exchange", EVERY_EXCHANGE, ids=lambda exchange: exchange.name)
# What has no length by its content is found by its check alone, and not in any split.
requests = st.sampled_from([one.request_pdu for one in EVERY_EXCHANGE if request_length(one.request_pdu)])
responses = st.sampled_from([one.response_pdu for one in EVERY_EXCHANGE if response_length(one.response_pdu)])
exceptions = st.builds(lambda code, why: bytes((code | 0x80, why)), st.integers(1, 43), st.integers(1, 11))
units = st.integers(0, 255)


def test_it_is_a_framing_and_not_a_numbered_one() -> None:
    framing: Framing = RtuFraming()
    assert not framing.numbered
    assert framing.failure is None


def test_a_request_is_packed_as_the_specification_says() -> None:
    assert RtuFraming().pack(REQUEST) == REQUEST_BYTES
    assert server().unpack(REQUEST_BYTES) == [REQUEST]


def test_a_transaction_is_left_out() -> None:
    assert RtuFraming().pack(Adu(0x11, REQUEST.pdu, 7)) == REQUEST_BYTES


# Cut in any way


@given(st.lists(st.builds(Adu, units, requests, st.none()), max_size=6), st.data())
def test_any_split_of_a_stream_of_requests_gives_the_same(some: list[Adu], data: st.DataObject) -> None:
    framing = server()
    assert in_pieces(framing, b"".join(map(framed, some)), data) == some
    assert (framing.partial, framing.noise, framing.crc_errors) == (0, 0, 0)


@given(st.lists(st.builds(Adu, units, responses | exceptions, st.none()), max_size=6), st.data())
def test_any_split_of_a_stream_of_responses_gives_the_same(some: list[Adu], data: st.DataObject) -> None:
    framing = RtuFraming()
    assert in_pieces(framing, b"".join(map(framed, some)), data) == some
    assert (framing.partial, framing.noise, framing.crc_errors) == (0, 0, 0)


@known
def test_every_known_exchange_byte_by_byte_and_with_more_behind(exchange: Exchange) -> None:
    request, response = Adu(9, exchange.request_pdu), Adu(9, exchange.response_pdu)
    framing, client = server(), asked(request)
    assert byte_by_byte(framing, framed(request)) + framing.silence() == [request]
    assert byte_by_byte(client, framed(response)) + client.silence() == [response]
    assert server().unpack(framed(request) + REQUEST_BYTES) == [request, REQUEST]
    assert asked(request).unpack(framed(response) + b"\x00\x00") == [response]


@given(units, st.integers(1, 127), st.binary(max_size=252), st.data())
def test_an_exception_to_any_function_is_found(
    unit: int, code: int, body: bytes, data: st.DataObject
) -> None:
    answer = Adu(unit, bytes((code | 0x80, 2)))
    assert in_pieces(asked(Adu(unit, bytes((code,)) + body)), framed(answer), data) == [answer]


# A function code of no standard


users_pdus = st.builds(
    lambda code, data: bytes((code,)) + data,
    st.integers(65, 72) | st.integers(100, 110),
    st.binary(max_size=252),
)


@given(units, users_pdus)
def test_a_users_function_in_one_piece_is_found_by_its_check(unit: int, pdu: bytes) -> None:
    adu = Adu(unit, pdu)
    # A PDU that ends with the check of what is before it looks like a frame whose check was sent twice.
    assume(framed(adu)[-2:] != bytes(2))
    assert server().unpack(framed(adu)) == [adu]
    assert asked(adu).unpack(framed(adu)) == [adu]


@given(units, users_pdus, st.data())
def test_a_users_function_in_pieces_is_found_at_the_silence(
    unit: int, pdu: bytes, data: st.DataObject
) -> None:
    adu = Adu(unit, pdu)
    # The first piece may end where the check fits although its last byte, a zero, is not here yet.
    assume(framed(adu)[-1])
    for framing in (server(), asked(adu)):
        got = in_pieces(framing, framed(adu), data)
        assert got + framing.silence() == [adu]


def test_what_follows_a_users_function_is_found() -> None:
    assert server().unpack(framed(Adu(5, b"\x41\x01\x02")) + REQUEST_BYTES) == [
        Adu(5, b"\x41\x01\x02"),
        REQUEST,
    ]


def test_an_answer_to_a_users_function_is_found_behind_noise() -> None:
    answer = Adu(5, b"\x41\x01\x02\x03")
    assert asked(Adu(5, b"\x41")).unpack(b"\x00" + framed(answer)) == [answer]


def test_what_is_no_users_function_after_256_bytes_is_left_out() -> None:
    framing = server()
    assert framing.unpack(b"\x05\x41" + bytes(range(1, 254)) + REQUEST_BYTES) == [REQUEST]


# Behind anything


@pytest.mark.parametrize(
    "before", ["00", "FF", "00 00", "FF FF FF", "0D", "00 FF 00", "11", "11 03", "03 06"]
)
def test_an_answer_is_found_behind_a_few_bytes(before: str) -> None:
    framing = asked()
    assert byte_by_byte(framing, bytes.fromhex(before) + ANSWER_BYTES) in ([ANSWER], [])
    if not before.startswith("11"):
        assert framing.noise == len(bytes.fromhex(before))
        assert framing.partial == 0


@pytest.mark.parametrize("before", ["00", "FF", "00 00", "FF FF FF", "0D 0A", "00 FF 00"])
@pytest.mark.parametrize("unit", [1, 3, 16, 17, 23, 30, 65, 100, 247])
def test_a_request_is_found_behind_a_few_bytes_and_silence(before: str, unit: int) -> None:
    framing = server()
    request = Adu(unit, REQUEST.pdu)
    assert framing.unpack(bytes.fromhex(before) + framed(request)) + framing.silence() == [request]


@given(st.integers(0, 8 * len(ANSWER_BYTES) - 1))
def test_an_answer_with_any_bit_wrong_is_no_answer(bit: int) -> None:
    framing = asked()
    wrong = bytearray(ANSWER_BYTES)
    wrong[bit // 8] ^= 1 << bit % 8
    assert framing.unpack(bytes(wrong)) + framing.silence() == []
    assert framing.noise == len(ANSWER_BYTES)


@given(st.binary(max_size=40), units)
def test_an_answer_is_found_behind_any_bytes(before: bytes, unit: int) -> None:
    framing = asked(Adu(unit, REQUEST.pdu))
    answer = Adu(unit, ANSWER.pdu)
    got = framing.unpack(before + framed(answer)) + framing.silence()
    assert answer in got or bytes((unit, 3)) in before or bytes((unit, 0x83)) in before


def test_the_answer_is_found_behind_one_of_a_wrong_check() -> None:
    framing = asked()
    wrong = ANSWER_BYTES[:-1] + bytes((ANSWER_BYTES[-1] ^ 1,))
    assert framing.unpack(wrong + ANSWER_BYTES) == [ANSWER]
    assert (framing.crc_errors, framing.noise) == (1, len(wrong))


def test_a_check_that_is_sent_twice_is_left_out() -> None:
    framing = asked()
    assert framing.unpack(ANSWER_BYTES + b"\x00\x00") == [ANSWER]
    framing.pack(REQUEST)
    assert framing.unpack(ANSWER_BYTES) == [ANSWER]
    assert framing.noise == 2


def test_zeros_on_both_sides_are_left_out() -> None:
    framing = server()
    assert framing.unpack((b"\x00" + REQUEST_BYTES + b"\x00") * 3) == [REQUEST] * 3


def test_what_is_left_of_the_exchange_before_is_dropped_by_the_next() -> None:
    framing = asked()
    assert framing.unpack(ANSWER_BYTES[:6]) == []
    framing.pack(REQUEST)
    assert (framing.partial, framing.noise) == (0, 6)
    assert framing.unpack(ANSWER_BYTES) == [ANSWER]


def test_the_rest_of_a_late_answer_is_passed_over() -> None:
    framing = asked()
    assert framing.unpack(ANSWER_BYTES[6:] + ANSWER_BYTES) == [ANSWER]


# Nothing inside a frame is a frame


def test_a_frame_inside_the_answer_is_not_taken_for_it() -> None:
    inner = framed(Adu(0x11, b"\x03\x02\x00\x07"))
    outer = Adu(0x11, bytes((3, 12)) + b"\0" + inner + bytes(4))
    assert byte_by_byte(asked(), framed(outer)) == [outer]


def test_a_frame_inside_a_request_is_not_taken_for_one() -> None:
    inner = framed(Adu(0x11, b"\x06\x00\x01\x00\x03"))
    outer = Adu(5, bytes.fromhex("10 0000 0005 0A") + inner + bytes(2))
    assert byte_by_byte(server(), framed(outer)) == [outer]


def test_a_frame_inside_anothers_response_is_not_taken_for_a_request() -> None:
    inner = framed(Adu(0x11, b"\x06\x00\x01\x00\x03"))
    framing = server()
    assert byte_by_byte(framing, framed(Adu(5, bytes((3, 12, 1, 2)) + inner + b"\x09\x09"))) == []
    assert framing.foreign == 1


# Limits


@given(st.binary(max_size=2000), st.sampled_from(Side))
def test_no_bytes_at_all_can_make_it_raise_or_keep_more_than_a_frame(noise: bytes, side: Side) -> None:
    framing = RtuFraming(side)
    framing.pack(REQUEST)
    framing.unpack(noise)
    assert framing.partial < 256
    framing.silence()
    assert framing.partial == 0


@given(st.binary(max_size=600), st.sampled_from(Side), st.data())
def test_any_bytes_cut_in_any_way_give_the_same(noise: bytes, side: Side, data: st.DataObject) -> None:
    whole, cut = RtuFraming(side), RtuFraming(side)
    assert in_pieces(cut, noise, data) == whole.unpack(noise)
    assert cut.noise == whole.noise


def test_too_much_noise_ends_it() -> None:
    framing = server()
    text = b"GET / HTTP/1.1\r\nHost: pump\r\n\r\n"
    assert framing.unpack(text * (2 * MOST_NOISE // len(text))) == []
    assert "4096 bytes without one RTU frame" in str(framing.failure)
    assert framing.unpack(REQUEST_BYTES) == framing.silence() == []


def test_clear_begins_anew_after_a_failure() -> None:
    framing = server()
    framing.unpack(b"\xff" * (2 * MOST_NOISE))
    assert framing.failure is not None
    framing.clear()
    assert framing.failure is None
    assert framing.unpack(REQUEST_BYTES) == [REQUEST]


def test_noise_between_frames_never_ends_it() -> None:
    framing = server()
    for _ in range(20):
        assert framing.unpack(b"\xff" * 400 + REQUEST_BYTES) + framing.silence() == [REQUEST]
    assert framing.failure is None


def test_a_server_session_takes_it_as_it_is() -> None:
    session = ServerSession(RtuFraming(Side.SERVER))
    (indication,) = session.receive_data(REQUEST_BYTES)
    assert (indication.unit, indication.request) == (0x11, ReadHoldingRegisters(107, 3))
    assert session.pack_response(indication, Registers.of([555, 0, 100])) == ANSWER_BYTES
