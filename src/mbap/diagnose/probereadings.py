"""A place in every reading at once: hex, whole numbers, floats, BCD, bits, text, in every order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from mbap.diagnose.probeword import ORDER_NAMES
from mbap.values import Encoding, Value

BY_WIDTH: Final = {
    1: ("uint16", "int16", "bcd16", "float16"),
    2: ("uint32", "int32", "float32", "bcd32"),
    4: ("uint64", "int64", "float64", "bcd64"),
}


class Reading(NamedTuple):
    """One way to read a place, and what it gives; None where that means no value."""

    encoding: Encoding
    value: Value | None

    @property
    def name(self) -> str:
        """The type with its order, as it is written after a colon."""
        length = f"/{self.encoding.length}" if self.encoding.length else ""
        return f"{self.encoding.type}{length},{self.encoding.order}"


def every_reading(words: Sequence[int]) -> Iterator[Reading]:
    """All readings that begin with the first of *words*, of one, two and four registers, each once."""
    for width, names in BY_WIDTH.items():
        if len(words) < width:
            continue
        orders = ("ABCD", "DCBA") if width == 1 else ORDER_NAMES
        for name in names:
            for order in orders:
                encoding = Encoding(name, order)
                yield Reading(encoding, encoding.decode(words[:width]))
    for order in ("AB", "BA"):
        encoding = Encoding("latin1", order, length=len(words[:8]))
        yield Reading(encoding, encoding.decode(words[:8]))


def bits_text(word: int) -> str:
    """*word* in binary, the highest bit first, in fours: `0000 1000 0000 0001`."""
    digits = f"{word:016b}"
    return " ".join(digits[start : start + 4] for start in range(0, 16, 4))


def hex_text(words: Sequence[int]) -> str:
    """*words* in hexadecimal: `4366 8000`."""
    return " ".join(f"{word:04X}" for word in words)
