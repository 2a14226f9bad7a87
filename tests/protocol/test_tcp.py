"""The MBAP framing: any cut of the stream gives the same ADUs; nonsense ends it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.protocol.adu import Adu
from mbap.protocol.tcp import TcpFraming

adus = st.builds(
    Adu,
    unit=st.integers(0, 255),
    pdu=st.binary(min_size=1, max_size=253),
    transaction=st.integers(0, 0xFFFF),
)

EXAMPLE = Adu(6, bytes.fromhex("03006b0003"), 1)
EXAMPLE_BYTES = bytes.fromhex("0001 0000 0006 06 03006b0003")


def stream_of(some: list[Adu]) -> bytes:
    return b"".join(TcpFraming().pack(adu) for adu in some)


def test_an_adu_is_packed_as_the_standard_says() -> None:
    assert TcpFraming().pack(EXAMPLE) == EXAMPLE_BYTES


@given(st.lists(adus, max_size=8), st.data())
def test_any_split_of_the_stream_gives_the_same_adus(some: list[Adu], data: st.DataObject) -> None:
    stream = stream_of(some)
    framing = TcpFraming()
    got: list[Adu] = []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        got += framing.unpack(stream[:cut])
        stream = stream[cut:]
    assert got == some
    assert framing.partial == 0


@given(st.lists(adus, max_size=4))
def test_byte_by_byte_gives_the_same_as_whole(some: list[Adu]) -> None:
    framing = TcpFraming()
    got = [adu for byte in stream_of(some) for adu in framing.unpack(bytes((byte,)))]
    assert got == TcpFraming().unpack(stream_of(some)) == some


def test_what_comes_behind_an_adu_is_kept() -> None:
    framing = TcpFraming()
    assert framing.unpack(EXAMPLE_BYTES + EXAMPLE_BYTES[:9]) == [EXAMPLE]
    assert framing.partial == 9
    assert framing.unpack(EXAMPLE_BYTES[9:]) == [EXAMPLE]


def test_an_adu_of_another_protocol_is_left_out_by_its_length() -> None:
    foreign = bytes.fromhex("0001 0001 0003 06 0102")
    framing = TcpFraming()
    assert framing.unpack(foreign + EXAMPLE_BYTES) == [EXAMPLE]
    assert framing.foreign == 1
    assert framing.failure is None


def test_three_of_another_protocol_in_a_row_end_the_stream() -> None:
    foreign = bytes.fromhex("0001 0001 0003 06 0102")
    framing = TcpFraming()
    assert framing.unpack(foreign * 2 + EXAMPLE_BYTES + foreign * 3 + EXAMPLE_BYTES) == [EXAMPLE]
    assert framing.failure is not None
    assert framing.unpack(EXAMPLE_BYTES) == []


@pytest.mark.parametrize("length", [0, 1, 255, 300, 0xFFFF])
def test_an_impossible_length_ends_the_stream_after_what_was_good(length: int) -> None:
    bad = bytes.fromhex("0002 0000") + length.to_bytes(2, "big") + bytes(8)
    framing = TcpFraming()
    assert framing.unpack(EXAMPLE_BYTES + bad) == [EXAMPLE]
    assert f"length field says {length}" in str(framing.failure)


def test_clear_begins_anew_after_a_failure() -> None:
    framing = TcpFraming()
    framing.unpack(b"GET / HTTP/1.1\r\n\r\n")
    assert framing.failure is not None
    framing.clear()
    assert framing.unpack(EXAMPLE_BYTES) == [EXAMPLE]


@given(st.binary(max_size=2000))
def test_no_bytes_at_all_can_make_it_keep_more_than_one_adu(noise: bytes) -> None:
    framing = TcpFraming()
    framing.unpack(noise)
    assert framing.partial < 260
