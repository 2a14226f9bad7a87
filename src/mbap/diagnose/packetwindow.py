"""The bytes of a file, of which the next are at hand: most packets are found without asking the file."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import BinaryIO, Final

_CHUNK: Final = 1 << 17
_FED: Final = 1 << 12
"""Bytes unpacked at a time: what is broken in them takes with it what is whole of them."""
_GZIP: Final = 31
"""What zlib calls the largest window, in gzip's wrapping."""


class Window:
    """Bytes out of *file*: those from `data[at]` on are the next.

    Attributes:
        data, at: what is at hand, and where in it the next byte is; whoever takes bytes moves *at*.
        broken: why no more can be unpacked of a compressed file; None while that is not so.
    """

    __slots__ = ("_read", "at", "broken", "data")

    def __init__(self, file: BinaryIO) -> None:
        # What is there already is enough: from a pipe, packets are wanted before the pipe is full.
        self._read: Callable[[int], bytes] = getattr(file, "read1", file.read)
        self.data, self.at = b"", 0
        self.broken: str | None = None

    def has(self, count: int) -> bool:
        """Whether there are *count* more bytes; then they are at hand."""
        while len(self.data) - self.at < count:
            more = self._read(_CHUNK)
            if not more:
                return False
            self.data, self.at = self.data[self.at :] + more, 0
        return True

    def take(self, count: int) -> bytes:
        """The next *count* bytes; fewer at the end."""
        self.has(count)
        begin, self.at = self.at, min(self.at + count, len(self.data))
        return self.data[begin : self.at]

    def rest(self) -> bytes:
        """What is at hand and was not taken."""
        return self.data[self.at :]

    def unpacked(self) -> None:
        """From here on give what is in the gzip file that this is."""
        self._read = _Unpacking(self._read, self.rest(), self).read
        self.data, self.at = b"", 0


class _Unpacking:
    """What is in a gzip file, a bounded piece at a time, however much a few bytes may stand for."""

    def __init__(self, read: Callable[[int], bytes], begin: bytes, window: Window) -> None:
        self._packed, self._waiting, self._window = read, begin, window
        self._zlib = zlib.decompressobj(_GZIP)

    def read(self, size: int) -> bytes:
        while True:
            if self._zlib.eof:  # another one may follow behind it
                self._waiting = self._waiting or self._packed(size)
                if not self._waiting:
                    return b""
                self._zlib = zlib.decompressobj(_GZIP)
            waiting = self._waiting or self._packed(size)
            try:
                found = self._zlib.decompress(waiting[:_FED], size)
            except zlib.error:
                self._window.broken = "what is compressed in it is broken there"
                return b""
            self._waiting = (self._zlib.unused_data or self._zlib.unconsumed_tail) + waiting[_FED:]
            if found:
                return found
            if not waiting:
                self._window.broken = "the compressed file ends there, too early"
                return b""
