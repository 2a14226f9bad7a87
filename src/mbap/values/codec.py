"""From a raw number or raw bytes, as `struct` gives them, to a value: scale, sentinels, BCD, text."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from mbap.values.types import Value

if TYPE_CHECKING:
    from mbap.values.encoding import Encoding

Raw = int | float | bytes
Convert = Callable[[Raw], Value | None]
Linear = tuple[int, int, int]

CHARSETS: Final = {"string": "utf-8", "ascii": "ascii", "latin1": "latin-1"}


def linear(scale: float, offset: float) -> Linear:
    """*scale* and *offset* as exact whole numbers: the value is (raw * p + o) / q.

    Taken from their decimal writing, and divided last, so that 2301 times 0.1 is 230.1 and not
    230.10000000000002.
    """
    factor, shift = Fraction(repr(float(scale))), Fraction(repr(float(offset)))
    q = math.lcm(factor.denominator, shift.denominator)
    return int(factor * q), int(shift * q), q


def bcd_to_int(raw: int) -> int | None:
    """The decimal digits of *raw* as a number; None when one of them is above 9."""
    digits = f"{raw:x}"
    return int(digits) if digits.isdecimal() else None


def whole_converter(encoded: str, scaling: Linear, sentinels: frozenset[object]) -> Convert | None:
    """What makes a value of a raw whole number; None when the number is the value."""
    p, o, q = scaling
    bcd = encoded.startswith("bcd")
    if not bcd and not sentinels:
        return None if scaling == (1, 0, 1) else _scale_only(p, o, q)

    def convert(raw: Raw) -> Value | None:
        number = bcd_to_int(raw) if bcd else raw  # type: ignore[arg-type]
        if number is None or raw in sentinels:
            return None
        return number * p + o if q == 1 else (number * p + o) / q  # type: ignore[operator]

    return convert


def _scale_only(p: int, o: int, q: int) -> Convert:
    def convert(raw: Raw) -> Value | None:
        return (raw * p + o) / q  # type: ignore[operator]

    def whole(raw: Raw) -> Value | None:
        return raw * p + o  # type: ignore[operator]

    return whole if q == 1 else convert


def float_converter(scale: float, offset: float, sentinels: frozenset[object]) -> Convert:
    """What makes a value of a raw float: NaN and the infinities are none."""
    isfinite = math.isfinite

    def convert(raw: Raw) -> Value | None:
        if not isfinite(raw) or raw in sentinels:  # type: ignore[arg-type]
            return None
        value = raw * scale + offset  # type: ignore[operator]
        return value if isfinite(value) else None

    def finite(raw: Raw) -> Value | None:
        return raw if isfinite(raw) else None  # type: ignore[arg-type, return-value]

    return convert if sentinels or scale != 1 or offset != 0 else finite


def bool_converter(bit: int | None) -> Convert:
    """What makes a bool of a register: one bit of it, or whether it is anything but zero."""
    mask = 0xFFFF if bit is None else 1 << bit

    def convert(raw: Raw) -> Value | None:
        return bool(raw & mask)  # type: ignore[operator]

    return convert


def text_converter(encoded: str, order: str) -> Convert:
    """What makes text of bytes: up to the first NUL, without the spaces at the end."""
    charset = CHARSETS[encoded]

    def convert(raw: Raw) -> Value | None:
        characters = characters_of(raw, order)  # type: ignore[arg-type]
        return characters.split(b"\0", 1)[0].decode(charset, "replace").rstrip(" ")

    return convert


def characters_of(wire: bytes, order: str) -> bytes:
    """The characters in *wire*, in reading order."""
    if order == "AB":
        return wire
    if order in ("0A", "A0"):
        return wire[order.index("A") :: 2]
    swapped = bytearray(wire)
    swapped[0::2], swapped[1::2] = wire[1::2], wire[0::2]
    return bytes(swapped)


def converter(encoding: Encoding, family: str) -> Convert | None:
    """What makes a value of what `struct` gives; None when that is the value."""
    sentinels = frozenset(encoding.sentinels)
    match family:
        case "float":
            return float_converter(encoding.scale, encoding.offset, sentinels)
        case "bool":
            return bool_converter(encoding.bit)
        case "text":
            return text_converter(encoding.type, encoding.order)
    return whole_converter(encoding.type, linear(encoding.scale, encoding.offset), sentinels)
