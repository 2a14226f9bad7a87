"""Points -> as few reads as the profile allows, and each read's answer -> values with qualities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from operator import itemgetter, le
from typing import Any, NamedTuple

from mbap.addresses import Table, describe
from mbap.collect.readings import Quality, Value
from mbap.collect.registermap import Point, Profile
from mbap.protocol.pdu import READS, Request
from mbap.protocol.wire import Bits, Registers
from mbap.values import Encoding, block_decoder

Decoded = tuple[list[Value | None], list[Quality] | None]

_TCP_HEADER = 7
_READ_REQUEST = 5
_READ_RESPONSE = 2


@dataclass(frozen=True, slots=True)
class Block:
    """One planned read: `count` registers or bits from `address` on, and the points in it, by address.

    Attributes:
        names: the points' names; one tuple that all readings of the block share.
        request: the read as a request, ready to be executed.
    """

    table: Table
    address: int
    count: int
    points: tuple[Point, ...]
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    request: Request[Registers] | Request[Bits] = field(init=False, repr=False, compare=False)
    _values: Callable[[bytes], list[Value | None]] = field(init=False, repr=False, compare=False)
    _judge: _Judge = field(init=False, repr=False, compare=False)
    _size: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "names", tuple(point.name for point in self.points))
        put(self, "request", READS[self.table](self.address, self.count))
        put(self, "_values", self._decoder())
        put(self, "_judge", _Judge(self.points))
        put(self, "_size", (self.count + 7) // 8 if self.table.holds_bits else self.count * 2)

    def decode(self, answer: Registers | Bits) -> Decoded:
        """The values in the order of `points`, and their qualities; None instead of these when all are GOOD.

        A value that is no value (a sentinel, NaN, an infinity) or outside of its limits is None, and so is
        what did not come, where the device may give short answers.
        """
        if len(answer.wire) < self._size:
            return self._decode_short(answer)
        values = self._values(answer.wire)
        return self._judge(values)

    def _decode_short(self, answer: Registers | Bits) -> Decoded:
        values, qualities = self._judge(self._values(answer.wire.ljust(self._size, b"\0")))
        judged = [Quality.GOOD] * len(values) if qualities is None else qualities
        for index, point in enumerate(self.points):
            if point.last >= self.address + len(answer):
                values[index], judged[index] = None, Quality.PROTOCOL
        return values, judged

    @property
    def bytes_on_wire(self) -> tuple[int, int]:
        """The size of request and response on TCP, headers of Modbus included and those of TCP not."""
        return _TCP_HEADER + _READ_REQUEST, _TCP_HEADER + _READ_RESPONSE + self._size

    def __reduce__(self) -> tuple[type[Block], tuple[object, ...]]:
        return Block, (self.table, self.address, self.count, self.points)

    def __str__(self) -> str:
        return describe(self.table, self.address, self.count)

    def _decoder(self) -> Callable[[bytes], list[Value | None]]:
        if self.table.holds_bits:
            return _bits_decoder([point.address - self.address for point in self.points])
        return block_decoder([(point.address - self.address, _encoding(point)) for point in self.points])


def plan(profile: Profile, points: Sequence[Point]) -> list[Block]:
    """The fewest reads that give *points*, each of them once, by table and address.

    A read goes over at most `gap` unwanted registers at a time, asks for at most `largest`, never touches
    what is forbidden, and never splits a value.

    Raises:
        ValueError: a point is longer than the largest read, or on a forbidden range.
    """
    blocks = []
    for table in Table:
        waiting = sorted((p for p in points if p.table is table), key=lambda p: (p.address, p.last))
        forbidden = [(first, last) for where, first, last in profile.forbidden if where is table]
        largest, gap = profile.largest_in(table), profile.gap_in(table)
        _check(waiting, largest, forbidden)
        while waiting:
            taken, waiting = _first_read(waiting, largest, gap, forbidden)
            address = taken[0].address
            blocks.append(Block(table, address, max(p.last for p in taken) - address + 1, tuple(taken)))
    return blocks


def _first_read(
    points: Sequence[Point], largest: int, gap: int, forbidden: Sequence[tuple[int, int]]
) -> tuple[list[Point], list[Point]]:
    """The points of the read that begins at the first of *points*, which are in order, and all others.

    It takes what it can. That is the fewest reads: whatever else a plan does with the first point, what then
    is left over includes what is left over here, and nothing taken here lies between two of those.
    """
    limit = points[0].address + largest - 1
    end = points[0].last
    taken: list[Point] = []
    left: list[Point] = []
    for index, point in enumerate(points):
        if point.address > end + 1 + gap or _crosses(forbidden, end, point.address):
            left.extend(points[index:])
            break
        if point.last > limit:
            left.append(point)
            continue
        taken.append(point)
        end = max(end, point.last)
    return taken, left


def _crosses(forbidden: Iterable[tuple[int, int]], end: int, address: int) -> bool:
    return any(end < last and first < address for first, last in forbidden)


def _check(points: Iterable[Point], largest: int, forbidden: Iterable[tuple[int, int]]) -> None:
    ranges = list(forbidden)
    for point in points:
        if point.count > largest:
            raise ValueError(f"{point.name} takes {point.count} registers, and the largest read is {largest}")
        if any(first <= point.last and point.address <= last for first, last in ranges):
            raise ValueError(f"{point.name}, {describe(point.table, point.address)}, is on a forbidden range")


def _encoding(point: Point) -> Encoding:
    return point.encoding or Encoding()


def _bits_decoder(offsets: Sequence[int]) -> Callable[[bytes], list[Value | None]]:
    places = [(offset >> 3, 1 << (offset & 7)) for offset in offsets]

    def decode(wire: bytes) -> list[Value | None]:
        return [wire[byte] & mask != 0 for byte, mask in places]

    return decode


class _Judge:
    """Gives values their qualities; compiled for the usual case, that there is nothing to complain about."""

    __slots__ = ("_highs", "_limited", "_lows", "_pick")

    def __init__(self, points: Sequence[Point]) -> None:
        limited = [i for i, point in enumerate(points) if point.low is not None or point.high is not None]
        self._limited = limited
        self._lows = [_or(points[i].low, -inf) for i in limited]
        self._highs = [_or(points[i].high, inf) for i in limited]
        self._pick: Callable[[list[Value | None]], Sequence[Any]] | None = None
        if 1 < len(limited) < len(points):
            self._pick = itemgetter(*limited)

    def __call__(self, values: list[Value | None]) -> Decoded:
        if None not in values and self._all_within(values):
            return values, None
        qualities = [Quality.SENTINEL if value is None else Quality.GOOD for value in values]
        for index, low, high in zip(self._limited, self._lows, self._highs, strict=True):
            value = values[index]
            if isinstance(value, (int, float)) and not low <= value <= high:
                values[index], qualities[index] = None, Quality.LIMITS
        return values, qualities

    def _all_within(self, values: list[Value | None]) -> bool:
        if not self._limited:
            return True
        picked = self._pick(values) if self._pick else [values[i] for i in self._limited]
        return all(map(le, self._lows, picked)) and all(map(le, picked, self._highs))


def _or(limit: float | None, default: float) -> float:
    return default if limit is None else limit


class CycleLoad(NamedTuple):
    """What reading some blocks once costs: to predict how busy a line will be."""

    requests: int
    bytes_sent: int
    bytes_received: int
    wanted: int
    """Registers and bits that points need."""
    read: int
    """Registers and bits that are read; the rest are gaps."""


def cycle_load(blocks: Iterable[Block]) -> CycleLoad:
    """What reading each of *blocks* once costs."""
    every = list(blocks)
    sizes = [block.bytes_on_wire for block in every]
    return CycleLoad(
        requests=len(every),
        bytes_sent=sum(sent for sent, _ in sizes),
        bytes_received=sum(received for _, received in sizes),
        wanted=sum(_covered(block.points) for block in every),
        read=sum(block.count for block in every),
    )


def _covered(points: Iterable[Point]) -> int:
    return len({address for point in points for address in range(point.address, point.last + 1)})
