"""The RTU framing on a line with others, with an echo, and with silence that is told."""

from __future__ import annotations

import pytest

from mbap.protocol.adu import Adu
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.sides import Side
from support.rtu_frames import (
    ANSWER,
    ANSWER_BYTES,
    REQUEST,
    REQUEST_BYTES,
    WRITE,
    asked,
    byte_by_byte,
    framed,
    server,
)
from vectors.frames import Exchange
from vectors.more_frames import EVERY_EXCHANGE

known = pytest.mark.parametrize("exchange", EVERY_EXCHANGE, ids=lambda exchange: exchange.name)


# Others on the line


def test_an_answer_of_another_unit_is_handed_on_for_the_session_to_judge() -> None:
    other = Adu(0x12, ANSWER.pdu)
    assert asked().unpack(framed(other) + ANSWER_BYTES) == [other, ANSWER]


def test_a_request_of_another_client_is_left_out() -> None:
    framing = asked()
    assert byte_by_byte(framing, framed(Adu(5, bytes.fromhex("03 006B 0003"))) + ANSWER_BYTES) == [ANSWER]
    assert framing.foreign == 1


@pytest.mark.parametrize("pdu", ["03 06 022B 0000 0064", "83 02", "01 04 CD6B05B1"])
def test_a_response_of_another_server_is_left_out(pdu: str) -> None:
    framing = server()
    assert byte_by_byte(framing, framed(Adu(5, bytes.fromhex(pdu))) + REQUEST_BYTES) == [REQUEST]
    assert framing.foreign == 1


def test_a_response_that_could_be_a_request_still_growing_is_left_out_at_the_silence() -> None:
    framing = server()
    response = framed(Adu(5, bytes.fromhex("10 0001 0002")))
    assert framing.unpack(response) == framing.silence() == []
    assert (framing.foreign, framing.noise) == (1, 0)


# The own frame comes back


@known
def test_with_an_echo_the_first_of_two_is_left_out(exchange: Exchange) -> None:
    request, response = Adu(9, exchange.request_pdu), Adu(9, exchange.response_pdu)
    framing = asked(request, echo=True)
    assert byte_by_byte(framing, framed(request) + framed(response)) + framing.silence() == [response]
    assert (framing.echoes, framing.noise, framing.partial) == (1, 0, 0)


def test_an_echo_that_can_be_no_answer_shows_that_there_is_one() -> None:
    framing = asked()
    assert framing.unpack(REQUEST_BYTES + ANSWER_BYTES) == [ANSWER]
    framing.pack(WRITE)
    assert framing.unpack(framed(WRITE)) == []
    assert framing.unpack(framed(WRITE)) == [WRITE]
    assert framing.echoes == 2


def test_without_an_echo_known_an_answer_like_the_request_is_the_answer() -> None:
    assert asked(WRITE).unpack(framed(WRITE)) == [WRITE]


def test_where_there_is_said_to_be_no_echo_none_is_looked_for() -> None:
    framing = asked(echo=False)
    assert framing.unpack(REQUEST_BYTES) == []
    assert (framing.echoes, framing.foreign) == (0, 1)


def test_an_echo_that_lost_a_byte_is_passed_over() -> None:
    assert asked().unpack(REQUEST_BYTES[1:] + ANSWER_BYTES) == [ANSWER]
    assert asked().unpack(REQUEST_BYTES[:-1] + ANSWER_BYTES) == [ANSWER]


def test_a_server_leaves_its_own_response_out() -> None:
    framing = server()
    framing.unpack(REQUEST_BYTES)
    assert byte_by_byte(framing, framing.pack(ANSWER) + REQUEST_BYTES) == [REQUEST]
    assert framing.echoes == 1


def test_a_server_with_an_echo_does_not_carry_out_its_own_answer() -> None:
    framing = RtuFraming(Side.SERVER, echo=True)
    assert framing.unpack(framed(WRITE)) == [WRITE]
    assert framing.unpack(framing.pack(WRITE)) == []
    assert framing.unpack(framed(WRITE)) == [WRITE]


def test_an_echo_is_left_out_at_the_silence_too() -> None:
    framing = asked(Adu(5, b"\x41"), echo=True)
    late = Adu(5, b"\x41\x01\x02")
    assert byte_by_byte(framing, framed(late) + framed(Adu(5, b"\x41"))) == []
    assert framing.silence() == [late]
    assert framing.echoes == 1


# Silence


def test_at_the_silence_a_frame_longer_than_it_says_is_found() -> None:
    framing = asked()
    odd = Adu(0x11, bytes.fromhex("03 40 022B 0000 0064"))
    assert framing.unpack(framed(odd)) == []
    assert framing.silence() == [odd]


def test_at_the_silence_an_unfinished_frame_is_dropped() -> None:
    framing = asked()
    framing.unpack(ANSWER_BYTES[:7])
    assert framing.silence() == []
    assert (framing.partial, framing.noise) == (0, 7)
    assert framing.unpack(ANSWER_BYTES) == [ANSWER]


def test_silence_after_nothing_is_nothing() -> None:
    framing = server()
    assert framing.silence() == []
    assert framing.noise == 0
