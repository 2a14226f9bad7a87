"""How long a PDU is, by its own content: what a framing without a length field needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mbap.protocol.pdu.base import EXCEPTION_FLAG
from mbap.protocol.pdu.base import LONGEST_PDU as LONGEST_PDU

UNTOLD: Final = 0
"""The content does not tell: a function code of no standard, or data of any length."""
NEVER: Final = LONGEST_PDU + 1
"""No PDU begins like this."""

Length = Callable[[bytes, int], "int | None"]
"""The length of the PDU that begins at an index of some bytes; None while there are too few to tell.

More than `LONGEST_PDU`, and it is none.
"""

_DIAGNOSTICS, _ENCAPSULATED, _IDENTIFICATION = 8, 43, 14
_REFERENCE_TYPE = 6
_GIVING_TWO_BYTES: Final = frozenset({1, 2, 3, 4, 10, *range(11, 19), 20})

_FIXED_REQUESTS: Final = {
    **dict.fromkeys((1, 2, 3, 4, 5, 6), 5),
    **dict.fromkeys((7, 11, 12, 17), 1),
    22: 7,
    24: 3,
}
_COUNTED_REQUESTS: Final = {15: 5, 16: 5, 20: 1, 21: 1, 23: 9}
"""Where the byte count is; that many bytes follow it."""
_FIXED_RESPONSES: Final = {5: 5, 6: 5, 7: 2, 11: 5, 15: 5, 16: 5, 22: 7}
_COUNTED_RESPONSES: Final = dict.fromkeys((1, 2, 3, 4, 12, 17, 20, 21, 23), 1)


def request_length(data: bytes, start: int = 0) -> int | None:
    """The length of the request PDU that begins at *start*: see `Length`."""
    if start >= len(data):
        return None
    code = data[start]
    if code in _FIXED_REQUESTS:
        return _FIXED_REQUESTS[code]
    if code == _ENCAPSULATED:
        return _by_type(data, start, lambda: 4)
    if code == _DIAGNOSTICS:
        return _diagnostics(data, start)
    if code == 0 or code >= EXCEPTION_FLAG:
        return NEVER
    return _counted(data, start, _COUNTED_REQUESTS.get(code))


def response_length(data: bytes, start: int = 0) -> int | None:
    """The length of the response PDU that begins at *start*: see `Length`."""
    if start >= len(data):
        return None
    code = data[start]
    if code in _FIXED_RESPONSES:
        return _FIXED_RESPONSES[code]
    if code == _ENCAPSULATED:
        return _by_type(data, start, lambda: _identification(data, start))
    if code == _DIAGNOSTICS:
        return _diagnostics(data, start)
    if code == 24:
        return _fifo(data, start)
    if code >= EXCEPTION_FLAG:
        return 2 if code > EXCEPTION_FLAG else NEVER
    return NEVER if code == 0 else _counted(data, start, _COUNTED_RESPONSES.get(code))


def agrees(data: bytes, start: int = 0) -> bool | None:
    """Whether the counts of the long request that begins at *start* agree; None where that is not known.

    Of what is no request few do, and of requests those alone that a server refuses.
    """
    code = data[start] if start < len(data) else 0
    where = _COUNTED_REQUESTS.get(code)
    if where is None or start + where >= len(data):
        return None
    size = data[start + where]
    count = int.from_bytes(data[start + where - 2 : start + where], "big")
    if code == 15:
        return size == (count + 7) // 8
    if code in (16, 23):
        return size == 2 * count
    if start + where + 1 >= len(data):
        return None
    fits = 7 <= size <= 245 and size % 7 == 0 if code == 20 else 9 <= size <= 251
    return fits and data[start + where + 1] == _REFERENCE_TYPE


def begin_of_response(request: bytes) -> bytes:
    """What the answer to *request* begins with, as far as is sure: its code, of reads the byte count."""
    code = request[0]
    if code not in (1, 2, 3, 4, 23) or len(request) < 5:
        return request[:1]
    count = int.from_bytes(request[3:5], "big")
    size = (count + 7) // 8 if code in (1, 2) else 2 * count
    return bytes((code, size)) if size <= LONGEST_PDU else request[:1]


def _counted(data: bytes, start: int, where: int | None) -> int | None:
    if where is None:
        return UNTOLD
    at = start + where
    return where + 1 + data[at] if at < len(data) else None


def _diagnostics(data: bytes, start: int) -> int | None:
    if len(data) < start + 3:
        return None
    sub_function = int.from_bytes(data[start + 1 : start + 3], "big")
    return 5 if sub_function in _GIVING_TWO_BYTES else UNTOLD


def _fifo(data: bytes, start: int) -> int | None:
    return 3 + int.from_bytes(data[start + 1 : start + 3], "big") if len(data) >= start + 3 else None


def _by_type(data: bytes, start: int, identification: Callable[[], int | None]) -> int | None:
    if len(data) < start + 2:
        return None
    return identification() if data[start + 1] == _IDENTIFICATION else UNTOLD


def _identification(data: bytes, start: int) -> int | None:
    """Object by object: each is a number, a length and as many bytes."""
    if len(data) < start + 7:
        return None
    length = 7
    for _ in range(data[start + 6]):
        at = start + length + 1
        if length > LONGEST_PDU:
            return NEVER
        if at >= len(data):
            return None
        length += 2 + data[at]
    return length
