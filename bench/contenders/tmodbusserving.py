"""tmodbus' asyncio server with one handler a function code. It needs Python 3.12."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.contenders.ground import BITS, HOST, REGISTERS, SIZE
from tmodbus import pdu  # type: ignore[import-not-found]
from tmodbus.exceptions import IllegalDataAddressError  # type: ignore[import-not-found]
from tmodbus.server import AsyncTcpServer, ModbusRequestRouter  # type: ignore[import-not-found]

_router = ModbusRequestRouter()


def _checked(request: Any, address: int, count: int) -> None:
    if address + count > SIZE:
        raise IllegalDataAddressError(request.function_code)


def _on(request: Any) -> Callable[[Any], Any]:
    found: Callable[[Any], Any] = _router.register(request, unit_id=1)
    return found


def _reads(kind: Any, store: list[Any]) -> None:
    @_on(kind)
    async def read(_unit: int, request: Any) -> list[Any]:
        start, count = request.start_address, request.quantity
        _checked(request, start, count)
        return store[start : start + count]


def _writes_one(kind: Any, store: list[Any]) -> None:
    @_on(kind)
    async def write(_unit: int, request: Any) -> Any:
        _checked(request, request.address, 1)
        store[request.address] = request.value
        return request.value


def _writes_many(kind: Any, store: list[Any]) -> None:
    @_on(kind)
    async def write(_unit: int, request: Any) -> int:
        start, values = request.start_address, request.values
        _checked(request, start, len(values))
        store[start : start + len(values)] = values
        return len(values)


def _reads_and_writes(store: list[Any]) -> None:
    @_on(pdu.ReadWriteMultipleRegistersPDU)
    async def read_write(_unit: int, request: Any) -> list[Any]:
        to, values = request.write_start_address, request.write_values
        start, count = request.read_start_address, request.read_quantity
        _checked(request, to, len(values))
        _checked(request, start, count)
        store[to : to + len(values)] = values
        return store[start : start + count]


async def serving(port: int) -> None:
    """Serve until ended."""
    coils, words = list(BITS), list(REGISTERS)
    _reads(pdu.ReadCoilsPDU, coils)
    _reads(pdu.ReadDiscreteInputsPDU, list(BITS))
    _reads(pdu.ReadHoldingRegistersPDU, words)
    _reads(pdu.ReadInputRegistersPDU, list(REGISTERS))
    _writes_one(pdu.WriteSingleCoilPDU, coils)
    _writes_one(pdu.WriteSingleRegisterPDU, words)
    _writes_many(pdu.WriteMultipleCoilsPDU, coils)
    _writes_many(pdu.WriteMultipleRegistersPDU, words)
    _reads_and_writes(words)
    await AsyncTcpServer(host=HOST, port=port, handler=_router).serve_forever()
