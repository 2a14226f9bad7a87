"""Requests that are passed on as they came: the same are right, and the same answers fit, as taken apart."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mbap import ExceptionResponse, ProtocolError
from mbap.protocol.pdu import decode_request
from mbap.protocol.relayed import Relayed, relayed

PLAIN = (1, 2, 3, 4, 5, 6, 16)
WORDS = st.integers(0, 0xFFFF) | st.sampled_from([0, 1, 120, 123, 124, 125, 126, 1999, 2000, 2001, 0xFF00])


def framed(pdu: bytes) -> bytes:
    return b"\0\7\0\0" + (len(pdu) + 1).to_bytes(2, "big") + b"\1" + pdu


def word(value: int) -> bytes:
    return value.to_bytes(2, "big")


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """PDUs of which many are right, and the others nearly."""
    code = draw(st.sampled_from([*PLAIN, *PLAIN, 15, 22, 23, 43, 99]))
    body = word(draw(WORDS)) + word(draw(WORDS | st.integers(1, 10)))
    if code in (15, 16):
        count = draw(st.integers(0, 125))
        data = draw(st.binary(min_size=2 * count, max_size=2 * count))
        body = word(draw(WORDS)) + word(count) + bytes((draw(st.sampled_from([2 * count, 2])) & 0xFF,)) + data
    return bytes((code,)) + body + draw(st.sampled_from([b"", b"", b"", b"\0"]))


def taken(pdu: bytes) -> Relayed | None:
    return relayed(framed(pdu), 0) if len(pdu) >= 5 else None


@given(requests())
@example(bytes.fromhex("03 FFFF 0001"))
@example(bytes.fromhex("03 FFFF 0002"))
@example(bytes.fromhex("05 0001 FF01"))
def test_what_is_relayed_is_what_would_be_encoded_again(pdu: bytes) -> None:
    try:
        whole = decode_request(pdu)
    except ExceptionResponse:
        assert taken(pdu) is None
        return
    one = taken(pdu)
    assert (one is not None) == (whole.function_code in PLAIN)
    if one is not None:
        assert one.encode() == whole.encode() == pdu
        facts = (one.function_code, one.writes, one.title, one.spans())
        assert facts == (whole.function_code, whole.writes, whole.title, whole.spans())


def outcome(request: Any, pdu: bytes) -> object:
    """The answer that goes on to the client, or what is raised."""
    try:
        return request.encode_response(request.decode_response(pdu))
    except (ProtocolError, ExceptionResponse) as error:
        return type(error), str(error)


@given(requests(), st.data())
def test_the_same_answers_fit(pdu: bytes, data: st.DataObject) -> None:
    one = taken(pdu)
    if one is None:
        return
    size = one._size - 2
    answers = st.one_of(
        st.binary(max_size=6),
        st.binary(min_size=size, max_size=size).map(lambda wire: bytes((pdu[0], size & 0xFF)) + wire),
        st.just(pdu[:5]),
        st.just(pdu),
    )
    answer = data.draw(answers)
    assert outcome(one, answer) == outcome(one.whole, answer)


def test_bits_behind_the_last_are_cleared() -> None:
    one = taken(bytes.fromhex("01 0000 0003"))
    assert one is not None
    assert one.decode_response(bytes.fromhex("01 01 FF")) == bytes.fromhex("01 01 07")


def test_a_write_that_is_not_whole_in_what_came_is_not_taken() -> None:
    assert relayed(framed(bytes.fromhex("10 0000 0001")), 0) is None


def test_it_can_be_decoded_as_any_request() -> None:
    pdu = bytes.fromhex("10 0000 0001 02 1234")
    assert Relayed.decode(pdu) == taken(pdu)
    assert hash(Relayed.decode(pdu)) == hash(taken(pdu))
    with pytest.raises(ValueError, match="function 22 is not passed on"):
        Relayed.decode(bytes.fromhex("16 0000 0001 0002"))
    with pytest.raises(ExceptionResponse):
        Relayed.decode(bytes.fromhex("03 0000 0000"))
