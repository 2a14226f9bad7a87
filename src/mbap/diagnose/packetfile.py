"""pcap and pcapng files: their packets one after another, in constant memory, however broken the file is."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from mbap.diagnose.packetwindow import Window

LARGEST_PACKET: Final = 256 * 1024
"""Bytes; a length above this is taken for a broken file, and never allocated."""
_PCAP: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1_000_000),
    b"\xa1\xb2\xc3\xd4": (">", 1_000_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1_000_000_000),
    b"\xa1\xb2\x3c\x4d": (">", 1_000_000_000),
}
_GZIPPED: Final = b"\x1f\x8b"
_PACKED: Final = {
    b"\x28\xb5\x2f\xfd": ("zstd", "zstd -d"),
    b"\x04\x22\x4d\x18": ("lz4", "lz4 -d"),
    b"\xfd7zX": ("xz", "xz -d"),
    b"BZh": ("bzip2", "bzip2 -d"),
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


_made: Final = tuple.__new__
"""Makes a `Packet` in half the time that calling its class takes."""


class PacketFile:
    """The packets of a capture, read from *file* as they are asked for; it may be compressed by gzip.

    Attributes:
        problem: why reading ended before the end of the file, in one sentence; None while it did not.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._window = Window(file)
        self._number = 0
        self.problem: str | None = None

    def __iter__(self) -> Iterator[Packet]:
        window = self._window
        if window.has(4) and window.data.startswith(_GZIPPED):
            window.unpacked()
        magic = window.take(4)
        if magic in _PCAP:
            yield from self._classic(*_PCAP[magic])
        elif magic == _SECTION.to_bytes(4, "big"):
            yield from _NextGeneration(self).packets()
        else:
            self.problem = _no_capture(magic)

    def _classic(self, order: str, resolution: int) -> Iterator[Packet]:
        rest = self.exactly(20, "its header")
        if rest is None:
            return
        link = struct.unpack(order + "HHiIII", rest)[5] & 0x0FFFFFFF
        unpack = struct.Struct(order + "IIII").unpack_from
        window, ticks, number, need = self._window, resolution // 1_000_000, 0, 16
        while window.has(need):
            data, at, end, need = window.data, window.at, len(window.data), 16
            while end - at >= 16:
                seconds, fraction, size, original = unpack(data, at)
                begin, after = at + 16, at + 16 + size
                if size > LARGEST_PACKET:
                    self._too_large(size)
                    return
                if after > end:
                    need = 16 + size
                    break
                at, number = after, number + 1
                time = seconds * 1_000_000 + fraction // ticks
                yield _made(Packet, (number, time, link, data[begin:after], size < original))
            window.at, self._number = at, number
        self._ended(window.rest(), "the header of a packet" if need == 16 else "a packet")

    def exactly(self, count: int, what: str) -> bytes | None:
        """The next *count* bytes; None, with the problem noted, when there are not so many."""
        data = self._window.take(count)
        if len(data) == count:
            return data
        self._ended(data or b"-", what)
        return None

    def _ended(self, rest: bytes, what: str) -> None:
        if self._window.broken:
            self.problem = f"after {self._number} whole packets {self._window.broken}"
        elif rest:
            self.problem = f"the file ends within {what}, after {self._number} whole packets"

    def _too_large(self, size: int) -> None:
        self.problem = (
            f"after {self._number} packets comes one of {size} bytes, and {LARGEST_PACKET} are possible:"
            " the file is broken there"
        )


def _no_capture(magic: bytes) -> str:
    """What is to be said of a file that begins so."""
    if not magic:
        return "the file is empty"
    for begin, (program, unpack) in _PACKED.items():
        if magic.startswith(begin):
            return f"it is compressed by {program}: unpack it first, with {unpack}"
    return (
        "it is neither a pcap nor a pcapng file: of a capture in another format, which Wireshark reads,"
        " editcap -F pcap OLD NEW makes one"
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
        self._usual = struct.Struct("<IIIIIII").unpack_from
        self._interfaces: list[_Interface] = []

    def packets(self) -> Iterator[Packet]:
        kind, body = _SECTION, self._section()
        while body is not None:
            packet = self._packet(kind, body)
            if packet is not None:
                yield packet
            yield from self._at_hand()
            kind, body = self._next()

    def _at_hand(self) -> Iterator[Packet]:
        """The packets in blocks as most are, one behind the other, as far as they are there already."""
        file, window, interfaces = self._file, self._file._window, self._interfaces
        data, at, end, number = window.data, window.at, len(window.data), self._file._number
        unpack = self._usual
        while end - at >= 28:
            kind, size, interface, high, low, length, original = unpack(data, at)
            after = at + size
            if kind != _ENHANCED or after > end or not 32 <= size <= LARGEST_PACKET or size & 3:
                break
            if interface >= len(interfaces) or length > size - 32:
                break
            link, resolution, offset = interfaces[interface]
            ticks = high << 32 | low
            time = (ticks if resolution == 1_000_000 else ticks * 1_000_000 // resolution) + offset
            begin, at, number = at + 28, after, number + 1
            yield _made(Packet, (number, time, link, data[begin : begin + length], length < original))
        window.at, file._number = at, number

    def _next(self) -> tuple[int, bytes | None]:
        """The kind and the body of the next block."""
        head = self._file._window.take(8)
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
        self._usual = struct.Struct(self._order + "IIIIIII").unpack_from
        return self._rest(int(struct.unpack(self._order + "I", length)[0]), 12)

    def _rest(self, size: int, had: int) -> bytes | None:
        """The block's body, without the length at its end."""
        if size & 3 or not had + 4 <= size <= LARGEST_PACKET + 1024:
            self._file.problem = f"a block says that it has {size} bytes: the file is broken there"
            return None
        data = self._file._window.take(size - had)
        if len(data) < size - had:
            self._file._ended(data or b"-", "a block")
            return None
        return data[:-4]

    def _packet(self, kind: int, body: bytes) -> Packet | None:
        """The packet in a block of any kind; what is not one of a packet is noted where it matters."""
        try:
            if kind == _INTERFACE:
                self._interfaces.append(self._interface(body))
            elif kind == _ENHANCED:
                return self._enhanced(struct.unpack_from(self._order + "IIIII", body), body)
            elif kind == _OLD:
                interface, _drops, *rest = struct.unpack_from(self._order + "HHIIII", body)
                return self._enhanced((interface, *rest), body)
            elif kind == _SIMPLE:
                original = struct.unpack_from(self._order + "I", body)[0]
                return self._enhanced((0, 0, 0, min(original, len(body) - 4), original), body, 4)
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
