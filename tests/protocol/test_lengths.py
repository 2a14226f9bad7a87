"""How long a PDU is: as long as every known frame, and told as soon as it can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.protocol.pdu import EncapsulatedInterface
from mbap.protocol.pdu.lengths import LONGEST_PDU, NEVER, UNTOLD, Length, request_length, response_length
from vectors.frames import Exchange
from vectors.more_frames import EVERY_EXCHANGE

both = pytest.mark.parametrize("length", [request_length, response_length])
TOLD = [
    one
    for one in EVERY_EXCHANGE
    if not isinstance(one.request, EncapsulatedInterface) and one.name != "return query data"
]


@pytest.mark.parametrize("exchange", TOLD, ids=lambda exchange: exchange.name)
def test_known_frames_are_as_long_as_they_are_said_to_be(exchange: Exchange) -> None:
    for length, pdu in ((request_length, exchange.request_pdu), (response_length, exchange.response_pdu)):
        assert length(pdu) == length(b"\xff\xff" + pdu + b"\xff", 2) == len(pdu)
        assert {length(pdu[:size]) for size in range(len(pdu))} <= {None, len(pdu)}


@both
@pytest.mark.parametrize("code", [9, 13, 18, 19, 65, 72, 100, 110, 127])
def test_a_function_of_no_standard_does_not_tell(length: Length, code: int) -> None:
    assert length(bytes((code, 1, 2)), 0) == UNTOLD


@both
@pytest.mark.parametrize("pdu", ["08 0000", "08 0013", "2B 0D", "2B 00"])
def test_data_of_any_length_does_not_tell(length: Length, pdu: str) -> None:
    assert length(bytes.fromhex(pdu), 0) == UNTOLD


@both
def test_function_0_does_not_exist(length: Length) -> None:
    assert length(b"\x00", 0) == NEVER


@pytest.mark.parametrize("code", [0x81, 0x83, 0x90, 0xC1, 0xFF])
def test_an_exception_is_two_bytes_and_never_a_request(code: int) -> None:
    assert response_length(bytes((code,))) == 2
    assert request_length(bytes((code,))) == NEVER


def test_an_exception_to_function_0_does_not_exist() -> None:
    assert response_length(b"\x80") == NEVER


def test_an_identification_that_is_too_long_is_none() -> None:
    pdu = bytes.fromhex("2B 0E 01 81 00 00 FF") + (b"\x00\xfd" + bytes(253)) * 2
    assert response_length(pdu) == NEVER


@both
@given(st.binary(max_size=300))
def test_any_bytes_have_a_length_or_need_more(length: Length, data: bytes) -> None:
    size = length(data, 0)
    assert size is None or size >= 0
    # What is told does not change when more comes; and with a whole PDU it is always told.
    if size is not None:
        assert length(data + b"\x55", 0) == size
    assert size is not None or len(data) <= LONGEST_PDU
