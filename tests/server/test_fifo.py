"""Fifo: queues that the program fills and clients read."""

from __future__ import annotations

import pytest

from mbap.errors import IllegalDataAddress, IllegalDataValue, IllegalFunction
from mbap.protocol.pdu import ReadFifoQueue
from mbap.protocol.wire import Registers
from mbap.server.device import Device
from mbap.server.fifo import Fifo
from mbap.server.handler import Call, Peer


def read(device: Device, address: int) -> Registers:
    return device.handle(Call(ReadFifoQueue(address), 1, Peer()))


def test_it_is_read_as_in_the_standards_example_and_left_as_it_is() -> None:
    device = Device(fifos={1246: [440, 4740]})
    assert read(device, 1246) == [440, 4740]
    assert read(device, 1246) == [440, 4740]


def test_an_empty_one_gives_nothing() -> None:
    assert read(Device(fifos={0: []}), 0) == []


def test_what_is_put_is_behind_and_what_is_taken_was_in_front() -> None:
    fifo = Fifo([1, 2])
    fifo.put(3)
    assert (fifo.take(), list(fifo), len(fifo), repr(fifo)) == (1, [2, 3], 2, "<queue of 2 registers>")
    fifo.clear()
    with pytest.raises(IndexError):
        fifo.take()


def test_one_more_than_it_keeps_pushes_the_oldest_out() -> None:
    fifo = Fifo(limit=2)
    for value in (1, 2, 3):
        fifo.put(value)
    assert (list(fifo), fifo.lost) == ([2, 3], 1)


def test_h074_32_in_a_queue_are_exception_03_until_one_is_taken() -> None:
    device = Device(fifos={0: range(32)})
    with pytest.raises(IllegalDataValue):
        read(device, 0)
    device.fifos[0].take()
    assert len(read(device, 0)) == 31


def test_an_address_without_a_queue_is_exception_02() -> None:
    with pytest.raises(IllegalDataAddress):
        read(Device(fifos={1246: []}), 1247)


def test_a_device_without_queues_does_not_have_the_function() -> None:
    with pytest.raises(IllegalFunction):
        read(Device(), 1246)


def test_what_is_no_register_is_refused() -> None:
    with pytest.raises(ValueError, match="0 to 65535"):
        Fifo().put(65_536)


def test_a_queue_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="for 1 registers cannot take 2"):
        Fifo([1, 2], limit=1)
    with pytest.raises(ValueError, match="addresses from 0 to 65535, not 65536"):
        Device(fifos={65_536: []})
