"""Which of several ways to read a device is the right one, where its values look right in all of them.

The high word of one number and the low word of the next make a number much like the first. So addresses that
are one off and words that are exchanged look alike, together or each for itself. What tells them apart:

- a device gives a point whole, or not at all: half of one that is there speaks against the way
- single registers and text have one place, whatever the order of words
- what is not 0 belongs to a point, more often than not
- numbers move by a little: when the high word goes up by one, the low word begins anew. Halves of two
  numbers do not know of each other
- what counts never falls
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from mbap.collect.registermap import Kind, Point
from mbap.diagnose.doctor.likely import Likeness, mark
from mbap.diagnose.doctor.moving import moving, watched
from mbap.diagnose.doctor.places import Memory, Place, Places, covered, swapped, words_of
from mbap.values import Encoding
from mbap.values.orders import order_kind

HALF, GARBLED, MISSING, ODD, ORPHAN = -4.0, -4.0, -0.5, -3.0, -0.7
"""Points for what is seen of a way: logarithms of how much likelier it is where another is right."""
CLEAR = 4.0
"""So many points the best way has to be ahead of the next."""
FACTS, ALTOGETHER = 4.0, 10.0
"""So many it has to be ahead of the profile's own way where that looks nearly as right."""
SINGLE, EDGES = 12, 12
"""So many single registers and texts, and so many numbers beside holes of the map, are looked at."""


@dataclass(frozen=True, slots=True)
class Score:
    """What speaks for a way: *facts* are what no device does by chance, *looks* what values look like."""

    facts: float = 0.0
    looks: float = 0.0

    @property
    def points(self) -> float:
        """Both."""
        return self.facts + self.looks


@dataclass(frozen=True, slots=True)
class Decision:
    """The *ways* with the *scores* of each, the best first."""

    ways: Sequence[Likeness]
    scores: Sequence[Score]

    @property
    def best(self) -> Likeness:
        """The likeliest."""
        return self.ways[0]

    @property
    def clear(self) -> bool:
        """Whether the others can be left out."""
        return len(self.ways) < 2 or self.scores[0].points - self.scores[1].points >= CLEAR

    def beyond_doubt(self, own: Likeness) -> bool:
        """Whether facts, and not looks alone, speak for the best way against *own*."""
        if own not in self.ways or self.best is own or not self.clear:
            return False
        first, its = self.scores[0], self.scores[self.ways.index(own)]
        return first.facts - its.facts >= FACTS and first.points - its.points >= ALTOGETHER


def decide(
    places: Places, points: Sequence[Point], every: Sequence[Point], ways: Sequence[Likeness], own: Likeness
) -> Decision:
    """Look for what tells *ways* apart; *points* are the numbers looked at, *every* the profile's."""
    if len(ways) < 2:
        return Decision(ways, [Score()])
    order, single = own.order, singles(every)
    points = [*points, *(point for point in edges(every) if point not in points)]
    for way in ways:  # all is read before anything is judged
        for point in (*points, *single):
            places.whole(point, way.shift)
    scores = [_standing(places, points, single, every, way, order) for way in ways]
    decision = _ordered(ways, scores)
    if decision.clear and (own not in ways or decision.beyond_doubt(own)):
        return decision
    moments = watched(places, points, ways)
    moved = [moving(points, moments, way, order) for way in ways]
    return _ordered(
        ways,
        [Score(one.facts + more, one.looks) for one, more in zip(scores, moved, strict=True)],
    )


def _ordered(ways: Sequence[Likeness], scores: Sequence[Score]) -> Decision:
    """The best first, and of equals the one that came first."""
    order = sorted(range(len(ways)), key=lambda one: scores[one].points, reverse=True)
    return Decision([ways[one] for one in order], [scores[one] for one in order])


def edges(every: Sequence[Point]) -> list[Point]:
    """Numbers of several registers beside a hole of the map: there a way that is one off shows."""
    taken = set(covered(every, 0))
    return [point for point in every if _long(point) and _beside_a_hole(point, taken)][:EDGES]


def _long(point: Point) -> bool:
    return point.encoding is not None and point.count > 1 and not point.encoding.length


def _beside_a_hole(point: Point, taken: Set[Place]) -> bool:
    return not {(point.table, point.address - 1), (point.table, point.last + 1)} <= taken


def singles(every: Sequence[Point]) -> list[Point]:
    """Points with one place in any order of words, of which it can be seen whether they are there."""
    return [point for point in every if _single(point)][:SINGLE]


def _single(point: Point) -> bool:
    if point.encoding is None or point.encoding.bit is not None:
        return False
    limited = point.low is not None and point.high is not None
    return bool(point.encoding.length) or (
        point.count == 1 and (limited or (point.kind is Kind.STATE and bool(point.states)))
    )


def _standing(
    places: Places,
    points: Sequence[Point],
    single: Sequence[Point],
    every: Sequence[Point],
    way: Likeness,
    order: str,
) -> Score:
    """What can be said of *way* without seeing anything move."""
    turn = order_kind(way.order) ^ order_kind(order)
    there = sum(_there(places, point, way.shift) for point in (*points, *single))
    looks = sum(_looks(point, places.memory, way.shift, turn) for point in points)
    looks += _singly(single, places.memory, way.shift, turn)
    return Score(there, looks + _orphans(every, places.memory, way.shift))


def _there(places: Places, point: Point, shift: int) -> float:
    if places.whole(point, shift):
        return 0.0
    return HALF if places.in_part(point, shift) else MISSING


def _looks(point: Point, memory: Memory, shift: int, turn: int) -> float:
    """How odd *point* looks; nothing where it is not there."""
    right = mark(point, memory, shift, turn) if words_of(point, memory, shift) else None
    return 0.0 if right is None else ODD * (1.0 - right)


def _singly(single: Sequence[Point], memory: Memory, shift: int, turn: int) -> float:
    """How odd single registers and texts look; their bytes may be exchanged, too, or not."""
    turned = (False, True) if turn & 2 else (False,)
    return max(sum(_one(point, memory, shift, exchanged) for point in single) for exchanged in turned)


def _one(point: Point, memory: Memory, shift: int, exchanged: bool) -> float:
    words = words_of(point, memory, shift)
    if exchanged:
        words = [swapped(word) for word in words]
    if not any(words):
        return 0.0
    assert point.encoding is not None
    if point.encoding.length:
        return 0.0 if _is_text(point.encoding, words) else GARBLED
    return _looks(point, {(point.table, at): word for at, word in enumerate(words, point.address)}, 0, 0)


def _is_text(encoding: Encoding, words: Sequence[int]) -> bool:
    try:
        text = str(encoding.decode(words))
    except ValueError:
        return False
    return bool(text) and text.isascii() and text.isprintable()


def _orphans(every: Sequence[Point], memory: Memory, shift: int) -> float:
    """Registers that are not 0, and belong to no point."""
    taken = set(covered(every, shift))
    return ORPHAN * sum(bool(word) and place not in taken for place, word in memory.items())
