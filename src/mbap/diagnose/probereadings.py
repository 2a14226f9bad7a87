"""A place in every reading at once: the types that there are, and registers as hex and bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

BY_WIDTH: Final = {
    1: ("uint16", "int16", "bcd16", "float16"),
    2: ("uint32", "int32", "float32", "bcd32"),
    4: ("uint64", "int64", "float64", "bcd64"),
}


def bits_text(word: int) -> str:
    """*word* in binary, the highest bit first, in fours: `0000 1000 0000 0001`."""
    digits = f"{word:016b}"
    return " ".join(digits[start : start + 4] for start in range(0, 16, 4))


def hex_text(words: Sequence[int]) -> str:
    """*words* in hexadecimal: `4366 8000`."""
    return " ".join(f"{word:04X}" for word in words)
