"""From a value to its raw wire bytes: the inverse of `codec`, with every check that a write needs."""

from __future__ import annotations

import struct
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from mbap.values.codec import CHARSETS, characters_of, linear
from mbap.values.types import NOT_BCD, Value, type_facts

if TYPE_CHECKING:
    from mbap.values.encoding import Encoding

PADDINGS: Final = {"nul": b"\0", "space": b" "}


def raw_wire(encoding: Encoding, value: Value) -> bytes:
    """The wire bytes of *value*, before registers are exchanged.

    Raises:
        ValueError: it does not fit the type, or means "no value".
    """
    match type_facts(encoding.type).family:
        case "text":
            return text_to_wire(value, encoding)
        case "bool":
            return struct.pack(">H", truth(value))
        case "float":
            return _checked(encoding, value, _float_wire(encoding, value))
    return _checked(encoding, value, _whole_wire(encoding, value))


def no_value(encoding: Encoding) -> bytes:
    """The wire bytes that mean "no value".

    Raises:
        ValueError: nothing means that.
    """
    facts = type_facts(encoding.type)
    if encoding.sentinels:
        return struct.pack(encoding.struct_format, encoding.sentinels[0])
    if facts.family == "float":
        return struct.pack(encoding.struct_format, float("nan"))
    if facts.family == "bcd":
        return struct.pack(encoding.struct_format, NOT_BCD[encoding.type])
    raise ValueError(f"{encoding.type} has no sentinel here, so there is no way to write 'no value'")


def truth(value: object) -> int:
    """1 or 0 of true or false.

    Raises:
        ValueError: it is neither.
    """
    if value in (0, 1) and isinstance(value, (bool, int)):
        return int(value)
    raise ValueError(f"bool takes true or false, not {value!r}")


def _checked(encoding: Encoding, value: Value, wire: bytes) -> bytes:
    (raw,) = struct.unpack(encoding.struct_format, wire)
    if raw in encoding.sentinels:
        raise ValueError(f"{value} cannot be written: {raw} means 'no value' here")
    return wire


def _float_wire(encoding: Encoding, value: Value) -> bytes:
    exact = to_fraction(value, encoding.type)
    if encoding.scale != 1 or encoding.offset != 0:
        exact = (exact - Fraction(repr(encoding.offset))) / Fraction(repr(encoding.scale))
    try:
        return struct.pack(encoding.struct_format, float(exact))
    except (OverflowError, struct.error):
        raise ValueError(f"{value} is too large for {encoding.type}") from None


def _whole_wire(encoding: Encoding, value: Value) -> bytes:
    p, o, q = linear(encoding.scale, encoding.offset)
    raw = round((to_fraction(value, encoding.type) * q - o) / p)
    bits, bcd = type_facts(encoding.type).registers * 16, encoding.type.startswith("bcd")
    low = -(1 << bits - 1) if encoding.type.startswith("int") else 0
    high = 10 ** (bits // 4) - 1 if bcd else low + (1 << bits) - 1
    if not low <= raw <= high:
        ends = sorted((Fraction(low * p + o, q), Fraction(high * p + o, q)))
        span = " to ".join(f"{float(end):.15g}" if end.denominator > 1 else f"{end}" for end in ends)
        raise ValueError(f"{value} is out of range: {encoding.type}{_scaled(encoding)} takes {span}")
    return struct.pack(encoding.struct_format, int(str(raw), 16) if bcd else raw)


def _scaled(encoding: Encoding) -> str:
    return "" if encoding.scale == 1 and encoding.offset == 0 else " with this scale"


def text_to_wire(text: object, encoding: Encoding) -> bytes:
    """The wire bytes of *text*, padded.

    Raises:
        ValueError: it does not fit, or has characters that the charset lacks.
    """
    if not isinstance(text, str):
        raise ValueError(f"{encoding.type} takes text, not {text!r}")
    one_each = encoding.order in ("0A", "A0")
    room = encoding.count if one_each else encoding.count * 2
    characters = _characters(text, encoding.type)
    if len(characters) > room:
        raise ValueError(f"{text!r} takes {len(characters)} bytes and there is room for {room}")
    characters = characters.ljust(room, PADDINGS[encoding.padding])
    if not one_each:
        return characters_of(characters, encoding.order)
    wire = bytearray(encoding.count * 2)
    wire[encoding.order.index("A") :: 2] = characters
    return bytes(wire)


def _characters(text: str, charset: str) -> bytes:
    if "\0" in text:
        raise ValueError("text for a device cannot hold a NUL character: it marks the end")
    try:
        return text.encode(CHARSETS[charset])
    except UnicodeEncodeError as error:
        raise ValueError(f"{charset} has no character {text[error.start]!r}") from None


def to_fraction(value: object, wanted: str) -> Fraction:
    """A number that a caller gave, exactly as it is written: 230.1 is 2301/10.

    Raises:
        ValueError: it is no finite number.
    """
    if not isinstance(value, (int, float, Decimal, Fraction)):
        raise ValueError(f"{wanted} takes a number, not {value!r}")
    try:
        return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{wanted} takes a finite number, not {value}") from None
