"""mbap.protocol.bus: the frames of a bus, for who only listens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.protocol.adu import Adu
from mbap.protocol.bus import LONGEST, BusFraming
from mbap.protocol.rtu import RtuFraming

REQUEST = Adu(3, bytes.fromhex("0300000002"))
ANSWER = Adu(3, bytes.fromhex("030400070008"))
WRITE = Adu(4, bytes.fromhex("0600011267"))
REFUSAL = Adu(4, bytes.fromhex("8602"))
OPAQUE = Adu(5, bytes.fromhex("41010203"))


def frame(adu: Adu) -> bytes:
    return RtuFraming(echo=False).pack(adu)


TRAFFIC = [REQUEST, ANSWER, WRITE, WRITE, WRITE, REFUSAL, REQUEST, ANSWER]


def test_requests_and_answers_are_both_found() -> None:
    assert BusFraming().unpack(b"".join(map(frame, TRAFFIC))) == TRAFFIC


@given(cuts=st.lists(st.integers(1, 9), min_size=1))
def test_however_the_bytes_are_cut_the_frames_are_the_same(cuts: list[int]) -> None:
    data, framing, found = b"".join(map(frame, TRAFFIC)), BusFraming(), []
    while data:
        for size in cuts:
            found += framing.unpack(data[:size])
            data = data[size:]
    assert found == TRAFFIC
    assert framing.noise == 0


def test_a_short_answer_is_found_before_the_next_frame_begins() -> None:
    short = Adu(3, bytes.fromhex("03020007"))
    assert BusFraming().unpack(frame(short)) == [short]


def test_noise_is_left_out_and_counted_once() -> None:
    framing = BusFraming()
    assert framing.unpack(b"\xff\x00\xff" + frame(REQUEST)) == [REQUEST]
    assert (framing.noise, framing.crc_errors) == (3, 1)


def test_a_frame_whose_check_is_wrong_is_noise() -> None:
    framing = BusFraming()
    framing.unpack(frame(REQUEST)[:-1] + b"\0")
    assert framing.silence() == []
    assert (framing.noise, framing.crc_errors) == (8, 1)
    assert framing.unpack(frame(ANSWER)) == [ANSWER]


def test_a_function_of_no_standard_is_found_when_the_line_is_silent() -> None:
    framing = BusFraming()
    assert framing.unpack(frame(OPAQUE)) == []
    assert framing.silence() == [OPAQUE]


def test_a_torn_frame_does_not_take_the_next_one_with_it() -> None:
    framing = BusFraming()
    framing.unpack(frame(ANSWER)[:5])
    framing.silence()
    assert framing.unpack(frame(REQUEST)) == [REQUEST]
    assert framing.noise == 5


@pytest.mark.parametrize("begin", [b"\x03\x03\xff", b"\x03\x10\x00\x00\x00\x02\xff", b"\x05\x41"])
def test_what_waits_for_a_long_rest_is_bounded(begin: bytes) -> None:
    framing = BusFraming()
    framing.unpack(begin)
    for _ in range(300):
        framing.unpack(b"\x55")
        assert framing.partial <= LONGEST


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_are_frames_or_noise(chunks: list[bytes]) -> None:
    framing = BusFraming()
    found = [adu for chunk in chunks for adu in framing.unpack(chunk)] + framing.silence()
    assert framing.noise + sum(len(adu.pdu) + 3 for adu in found) == sum(map(len, chunks))
