"""Many values out of one read: a decoder made once and used for every answer."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter

from mbap.values.codec import Convert
from mbap.values.encoding import Encoding
from mbap.values.types import Value, type_facts
from mbap.values.wire import repeated, swap_bytes

Field = tuple[int, Encoding]
BlockDecoder = Callable[[bytes], list[Value | None]]


def block_decoder(fields: Sequence[Field]) -> BlockDecoder:
    """A function that gives the values of *fields*, in their order, from the wire bytes of one read.

    Each field is the offset of its first register in the read, and how the value lies there; fields may
    overlap. What a value alone would decode to, it decodes to here; None means "no value". The bytes may be
    longer than the fields need; shorter ones raise `struct.error`.

    Raises:
        ValueError: an offset is negative.
    """
    if any(offset < 0 for offset, _ in fields):
        raise ValueError("the offset of a register in a read is not negative")
    passes = _passes(fields)
    order = [index for part in passes for index in part.indexes]
    return _decoder(passes, _back_in_order(order), _Fixes(fields))


class _Pass:
    """One `struct.unpack`: fields of one endianness that do not overlap."""

    def __init__(self, endian: str, swapped: bool) -> None:
        self.endian = endian
        self.swapped = swapped
        self.end = 0
        self.indexes: list[int] = []
        self._codes: list[str] = []

    @property
    def format(self) -> str:
        """For `struct`."""
        return self.endian + "".join(repeated(code, len([*run])) for code, run in groupby(self._codes))

    def accepts(self, offset: int, encoding: Encoding) -> bool:
        layout = encoding.layout
        return offset >= self.end and (layout.endian, layout.swapped) == (self.endian, self.swapped)

    def add(self, index: int, offset: int, encoding: Encoding) -> None:
        gap = (offset - self.end) * 2
        self._codes += [f"{gap}x"] * bool(gap) + [encoding.layout.code]
        self.end = offset + encoding.count
        self.indexes.append(index)


def _passes(fields: Sequence[Field]) -> list[_Pass]:
    passes: list[_Pass] = []
    for index, (offset, encoding) in sorted(enumerate(fields), key=lambda item: item[1][0]):
        part = next((known for known in passes if known.accepts(offset, encoding)), None)
        if part is None:
            part = _Pass(encoding.layout.endian, encoding.layout.swapped)
            passes.append(part)
        part.add(index, offset, encoding)
    return passes


def _back_in_order(order: list[int]) -> Callable[[tuple[object, ...]], tuple[object, ...]] | None:
    if order == sorted(order):
        return None
    return itemgetter(*(order.index(index) for index in range(len(order))))


class _Fixes:
    """What is left to do after unpacking: all floats looked at in one go, the rest one by one.

    A sum of floats is finite only if each of them is, so that a read without a NaN costs one `sum`.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        converts = [(index, encoding.convert) for index, (_, encoding) in enumerate(fields)]
        self.all: list[tuple[int, Convert]] = [(index, step) for index, step in converts if step is not None]
        plain = {index for index, (_, encoding) in enumerate(fields) if encoding.is_plain_float}
        text = any(type_facts(encoding.type).family == "text" for _, encoding in fields)
        self.summable = bool(plain) and not text
        self.rest = [(index, step) for index, step in self.all if index not in plain]

    def apply(self, values: list[object]) -> None:
        finite = self.summable and math.isfinite(sum(values))  # type: ignore[arg-type]
        for index, convert in self.rest if finite else self.all:
            values[index] = convert(values[index])  # type: ignore[arg-type]


def _decoder(
    passes: list[_Pass], arrange: Callable[[tuple[object, ...]], tuple[object, ...]] | None, fixes: _Fixes
) -> BlockDecoder:
    steps = [(struct.Struct(part.format).unpack_from, part.swapped) for part in passes]
    swaps = any(swapped for _, swapped in steps)
    first, first_swapped = steps[0] if len(steps) == 1 else (None, False)
    todo, apply = bool(fixes.all), fixes.apply

    def decode(data: bytes) -> list[Value | None]:
        if first is not None:
            raw = first(swap_bytes(data) if first_swapped else data)
        else:
            other = swap_bytes(data) if swaps else data
            raw = ()
            for unpack, swapped in steps:
                raw += unpack(other if swapped else data)
        values = list(raw if arrange is None else arrange(raw))
        if todo:
            apply(values)
        return values

    return decode
