"""Plain requests as the bytes that came: judged, and passed on without being taken apart.

What a gateway lets through is read or written by others. Where the bytes of a request are exactly those that
it would be encoded to again, they are passed on as they are, and so are those of its answer.
"""

from __future__ import annotations

import struct
from typing import Any, ClassVar, Final

from mbap.protocol.pdu.base import ADDRESSES, Request, decode_request

begin_of: Final = struct.Struct(">HHHBBHH").unpack_from
"""What every plain request begins with: the MBAP header, function code, address, count or value."""
SHORTEST: Final = 12
"""Bytes of the shortest plain request with its header."""
_LENGTH: Final = 6
"""What the length field says where address and count, or value, are all that there is."""
# The same as in mbap.protocol.pdu, whose modules need not be loaded for plain requests.
MOST_BITS: Final = 2000
MOST_READ, MOST_WRITTEN = 125, 123
_SWITCHED: Final = (0xFF00, 0)
_READ_REGISTERS: Final = {
    code: tuple(bytes((code, 2 * count)) for count in range(MOST_READ + 1)) for code in (3, 4)
}
"""What the answer to a read of so many registers begins with, by function code."""


class Relayed(Request[bytes]):
    """A plain request that reads, as its PDU came; the result is the PDU that answers it.

    Attributes:
        pdu: the request.
    """

    __slots__ = ("_begin", "_size", "_used", "function_code", "pdu")

    def __init__(self, function_code: int, pdu: bytes, begin: bytes, size: int, used: int = 0) -> None:
        """Its answer is *size* bytes and starts with *begin*; of the last *used* bits are, if not all."""
        self.function_code = function_code  # type: ignore[misc]  # here it belongs to the object
        self.pdu = pdu
        self._begin = begin
        self._size = size
        self._used = used

    @property
    def whole(self) -> Request[Any]:
        """The same request, taken apart."""
        return decode_request(self.pdu)

    @property
    def title(self) -> str:
        return self.whole.title

    def encode(self) -> bytes:
        return self.pdu

    @classmethod
    def decode(cls, pdu: bytes) -> Relayed:
        """The request that *pdu* is.

        Raises:
            ExceptionResponse: it breaks the standard.
            ValueError: it is not plain.
        """
        decode_request(pdu)
        head = bytes((0, 0, 0, 0, 0, len(pdu) + 1, 0))
        plain = relayed(head + pdu, 0) if len(pdu) >= SHORTEST - len(head) else None
        if plain is None:
            raise ValueError(f"function {pdu[0]} is not passed on as it is")
        return plain

    def encode_response(self, result: bytes) -> bytes:
        return result

    def decode_response(self, pdu: bytes) -> bytes:
        fits = len(pdu) == self._size and pdu.startswith(self._begin)
        if fits and not (self._used and pdu[-1] >> self._used):
            return pdu
        whole = self.whole
        return whole.encode_response(whole.decode_response(pdu))

    def spans(self) -> tuple[tuple[Any, int, int, bool], ...]:
        return self.whole.spans()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Relayed) and self.pdu == other.pdu

    def __hash__(self) -> int:
        return hash(self.pdu)

    def __repr__(self) -> str:
        return repr(self.whole)


class RelayedWrite(Relayed):
    """A plain request that writes, as its PDU came."""

    __slots__ = ()

    writes: ClassVar[bool] = True


def relayed(data: bytes | bytearray, begin: int) -> Relayed | None:
    """The request that *data* has from *begin* on, where it is whole; None where it is not plain.

    A plain one reads or writes a table, and its structure, count, value and addresses are right.
    """
    _, _, length, _, code, address, count = begin_of(data, begin)
    if code == 3 or code == 4:
        if length != _LENGTH or not 0 < count <= MOST_READ or address + count > ADDRESSES:
            return None
        answer = _READ_REGISTERS[code][count]
        return Relayed(code, bytes(data[begin + 7 : begin + 12]), answer, 2 + 2 * count)
    if code == 16:
        return _written(data, begin, length, address, count)
    if length != _LENGTH:
        return None
    pdu = bytes(data[begin + 7 : begin + 12])
    if code == 6 or (code == 5 and count in _SWITCHED):
        return RelayedWrite(code, pdu, pdu, 5)
    if (code == 1 or code == 2) and 0 < count <= MOST_BITS and address + count <= ADDRESSES:
        size = (count + 7) // 8
        return Relayed(code, pdu, bytes((code, size)), 2 + size, count & 7)
    return None


def _written(
    data: bytes | bytearray, begin: int, length: int, address: int, count: int
) -> RelayedWrite | None:
    """A write of several registers, if it is plain."""
    size = 2 * count
    if not 0 < count <= MOST_WRITTEN or address + count > ADDRESSES or length != 7 + size:
        return None
    if len(data) < begin + 13 or data[begin + 12] != size:
        return None
    pdu = bytes(data[begin + 7 : begin + 13 + size])
    return RelayedWrite(16, pdu, pdu[:5], 5)
