"""Plain requests for plain devices, answered straight from memory: no object is made where a slice will do.

Most of what a server gets is whole, well-formed reads and writes of addresses that exist, for a `Device`.
They are answered here with the same bytes, and counted in the same places, as on the long way through
`ServerSession`, `Conversation` and `Device.handle`; tests/server/test_shortcut.py holds the two against each
other. Whatever is not plain in every respect is not touched, and goes the long way.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from mbap.protocol.tcp import HEADER
from mbap.server.handler import Handler, PlainTables, Simple
from mbap.server.tables import Stretch, packed

_begin_of: Final = struct.Struct(">HHHBBHH").unpack_from
"""What every plain request begins with: the MBAP header, function code, address, count."""
_written_of: Final = struct.Struct(">HHB").unpack_from
_begin_of_read: Final = struct.Struct(">HHHBBB").pack
"""What the answer to a read begins with: the MBAP header, function code, bytes that follow."""
_span: Final = struct.Struct(">BHH").pack
_LENGTH_OF_READ: Final = 6
"""What the length field says where address and count are all that there is."""
# The same as in mbap.protocol.pdu, whose modules need not be loaded for plain requests.
MOST_BITS: Final = 2000
MOST_READ, MOST_WRITTEN, MOST_READ_WRITTEN = 125, 123, 121
LONGEST_ANSWER: Final = 259
SHORTEST_REQUEST: Final = 12
_NOWHERE: Final[Stretch] = (0, 0, bytearray())


class Shortcut:
    """Answers the plain requests of all connections to *handler*.

    It is for Modbus TCP alone, and for connections on which nothing is open or unfinished.

    Args:
        most: bytes of answers that may be prepared before they are sent, up to one answer more.
    """

    __slots__ = ("_devices", "_handler", "_most")

    def __init__(self, handler: Simple, most: int) -> None:
        self._handler = handler
        self._most = SHORTEST_REQUEST * -(-most // LONGEST_ANSWER)
        self._devices: dict[int, PlainDevice | None] = {}

    def answer(self, data: bytearray, begin: int, end: int) -> tuple[list[bytes], int]:
        """The answers to the plain requests that are in *data* from *begin* on, and where these end.

        What comes behind is not plain, or not whole before *end*, or is to wait until these are sent.
        """
        answers: list[bytes] = []
        if end - begin > self._most:
            end = begin + self._most
        while begin <= end - SHORTEST_REQUEST:
            unit = data[begin + 6]
            device = self._devices[unit] if unit in self._devices else self._meet(unit)
            if device is None or device.line.listen_only:
                break
            before = len(answers)
            begin = device.answer(data, begin, end, answers.append)
            if len(answers) == before:
                break
            device.line.answered_at_once(len(answers) - before)
        return answers, begin

    def _meet(self, unit: int) -> PlainDevice | None:
        """What is plain of *unit*, asked for once."""
        tables = self._handler.plain(unit)
        device = self._devices[unit] = None if tables is None else PlainDevice(tables)
        return device


class PlainDevice:
    """What of a device is plain, and how it is answered.

    Attributes:
        line: where it is counted what was answered; `answer` does not do that.
    """

    __slots__ = ("_less_frequent", "_stretches", "_tables", "line")

    def __init__(self, tables: PlainTables) -> None:
        self.line = tables.line
        self._tables = tables.by_code
        self._stretches = dict.fromkeys((1, 2, 3, 4, 6, 16, 23), _NOWHERE)
        self._less_frequent = {
            1: self._read_bits,
            2: self._read_bits,
            6: self._write_one,
            16: self._write,
            23: self._write_and_read,
        }

    def answer(self, data: bytearray, begin: int, end: int, add: Callable[[bytes], None]) -> int:
        """Give the answers to the plain requests from *begin* on to *add*; gives where they end.

        They end with another unit's request at the latest. Reading registers is written out in the loop: as
        a function of its own it would cost a third more.
        """
        unit, last = data[begin + 6], end - SHORTEST_REQUEST
        stretches = self._stretches
        while begin <= last:
            transaction, protocol, length, for_unit, code, address, count = _begin_of(data, begin)
            if protocol or for_unit != unit:
                break
            if code == 3 or code == 4:
                if length != _LENGTH_OF_READ or not 0 < count <= MOST_READ:
                    break
                first, stop, memory = stretches[code]
                if address < first or address + count > stop:
                    if self._stretch(code, address, count) is None:
                        break
                    continue  # with the stretch that was found
                size, offset = 2 * count, 2 * (address - first)
                head = _begin_of_read(transaction, 0, size + 3, unit, code, size)
                add(head + memory[offset : offset + size])
            else:
                other = self._less_frequent.get(code)
                if other is None or begin + 6 + length > end:
                    break
                pdu = other(data, begin, length, address, count)
                if pdu is None:
                    break
                add(HEADER.pack(transaction, 0, len(pdu) + 1, unit) + pdu)
            begin += 6 + length
        return begin

    def _stretch(self, code: int, address: int, count: int) -> Stretch | None:
        """Where these addresses of the table of *code* are; None where they are not."""
        stretch = self._stretches[code]
        if stretch[0] <= address and address + count <= stretch[1]:
            return stretch
        table = self._tables.get(code)
        found = None if table is None else table.stretch(address, count)
        if found is not None:
            self._stretches[code] = found
        return found

    # --- function codes: the PDU that answers, or None where the request is not plain ---

    def _read_bits(self, data: bytearray, begin: int, length: int, address: int, count: int) -> bytes | None:
        code = data[begin + 7]
        if length != _LENGTH_OF_READ or not 0 < count <= MOST_BITS:
            return None
        stretch = self._stretch(code, address, count)
        if stretch is None:
            return None
        wire = packed(stretch[2], address - stretch[0], count)
        return bytes((code, len(wire))) + wire

    def _write_one(self, data: bytearray, begin: int, length: int, address: int, count: int) -> bytes | None:
        if length != _LENGTH_OF_READ or not self._put(6, address, data[begin + 10 : begin + 12]):
            return None
        return bytes(data[begin + 7 : begin + 12])

    def _write(self, data: bytearray, begin: int, length: int, address: int, count: int) -> bytes | None:
        size = 2 * count
        if not 0 < count <= MOST_WRITTEN or length != 7 + size or data[begin + 12] != size:
            return None
        if not self._put(16, address, data[begin + 13 : begin + 13 + size]):
            return None
        return _span(16, address, count)

    def _write_and_read(
        self, data: bytearray, begin: int, length: int, address: int, count: int
    ) -> bytes | None:
        if length < 13 or not 0 < count <= MOST_READ:
            return None
        write_address, written, size = _written_of(data, begin + 12)
        if not 0 < written <= MOST_READ_WRITTEN or size != 2 * written or length != 11 + size:
            return None
        stretch = self._stretch(23, address, count)
        if stretch is None or not self._put(23, write_address, data[begin + 17 : begin + 17 + size]):
            return None
        first, _, memory = stretch
        return bytes((23, 2 * count)) + memory[2 * (address - first) : 2 * (address - first + count)]

    def _put(self, code: int, address: int, wire: bytearray) -> bool:
        """Set the registers from *address* on; False where not all of them exist."""
        stretch = self._stretch(code, address, len(wire) // 2)
        if stretch is None:
            return False
        first, _, memory = stretch
        offset = 2 * (address - first)
        memory[offset : offset + len(wire)] = wire
        return True


def shortcut_to(handler: Handler, most: int) -> Shortcut | None:
    """The shortcut to what is plain in *handler*; None where it knows of no such thing."""
    return Shortcut(handler, most) if isinstance(handler, Simple) else None
