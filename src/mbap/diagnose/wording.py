"""Exchanges in words, and the values in them: what was asked, what was said, what was read and written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from mbap.addresses import Location, Table
from mbap.diagnose.wordingrarer import asked_rarer, said_rarer
from mbap.errors import ExceptionResponse, ProtocolError
from mbap.protocol.exchanges import Exchange
from mbap.protocol.fields import amount, function_name
from mbap.protocol.pdu import (
    READS,
    MaskWriteRegister,
    ReadFifoQueue,
    ReadWriteMultipleRegisters,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)

_HOLDING_VALUES: Final[tuple[Any, ...]] = (*READS.values(), ReadWriteMultipleRegisters)
_ANSWERED_BY_VALUES: Final[tuple[Any, ...]] = (*_HOLDING_VALUES, ReadFifoQueue)
_USUAL: Final = frozenset(_HOLDING_VALUES)
"""Their classes may be refined; to ask for that takes longer than all else where nobody did."""
_MODBUS_PORT: Final = 502


WRITING: Final = frozenset({5, 6, 15, 16, 21, 22, 23})
"""The functions that are writes, also where a request is malformed."""


class Values(NamedTuple):
    """Values of neighbouring addresses."""

    table: Table
    address: int
    values: Sequence[int]


def place(table: Table, address: int, count: int) -> str:
    """Where it is, in short: `hr0..9`, `co5`."""
    first = str(Location(table, address))
    return first if count == 1 else f"{first}..{address + count - 1}"


def end_text(host: str, port: int) -> str:
    """One end of a connection: a port that is not that of Modbus is named, a serial line has none."""
    if port in (0, _MODBUS_PORT):
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def asked(exchange: Exchange) -> str:
    """What was asked, in words: `read hr0..9`, `write hr5 = 7`, `report server id`."""
    request = exchange.request
    if request is None:
        name = function_name(exchange.function_code)
        return f"{name} (malformed)" if exchange.pdu else f"{name} (not seen)"
    parts = [
        f"{'write' if writes else 'read'} {place(table, address, count)}"
        for table, address, count, writes in request.spans()
    ]
    if isinstance(request, MaskWriteRegister):
        return f"{parts[0]} and {request.and_mask:04x} or {request.or_mask:04x}"
    rarer = asked_rarer(request)
    if rarer is not None:
        return rarer
    written = values_written(exchange)
    if written is not None:
        parts[0] += f" = {listed(written.values, _MOST_ASKED)}"
    return ", ".join(parts)


_MOST_ASKED: Final = 8


def said(exchange: Exchange, most: int) -> str:
    """What was answered, in words, at most *most* values of it."""
    if exchange.response is None:
        return "no answer"
    code = exchange.exception
    if code is not None:
        return exception_text(code)
    if exchange.request is None:
        return amount(len(exchange.response))
    try:
        result = exchange.request.decode_response(exchange.response)
    except ProtocolError as error:
        return f"malformed: {error.reason}"
    if isinstance(exchange.request, _ANSWERED_BY_VALUES):
        return listed(result, most) or "no values"
    return "done" if result is None else said_rarer(result, len(exchange.response) - 1)


def exception_text(code: int) -> str:
    """`exception 02, illegal data address`."""
    if not code:
        return "an exception without its code"
    return f"exception {ExceptionResponse(code).reason.partition(' exception ')[2]}"


def listed(values: Sequence[int], most: int) -> str:
    """`1 2 3`, and how many more there are."""
    shown = " ".join(map(str, map(int, values if len(values) <= most else values[:most])))
    return shown if len(values) <= most else f"{shown} and {len(values) - most} more"


def writes(exchange: Exchange) -> bool:
    """Whether it asks for something to be changed, well formed or not."""
    if exchange.request is not None:
        return exchange.request.writes
    return exchange.pdu[:1] != b"" and exchange.pdu[0] in WRITING


def values_read(exchange: Exchange) -> Values | None:
    """What *exchange* read; None where it is no read that was answered well."""
    request: Any = exchange.request
    response = exchange.response
    if response is None or response[:1] >= b"\x80":
        return None
    if type(request) not in _USUAL and not isinstance(request, _HOLDING_VALUES):
        return None
    try:
        values = request.decode_response(response)
    except (ProtocolError, ExceptionResponse):
        return None
    return Values(request.table or Table.HOLDING_REGISTERS, request.address, values)


def values_written(exchange: Exchange) -> Values | None:
    """What *exchange* asks to be written; None where it is no write, or one of masks."""
    match exchange.request:
        case WriteSingleRegister(address=address, value=value):
            return Values(Table.HOLDING_REGISTERS, address, (value,))
        case WriteMultipleRegisters(address=address, values=values):
            return Values(Table.HOLDING_REGISTERS, address, values)
        case ReadWriteMultipleRegisters(write_address=address, values=values):
            return Values(Table.HOLDING_REGISTERS, address, values)
        case WriteSingleCoil(address=address, value=on):
            return Values(Table.COILS, address, (on,))
        case WriteMultipleCoils(address=address, values=bits):
            return Values(Table.COILS, address, bits)
    return None
