"""Function code 24."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.errors import IllegalDataAddress, IllegalDataValue, ProtocolError
from mbap.protocol.pdu import ReadFifoQueue
from mbap.protocol.wire import Registers
from support.extras import EveryExtra

READ = ReadFifoQueue(1246)


@given(st.integers(0, 0xFFFF))
def test_any_pointer_goes_there_and_back(address: int) -> None:
    assert ReadFifoQueue.decode(ReadFifoQueue(address).encode()) == ReadFifoQueue(address)


@given(st.lists(st.integers(0, 0xFFFF), max_size=31))
def test_any_queue_goes_there_and_back(values: list[int]) -> None:
    assert READ.decode_response(READ.encode_response(Registers.of(values))) == values


@pytest.mark.parametrize("address", [-1, 65536])
def test_a_pointer_is_an_address(address: int) -> None:
    with pytest.raises(ValueError, match="address is 0 to 65535"):
        ReadFifoQueue(address)


@pytest.mark.parametrize(
    "pdu",
    [
        "18 0042 0020" + "0000" * 32,
        "18 0006 0001 01B8 1284",
        "18 0004 0002 01B8 1284",
        "18 0006 0002 01B8",
        "18 0006 0002 01B8 1284 00",
        "18 0003 0000 00",
    ],
)
def test_a_queue_whose_counts_do_not_agree_is_a_protocol_error(pdu: str) -> None:
    """H110"""
    with pytest.raises(ProtocolError):
        READ.decode_response(bytes.fromhex(pdu))


def test_a_queue_is_read_and_stays() -> None:
    device = EveryExtra()
    device.fifos[1246] = [440, 4740]
    assert READ.apply(device) == READ.apply(device) == [440, 4740]


def test_no_queue_there_is_exception_02() -> None:
    with pytest.raises(IllegalDataAddress):
        READ.apply(EveryExtra())


def test_more_than_31_in_the_queue_is_exception_03() -> None:
    """H074"""
    device = EveryExtra()
    device.fifos[1246] = [0] * 32
    with pytest.raises(IllegalDataValue):
        READ.apply(device)


def test_more_than_31_are_never_packed() -> None:
    with pytest.raises(ValueError, match="at most 31 registers, not 32"):
        READ.encode_response(Registers.of([0] * 32))
