"""Many values of one encoding, one behind the other: a decoder made once and used for every answer."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mbap.values.types import Value
from mbap.values.wire import Buffer, repeated, swap_bytes, wire_bytes

if TYPE_CHECKING:
    from mbap.values.encoding import Encoding

SeriesDecoder = Callable[[Buffer | Sequence[int]], tuple[Value | None, ...]]


def series_decoder(encoding: Encoding, count: int) -> SeriesDecoder:
    """What gives the first *count* values of some registers; see `Encoding.decoder`."""
    if count < 1:
        raise ValueError(f"a decoder gives 1 value or more, not {count}")
    any_values = _any_values(encoding, count)
    if encoding.is_plain_float and encoding.count > 1:
        return _floats(encoding, count, any_values)
    return any_values


def _any_values(encoding: Encoding, count: int) -> SeriesDecoder:
    unpack, swaps = _unpack(encoding, count), encoding.layout.swapped
    convert, registers = encoding.convert, encoding.count * count

    def decode(data: Buffer | Sequence[int]) -> tuple[Value | None, ...]:
        wire = wire_bytes(data)
        if len(wire) < 2 * registers:
            got = f"{len(wire) / 2:g}"
            raise ValueError(f"{count} values of {encoding.type} take {registers} registers, not {got}")
        raw = unpack(swap_bytes(wire[: 2 * registers]) if swaps else wire)
        return raw if convert is None else tuple([convert(number) for number in raw])

    return decode


def _floats(encoding: Encoding, count: int, any_values: SeriesDecoder) -> SeriesDecoder:
    """Floats as they are, unless one may be NaN or infinite: its highest byte is then 7F or FF.

    Looking for these two costs a fifth of unpacking; looking at each float costs more than unpacking.
    """
    unpack, swaps, size = _unpack(encoding, count), encoding.layout.swapped, 2 * encoding.count
    highest, end = (0 if encoding.layout.endian == ">" else size - 1) ^ swaps, size * count
    highest_ones = slice(highest, end, size)

    def plain(data: Any) -> tuple[Value | None, ...]:
        try:
            wire = data.wire
            highest_bytes = wire[highest_ones]
            if 0x7F not in highest_bytes and 0xFF not in highest_bytes:
                return unpack(wire)
        except (AttributeError, struct.error):
            pass  # no Registers, or too few
        return any_values(data)

    def swapped(data: Any) -> tuple[Value | None, ...]:
        try:
            wire = data.wire
            highest_bytes = wire[highest_ones]
            if 0x7F not in highest_bytes and 0xFF not in highest_bytes:
                registers = array("H", wire[:end])
                registers.byteswap()
                return unpack(registers)
        except (AttributeError, struct.error):
            pass
        return any_values(data)

    return swapped if swaps else plain


def _unpack(encoding: Encoding, count: int) -> Callable[[Any], tuple[Any, ...]]:
    return struct.Struct(encoding.layout.endian + repeated(encoding.layout.code, count)).unpack_from
