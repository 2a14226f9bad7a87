"""One input of a fuzzer, taken apart into choices, numbers and bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


class Source:
    """Hands out an input from front to back; where it has ended, everything is 0 or empty."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """The next *count* bytes, or what is left."""
        taken = self._data[self._at : self._at + count]
        self._at += len(taken)
        return taken

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.left)

    def number(self, size: int = 1) -> int:
        """The next *size* bytes as a number, the first the highest."""
        return int.from_bytes(self.take(size), "big")

    def choose(self, choices: Sequence[T]) -> T:
        """One of *choices*."""
        return choices[self.number() % len(choices)]

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """*data* in pieces of 1 to 256 bytes; in one where nothing more is left to say how long they are."""
        at = 0
        while at < len(data):
            size = self.number() + 1 if self.left else len(data)
            yield data[at : at + size]
            at += size
