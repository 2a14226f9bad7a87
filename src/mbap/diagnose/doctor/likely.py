"""How likely a way of reading is: addresses one off, words exchanged, judged by what a profile knows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mbap.addresses import Table
from mbap.collect.registermap import Kind, Point
from mbap.values import Encoding
from mbap.values.orders import order_kind

SHIFTS = (0, -1, 1)
"""What to add to the profile's addresses: nothing, or one where it was counted from 1 or the device does."""
NEIGHBOURS = (-1, 1)
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
CLEAR = 0.2
"""How much better a way has to be than that of the profile, to be believed."""
TIE = 0.02
"""What a way loses for each thing that it does otherwise than the profile."""
EXPLAINED = 0.1
"""What it is worth that all registers that are not 0 belong to a point."""
BEGINS = 0.05
"""What it is worth that the first point is there: more devices leave out the last ones of a profile."""
_SMALLEST, _LARGEST = 1e-4, 1e9

Memory = Mapping[tuple[Table, int], int]


@dataclass(frozen=True, slots=True)
class Likeness:
    """A way of reading, and how many of the points that were judged look right with it.

    Attributes:
        shift: what is added to addresses. order: of the bytes of numbers of several registers.
        share: of the points, how many look right; 0 to 1. judged: how many points say anything.
        explained: of the registers that are not 0, how many belong to a point; 0 to 1.
        there: how many of the points could be read at all. begins: whether the first of them could.
    """

    shift: int
    order: str
    share: float
    judged: int
    explained: float = 0.0
    there: int = 0
    begins: bool = False


def ranked(
    points: Sequence[Point], memory: Memory, order: str, shifts: Sequence[int] = SHIFTS
) -> list[Likeness]:
    """All ways of reading *points* out of *memory*, the likeliest first; the profile's before equals."""
    shifts = [shift for shift in shifts if all(point.address + shift >= 0 for point in points)]
    there = [point for point in points if any(_words(point, memory, shift) for shift in shifts)] or points
    ways = [
        _judge(there, memory, shift, turn, ORDERS[kind]) for shift in shifts for kind, turn in turns(order)
    ]
    return sorted(ways, key=lambda way: _merit(way, order), reverse=True)


def _merit(way: Likeness, order: str) -> float:
    """Words that are exchanged look much like addresses that are one off, but for what is at the ends."""
    ends = EXPLAINED * way.explained + BEGINS * way.begins
    return way.share + ends - TIE * (bool(way.shift) + (way.order != order))


def turns(order: str) -> list[tuple[int, int]]:
    """Of each order: its kind, and how the bytes have to be turned from *order* to it."""
    own = order_kind(order)
    return [(kind, kind ^ own) for kind in range(len(ORDERS))]


def _judge(points: Sequence[Point], memory: Memory, shift: int, turn: int, order: str) -> Likeness:
    marks = [one for point in points if (one := mark(point, memory, shift, turn)) is not None]
    share = sum(marks) / len(marks) if marks else 0.0
    there = sum(_words(point, memory, shift) is not None for point in points)
    begins = _words(min(points, key=lambda point: point.address), memory, shift) is not None
    return Likeness(shift, order, share, len(marks), _explained(points, memory, shift), there, begins)


def _explained(points: Sequence[Point], memory: Memory, shift: int) -> float:
    full = {place for place, word in memory.items() if word}
    taken = {
        (point.table, address + shift) for point in points for address in range(point.address, point.last + 1)
    }
    return len(full & taken) / max(len(full), 1)


def _words(point: Point, memory: Memory, shift: int) -> list[int] | None:
    """The registers of *point*; None where they are not all there."""
    words = [memory.get((point.table, address + shift)) for address in range(point.address, point.last + 1)]
    return None if None in words else [word for word in words if word is not None]


def mark(point: Point, memory: Memory, shift: int, turn: int) -> float | None:
    """How right the point looks, 0 to 1; None where nothing can be said."""
    if point.encoding is None or point.encoding.bit is not None or point.encoding.type.startswith("string"):
        return None
    words = _words(point, memory, shift)
    if words is None:
        return None if shift in NEIGHBOURS else 0.0  # beside the map there may be nothing
    if not any(words):
        return None  # zero looks the same in every way
    return _plausible(point, decoded(turned_by(point.encoding, turn), words))


def turned_by(encoding: Encoding, turn: int) -> Encoding:
    """The same with its bytes in another order; what is in a single register stays as it is."""
    if encoding.count == 1:
        return encoding
    return replace(encoding, order=ORDERS[order_kind(encoding.order) ^ turn])


def decoded(encoding: Encoding, words: Sequence[int]) -> float | None:
    try:
        value = encoding.decode(words)
    except ValueError:
        return None
    return float(value) if isinstance(value, (int, float)) else None


def _plausible(point: Point, value: float | None) -> float:
    if value is None or not math.isfinite(value):
        return 0.0
    if point.states and point.kind is Kind.STATE:
        return 1.0 if int(value) in point.states else 0.0
    if point.low is not None or point.high is not None:
        low = -math.inf if point.low is None else point.low
        high = math.inf if point.high is None else point.high
        if not low <= value <= high:
            return 0.0
        return 1.0 if abs(value) >= _SMALLEST or value == 0 else 0.3
    return 1.0 if value == 0 or _SMALLEST <= abs(value) <= _LARGEST else 0.0
