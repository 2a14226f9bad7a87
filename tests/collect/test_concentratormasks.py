"""Functions 22, 23 and 43 of a concentrator: what the device gets, what clients are answered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mbap.addresses import Table
from mbap.collect.concentratorturns import MOST_WAITING
from mbap.collect.registermap import Point
from mbap.errors import (
    ExceptionResponse,
    GatewayTargetFailedToRespond,
    IllegalDataAddress,
    IllegalDataValue,
    IllegalFunction,
    OutcomeUnknown,
    ServerDeviceBusy,
    ServerDeviceFailure,
)
from mbap.protocol.pdu import (
    EncapsulatedInterface,
    MaskWriteRegister,
    ReadDeviceIdentification,
    ReadWriteMultipleRegisters,
    Request,
    WriteMultipleRegisters,
    WriteSingleRegister,
)
from mbap.protocol.wire import Registers
from mbap.server.device import Device
from mbap.values import Encoding
from support.concentrating import Concentrated, Writable

FLAGS = Point("flags", Table.HOLDING_REGISTERS, 40, Encoding("uint16"), writable=(0, 0xFF))
ODD = Point("odd", Table.HOLDING_REGISTERS, 41, Encoding("uint16", "BA"), writable=(0, 0xFFFF))
WIDE = Point("wide", Table.HOLDING_REGISTERS, 42, Encoding("uint32"), writable=(0, 1e9))
FIXED = Point("fixed", Table.HOLDING_REGISTERS, 44, Encoding("uint16"))
GAUGE = Point("gauge", Table.HOLDING_REGISTERS, 45, Encoding("uint16"))
NUMBERS = (FLAGS, WIDE, FIXED, ODD, GAUGE)  # served at 0, 2, 4, 5 and 6
BITS = tuple(
    Point(f"bit{bit}", Table.HOLDING_REGISTERS, 50, Encoding("bool", bit=bit), writable=writable)
    for bit, writable in ((0, (0, 1)), (3, (0, 1)), (9, None))
)


def numbers(plc: Device | None = None, **options: bool) -> Writable:
    plc = plc or Device(holding_registers={40: [0x0F, 0x3412, 1, 2, 7, 9]})
    return Writable(plc, points=NUMBERS, values=(0x0F, 0x10002, 7, 0x1234, 9), **options)


def bits(plc: Device | None = None, **options: bool) -> Writable:
    plc = plc or Device(holding_registers={50: [0b1_0000_0001]})
    return Writable(plc, points=BITS, values=(True, False, False), mirror=True, **options)


class Mute(Device):
    """Answers reads with nothing of what is written."""

    def write_registers(self, table: Table, address: int, values: Registers) -> None:
        """Nothing."""


async def exchanged(site: Writable, request: ReadWriteMultipleRegisters) -> list[int]:
    answer: Registers = await site.write(request)
    return list(answer)


# --- function 22 ---


async def test_a_mask_changes_the_bits_it_names_of_what_the_device_has_now() -> None:
    site = numbers()
    site.executor.device.holding_registers[40] = 0b1010_0000  # since the collector read it
    await site.write(MaskWriteRegister(0, 0xFFF0, 0b0110))
    assert site.sent == [WriteSingleRegister(40, 0b1010_0110)]
    assert site.site.registers(0, 1) == [0b1010_0110]
    assert site.counts.done == 1


async def test_a_mask_is_put_on_what_clients_see() -> None:
    site = numbers(normal=True)
    assert site.site.registers(5, 1) == [0x1234]
    await site.write(MaskWriteRegister(5, 0xFF00, 0x0056))
    assert site.executor.device.holding_registers[41] == 0x5612
    assert site.site.registers(5, 1) == [0x1256]


@pytest.mark.parametrize(
    ("address", "refusal"),
    [
        (2, IllegalDataValue),  # half of a point of two registers
        (3, IllegalDataValue),
        (4, IllegalDataAddress),  # the profile does not call it writable
        (90, IllegalDataAddress),
    ],
)
async def test_a_mask_on_anything_else_is_refused_and_nothing_sent(
    address: int, refusal: type[ExceptionResponse]
) -> None:
    site = numbers()
    with pytest.raises(refusal):
        await site.write(MaskWriteRegister(address, 0xFFFE, 1))
    assert not site.executor.asked
    assert site.counts.refused == 1


async def test_a_mask_that_leads_beyond_what_may_be_written_writes_nothing() -> None:
    site = numbers()
    with pytest.raises(IllegalDataValue):
        await site.write(MaskWriteRegister(0, 0xFEFF, 0x0100))
    assert site.sent == []
    assert site.counts.refused == 1


async def test_a_mask_that_reads_back_otherwise_is_04() -> None:
    site = numbers(Mute(holding_registers={40: [0x0F]}))
    with pytest.raises(ServerDeviceFailure):
        await site.write(MaskWriteRegister(0, 0xFFF0, 0))


async def test_a_mask_on_a_device_that_is_silent_is_0b_and_nothing_is_written() -> None:
    site = numbers()
    site.executor.error = lambda: OutcomeUnknown("no answer came")
    with pytest.raises(GatewayTargetFailedToRespond):
        await site.write(MaskWriteRegister(0, 0xFFF0, 0))
    assert site.sent == []


async def test_two_masks_at_once_lose_nothing_of_each_other() -> None:
    site = numbers()
    site.executor.device.holding_registers[40] = 0
    site.executor.latency = 0.002
    await asyncio.gather(*(site.write(MaskWriteRegister(0, 0xFFFF ^ 1 << n, 1 << n)) for n in range(8)))
    assert site.executor.device.holding_registers[40] == 0xFF


async def test_a_write_does_not_come_between_the_two_halves_of_a_mask() -> None:
    site = numbers()
    site.executor.latency = 0.002
    await asyncio.gather(
        site.write(MaskWriteRegister(0, 0xFFFE, 0)), site.write(WriteSingleRegister(0, 0x81))
    )
    assert site.executor.device.holding_registers[40] == 0x81


async def test_too_many_writes_that_wait_for_one_device_are_06() -> None:
    site = numbers()
    site.executor.latency = 60
    waiting = [asyncio.ensure_future(site.write(WriteSingleRegister(0, 1))) for _ in range(MOST_WAITING + 1)]
    await asyncio.sleep(0)
    with pytest.raises(ServerDeviceBusy):
        await site.write(WriteSingleRegister(0, 1))
    assert site.counts.failures == 1
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_mask_on_a_register_of_bits_writes_the_points_it_names() -> None:
    site = bits()
    await site.write(MaskWriteRegister(50, 0xFFFF ^ 0b1001, 0b1000))
    assert site.sent == [MaskWriteRegister(50, 0xFFF6, 0b1000)]
    assert site.executor.device.holding_registers[50] == 0b1_0000_1000
    assert site.site.registers(50, 1) == [0b1000]


async def test_one_bit_of_a_mirror_is_written_alone() -> None:
    site = bits()
    await site.write(MaskWriteRegister(50, 0xFFF7, 8))
    assert site.sent == [MaskWriteRegister(50, 0xFFF7, 8)]


@pytest.mark.parametrize("and_mask", [0xFFFF ^ 0x0200, 0xFFFF ^ 0b11, 0xFFFF, 0])
async def test_a_mask_that_names_a_bit_that_is_not_to_be_written_is_02(and_mask: int) -> None:
    site = bits()
    with pytest.raises(IllegalDataAddress):
        await site.write(MaskWriteRegister(50, and_mask, 0xFFFF))
    assert not site.executor.asked


# --- function 23 ---


async def test_23_writes_and_then_reads() -> None:
    site = numbers()
    assert await exchanged(site, ReadWriteMultipleRegisters(0, 5, 0, [0x42])) == [0x42, 0, 1, 2, 7]
    assert site.sent == [WriteMultipleRegisters(40, [0x42])]


async def test_23_shows_what_was_written_also_where_writes_are_not_verified() -> None:
    site = numbers(verify=False)
    assert await exchanged(site, ReadWriteMultipleRegisters(0, 1, 0, [0x42])) == [0x42]


async def test_23_elsewhere_reads_nothing_back_where_that_is_not_wanted() -> None:
    site = numbers(verify=False)
    assert await exchanged(site, ReadWriteMultipleRegisters(4, 1, 0, [0x42])) == [7]
    assert len(site.executor.asked) == 1


async def test_23_without_verification_shows_what_the_device_made_of_it() -> None:
    site = numbers(Mute(holding_registers={40: [3]}), verify=False)
    assert await exchanged(site, ReadWriteMultipleRegisters(0, 1, 0, [0x42])) == [3]


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (ReadWriteMultipleRegisters(0, 1, 2, [1]), IllegalDataValue),  # half of a point
        (ReadWriteMultipleRegisters(0, 1, 4, [1]), IllegalDataAddress),
        (ReadWriteMultipleRegisters(90, 1, 0, [1]), IllegalDataAddress),  # nothing to read
        (ReadWriteMultipleRegisters(0, 1, 0, [0x100]), IllegalDataValue),
    ],
)
async def test_23_is_refused_as_a_whole(
    request_: ReadWriteMultipleRegisters, refusal: type[ExceptionResponse]
) -> None:
    site = numbers()
    with pytest.raises(refusal):
        await site.write(request_)
    assert not site.executor.asked


async def test_23_writes_nothing_where_what_is_to_be_read_is_bad() -> None:
    site = Writable(points=NUMBERS, values=(1, 2, None, 4, 5))
    with pytest.raises(GatewayTargetFailedToRespond):
        await site.write(ReadWriteMultipleRegisters(4, 1, 0, [1]))
    assert not site.executor.asked


async def test_23_reads_what_it_wrote_also_where_it_was_bad_before() -> None:
    site = Writable(points=NUMBERS, values=(None, 2, 3, 4, 5))
    assert await exchanged(site, ReadWriteMultipleRegisters(0, 1, 0, [1])) == [1]


# --- without writes, and function 43 ---


@pytest.mark.parametrize("request_", [MaskWriteRegister(3, 0, 1), ReadWriteMultipleRegisters(3, 1, 3, [1])])
def test_without_writes_both_are_01(request_: Request[Any]) -> None:
    with pytest.raises(IllegalFunction):
        Concentrated().ask(request_)


def test_who_answers_is_told() -> None:
    site = Concentrated(identification={0: b"mbap", 1: b"mbap concentrator", 2: b"1.0", 6: b"Works"})
    assert site.ask(ReadDeviceIdentification()).objects == {0: b"mbap", 1: b"mbap concentrator", 2: b"1.0"}
    assert site.ask(ReadDeviceIdentification(4, 6)).objects == {6: b"Works"}


def test_who_answers_is_01_without_an_identification_and_for_canopen() -> None:
    with pytest.raises(IllegalFunction):
        Concentrated().ask(ReadDeviceIdentification())
    with pytest.raises(IllegalFunction):
        Concentrated(identification={0: b"mbap"}).ask(EncapsulatedInterface(13, b"\0"))
