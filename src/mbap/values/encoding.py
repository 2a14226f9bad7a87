"""How one value lies in registers: `Encoding`."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mbap.values.codec import Convert, converter
from mbap.values.encoder import no_value, raw_wire, truth
from mbap.values.facts import Layout, check, layout_of, raw_sentinels
from mbap.values.orders import for_size, for_text
from mbap.values.series import SeriesDecoder, series_decoder
from mbap.values.types import Value, type_facts
from mbap.values.wire import Buffer, swap_bytes, wire_bytes


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one value lies in registers: decodes wire bytes or registers, encodes values, and is its inverse.

    A value is raw * scale + offset. Whole numbers are scaled exactly: raw 2301 with scale 0.1 is 230.1; where
    scale and offset are whole, the value stays an `int`. What means "no value" decodes to None: a sentinel, a
    float that is NaN or infinite, BCD with a digit above 9.

    Attributes:
        type: one of `mbap.values.TYPES`.
        order: ABCD, CDAB, BADC or DCBA, or their names for other sizes; for text AB, BA, 0A or A0.
        scale, offset: of numbers only.
        length: of text only: its registers (two characters each, or one with the orders 0A and A0).
        bit: of `bool` only: 0 is the lowest bit; without it any register but zero is true.
        sentinels: raw numbers that mean "no value", as bit pattern (0x8000) or as number (-32768);
            "default" is the usual one of the type.
        padding: what text is filled up with when written, "nul" or "space"; read are both.

    Raises:
        ValueError: the parts do not go together; one sentence says why.
    """

    type: str = "uint16"
    order: str = ""
    scale: float = 1.0
    offset: float = 0.0
    length: int | None = None
    bit: int | None = None
    sentinels: tuple[int | float | str, ...] = ()
    padding: str = "nul"
    layout: Layout = field(init=False, repr=False, compare=False)
    """How `struct` reads the raw value; for `block_decoder`."""
    convert: Convert | None = field(init=False, repr=False, compare=False)
    """What makes the value of the raw one; None when they are the same; for `block_decoder`."""

    def __post_init__(self) -> None:
        family = type_facts(self.type).family
        check(self, family)
        put = object.__setattr__
        put(self, "order", for_text(self.order) if family == "text" else for_size(self.order, self.count))
        put(self, "scale", float(self.scale))
        put(self, "offset", float(self.offset))
        put(self, "sentinels", raw_sentinels(self.type, self.sentinels))
        put(self, "layout", layout_of(self))
        put(self, "convert", converter(self, family))

    def __reduce__(self) -> tuple[object, ...]:
        given = (self.type, self.order, self.scale, self.offset, self.length, self.bit, self.sentinels)
        return Encoding, (*given, self.padding)

    @property
    def count(self) -> int:
        """How many registers the value takes."""
        return type_facts(self.type).registers or self.length or 0

    @property
    def struct_format(self) -> str:
        """How `struct` reads the raw value."""
        return self.layout.endian + self.layout.code

    @property
    def is_plain_float(self) -> bool:
        """True for a float with neither scale nor sentinels: only NaN and infinity need a look."""
        plain = self.scale == 1 and self.offset == 0 and not self.sentinels
        return plain and self.type.startswith("float")

    def decode(self, data: Buffer | Sequence[int]) -> Value | None:
        """The value in *data*: wire bytes, or registers; None when it means "no value".

        Raises:
            ValueError: *data* is not exactly `count` registers.
        """
        wire = wire_bytes(data)
        if len(wire) != self.count * 2:
            raise ValueError(f"{self.type} takes {_amount(self.count)}, not {len(wire) / 2:g}")
        (raw,) = struct.unpack(self.struct_format, swap_bytes(wire) if self.layout.swapped else wire)
        return raw if self.convert is None else self.convert(raw)

    def decoder(self, count: int) -> SeriesDecoder:
        """A function that gives *count* values, one behind the other, as a tuple: for many answers alike.

        It takes what `decode` takes; more registers may follow. With fewer it raises `ValueError`.

        Raises:
            ValueError: *count* is less than 1.
        """
        return series_decoder(self, count)

    def encode(self, value: Value | None) -> tuple[int, ...]:
        """The registers that give *value* back, at the nearest step of scale; a half goes to the even one.

        None writes the first sentinel; without one NaN for a float, and all ones for BCD.

        Raises:
            ValueError: it does not fit the type, or means "no value", or is only one bit of a register.
        """
        if self.bit is not None:
            raise ValueError(
                f"bit {self.bit} is not a whole register: write it with a mask (function code 22)"
            )
        wire = no_value(self) if value is None else raw_wire(self, value)
        return struct.unpack(f">{self.count}H", swap_bytes(wire) if self.layout.swapped else wire)

    def masks(self, value: Value) -> tuple[int, int]:
        """The and-mask and or-mask that set this one bit of a register and leave the others alone.

        Raises:
            ValueError: this is not one bit of a register, or *value* is neither true nor false.
        """
        if self.bit is None:
            raise ValueError(f"{self.type} without a bit is a whole register: write it as one")
        return 0xFFFF & ~(1 << self.bit), truth(value) << self.bit

    def text(self, value: Value | None) -> str:
        """*value* for people: a `float32` with as many digits as it holds, no value as `-`."""
        if value is None:
            return "-"
        if isinstance(value, float) and self.type in _SHORTER:
            return _shortest(value, *_SHORTER[self.type])
        return str(value)


_SHORTER: Final = {"float16": (">e", 5), "float32": (">f", 9)}


def _shortest(value: float, code: str, most: int) -> str:
    """*value* with the fewest digits that still give the same float as `struct` packs it with *code*."""
    same = _packed(code, value)
    texts = (f"{value:.{digits}g}" for digits in range(1, most + 1))
    short = next((text for text in texts if same and _packed(code, float(text)) == same), repr(value))
    return repr(float(short))


def _packed(code: str, value: float) -> bytes:
    """*value* as bytes; none when it is too large, as a rounded one may become."""
    try:
        return struct.pack(code, value)
    except OverflowError:
        return b""


def _amount(registers: int) -> str:
    return "1 register" if registers == 1 else f"{registers} registers"
