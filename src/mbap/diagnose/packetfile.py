"""pcap and pcapng files: their packets one after another, in constant memory, however broken the file is."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple

LARGEST_PACKET: Final = 256 * 1024
"""Bytes; a length above this is taken for a broken file, and never allocated."""
_PCAP: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1_000_000),
    b"\xa1\xb2\xc3\xd4": (">", 1_000_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1_000_000_000),
    b"\xa1\xb2\x3c\x4d": (">", 1_000_000_000),
}
_SECTION, _INTERFACE, _SIMPLE, _ENHANCED, _OLD = 0x0A0D0D0A, 1, 3, 6, 2
_BYTE_ORDERS: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_TIME_RESOLUTION, _TIME_OFFSET = 9, 14
_DEFAULT_RESOLUTION: Final = 1_000_000


class Packet(NamedTuple):
    """One packet as it was captured.

    Attributes:
        number: its number in the file, from 1, as Wireshark counts.
        time: UTC microseconds.
        link: the kind of its link layer, as libpcap numbers them.
        cut: fewer bytes were captured than were sent.
    """

    number: int
    time: int
    link: int
    data: bytes
    cut: bool = False


class PacketFile:
    """The packets of a capture, read from *file* as they are asked for.

    Attributes:
        problem: why reading ended before the end of the file, in one sentence; None while it did not.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._read: Callable[[int], bytes] = file.read
        self._number = 0
        self.problem: str | None = None

    def __iter__(self) -> Iterator[Packet]:
        magic = self._read(4)
        if magic in _PCAP:
            yield from self._classic(*_PCAP[magic])
        elif magic == _SECTION.to_bytes(4, "big"):
            yield from _NextGeneration(self).packets()
        elif not magic:
            self.problem = "the file is empty"
        else:
            self.problem = "it is neither a pcap nor a pcapng file"

    def _classic(self, order: str, resolution: int) -> Iterator[Packet]:
        rest = self.exactly(20, "its header")
        if rest is None:
            return
        link = struct.unpack(order + "HHiIII", rest)[5] & 0x0FFFFFFF
        head = struct.Struct(order + "IIII")
        to_microseconds, times = (1, 1) if resolution == 1_000_000 else (1000, 1)
        read = self._read
        while True:
            begin = read(16)
            if len(begin) < 16:
                self._ended(begin, "the header of a packet")
                return
            seconds, fraction, size, original = head.unpack(begin)
            if size > LARGEST_PACKET:
                self._too_large(size)
                return
            data = read(size)
            if len(data) < size:
                self._ended(data or b"-", "a packet")
                return
            self._number += 1
            time = seconds * 1_000_000 + fraction * times // to_microseconds
            yield Packet(self._number, time, link, data, size < original)

    def exactly(self, count: int, what: str) -> bytes | None:
        """The next *count* bytes; None, with the problem noted, when there are not so many."""
        data = self._read(count)
        if len(data) == count:
            return data
        self._ended(data or b"-", what)
        return None

    def _ended(self, rest: bytes, what: str) -> None:
        if rest:
            self.problem = f"the file ends within {what}, after {self._number} whole packets"

    def _too_large(self, size: int) -> None:
        self.problem = (
            f"after {self._number} packets comes one of {size} bytes, and {LARGEST_PACKET} are possible:"
            " the file is broken there"
        )


class _Interface(NamedTuple):
    """How packets of one network card are to be read; the offset of their times is in microseconds."""

    link: int
    resolution: int = _DEFAULT_RESOLUTION
    offset: int = 0


