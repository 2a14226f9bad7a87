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

    def next_number(self) -> int:
        """The number of one more packet."""
        self._number += 1
        return self._number

    def _ended(self, rest: bytes, what: str) -> None:
        if rest:
            self.problem = f"the file ends within {what}, after {self._number} whole packets"

    def _too_large(self, size: int) -> None:
        self.problem = (
            f"after {self._number} packets comes one of {size} bytes, and {LARGEST_PACKET} are possible:"
            " the file is broken there"
        )


class _Interface(NamedTuple):
    link: int
    resolution: int = _DEFAULT_RESOLUTION
    offset: int = 0


class _NextGeneration:
    """The blocks of a pcapng file, whose first four bytes have been read."""

    def __init__(self, file: PacketFile) -> None:
        self._file = file
        self._order = "<"
        self._interfaces: list[_Interface] = []

    def packets(self) -> Iterator[Packet]:
        kind: int | None = _SECTION
        while kind is not None:
            body = self._section() if kind == _SECTION else self._body()
            if body is None:
                return
            packet = self._packet(kind, body)
            if packet is not None:
                yield packet
            kind = self._kind()

    def _kind(self) -> int | None:
        head = self._file._read(4)
        if len(head) < 4:
            self._file._ended(head, "the header of a block")
            return None
        return int(struct.unpack(self._order + "I", head)[0])

    def _section(self) -> bytes | None:
        head = self._file.exactly(8, "the header of a section")
        if head is None:
            return None
        if head[4:] not in _BYTE_ORDERS:
            self._file.problem = "a section of the file has no byte order: it is broken"
            return None
        self._order, self._interfaces = _BYTE_ORDERS[head[4:]], []
        return self._rest(head[:4], 12)

    def _body(self) -> bytes | None:
        head = self._file.exactly(4, "the header of a block")
        return None if head is None else self._rest(head, 8)

    def _rest(self, length: bytes, had: int) -> bytes | None:
        """The block's body, without the length at its end."""
        size = int(struct.unpack(self._order + "I", length)[0])
        if size % 4 or not had + 4 <= size <= LARGEST_PACKET + 1024:
            self._file.problem = f"a block says that it has {size} bytes: the file is broken there"
            return None
        data = self._file.exactly(size - had, "a block")
        return None if data is None else data[:-4]

    def _packet(self, kind: int, body: bytes) -> Packet | None:
        try:
            if kind == _INTERFACE:
                self._interfaces.append(self._interface(body))
            elif kind == _ENHANCED:
                return self._enhanced(struct.unpack_from(self._order + "IIIII", body), body[20:])
            elif kind == _OLD:
                interface, _drops, *rest = struct.unpack_from(self._order + "HHIIII", body)
                return self._enhanced((interface, *rest), body[20:])
            elif kind == _SIMPLE:
                original = struct.unpack_from(self._order + "I", body)[0]
                return self._enhanced((0, 0, 0, min(original, len(body) - 4), original), body[4:])
        except (struct.error, IndexError):
            self._file.problem = f"after {self._file._number} packets a block cannot be read, and is left out"
        return None

    def _enhanced(self, head: tuple[int, ...], data: bytes) -> Packet:
        interface, high, low, size, original = head
        link, resolution, offset = self._interfaces[interface]
        ticks = high << 32 | low
        time = ticks * 1_000_000 // resolution + offset * 1_000_000
        return Packet(self._file.next_number(), time, link, data[:size], size < original or size > len(data))

    def _interface(self, body: bytes) -> _Interface:
        link = struct.unpack_from(self._order + "H", body)[0]
        options = dict(self._options(body[8:]))
        stated = options.get(_TIME_RESOLUTION, b"\x06")[0]
        resolution = 2 ** (stated & 0x7F) if stated & 0x80 else 10 ** min(stated, 18)
        offset = options.get(_TIME_OFFSET, bytes(8))
        return _Interface(link, resolution, struct.unpack(self._order + "q", offset)[0])

    def _options(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        while len(data) >= 4:
            code, size = struct.unpack_from(self._order + "HH", data)
            if code == 0:
                return
            yield code, data[4 : 4 + size]
            data = data[4 + (size + 3) // 4 * 4 :]
