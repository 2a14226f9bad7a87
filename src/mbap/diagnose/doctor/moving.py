"""How numbers move, in each of several ways to read them: what halves of two numbers do not do together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from mbap.collect.registermap import Kind, Point
from mbap.diagnose.doctor.likely import Likeness, decoded, turned_by
from mbap.diagnose.doctor.places import Memory, Places, Span, covered, runs, swapped, words_of
from mbap.values import Encoding
from mbap.values.orders import order_kind

SAMPLES, APART = 5, 0.4
"""How often the registers are read again, and how many seconds apart."""
LONGEST = 64
"""Registers of one read, where it is not known how many a device gives."""
MOST_A_NUMBER, MOST_A_REGISTER, FELL = 2.0, 4.0, -3.0
"""So many points at most for how one moves, and for a counter that falls."""
NARROW = 0x800
"""Within so much a register has to stay, to say something of the order of its bytes."""
_WORD, _HALF = 0xFFFF, 0x8000


def watched(places: Places, points: Sequence[Point], ways: Sequence[Likeness]) -> list[list[Memory]]:
    """What the registers of *points* have, a few times; each read by itself, for what belongs together."""
    wanted = {place for way in ways for place in covered(points, way.shift)}
    spans = runs([place for place in wanted if place in places.memory], places.case.known.largest or LONGEST)
    moments: list[list[Memory]] = []
    for number in range(SAMPLES):
        places.case.progress(number / SAMPLES)
        if number:
            places.case.sleep(APART)
        seen = [(span, places.again(*span)) for span in spans]
        spans = [span for span, words in seen if words]
        moments.append([_placed(span, words) for span, words in seen if words])
    return moments


def _placed(span: Span, words: Sequence[int]) -> Memory:
    table, first, _ = span
    return {(table, at): word for at, word in enumerate(words, first)}


def moving(points: Sequence[Point], moments: Sequence[list[Memory]], way: Likeness, order: str) -> float:
    """What can be said of *way* by how its numbers move."""
    turn = order_kind(way.order) ^ order_kind(order)
    total = 0.0
    for point in points:
        seen = [words for moment in moments if (words := _together(point, moment, way.shift))]
        if point.encoding is not None and len(seen) > 1:
            encoding = turned_by(point.encoding, turn)
            total += _carries(encoding, seen) if point.count == 2 else 0.0
            exchanged = bool(order_kind(encoding.order) & 2)
            total += sum(_bytes(words, exchanged=exchanged) for words in zip(*seen, strict=True))
            total += _falls(encoding, seen) if point.kind is Kind.COUNTER else 0.0
    return total


def _together(point: Point, moment: Sequence[Memory], shift: int) -> list[int]:
    """The registers of *point*, where one read gave them all."""
    return next((words for memory in moment if (words := words_of(point, memory, shift))), [])


def _carries(encoding: Encoding, seen: Sequence[Sequence[int]]) -> float:
    """Where the high word is now at one number and now at the next: how close the whole stays together.

    The bits of a float stand in the order of its values, so it is the same for both.
    """
    raw = Encoding("uint32", encoding.order)
    numbers = [int(raw.decode(words) or 0) for words in seen]
    high = [number >> 16 for number in numbers]
    if max(high) - min(high) != 1:
        return 0.0
    closeness = math.log((_WORD + 1) / max(max(numbers) - min(numbers), 1))
    return max(-math.log(2), min(closeness, MOST_A_NUMBER))


def _falls(encoding: Encoding, seen: Sequence[Sequence[int]]) -> float:
    numbers = [number for words in seen if (number := decoded(encoding, words)) is not None]
    return FELL if any(after < before for before, after in pairwise(numbers)) else 0.0


def _bytes(words: Sequence[int], *, exchanged: bool) -> float:
    """Whether one register stays closer together with its bytes in the other order.

    With its bytes exchanged a register that moves by one jumps by 256.
    """
    plain, turned = _width(words), _width([swapped(word) for word in words])
    here, other = (turned, plain) if exchanged else (plain, turned)
    if not 0 < other < min(here, NARROW):
        return 0.0
    return -min(math.log(here / other), MOST_A_REGISTER)


def _width(words: Sequence[int]) -> int:
    """How far apart they are, the shortest way around."""
    rest = sorted((word - words[0] + _HALF) & _WORD for word in words)
    return rest[-1] - rest[0]
