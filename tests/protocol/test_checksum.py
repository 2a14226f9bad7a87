"""CRC-16 and LRC: known values, and pymodbus as the judge of all others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer.ascii import FramerAscii
from pymodbus.framer.rtu import FramerRTU

from mbap.protocol.checksum import checked_length, crc16, lrc

any_bytes = st.binary(max_size=256)


def framed(body: bytes) -> bytes:
    return body + crc16(body).to_bytes(2, "little")


def test_the_check_of_the_specifications_frame_is_right() -> None:
    assert framed(bytes.fromhex("11 03 00 6B 00 03")) == bytes.fromhex("11 03 00 6B 00 03 76 87")


@given(any_bytes)
def test_the_crc_is_the_one_that_pymodbus_finds(data: bytes) -> None:
    assert crc16(data).to_bytes(2, "little") == FramerRTU.compute_CRC(data).to_bytes(2, "big")


@given(any_bytes)
def test_the_lrc_is_the_one_that_pymodbus_finds(data: bytes) -> None:
    assert lrc(data) == FramerAscii.compute_LRC(data)


@given(any_bytes)
def test_a_frame_with_its_check_behind_it_gives_nought(data: bytes) -> None:
    assert crc16(framed(data)) == 0
    assert lrc(data + bytes((lrc(data),))) == 0


@given(any_bytes, any_bytes)
def test_a_crc_can_be_gone_on_with(begin: bytes, rest: bytes) -> None:
    assert crc16(rest, crc16(begin)) == crc16(begin + rest)


@given(st.binary(min_size=2, max_size=254))
def test_the_length_of_a_whole_frame_is_all_of_it(body: bytes) -> None:
    assert checked_length(framed(body)) == len(body) + 2


@given(st.binary(min_size=2, max_size=254).filter(lambda body: crc16(body) > 0xFF), st.integers(2, 9))
def test_two_zeros_or_more_behind_a_frame_do_not_belong_to_it(body: bytes, zeros: int) -> None:
    assert checked_length(framed(body) + bytes(zeros)) == len(body) + 2


@given(st.binary(min_size=2, max_size=254), any_bytes)
def test_the_length_up_to_a_right_check_is_found(body: bytes, behind: bytes) -> None:
    data = framed(body) + behind
    size = checked_length(data)
    assert size >= 4
    assert crc16(data[:size]) == 0


def test_a_check_that_fits_too_early_by_chance_does_not_count_where_all_is_there() -> None:
    data = framed(bytes.fromhex("E0 2B 0D 00 43"))
    assert crc16(data[:6]) == crc16(data) == 0
    assert checked_length(data) == len(data)


def test_without_a_right_check_there_is_no_length() -> None:
    assert checked_length(bytes.fromhex("11 03 00 6B 00 03 76 88")) == 0
    assert checked_length(b"") == 0
