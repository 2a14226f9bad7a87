"""One entry while it is served: from values to the bytes of its image, and back for writes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Final, Literal, cast

from mbap.collect.concentratorimage import BAD, GONE, GOOD, BitImage, RegisterImage
from mbap.collect.concentratormap import Entry
from mbap.collect.concentratorunits import Conversion, conversion
from mbap.collect.readings import Quality, Value
from mbap.collect.registermap import Point
from mbap.protocol.wire import Registers
from mbap.values import NO_VALUE, Encoding
from mbap.values.encoder import truth
from mbap.values.types import type_facts
from mbap.values.wire import swap_bytes

Otherwise = Literal["exception", "last", "sentinel"]
"""What is answered for a value that is stale or bad: exception 0B, the last good one, or "no value"."""

STALE: Final = 200
NEVER: Final = 201
GONE_FOREVER: Final = 202
"""Beside those of `Quality`, what the register with the quality of an entry can say."""

ENCODINGS_KEPT: Final = 1024
"""Thousands of points share few encodings: what is made of one is made once."""
_QUICK_BITS: Final = 32

Pack = Callable[[Value], bytes]
UNFIT = (ValueError, TypeError, OverflowError, struct.error)
"""What tells that a value cannot be put in the type of an entry."""


class Cell:
    """An entry, the point behind it, and what is known of it.

    Attributes:
        point: None when the site has it no longer; then clients find "no value" there.
        quality: of the newest reading; `STALE` and the others above, too.
        feed: whose readings it had last.
        good_at: when its last good value was read, in seconds of the concentrator's clock; None: never.
        last: that value as it is served.
    """

    __slots__ = (
        "_image",
        "_no_value",
        "_otherwise",
        "_pack",
        "_way",
        "entry",
        "feed",
        "good_at",
        "last",
        "point",
        "quality",
    )

    def __init__(
        self, entry: Entry, point: Point | None, image: RegisterImage | BitImage, otherwise: Otherwise
    ) -> None:
        self.entry = entry
        self.point = point
        self.quality = int(NEVER)
        self.feed: object = None
        self.good_at: float | None = None
        self.last: bytes | None = None
        self._image = image
        self._otherwise = otherwise
        self._way = (
            conversion(point.unit, entry.measured_in) if point is not None and entry.encoding else None
        )
        self._no_value = no_value(entry.encoding)
        self._pack = _packer(entry.encoding, self._way, forbidden=self._forbidden())
        if point is None:
            self._give_up()
        else:
            self._fail(NEVER)

    def put(self, value: Value | None, quality: Quality, at: float) -> None:
        """Take a reading of the time *at* in."""
        if value is None or not quality.good:
            self._fail(quality)
            return
        try:
            wire = self._pack(value)
        except UNFIT:
            self._fail(Quality.LIMITS)  # clients could not be told this value in the type of the entry
            return
        self._write(wire)
        if self.quality > 1:
            self._image.mark(self.entry.address, self.entry.count, GOOD)
        self.quality, self.last, self.good_at = int(quality), wire, at

    def expire(self) -> None:
        """Its value is too old."""
        self._fail(STALE)

    def take_over(self, before: Cell) -> None:
        """Know the last good value of *before*, which was served until now."""
        if before.entry == self.entry and before.point == self.point and before.last is not None:
            self.last, self.good_at = before.last, before.good_at
            self._write(before.last)
            self._image.mark(self.entry.address, self.entry.count, GOOD)
            self.expire()

    def wire_of(self, value: Value) -> bytes:
        """What clients are shown for *value*; raises one of `UNFIT` where that cannot be told."""
        return self._pack(value)

    def value_of(self, wire: bytes) -> Value | None:
        """What a client means that writes *wire* here, in the unit of the point; None for "no value"."""
        encoding = self.entry.encoding
        if encoding is None:
            return bool(wire[0])
        value = encoding.decode(wire)
        if self._way is None or value is None or isinstance(value, str):
            return value
        return self._way.inverse()(value)

    def _fail(self, quality: int) -> None:
        self.quality = int(quality)
        if self._otherwise == "last" and self.last is not None:
            return
        if self._otherwise == "sentinel" and self._no_value is not None:
            self._write(self._no_value)
            self._image.mark(self.entry.address, self.entry.count, GOOD)
        else:
            self._image.mark(self.entry.address, self.entry.count, BAD)

    def _give_up(self) -> None:
        self.quality = GONE_FOREVER
        self._write(self._no_value or bytes(2 * self.entry.count))
        self._image.mark(self.entry.address, self.entry.count, GONE)

    def _write(self, wire: bytes) -> None:
        entry, image = self.entry, self._image
        if isinstance(image, BitImage):
            image.put(entry.address, wire[-1])
        elif entry.encoding is not None and entry.encoding.bit is not None:
            image.put_bit(entry.address, entry.encoding.bit, wire[-1])
        else:
            image.put(entry.address, wire)

    def _forbidden(self) -> bytes | None:
        """What must not be sent as a value, because it says that there is none."""
        return self._no_value if self._otherwise == "sentinel" else None


@lru_cache(maxsize=ENCODINGS_KEPT)
def no_value(encoding: Encoding | None) -> bytes | None:
    """The bytes that mean "no value"; None where nothing does."""
    if encoding is None or type_facts(encoding.type).family in ("bool", "text"):
        return None
    if not encoding.sentinels and encoding.type in NO_VALUE:
        encoding = replace(encoding, sentinels=("default",))
    return Registers.of(encoding.encode(None)).wire


def _packer(encoding: Encoding | None, way: Conversion | None, forbidden: bytes | None) -> Pack:
    if encoding is None or encoding.type == "bool":
        return lambda value: bytes((0, truth(value)))
    pack = _number_packer(encoding) or _any_packer(encoding)
    if way is not None:
        plain = pack
        pack = lambda value: plain(way(cast("float", value)))  # noqa: E731 - one of several, by what is needed
    return pack if forbidden is None else _but_not(pack, forbidden)


def _but_not(pack: Pack, forbidden: bytes) -> Pack:
    def checked(value: Value) -> bytes:
        wire = pack(value)
        if wire == forbidden:
            raise ValueError(f"{value} would say that there is no value")
        return wire

    return checked


@lru_cache(maxsize=ENCODINGS_KEPT)
def _number_packer(encoding: Encoding) -> Pack | None:
    """The quick way for most numbers; None where exactness or the type needs the long one."""
    facts = type_facts(encoding.type)
    scaled = encoding.scale != 1 or encoding.offset != 0
    if facts.family not in ("int", "float") or (scaled and facts.registers * 16 > _QUICK_BITS):
        return None
    packed = struct.Struct(encoding.struct_format).pack
    scale, offset = encoding.scale, encoding.offset
    swap = encoding.layout.swapped
    if facts.family == "float":
        raw: Callable[[Value], object] = (lambda value: (value - offset) / scale) if scaled else float  # type: ignore[operator]
    else:
        # Of numbers up to 32 bits the float is near enough to round to the right one.
        raw = (lambda value: round((value - offset) / scale)) if scaled else _whole  # type: ignore[operator]
    if swap:
        return lambda value: swap_bytes(packed(raw(value)))
    return lambda value: packed(raw(value))


def _whole(value: Value) -> int:
    return value if isinstance(value, int) else round(cast("float", value))


def _any_packer(encoding: Encoding) -> Pack:
    plain = replace(encoding, sentinels=())
    return lambda value: Registers.of(plain.encode(value)).wire
