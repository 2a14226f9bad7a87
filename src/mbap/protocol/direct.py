"""Answers that are exactly what was asked for, in the order of asking: told by one comparison each.

Most answers of a device are. What is told here needs no transaction that waits for it; whatever is anything
else (late, another's, an exception, cut in two) is left to the `ClientSession`, which sees all of it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from mbap.errors import ModbusError
from mbap.protocol.pdu.base import Request
from mbap.protocol.tcp import HEADER, LONGEST

R = TypeVar("R")

_HEAD = struct.Struct(">HIBB")
pack_header = HEADER.pack
"""Transaction, protocol, length and unit."""
unpack_head = _HEAD.unpack_from
"""Transaction; protocol and length as one number, too long where a protocol is not 0; unit; function code."""
SHORTEST_HEAD: Final = _HEAD.size


class Otherwise:
    """What came is not exactly the answer."""


OTHERWISE: Final = Otherwise()


def frame(request: Request[Any], unit: int, number: int) -> bytes:
    """The bytes of *request* as transaction *number*."""
    pdu = request.encode()
    return pack_header(number, 0, len(pdu) + 1, unit) + pdu


def answer(data: bytes, request: Request[R], unit: int, number: int) -> R | Otherwise:
    """The result in *data*, where that is the answer to *request* and nothing else."""
    size = len(data)
    if size < SHORTEST_HEAD:
        return OTHERWISE
    got, length, its_unit, code = unpack_head(data)
    if (
        got != number
        or length + 6 != size
        or length > LONGEST
        or its_unit != unit
        or code != request.function_code
    ):
        return OTHERWISE
    try:
        return request.decode_response(data[7:])
    except ModbusError:
        return OTHERWISE


def answers(
    data: bytes, requests: Sequence[Request[R]], unit: int, first: int, results: list[R], last: int
) -> int:
    """Add to *results* what *data* begins with, as far as it answers *requests* one after the other.

    *results* has those of the requests before; the first of all was transaction *first*, and those up to
    *last* are on their way. Gives how many bytes were taken.
    """
    at, size, done, most = 0, len(data), len(results), LONGEST
    while done < last and size - at >= SHORTEST_HEAD:
        got, length, its_unit, code = unpack_head(data, at)
        end = at + 6 + length
        request = requests[done]
        if (
            got != (first + done - 1) % 0xFFFF + 1
            or end > size
            or not 2 <= length <= most
            or its_unit != unit
            or code != request.function_code
        ):
            break
        try:
            results.append(request.decode_response(data[at + 7 : end]))
        except ModbusError:
            break
        at = end
        done += 1
    return at
