"""Writes of clients: what the device gets, and what clients are answered."""

from __future__ import annotations

import asyncio

import pytest

from mbap.addresses import Table
from mbap.errors import (
    ExceptionResponse,
    GatewayTargetFailedToRespond,
    IllegalDataAddress,
    IllegalDataValue,
    MemoryParityError,
    OutcomeUnknown,
    QueueFull,
    ServerDeviceBusy,
    ServerDeviceFailure,
)
from mbap.protocol.execute import Priority
from mbap.protocol.pdu import (
    MaskWriteRegister,
    Request,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.protocol.wire import Registers
from mbap.server.device import Device
from support.concentrating import Writable


class Stubborn(Device):
    """Confirms writes and does not carry them out."""

    def write_registers(self, table: Table, address: int, values: Registers) -> None:
        """Nothing."""


async def test_a_register_is_written_to_the_device() -> None:
    site = Writable()
    await site.write(WriteSingleRegister(3, 5))
    assert site.sent == [WriteSingleRegister(21, 5)]
    asked = site.executor.asked[0]
    assert (asked.unit, asked.priority, asked.origin) == (3, Priority.WRITE, "10.0.0.9:50000")


async def test_the_function_of_the_client_is_kept() -> None:
    site = Writable()
    await site.write(WriteMultipleRegisters(3, [5]))
    assert site.sent == [WriteMultipleRegisters(21, [5])]


async def test_a_coil_is_written_to_the_device() -> None:
    site = Writable()
    await site.write(WriteSingleCoil(0, False))
    await site.write(WriteMultipleCoils(0, [True]))
    assert site.sent == [WriteSingleCoil(7, False), WriteMultipleCoils(7, [True])]


async def test_a_bit_of_a_register_is_written_with_a_mask() -> None:
    site = Writable()
    site.executor.device.holding_registers[30] = 0b10001
    await site.write(WriteSingleCoil(1, True))
    assert site.sent == [MaskWriteRegister(30, 0xFFF7, 8)]
    assert site.executor.device.holding_registers[30] == 0b11001
    assert site.site.bits(1, 1) == [True]


async def test_neighbours_that_are_apart_there_are_not_written() -> None:
    with pytest.raises(IllegalDataValue):
        await Writable().write(WriteMultipleCoils(0, [True, True]))


async def test_a_value_is_put_as_the_device_wants_it() -> None:
    site = Writable(normal=True)
    await site.write(WriteMultipleRegisters(2, [0x4033, 0x3333]))  # 2.8 as float32
    assert site.sent == [WriteMultipleRegisters(20, [28])]


async def test_neighbours_that_are_neighbours_there_are_one_write() -> None:
    site = Writable()
    await site.write(WriteMultipleRegisters(2, [30, 2]))
    assert site.sent == [WriteMultipleRegisters(20, [30, 2])]


async def test_clients_see_at_once_what_was_written() -> None:
    site = Writable()
    await site.write(WriteSingleRegister(3, 5))
    assert site.site.registers(3, 1) == [5]


async def test_without_verification_nothing_is_read_back() -> None:
    site = Writable(verify=False)
    await site.write(WriteSingleRegister(3, 5))
    assert len(site.executor.asked) == 1


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (WriteMultipleRegisters(0, [0, 0]), IllegalDataAddress),  # the profile does not call it writable
        (WriteSingleRegister(50, 0), IllegalDataAddress),  # there is nothing
        (WriteMultipleRegisters(3, [1, 1]), IllegalDataAddress),  # nor behind it
        (WriteSingleCoil(2, True), IllegalDataAddress),
        (WriteSingleRegister(3, 6), IllegalDataValue),  # beyond what may be written
        (WriteSingleRegister(2, 0xFFFF), IllegalDataValue),
    ],
)
async def test_what_cannot_be_written_is_refused(
    request_: Request[None], refusal: type[ExceptionResponse]
) -> None:
    site = Writable()
    with pytest.raises(refusal):
        await site.write(request_)
    assert not site.executor.asked
    assert site.counts.refused == 1


async def test_half_a_value_is_not_written() -> None:
    """H125: its limits would not hold for the half."""
    site = Writable(normal=True)
    with pytest.raises(IllegalDataValue):
        await site.write(WriteSingleRegister(2, 0x4033))


async def test_a_register_of_bits_is_not_written_as_a_whole() -> None:
    with pytest.raises(IllegalDataValue):
        await Writable(mirror=True).write(WriteSingleRegister(30, 8))


async def test_the_answer_of_the_device_is_passed_on() -> None:
    site = Writable()
    site.executor.error = MemoryParityError
    with pytest.raises(MemoryParityError):
        await site.write(WriteSingleRegister(3, 5))
    assert site.counts.exceptions == 1


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (OutcomeUnknown("no answer came"), GatewayTargetFailedToRespond),
        (QueueFull("too many wait"), ServerDeviceBusy),
    ],
)
async def test_silence_is_0b_and_a_full_queue_06(error: Exception, answer: type[ExceptionResponse]) -> None:
    site = Writable()
    site.executor.error = lambda: error
    with pytest.raises(answer):
        await site.write(WriteSingleRegister(3, 5))
    assert site.counts.failures == 1


async def test_a_device_without_a_line_is_0b() -> None:
    site = Writable()
    site.gone = True
    with pytest.raises(GatewayTargetFailedToRespond):
        await site.write(WriteSingleRegister(3, 5))


async def test_what_reads_back_otherwise_is_04_and_clients_see_what_is_there() -> None:
    site = Writable(Stubborn(holding_registers={21: [2]}))
    with pytest.raises(ServerDeviceFailure):
        await site.write(WriteSingleRegister(3, 5))
    assert site.site.registers(3, 1) == [2]
    assert site.counts.different == 1


async def test_a_read_is_answered_while_a_write_waits() -> None:
    site = Writable()
    site.executor.latency = 10
    writing = asyncio.ensure_future(site.write(WriteSingleRegister(3, 5)))
    await asyncio.sleep(0)
    assert Registers.of(site.site.registers(3, 1)) == [4]
    writing.cancel()
