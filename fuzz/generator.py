"""A seeded generator of inputs, for where atheris does not install: changes what it has, and mixes it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

LONGEST = 4096
INTERESTING = (0, 1, 2, 3, 4, 6, 7, 8, 15, 16, 0x7F, 0x80, 0x83, 0xFD, 0xFE, 0xFF)


class Generator:
    """Gives one input after the other; the same *seed* and *corpus* give the same ones."""

    def __init__(self, corpus: Sequence[bytes], seed: int) -> None:
        self._random = random.Random(seed)
        self._corpus = list(corpus) or [b""]
        self._changes: tuple[Callable[[bytearray, int], object], ...] = (
            self._flip,
            self._set,
            self._set_word,
            self._insert,
            self._repeat,
            self._cut,
            self._splice,
            self._exchange,
        )

    def next(self) -> bytes:
        """The next input."""
        data = bytearray(self._random.choice(self._corpus))
        if self._random.random() < 0.05:
            data = bytearray(self._random.randbytes(self._random.randrange(300)))
        for _ in range(self._random.choice((1, 1, 2, 3, 5, 12))):
            change = self._random.choice(self._changes)
            change(data, self._random.randrange(len(data) + 1))
        return bytes(data[:LONGEST])

    def _flip(self, data: bytearray, at: int) -> None:
        if at < len(data):
            data[at] ^= 1 << self._random.randrange(8)

    def _set(self, data: bytearray, at: int) -> None:
        if at < len(data):
            data[at] = self._random.choice(INTERESTING)

    def _set_word(self, data: bytearray, at: int) -> None:
        data[at : at + 2] = self._random.choice((0, 1, 9999, 0x7FFF, 0xFFFE, 0xFFFF)).to_bytes(2, "big")

    def _insert(self, data: bytearray, at: int) -> None:
        data[at:at] = self._random.randbytes(self._random.choice((1, 2, 7, 30)))

    def _repeat(self, data: bytearray, at: int) -> None:
        part = data[at : at + self._random.choice((1, 4, 40, 300))]
        data[at:at] = part * self._random.choice((1, 1, 2, 20))

    def _cut(self, data: bytearray, at: int) -> None:
        del data[at : at + self._random.choice((1, 2, 7, 500))]

    def _splice(self, data: bytearray, at: int) -> None:
        other = self._random.choice(self._corpus)
        start = self._random.randrange(len(other) + 1)
        data[at:at] = other[start : start + self._random.choice((2, 8, 64))]

    def _exchange(self, data: bytearray, at: int) -> None:
        size = self._random.choice((1, 2, 6))
        to = self._random.randrange(len(data) + 1)
        data[at : at + size], data[to : to + size] = data[to : to + size], data[at : at + size]
