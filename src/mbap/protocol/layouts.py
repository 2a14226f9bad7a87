"""The fields of each function code's request and response, walked for people.

The Request classes are the authority on what is right; this walk goes on where they stop, to say what is
wrong and where.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mbap.addresses import Table, describe
from mbap.errors import ExceptionResponse
from mbap.protocol.fields import (
    ANSWERS_02,
    ANSWERS_03,
    Cursor,
    CutOff,
    bit_list,
    bits,
    function_name,
    registers,
)
from mbap.protocol.pdu import Request
from mbap.protocol.pdu.base import ADDRESSES, EXCEPTION_FLAG
from mbap.protocol.rarer_layouts import RARER_REQUESTS, RARER_RESPONSES

HOLDING = Table.HOLDING_REGISTERS
_READS: Final = {
    1: (Table.COILS, 2000),
    2: (Table.DISCRETE_INPUTS, 2000),
    3: (Table.HOLDING_REGISTERS, 125),
    4: (Table.INPUT_REGISTERS, 125),
}


def walk_request(pdu: bytes, offset: int = 0) -> Cursor:
    """The fields of *pdu* as a request; no faults means that it is one."""
    return _walk(pdu, offset, _request)


def walk_response(pdu: bytes, offset: int = 0, request: Request[object] | None = None) -> Cursor:
    """The fields of *pdu* as a response, with addresses where *request* tells them."""
    return _walk(pdu, offset, lambda cursor, code: _response(cursor, code, request))


def exception_meaning(code: int) -> str:
    """What the standard says of an exception code."""
    return ExceptionResponse(code).reason.partition(", ")[2] if code else "not an exception code"


def _walk(pdu: bytes, offset: int, body: Callable[[Cursor, int], None]) -> Cursor:
    cursor = Cursor(pdu, offset)
    try:
        code = cursor.number("function code", 1, _function_meaning)
        body(cursor, code)
        cursor.end()
    except CutOff:
        pass
    return cursor


def _function_meaning(code: int) -> str:
    if code & EXCEPTION_FLAG:
        return f"exception answering function {code & 0x7F}, {function_name(code & 0x7F)}"
    return function_name(code)


def _request(cursor: Cursor, code: int) -> None:
    if code in _READS:
        _span(cursor, *_READS[code])
    elif code in _REQUESTS:
        _REQUESTS[code](cursor)
    else:
        cursor.check(0 < code < EXCEPTION_FLAG, f"function code {code} is not one of a request: 1 to 127 are")
        _opaque(cursor)


def _response(cursor: Cursor, code: int, request: Request[object] | None) -> None:
    if code & EXCEPTION_FLAG:
        exception = cursor.number("exception code", 1, exception_meaning)
        cursor.check(exception > 0, "exception code 0 does not exist")
    elif code in (1, 2):
        _bits_response(cursor, code, request)
    elif code in (3, 4, 23):
        _registers_response(cursor, request)
    elif code == 15:
        _span(cursor, Table.COILS, 1968)
    elif code == 16:
        _span(cursor, HOLDING, 123)
    elif code in _RESPONSES:
        _RESPONSES[code](cursor)
    else:
        cursor.check(code > 0, "function code 0 does not exist")
        _opaque(cursor)


def _opaque(cursor: Cursor) -> None:
    if cursor.left:
        cursor.opaque("data", cursor.left, "not taken apart")


def _span(cursor: Cursor, table: Table, most: int, name: str = "") -> tuple[int, int]:
    address = cursor.number(f"{name}address", 2, lambda value: describe(table, value))
    count = cursor.number(f"{name}count", 2, lambda value: _span_meaning(table, address, value))
    cursor.check(1 <= count <= most, f"{name}count is {count}, and 1 to {most} is possible: {ANSWERS_03}")
    inside = address + count <= ADDRESSES or not 1 <= count <= most
    cursor.check(inside, f"{count} from address {address} go beyond address 65535: {ANSWERS_02}")
    return address, count


def _span_meaning(table: Table, address: int, count: int) -> str:
    return describe(table, address, count) if count > 1 and address + count <= ADDRESSES else ""


def _byte_count(cursor: Cursor, wanted: int, items: str) -> int:
    """The byte count: what it says, or what there is, so that the walk can go on."""
    said = cursor.number("byte count", 1)
    cursor.check(said == wanted, f"byte count is {said}, and {items} take {wanted}: {ANSWERS_03}")
    return min(said, cursor.left) if said != wanted else said


def _write_coil(cursor: Cursor) -> None:
    cursor.number("address", 2, lambda value: describe(Table.COILS, value))
    value = cursor.number("value", 2, lambda word: {0xFF00: "on", 0: "off"}.get(word, "neither on nor off"))
    fault = f"value is {value:04X}, and FF00 (on) or 0000 (off) is possible: {ANSWERS_03}"
    cursor.check(value in (0xFF00, 0), fault)


def _write_register(cursor: Cursor) -> None:
    address = cursor.number("address", 2, lambda value: describe(HOLDING, value))
    registers(cursor, 2, HOLDING, address)


def _write_coils(cursor: Cursor) -> None:
    address, count = _span(cursor, Table.COILS, 1968)
    size = _byte_count(cursor, (count + 7) // 8, f"{count} coils")
    bits(cursor, size, Table.COILS, address, count)


def _write_registers(cursor: Cursor) -> None:
    address, count = _span(cursor, HOLDING, 123)
    size = _byte_count(cursor, 2 * count, f"{count} registers")
    registers(cursor, size, HOLDING, _inside(address, size))


def _mask_write(cursor: Cursor) -> None:
    cursor.number("address", 2, lambda value: describe(HOLDING, value))
    and_mask = cursor.number("and mask", 2, lambda mask: f"keeps {bit_list(mask)}")
    cursor.number("or mask", 2, lambda mask: _mask_meaning(and_mask, mask))


def _mask_meaning(and_mask: int, or_mask: int) -> str:
    changed = ~and_mask & 0xFFFF
    return f"sets {bit_list(changed & or_mask)}, clears {bit_list(changed & ~or_mask)}"


def _read_write(cursor: Cursor) -> None:
    _span(cursor, HOLDING, 125, "read ")
    address, count = _span(cursor, HOLDING, 121, "write ")
    size = _byte_count(cursor, 2 * count, f"{count} registers")
    registers(cursor, size, HOLDING, _inside(address, size))


def _bits_response(cursor: Cursor, code: int, request: Request[object] | None) -> None:
    address, count = _asked(request)
    size = cursor.number("byte count", 1)
    cursor.check(1 <= size <= 250, f"byte count is {size}, and 1 to 250 is possible")
    if count is not None:
        wanted = (count + 7) // 8
        cursor.check(size == wanted, f"byte count is {size}, and the {count} bits asked for take {wanted}")
    bits(cursor, size, _READS[code][0], address, count)


def _registers_response(cursor: Cursor, request: Request[object] | None) -> None:
    address, count = _asked(request)
    size = cursor.number("byte count", 1)
    cursor.check(
        2 <= size <= 250 and size % 2 == 0, f"byte count is {size}, and an even one to 250 is possible"
    )
    if count is not None:
        cursor.check(size == 2 * count, f"byte count is {size}, and the {count} registers take {2 * count}")
    registers(cursor, size, request.table if request else None, _inside(address, size))


def _asked(request: Request[object] | None) -> tuple[int | None, int | None]:
    """Address and count of the read that *request* has in it."""
    reads = (
        [(address, count) for _, address, count, writes in request.spans() if not writes] if request else []
    )
    return reads[0] if reads else (None, None)


def _inside(address: int | None, size: int) -> int | None:
    """*address*, where as many registers as *size* bytes hold exist behind it."""
    return address if address is not None and address + size // 2 <= ADDRESSES else None


_REQUESTS: Final[dict[int, Callable[[Cursor], object]]] = {
    5: _write_coil,
    6: _write_register,
    15: _write_coils,
    16: _write_registers,
    22: _mask_write,
    23: _read_write,
    **RARER_REQUESTS,
}
_RESPONSES: Final = {5: _write_coil, 6: _write_register, 22: _mask_write, **RARER_RESPONSES}
