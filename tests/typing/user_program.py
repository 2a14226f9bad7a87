"""What a user writes: type checkers must know each result to the element. Read by them, never run."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import ClassVar, TypeVar, assert_type

import mbap
from mbap.protocol.pdu import (
    CommEventLog,
    DeviceIdentification,
    FileRecord,
    GetCommEventLog,
    ReadDeviceIdentification,
    ReadExceptionStatus,
    ReadFifoQueue,
    ReadFileRecord,
)

R = TypeVar("R")


def blocking() -> None:
    with mbap.Client("tcp://192.168.1.100", unit=6) as plc:
        registers = plc.read_holding_registers(107, 3)
        assert_type(registers, mbap.Registers)
        assert_type(registers[0], int)
        assert_type(registers[0:2], mbap.Registers)
        assert_type(list(plc.read_coils(0, 16)), list[bool])
        many = plc.execute_many([mbap.ReadHoldingRegisters(0, 3), mbap.ReadHoldingRegisters(100, 3)])
        assert_type(many, list[mbap.Registers | mbap.ModbusError])
        mixed = plc.execute_many([mbap.ReadHoldingRegisters(0, 3), mbap.ReadCoils(0, 8)], deadline=5.0)
        assert_type(mixed, list[object])
        assert_type(plc.execute_many((mbap.WriteSingleCoil(3, True), mbap.ReadCoils(0, 8))), list[object])
        assert_type(plc.execute_many(requests()), list[object])
        assert_type(plc.read_discrete_inputs(0, 1)[0], bool)
        assert_type(plc.read_input_registers(address=8, count=1)[0], int)
        assert_type(plc.read_write_multiple_registers(3, 6, 14, [255, 255])[0], int)
        assert_type(plc.write_single_coil(172, True), None)
        assert_type(plc.write_multiple_registers(1, [10, 258]), None)
        assert_type(plc.unit(5).read_coils(0, 1)[0], bool)
        assert_type(plc.execute(ReadExceptionStatus()), int)
        assert_type(plc.execute(ReadFifoQueue(1246))[0], int)
        assert_type(plc.execute(GetCommEventLog()), CommEventLog)
        assert_type(plc.execute(ReadDeviceIdentification()), DeviceIdentification)
        assert_type(plc.execute(ReadFileRecord([FileRecord(1, 0, 2)]))[0][0], int)
        assert_type(plc.execute(ReadSerialNumber()), int)


def requests() -> list[mbap.RequestFor[object]]:
    """Put together beforehand: the class of the list has to be said."""
    return [mbap.ReadHoldingRegisters(0, 3), mbap.ReadCoils(0, 8), ReadSerialNumber()]


def with_a_unit(unit: mbap.BlockingUnit) -> mbap.Bits:
    """A view on one unit has a name of its own."""
    return unit.read_coils(0, 8)


async def asynchronous() -> None:
    async with mbap.AsyncClient("tcp://192.168.1.100") as plc:
        registers = await plc.read_holding_registers(107, 3)
        assert_type(registers[0], int)
        assert_type((await plc.read_coils(0, 8))[0], bool)
        assert_type(await plc.execute(ReadSerialNumber()), int)
        assert_type(await plc.write_single_register(1, 3), None)
        unit: mbap.AsyncUnit = plc.unit(5)
        assert_type(await unit.execute_many([mbap.ReadCoils(0, 3)]), list[mbap.Bits | mbap.ModbusError])
        mixed = await unit.execute_many([mbap.ReadHoldingRegisters(0, 3), mbap.WriteSingleCoil(0, False)])
        assert_type(mixed, list[object])
        events = plc.events()
        assert_type(events, mbap.EventStream)
        assert_type([event.state async for event in events], list[mbap.LinkState])


@dataclass(frozen=True, slots=True)
class ReadSerialNumber(mbap.Request[int]):
    """A function code of the user's own."""

    function_code: ClassVar[int] = 65

    def encode(self) -> bytes:
        return bytes((65,))

    @classmethod
    def decode(cls, pdu: bytes) -> ReadSerialNumber:
        return cls()

    def encode_response(self, result: int) -> bytes:
        return bytes((65,)) + result.to_bytes(4, "big")

    def decode_response(self, pdu: bytes) -> int:
        return int.from_bytes(pdu[1:], "big")


class Doubling:
    """A handler of the user's own."""

    def __init__(self, inner: mbap.Handler) -> None:
        self._inner = inner

    def handle(self, call: mbap.Call[R]) -> R | Awaitable[R]:
        if isinstance(call.request, mbap.WriteSingleRegister):
            raise mbap.IllegalFunction
        return self._inner.handle(call)


async def serving() -> None:
    device = mbap.Device(holding_registers=range(10_000), coils=[True] * 16)
    assert_type(device.holding_registers[107], int)
    assert_type(device.coils[3], bool)
    device.holding_registers[107] = 555
    async with mbap.Server("tcp://127.0.0.1:1502", Doubling(mbap.Units({1: device}))) as server:
        assert_type(server.port, int)
        await server.serve_forever()


def errors() -> None:
    try:
        blocking()
    except mbap.ExceptionResponse as refusal:
        assert_type(refusal.code, int)
    except mbap.ModbusError as error:
        assert_type(error.reason, str)
