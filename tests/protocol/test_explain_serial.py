"""Frames of serial lines explained: where each begins and ends, its check, and which framing it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.protocol.adu import Adu
from mbap.protocol.ascii import AsciiFraming
from mbap.protocol.explain import Explanation, Role
from mbap.protocol.explain_serial import Framed, explain_ascii, explain_framed, explain_rtu, framing_of
from mbap.protocol.pdu.lengths import request_length
from mbap.protocol.tcp import TcpFraming
from support.rtu_frames import framed
from vectors.frames import Exchange
from vectors.more_frames import EVERY_EXCHANGE
from vectors.serial_frames import ASCII_REQUESTS, RTU_REQUESTS, RTU_RESPONSES, SerialFrame

every = pytest.mark.parametrize("exchange", EVERY_EXCHANGE, ids=lambda exchange: exchange.name)
REQUEST = bytes.fromhex("11 03 006B 0003 7687")
ANSWER = bytes.fromhex("11 03 06 AE41 5652 4340 49AD")
ASCII = b":1103006B00037E\r\n"


def one(data: bytes, framing: Framed = Framed.RTU, role: Role | None = None) -> Explanation:
    (explanation,) = explain_framed(data, framing, role)
    return explanation


def ascii_frame(adu: Adu) -> bytes:
    return AsciiFraming().pack(adu)


# RTU


@pytest.mark.parametrize("frame", RTU_REQUESTS, ids=lambda frame: frame.name)
def test_a_known_rtu_request_is_right(frame: SerialFrame) -> None:
    explanation = one(frame.wire)
    assert explanation.every_fault == ()
    assert explanation.readings[0].role is Role.REQUEST
    assert (explanation.trailer[0].name, explanation.trailer[0].value) == ("CRC", "right")


@pytest.mark.parametrize("frame", RTU_RESPONSES, ids=lambda frame: frame.name)
def test_a_known_rtu_response_is_right(frame: SerialFrame) -> None:
    explanation = one(frame.wire, role=Role.RESPONSE)
    assert (explanation.every_fault, explanation.readings[0].role) == ((), Role.RESPONSE)


@every
def test_a_request_and_its_answer_in_rtu_are_paired(exchange: Exchange) -> None:
    stream = framed(Adu(9, exchange.request_pdu)) + framed(Adu(9, exchange.response_pdu))
    first, second = explain_rtu(stream)
    assert (first.every_fault, second.every_fault, second.answers) == ((), (), 0)
    assert first.data + second.data == stream


def test_a_wrong_crc_is_said_with_the_right_one() -> None:
    explanation = one(REQUEST[:-1] + b"\x88")
    assert explanation.every_fault == ("CRC is 76 88, and 76 87 would be right",)
    assert explanation.trailer[0].meaning == "76 87 would be right"


def test_between_right_frames_a_wrong_one_is_its_own() -> None:
    wrong = bytes.fromhex("11 03 006C 0003 7687")
    assert [one.data for one in explain_rtu(REQUEST + wrong + ANSWER)] == [REQUEST, wrong, ANSWER]


def test_a_wrong_response_is_as_long_as_it_says_although_a_request_would_be_shorter() -> None:
    wrong = ANSWER[:-1] + b"\x00"
    assert [one.data for one in explain_rtu(wrong + b"\x11")] == [wrong, b"\x11"]


def test_a_frame_that_lost_a_byte_ends_where_the_next_right_one_begins() -> None:
    assert [one.data for one in explain_rtu(REQUEST[:-1] + REQUEST)] == [REQUEST[:-1], REQUEST]


def test_a_few_bytes_before_a_frame_are_no_frame() -> None:
    first, second = explain_rtu(b"\x00\xff" + REQUEST)
    assert first.every_fault == ("2 bytes are no frame: an RTU frame has 4 to 256",)
    assert second.every_fault == ()


def test_a_users_function_is_found_by_its_check() -> None:
    frame = framed(Adu(5, b"\x41\x01\x02\x03"))
    assert [one.data for one in explain_rtu(frame + REQUEST)] == [frame, REQUEST]


def test_much_noise_is_no_frame() -> None:
    assert one(bytes(601)).faults[0].startswith("601 bytes are no frame")


def test_unit_0_is_said_to_be_a_broadcast() -> None:
    assert "broadcast" in one(framed(Adu(0, b"\x06\x00\x01\x00\x03"))).header[0].meaning


def test_an_echo_can_be_both_and_a_role_says_which() -> None:
    frame = framed(Adu(5, b"\x06\x00\x01\x00\x03"))
    assert len(one(frame).readings) == 2
    assert one(frame, role=Role.RESPONSE).readings[0].role is Role.RESPONSE


# ASCII


@pytest.mark.parametrize("frame", ASCII_REQUESTS, ids=lambda frame: frame.name)
def test_a_known_ascii_request_is_right(frame: SerialFrame) -> None:
    explanation = one(frame.wire, Framed.ASCII)
    assert explanation.every_fault == ()
    assert (explanation.trailer[0].name, explanation.trailer[0].value) == ("LRC", "right")


@every
def test_a_request_and_its_answer_in_ascii_are_paired(exchange: Exchange) -> None:
    some = Adu(9, exchange.request_pdu), Adu(9, exchange.response_pdu)
    first, second = explain_ascii(b"".join(map(ascii_frame, some)))
    assert (first.every_fault, second.every_fault, second.answers) == ((), (), 0)


def test_a_field_of_an_ascii_frame_is_where_its_digits_are() -> None:
    explanation = explain_ascii(ASCII + ASCII)[1]
    count = explanation.readings[0].fields[2]
    assert (explanation.offset, count.offset, count.data) == (17, 17 + 9, b"\x00\x03")
    assert (ASCII + ASCII)[count.offset : count.offset + 4] == b"0003"


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (b":1103006B00037F\r\n", "LRC is 7f, and 7e would be right"),
        (b":1103006B0003E\r\n", "13 digits are an odd number: a byte has two"),
        (b":1103006B0003G7\r\n", "what follows the colon is not hexadecimal"),
        (b":1103\r\n", "7 bytes are no frame: an ASCII frame has 2 digits for each of 3 to 255"),
        (b":" + b"11" * 256 + b"\r\n", "515 bytes are no frame"),
        (b":1103006B00037E\n", "it ends with 0a, and carriage return and line feed (0d 0a) would be right"),
        (b":1103006B00037E", "it ends with nothing, and carriage return"),
        (b"1103006B00037E\r\n", "it does not begin with a colon"),
    ],
)
def test_what_is_wrong_with_an_ascii_frame_is_said(frame: bytes, fault: str) -> None:
    assert one(frame, Framed.ASCII).every_fault[0].startswith(fault)


def test_empty_lines_between_ascii_frames_are_no_frames() -> None:
    assert len(explain_ascii(b"\r\n" + ASCII + b"\r\n" + ASCII)) == 2


# Which framing it is


@every
def test_each_framing_is_told(exchange: Exchange) -> None:
    adu = Adu(9, exchange.request_pdu, 1)
    assert framing_of(TcpFraming().pack(adu))[0] is Framed.TCP
    assert framing_of(framed(adu))[0] is Framed.RTU
    assert framing_of(ascii_frame(adu))[0] is Framed.ASCII


def test_an_rtu_frame_that_could_be_an_mbap_header_is_told_by_its_check() -> None:
    assert framing_of(bytes.fromhex("01 03 0000 0002 C40B")) == (Framed.RTU, "its CRC is right")


def test_an_rtu_frame_with_a_wrong_check_is_told_by_its_length() -> None:
    assert framing_of(REQUEST[:-1] + b"\x88")[0] is Framed.RTU


def test_rtu_frames_behind_a_wrong_one_are_told_by_their_check() -> None:
    assert framing_of(REQUEST[:-1] + b"\x88" + REQUEST)[0] is Framed.RTU


@pytest.mark.parametrize("data", [b"", b"\x03", b"GET / HTTP/1.1\r\n", bytes(20), b":GET"])
def test_anything_else_is_taken_for_tcp(data: bytes) -> None:
    assert framing_of(data)[0] is Framed.TCP


@given(st.binary(max_size=600), st.sampled_from(Framed), st.sampled_from([None, *Role]))
def test_any_bytes_are_explained_in_any_framing(data: bytes, framing: Framed, role: Role | None) -> None:
    framing_of(data)
    explanations = explain_framed(data, framing, role)
    if framing is not Framed.ASCII:
        assert b"".join(explanation.data for explanation in explanations) == data


requests = st.sampled_from([one.request_pdu for one in EVERY_EXCHANGE if request_length(one.request_pdu)])


@given(st.lists(st.builds(Adu, st.integers(0, 255), requests, st.none()), max_size=6))
def test_a_stream_of_frames_is_taken_apart(some: list[Adu]) -> None:
    rtu = explain_rtu(b"".join(map(framed, some)))
    ascii_ = explain_ascii(b"".join(map(ascii_frame, some)))
    assert [one.data for one in rtu] == [framed(adu) for adu in some]
    assert [one.data for one in ascii_] == [ascii_frame(adu) for adu in some]
    assert not any(one.faults for one in rtu + ascii_)
