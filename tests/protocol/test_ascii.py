"""The ASCII framing: any cut gives the same ADUs; what is wrong is counted and passed over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.protocol.adu import Adu
from mbap.protocol.ascii import AsciiFraming
from mbap.protocol.framing import Framing
from mbap.protocol.server import ServerSession
from mbap.protocol.sides import MOST_NOISE, Side
from mbap.protocol.wire import Registers
from vectors.frames import Exchange
from vectors.more_frames import EVERY_EXCHANGE

REQUEST = Adu(0x11, bytes.fromhex("03 006B 0003"))
REQUEST_BYTES = b":1103006B00037E\r\n"
ANSWER = Adu(0x11, bytes.fromhex("03 06 022B 0000 0064"))
ANSWER_BYTES = b":110306022B0000006455\r\n"
WRITE = Adu(0x11, bytes.fromhex("06 0001 0003"))

pdus = st.binary(min_size=1, max_size=253)
adus = st.builds(Adu, unit=st.integers(0, 255), pdu=pdus, transaction=st.none())


def server() -> AsciiFraming:
    return AsciiFraming(Side.SERVER)


def framed(adu: Adu) -> bytes:
    return AsciiFraming().pack(adu)


def awaited(side: Side, adu: Adu) -> bool:
    return not side.is_foreign(adu.pdu)


def test_it_is_a_framing_and_not_a_numbered_one() -> None:
    framing: Framing = AsciiFraming()
    assert not framing.numbered
    assert framing.failure is None


def test_an_adu_is_packed_as_the_standard_says() -> None:
    assert framed(REQUEST) == REQUEST_BYTES
    assert framed(ANSWER) == ANSWER_BYTES
    assert len(framed(Adu(1, bytes(253)))) == 513


@given(st.lists(adus, max_size=6), st.sampled_from(Side), st.data())
def test_any_split_of_the_stream_gives_the_same(some: list[Adu], side: Side, data: st.DataObject) -> None:
    framing = AsciiFraming(side)
    got: list[Adu] = []
    stream = b"".join(map(framed, some))
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        got += framing.unpack(stream[:cut])
        stream = stream[cut:]
    assert got == [adu for adu in some if awaited(side, adu)]
    assert (framing.partial, framing.noise, framing.lrc_errors, framing.malformed) == (0, 0, 0, 0)


@pytest.mark.parametrize("exchange", EVERY_EXCHANGE, ids=lambda exchange: exchange.name)
def test_every_known_exchange_goes_both_ways(exchange: Exchange) -> None:
    request, response = Adu(9, exchange.request_pdu), Adu(9, exchange.response_pdu)
    client = AsciiFraming()
    assert server().unpack(client.pack(request)) == [request]
    assert client.unpack(framed(response)) == [response]


def test_small_letters_are_digits() -> None:
    assert server().unpack(REQUEST_BYTES.lower()) == [REQUEST]


@pytest.mark.parametrize(
    ("line", "counter"),
    [
        (b":1103006B00037F\r\n", "lrc_errors"),
        (b":1103006B0003 7E\r\n", "malformed"),
        (b":1103006B00037\r\n", "malformed"),
        (b":1103006B0003ZZ\r\n", "malformed"),
        (b":\r\n", "malformed"),
        (b":11EF\r\n", "malformed"),
        (b":" + b"00" * 256 + b"\r\n", "malformed"),
        (b":" + b"00" * 400, "malformed"),
    ],
)
def test_what_is_wrong_is_counted_and_the_next_frame_found(line: bytes, counter: str) -> None:
    framing = server()
    assert framing.unpack(line + REQUEST_BYTES) in ([REQUEST], [])
    assert framing.unpack(REQUEST_BYTES) == [REQUEST]
    assert sum((framing.lrc_errors, framing.malformed)) == getattr(framing, counter) <= 1


@pytest.mark.parametrize("before", [b"\x00", b"\xff\xff", b"\r", b"\n", b"\r\n", b"1103", b":1103", b"::"])
def test_a_frame_is_found_behind_other_bytes(before: bytes) -> None:
    framing = server()
    assert framing.unpack(before + REQUEST_BYTES) == [REQUEST]
    assert framing.noise == len(before)
    assert framing.partial == 0


def test_what_never_ends_is_dropped() -> None:
    framing = server()
    framing.unpack(b":" + b"0" * 511)
    assert framing.partial == 512
    framing.unpack(b"0")
    assert (framing.partial, framing.malformed, framing.noise) == (0, 1, 513)


def test_a_device_may_have_another_delimiter() -> None:
    framing = AsciiFraming(delimiter=b"\x03")
    assert framing.pack(REQUEST) == REQUEST_BYTES[:-1] + b"\x03"
    assert framing.unpack(ANSWER_BYTES[:-1] + b"\x03") == [ANSWER]
    assert framing.delimiter == b"\x03"
    framing.delimiter = b"\n"
    assert framing.pack(REQUEST) == REQUEST_BYTES


@pytest.mark.parametrize("delimiter", [b"", b"ab", b":", b"\r", b"0", b"F", b"f"])
def test_what_stands_in_a_frame_is_no_delimiter(delimiter: bytes) -> None:
    with pytest.raises(ValueError, match="a delimiter is one byte"):
        AsciiFraming(delimiter=delimiter)


def test_what_is_left_of_the_exchange_before_is_dropped_by_the_next() -> None:
    framing = AsciiFraming()
    framing.unpack(ANSWER_BYTES[:9])
    framing.pack(REQUEST)
    assert (framing.partial, framing.noise) == (0, 9)
    assert framing.unpack(ANSWER_BYTES) == [ANSWER]


def test_the_request_of_another_client_is_left_out() -> None:
    framing = AsciiFraming()
    assert framing.unpack(framed(Adu(5, REQUEST.pdu))) == []
    assert framing.foreign == 1


def test_an_echo_that_can_be_no_answer_shows_that_there_is_one() -> None:
    framing = AsciiFraming()
    assert framing.unpack(framing.pack(REQUEST) + ANSWER_BYTES) == [ANSWER]
    assert framing.unpack(framing.pack(WRITE)) == []
    assert framing.unpack(framed(WRITE)) == [WRITE]
    assert framing.echoes == 2


def test_without_an_echo_known_an_answer_like_the_request_is_the_answer() -> None:
    framing = AsciiFraming()
    assert framing.unpack(framing.pack(WRITE)) == [WRITE]


@given(st.binary(max_size=2000) | st.text(":0123456789ABCDEF\r\n", max_size=2000).map(str.encode))
def test_no_bytes_at_all_can_make_it_raise_or_keep_more_than_a_frame(noise: bytes) -> None:
    framing = server()
    framing.unpack(noise)
    assert framing.partial < 513


def test_too_much_noise_ends_it() -> None:
    framing = server()
    framing.unpack(b"GET / HTTP/1.1\r\n" * (MOST_NOISE // 10))
    assert "4096 bytes without one ASCII frame" in str(framing.failure)
    assert framing.unpack(REQUEST_BYTES) == []
    framing.clear()
    assert framing.unpack(REQUEST_BYTES) == [REQUEST]


def test_a_server_session_takes_it_as_it_is() -> None:
    session = ServerSession(server())
    (indication,) = session.receive_data(REQUEST_BYTES)
    assert session.pack_response(indication, Registers.of([555, 0, 100])) == ANSWER_BYTES
