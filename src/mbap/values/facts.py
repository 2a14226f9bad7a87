"""What an encoding's parts must fulfil, and how they show in bytes."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from mbap.values.encoder import PADDINGS
from mbap.values.orders import order_kind
from mbap.values.types import NO_VALUE, TypeFacts, type_facts

if TYPE_CHECKING:
    from mbap.values.encoding import Encoding

MOST_REGISTERS: Final = 125
"""What one read can give, and so the longest text."""


class Layout(NamedTuple):
    """How `struct` reads a value.

    *swapped*: after the bytes of every register were exchanged. This one exchange is enough for all orders:
    CDAB becomes DCBA by it, and BADC becomes ABCD.
    """

    endian: str
    code: str
    swapped: bool


_LAYOUTS: Final = ((">", False), ("<", True), (">", True), ("<", False))


def layout_of(encoding: Encoding) -> Layout:
    """How `struct` reads the values of *encoding*."""
    facts = type_facts(encoding.type)
    if facts.family == "text":
        return Layout(">", f"{encoding.count * 2}s", swapped=False)
    if facts.registers == 1:
        return Layout("<" if encoding.order == "BA" else ">", facts.code, swapped=False)
    endian, swapped = _LAYOUTS[order_kind(encoding.order)]
    return Layout(endian, facts.code, swapped)


def check(encoding: Encoding, family: str) -> None:
    """Raises `ValueError` when the parts of *encoding* do not go together."""
    text, number = family == "text", family not in ("text", "bool")
    for name in ("scale", "offset"):
        _check_number(name, getattr(encoding, name), encoding.type, allowed=number)
    if encoding.scale == 0:
        raise ValueError("scale is not 0: every value would be the same")
    _check_length(encoding, text)
    if encoding.bit is not None and (family != "bool" or not 0 <= encoding.bit <= 15):
        raise ValueError(f"bit {encoding.bit}: only a bool has a bit, and it is 0 (lowest) to 15")
    if encoding.sentinels and not number:
        raise ValueError(f"{encoding.type} has no sentinels: only numbers have")
    if encoding.padding not in PADDINGS:
        raise ValueError(f"padding is nul or space, not {encoding.padding!r}")


def _check_number(name: str, value: float, encoded: str, *, allowed: bool) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{name} is a finite number, not {value}")
    if not allowed and value != (1 if name == "scale" else 0):
        raise ValueError(f"{encoded} has no {name}: only numbers have")


def _check_length(encoding: Encoding, text: bool) -> None:
    if text and encoding.length is None:
        raise ValueError(f"{encoding.type} needs its length in registers: {encoding.type}/8")
    if not text and encoding.length is not None:
        raise ValueError(f"{encoding.type} has no length: only text has")
    if text and not 1 <= (encoding.length or 0) <= MOST_REGISTERS:
        raise ValueError(f"the length of text is 1 to {MOST_REGISTERS} registers, not {encoding.length}")


def raw_sentinels(encoded: str, given: Sequence[int | float | str]) -> tuple[int | float, ...]:
    """The sentinels *given* as raw numbers of the type *encoded*, each once.

    Raises:
        ValueError: one of them is no number that the type can hold.
    """
    facts = type_facts(encoded)
    found = (_sentinel(item, encoded, facts) for item in given)
    return tuple(dict.fromkeys(item for item in found if item is not None))


def _sentinel(given: int | float | str, encoded: str, facts: TypeFacts) -> int | float | None:
    if given == "default" and encoded not in NO_VALUE:
        return None
    number = NO_VALUE[encoded] if given == "default" else _number(given)
    if facts.family == "float":
        return _as_stored(number, encoded, facts) if _is_finite(number) else None
    bits = facts.registers * 16
    lowest = -(1 << bits - 1) if facts.code.islower() else 0
    if not _is_finite(number) or number != int(number) or not lowest <= number < 1 << bits:
        raise ValueError(f"{given} is no sentinel of {encoded}: it cannot hold that")
    pattern = int(number) & (1 << bits) - 1
    return pattern - (1 << bits) if facts.code.islower() and pattern >> bits - 1 else pattern


def _number(given: int | float | str) -> int | float:
    if not isinstance(given, str):
        return given
    try:
        return int(given, 0)
    except ValueError:
        pass
    try:
        return float(given)
    except ValueError:
        raise ValueError(
            f"a sentinel is a number (0x8000, -32768, nan) or 'default', not {given!r}"
        ) from None


def _as_stored(number: float, encoded: str, facts: TypeFacts) -> float:
    try:
        (stored,) = struct.unpack(f">{facts.code}", struct.pack(f">{facts.code}", number))
    except (OverflowError, struct.error):  # the latter for an int that no float is
        raise ValueError(f"{number} is no sentinel of {encoded}: it cannot hold that") from None
    return float(stored)


def _is_finite(number: int | float) -> bool:
    # An int is, and may be too large for math.isfinite.
    return isinstance(number, int) or math.isfinite(number)
