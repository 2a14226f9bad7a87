"""Registers as one number in a byte order, and that number as each type reads it: what probing compares."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from mbap.values import ORDERS

ORDER_NAMES: Final = ORDERS[2]
"""ABCD, CDAB, BADC, DCBA: the orders of a whole device."""


class Part(NamedTuple):
    """Points for a reading, and why; negative ones speak against it."""

    points: float
    reason: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to read registers.

    Attributes:
        name: how it is called in a guess.
        type: the type of its encoding.
        width: registers.
        family: kinds of one family stand beside each other without surprise.
        prior: points before anything is seen: what is rare in devices begins lower.
    """

    name: str
    type: str
    width: int
    family: str
    prior: float = 0.0

    @property
    def bits(self) -> int:
        return 16 * self.width


KINDS: Final = (
    Kind("uint16", "uint16", 1, "whole16"),
    Kind("int16", "int16", 1, "whole16"),
    Kind("bits", "uint16", 1, "whole16", -3.0),
    Kind("bcd16", "bcd16", 1, "bcd16", -4.0),
    Kind("float16", "float16", 1, "float16", -8.0),
    Kind("empty", "uint16", 1, "empty"),
    Kind("text", "string", 1, "text"),
    Kind("uint32", "uint32", 2, "whole32"),
    Kind("int32", "int32", 2, "whole32"),
    Kind("float32", "float32", 2, "float32"),
    Kind("bcd32", "bcd32", 2, "bcd32", -4.0),
    Kind("uint64", "uint64", 4, "whole64", -1.0),
    Kind("int64", "int64", 4, "whole64", -1.0),
    Kind("float64", "float64", 4, "float64", -2.0),
)
BY_NAME: Final = {kind.name: kind for kind in KINDS}

EXPONENT_BITS: Final = {1: 5, 2: 8, 4: 11}
MANTISSA_BITS: Final = {1: 10, 2: 23, 4: 52}

_FLOATS: Final = {1: ">e", 2: ">f", 4: ">d"}
_PACKS: Final = {1: ">H", 2: ">I", 4: ">Q"}


def joined(words: Sequence[int], order: int) -> int:
    """*words* as one number, the most significant byte first; *order* is an index into `ORDER_NAMES`."""
    if order >= 2:
        words = [(word & 0xFF) << 8 | word >> 8 for word in words]
    if order in (1, 3):
        words = words[::-1]
    number = 0
    for word in words:
        number = number << 16 | word
    return number


def signed(pattern: int, bits: int) -> int:
    """*pattern* as two's complement."""
    return pattern - (1 << bits) if pattern >> bits - 1 else pattern


def as_float(pattern: int, width: int) -> float:
    """*pattern* as the float of that many registers."""
    (value,) = struct.unpack(_FLOATS[width], struct.pack(_PACKS[width], pattern))
    return float(value)


def float_pattern(value: float, width: int) -> int | None:
    """The pattern of the nearest float of that many registers; None when it is too large."""
    try:
        (pattern,) = struct.unpack(_PACKS[width], struct.pack(_FLOATS[width], value))
    except OverflowError:
        return None
    return int(pattern)


def number(kind: Kind, pattern: int) -> int | float | None:
    """The number that *pattern* is when read as *kind*; None for BCD with a digit above 9."""
    if kind.type.startswith("float"):
        return as_float(pattern, kind.width)
    if kind.type.startswith("bcd"):
        digits = f"{pattern:x}"
        return int(digits) if digits.isdecimal() else None
    return signed(pattern, kind.bits) if kind.type.startswith("int") else pattern


def position(kind: Kind, pattern: int) -> int | None:
    """Where *pattern* lies among all of its kind, for differences that count values; None: nowhere."""
    if kind.type.startswith("float"):
        top = 1 << kind.bits - 1
        return -(pattern & top - 1) if pattern & top else pattern
    value = number(kind, pattern)
    return value if isinstance(value, int) else None