class _NextGeneration:
    """The blocks of a pcapng file, whose first four bytes have been read."""

    def __init__(self, file: PacketFile) -> None:
        self._file = file
        self._order = "<"
        self._block = struct.Struct("<II")
        self._heads = struct.Struct("<IIIII").unpack_from
        self._interfaces: list[_Interface] = []

    def packets(self) -> Iterator[Packet]:
        kind, body = _SECTION, self._section()
        while body is not None:
            if kind == _ENHANCED and len(body) >= 20:
                packet = self._enhanced(self._heads(body), body)
            else:
                packet = self._seldom(kind, body)
            if packet is not None:
                yield packet
            kind, body = self._next()

    def _next(self) -> tuple[int, bytes | None]:
        """The kind and the body of the next block."""
        head = self._file._read(8)
        if len(head) < 8:
            self._file._ended(head, "the header of a block")
            return 0, None
        kind, size = self._block.unpack(head)
        if kind == _SECTION:
            return kind, self._section(head[4:])
        return kind, self._rest(size, 8)

    def _section(self, length: bytes = b"") -> bytes | None:
        length = length or self._file.exactly(4, "the header of a section") or b""
        order = self._file.exactly(4, "the header of a section")
        if order is None or len(length) < 4:
            return None
        if order not in _BYTE_ORDERS:
            self._file.problem = "a section of the file has no byte order: it is broken"
            return None
        self._order, self._interfaces = _BYTE_ORDERS[order], []
        self._block = struct.Struct(self._order + "II")
        self._heads = struct.Struct(self._order + "IIIII").unpack_from
        return self._rest(int(struct.unpack(self._order + "I", length)[0]), 12)

    def _rest(self, size: int, had: int) -> bytes | None:
        """The block's body, without the length at its end."""
        if size & 3 or not had + 4 <= size <= LARGEST_PACKET + 1024:
            self._file.problem = f"a block says that it has {size} bytes: the file is broken there"
            return None
        data = self._file._read(size - had)
        if len(data) < size - had:
            self._file._ended(data or b"-", "a block")
            return None
        return data[:-4]

    def _seldom(self, kind: int, body: bytes) -> Packet | None:
        """What is in a block of another kind than most."""
        try:
            if kind == _INTERFACE:
                self._interfaces.append(self._interface(body))
            elif kind == _OLD:
                interface, _drops, *rest = struct.unpack_from(self._order + "HHIIII", body)
                return self._enhanced((interface, *rest), body)
            elif kind == _SIMPLE:
                original = struct.unpack_from(self._order + "I", body)[0]
                return self._enhanced((0, 0, 0, min(original, len(body) - 4), original), body, 4)
            elif kind == _ENHANCED:
                self._file.problem = self._left_out()
        except (struct.error, IndexError):
            self._file.problem = self._left_out()
        return None

    def _left_out(self) -> str:
        return f"after {self._file._number} packets a block cannot be read, and is left out"

    def _enhanced(self, head: tuple[int, ...], body: bytes, begin: int = 20) -> Packet | None:
        interface, high, low, size, original = head
        if interface >= len(self._interfaces):
            self._file.problem = self._left_out()
            return None
        link, resolution, offset = self._interfaces[interface]
        ticks = high << 32 | low
        time = (ticks if resolution == 1_000_000 else ticks * 1_000_000 // resolution) + offset
        data = body[begin : begin + size]
        file = self._file
        file._number = number = file._number + 1
        return Packet(number, time, link, data, len(data) < original)

    def _interface(self, body: bytes) -> _Interface:
        link = struct.unpack_from(self._order + "H", body)[0]
        options = dict(self._options(body[8:]))
        stated = options.get(_TIME_RESOLUTION, b"\x06")[0]
        resolution = 2 ** (stated & 0x7F) if stated & 0x80 else 10 ** min(stated, 18)
        offset = options.get(_TIME_OFFSET, bytes(8))
        return _Interface(link, resolution, struct.unpack(self._order + "q", offset)[0] * 1_000_000)

    def _options(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        while len(data) >= 4:
            code, size = struct.unpack_from(self._order + "HH", data)
            if code == 0:
                return
            yield code, data[4 : 4 + size]
            data = data[4 + (size + 3) // 4 * 4 :]
