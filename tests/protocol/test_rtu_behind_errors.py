"""The RTU framing at a server: a good request directly behind a wrong frame is not kept waiting."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mbap.protocol.adu import Adu
from mbap.protocol.pdu.lengths import agrees, begin_of_response, request_length
from mbap.protocol.sides import Side
from support.rtu_frames import ANSWER, REQUEST, REQUEST_BYTES, byte_by_byte, framed, in_pieces, server
from vectors.more_frames import EVERY_EXCHANGE

told = [one.request_pdu for one in EVERY_EXCHANGE if request_length(one.request_pdu)]
OTHER = Adu(5, bytes.fromhex("03 006B 0006"))
OTHERS_ANSWER = Adu(5, bytes((3, 12)) + bytes(range(12)))
INNER = framed(Adu(0x11, b"\x06\x00\x01\x00\x03"))
WITH_A_FRAME_INSIDE = Adu(5, bytes((3, 12, 1, 2)) + INNER + b"\x09\x09")


def wrong(frame: bytes, bit: int) -> bytes:
    """*frame* with one bit of it changed."""
    data = bytearray(frame)
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(data)


@given(st.sampled_from(told), st.integers(0, 2047), st.integers(1, 247), st.sampled_from(told), st.data())
def test_a_request_directly_behind_a_wrong_one_is_found_in_any_split(
    first: bytes, bit: int, unit: int, second: bytes, data: st.DataObject
) -> None:
    # A bit of the unit or the check, or of what follows the code: the frame still is as long as it says.
    bad = wrong(framed(Adu(unit, first)), bit)
    assume(request_length(bad, 1) == len(first))
    framing = server()
    assert in_pieces(framing, bad + framed(Adu(unit, second)), data) == [Adu(unit, second)]
    assert (framing.noise, framing.crc_errors, framing.partial) == (len(bad), 1, 0)


@given(st.sampled_from(told), st.integers(0, 2047), st.integers(1, 247), st.data())
def test_between_good_requests_any_wrong_bit_costs_one_frame_only(
    first: bytes, bit: int, unit: int, data: st.DataObject
) -> None:
    bad = wrong(framed(Adu(unit, first)), bit)
    # A frame whose code or whose counts are wrong may look like the begin of a longer one that agrees with
    # itself: the rest of that is waited for.
    assume(not any(agrees(bad + REQUEST_BYTES, at) for at in range(1, len(bad))))
    framing = server()
    framing.unpack(REQUEST_BYTES)
    assert in_pieces(framing, bad + REQUEST_BYTES, data) == [REQUEST]
    assert framing.noise == len(bad)


@given(st.binary(min_size=1, max_size=60), st.data())
def test_behind_noise_the_nearest_frame_with_a_right_check_goes_first(
    noise: bytes, data: st.DataObject
) -> None:
    stream = noise + REQUEST_BYTES
    assume(not any(agrees(stream, at) for at in range(1, len(noise))))
    framing = server()
    # Once something was heard that no response follows, a place that is not known is not waited at.
    framing.unpack(REQUEST_BYTES)
    framing.pack(ANSWER)
    assert REQUEST in in_pieces(framing, b"\xff\xff" + stream, data) + framing.silence()
    assert framing.partial == 0


@pytest.mark.parametrize(
    "bad", ["11 03 80 6B 00 03 76 87", "11 03 02 6B 00 03 76 88", "11 04 F0 00 00 01 00 00"]
)
def test_a_wrong_request_that_could_be_anothers_response_is_not_waited_for(bad: str) -> None:
    assert byte_by_byte(server(), bytes.fromhex(bad) + REQUEST_BYTES) == [REQUEST]


def test_a_wrong_byte_count_does_not_make_it_wait() -> None:
    bad = bytes.fromhex("11 10 0001 0002 F4 000A 0102 C6F0")
    assert byte_by_byte(server(), bad + REQUEST_BYTES) == [REQUEST]


def test_the_shortest_request_is_found_behind_noise() -> None:
    framing = server()
    framing.unpack(REQUEST_BYTES)
    short = Adu(0x11, b"\x07")
    assert byte_by_byte(framing, b"\xff\x00\x03" + framed(short)) == [short]


def test_a_wrong_count_with_a_right_check_is_a_request_to_refuse() -> None:
    refused = Adu(0x11, bytes.fromhex("10 0001 0002 06 000A 0102 0000"))
    assert byte_by_byte(server(), framed(refused)) == [refused]


# Others on the line


def test_the_response_to_the_request_heard_last_is_waited_for() -> None:
    framing = server()
    stream = framed(OTHER) + framed(WITH_A_FRAME_INSIDE) + REQUEST_BYTES
    assert byte_by_byte(framing, stream) == [OTHER, REQUEST]
    assert (framing.foreign, framing.noise) == (1, 0)


@given(st.data())
def test_a_conversation_of_others_is_passed_over_in_any_split(data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(EVERY_EXCHANGE), max_size=6))
    framing = server()
    # What is as long as a request is handed on, for the session to judge.
    some = [one for one in some if one.request_pdu in told and Side.SERVER.is_foreign(one.response_pdu)]
    stream = b"".join(framed(Adu(5, one.request_pdu)) + framed(Adu(5, one.response_pdu)) for one in some)
    got = in_pieces(framing, stream + REQUEST_BYTES, data)
    assert got == [*(Adu(5, one.request_pdu) for one in some), REQUEST]
    assert (framing.foreign, framing.noise) == (len(some), 0)


@given(st.integers(0, 8 * len(framed(OTHERS_ANSWER)) - 1), st.data())
def test_a_wrong_response_of_another_is_passed_over(bit: int, data: st.DataObject) -> None:
    bad = wrong(framed(OTHERS_ANSWER), bit)
    assume(not any(agrees(bad + REQUEST_BYTES, at) for at in range(1, len(bad))))
    framing = server()
    assert in_pieces(framing, framed(OTHER) + bad + REQUEST_BYTES, data) == [OTHER, REQUEST]


def test_an_echo_of_a_write_by_another_does_not_hold_up_the_next_request() -> None:
    framing = server()
    stream = framed(Adu(5, bytes.fromhex("10 0001 0001 02 000A"))) + framed(
        Adu(5, bytes.fromhex("10 0001 0001"))
    )
    assert len(byte_by_byte(framing, stream + REQUEST_BYTES)) == 2
    assert (framing.foreign, framing.noise) == (1, 0)


def test_behind_noise_the_response_of_another_is_found_too() -> None:
    framing = server()
    framing.unpack(REQUEST_BYTES)
    noise = bytes.fromhex("FFFF 09 10 0000 0000 F0")
    assert byte_by_byte(framing, noise + framed(OTHERS_ANSWER) + REQUEST_BYTES) == [REQUEST]
    assert (framing.foreign, framing.noise) == (1, len(noise))


def test_at_the_very_begin_nothing_inside_anothers_response_is_taken() -> None:
    assert byte_by_byte(server(), framed(WITH_A_FRAME_INSIDE)) == []


def test_a_long_request_that_agrees_with_itself_is_waited_for_behind_noise() -> None:
    outer = Adu(5, bytes.fromhex("10 0000 0005 0A") + INNER + bytes(2))
    framing = server()
    framing.unpack(REQUEST_BYTES)
    assert byte_by_byte(framing, b"\xff\xff" + framed(outer)) == [outer]


@pytest.mark.parametrize(
    ("pdu", "answer"),
    [
        ("0F 0013 000A 02 CD 01", True),
        ("0F 0013 000A 03", False),
        ("10 0001 0002 04", True),
        ("10 0001 0002 05", False),
        ("17 0003 0006 000E 0003 06", True),
        ("17 0003 0006 000E 0003 07", False),
        ("14 0E 06", True),
        ("14 0D 06", False),
        ("14 0E 05", False),
        ("15 09 06", True),
        ("15 08 06", False),
        ("15 09", None),
        ("10 0001", None),
        ("03 006B 0003", None),
        ("", None),
    ],
)
def test_counts_agree_or_not(pdu: str, answer: bool | None) -> None:
    assert agrees(bytes.fromhex(pdu)) is answer


@pytest.mark.parametrize(
    ("request_", "begin"),
    [
        ("01 0013 0013", "01 03"),
        ("03 006B 0003", "03 06"),
        ("03 006B 00FF", "03"),
        ("17 0003 0006 000E 0001 02 0000", "17 0C"),
        ("10 0001 0001 02 000A", "10"),
        ("07", "07"),
    ],
)
def test_what_a_response_begins_with_is_told_by_its_request(request_: str, begin: str) -> None:
    assert begin_of_response(bytes.fromhex(request_)) == bytes.fromhex(begin)
