"""The best way to lay values over a block without gap or overlap, and how much worse each other choice is.

What follows what is a chain: each family of kinds is followed by each other as often as in real maps, in
bits; devices that mix numbers of one and two registers have a chain of their own. The best laying, and for
each value the best one that contains it, come from one pass from each end (Viterbi's algorithm).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mbap.diagnose.probeword import BY_NAME, KINDS, Kind

NEVER: Final = float("-inf")
OFF_COST: Final = 4.0
"""What a value of several registers costs at an odd address where the device's others are at even ones."""

_COLUMNS: Final = (
    *("whole16", "whole32", "whole64", "float32", "float64", "text", "empty"),
    *("bcd16", "bcd32", "float16"),
)
_ROWS: Final = {
    None: (1.0, 2.0, 4.5, 1.5, 4.5, 8.0, 4.0, 6.0, 6.0, 6.0),
    "whole16": (0.3, 4.5, 6.0, 5.5, 7.0, 9.0, 2.7, 6.0, 6.0, 6.0),
    "whole32": (4.5, 0.6, 5.0, 5.0, 7.0, 9.0, 1.8, 6.0, 6.0, 6.0),
    "whole64": (4.0, 4.0, 0.4, 4.0, 6.0, 9.0, 3.0, 6.0, 6.0, 6.0),
    "float32": (5.0, 5.0, 5.5, 0.4, 5.5, 9.0, 2.0, 6.0, 6.0, 6.0),
    "float64": (5.0, 5.0, 5.5, 4.0, 0.4, 9.0, 2.0, 6.0, 6.0, 6.0),
    "text": (3.0, 4.0, 6.0, 5.0, 7.0, 0.2, 3.5, 6.0, 6.0, 6.0),
    "empty": (3.8, 4.3, 7.0, 3.3, 7.0, 10.0, 0.3, 7.0, 7.0, 7.0),
    "bcd16": (4.0, 4.0, 6.0, 6.0, 7.0, 9.0, 3.0, 0.4, 3.0, 6.0),
    "bcd32": (4.0, 4.0, 6.0, 6.0, 7.0, 9.0, 3.0, 3.0, 0.4, 6.0),
    "float16": (4.0, 5.0, 6.0, 5.0, 7.0, 9.0, 3.0, 6.0, 6.0, 0.4),
}
"""Bits for what stands after what, from counts over the built-in profiles, made even where they are few."""
_MIXED: Final = {
    ("whole16", "whole32"): 1.6,
    ("whole32", "whole16"): 1.3,
    ("whole16", "whole16"): 0.8,
    ("whole32", "whole32"): 1.2,
    ("empty", "whole32"): 3.8,
}
"""What is other in devices that mix numbers of one and two registers as they come."""

Changes = Mapping[str | None, Mapping[str, float]]
"""By family before and family after, the bits of that change."""
PLAIN: Final[Changes] = {before: dict(zip(_COLUMNS, row, strict=True)) for before, row in _ROWS.items()}
MIXED: Final[Changes] = {
    before: {after: _MIXED.get((before or "", after), cost) for after, cost in row.items()}
    for before, row in PLAIN.items()
}
FAMILY: Final = {kind.name: kind.family for kind in KINDS}
WIDTH: Final = {kind.name: kind.width for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Scores:
    """What is to be laid.

    Attributes:
        points: at each place, those of each kind that may begin there.
        alike: at each place, the points more for a kind when the value before is of it too.
        parity: at which places, even or odd, values of several registers begin; None: at either.
    """

    points: Sequence[Mapping[str, float]]
    alike: Sequence[Mapping[str, float]]
    parity: int | None
    changes: Changes

    def at(self, place: int) -> dict[str, float]:
        """The points of each kind at *place*, less where it is not aligned as the device's others are."""
        if self.parity is None or place % 2 == self.parity:
            return dict(self.points[place])
        return {
            name: points - (OFF_COST if WIDTH[name] > 1 else 0.0)
            for name, points in self.points[place].items()
        }


@dataclass(frozen=True, slots=True)
class Laid:
    """Layings of a block: for each place and kind, the points of it and all that follows."""

    scores: Scores
    ahead: Sequence[Mapping[str, float]]

    @property
    def total(self) -> float:
        """The points of the best laying."""
        begins = self.scores.changes[None]
        return max((points - begins[FAMILY[name]] for name, points in self.ahead[0].items()), default=0.0)

    def tiles(self) -> list[tuple[int, Kind]]:
        """The values of the best laying: first place and kind of each."""
        place, before, tiles = 0, None, list[tuple[int, Kind]]()
        while place < len(self.ahead):
            name = self._next(place, before)
            tiles.append((place, BY_NAME[name]))
            place, before = place + WIDTH[name], name
        return tiles

    def _next(self, place: int, before: str | None) -> str:
        alike = self.scores.alike[place]
        costs = self.scores.changes[None if before is None else FAMILY[before]]
        return max(
            self.ahead[place],
            key=lambda name: (
                self.ahead[place][name]
                - costs[FAMILY[name]]
                + (alike.get(name, 0.0) if name == before else 0.0)
            ),
        )

    def through(self) -> list[dict[str, float]]:
        """At each place and for each kind, the points of the best laying that has it there."""
        behind = _forwards(self.scores)
        return [
            {name: behind[place][name] + points for name, points in kinds.items()}
            for place, kinds in enumerate(self.ahead)
        ]


def lay(scores: Scores) -> Laid:
    """The layings of *scores*."""
    ahead: list[dict[str, float]] = [{} for _ in scores.points]
    follows: list[dict[str | None, float]] = [{} for _ in scores.points]
    for place in reversed(range(len(ahead))):
        here = scores.at(place)
        ahead[place] = {
            name: points + _rest(name, place + WIDTH[name], ahead, follows, scores)
            for name, points in here.items()
        }
        follows[place] = _best_after(ahead[place], scores.changes)
    return Laid(scores, ahead)


def _best_after(kinds: Mapping[str, float], changes: Changes) -> dict[str | None, float]:
    """For each family that may come before: the points of the best that follows it."""
    best: dict[str, float] = {}
    for name, points in kinds.items():
        family = FAMILY[name]
        if points > best.get(family, NEVER):
            best[family] = points
    return {
        family: max((points - costs[after] for after, points in best.items()), default=NEVER)
        for family, costs in changes.items()
    }


def _rest(
    name: str,
    end: int,
    ahead: Sequence[Mapping[str, float]],
    follows: Sequence[Mapping[str | None, float]],
    scores: Scores,
) -> float:
    """The best points of what follows a value of kind *name* that ends before *end*."""
    if end == len(ahead):
        return 0.0
    family = FAMILY[name]
    same = ahead[end].get(name, NEVER) - scores.changes[family][family] + scores.alike[end].get(name, 0.0)
    return max(same, follows[end][family])


def _forwards(scores: Scores) -> list[dict[str, float]]:
    """At each place and kind, the best points of all that is before it, and of the change to it."""
    size = len(scores.points)
    begins = {family: -cost for family, cost in scores.changes[None].items()}
    behind: list[dict[str, float]] = []
    done: list[dict[str, float]] = [{} for _ in range(size + 1)]
    for place in range(size):
        before = _best_before(done[place], scores.changes) if place else begins
        alike, kinds = scores.alike[place], scores.at(place)
        behind.append({})
        for name, points in kinds.items():
            family = FAMILY[name]
            same = done[place].get(name, NEVER) - scores.changes[family][family] + alike.get(name, 0.0)
            best = behind[place][name] = max(before[family], same)
            end = place + WIDTH[name]
            done[end][name] = max(done[end].get(name, NEVER), best + points)
    return behind


def _best_before(done: Mapping[str, float], changes: Changes) -> dict[str, float]:
    """For each family: the points of the best that may come before it, and of the change."""
    best: dict[str, float] = {}
    for name, points in done.items():
        family = FAMILY[name]
        if points > best.get(family, NEVER):
            best[family] = points
    return {
        family: max((points - changes[before][family] for before, points in best.items()), default=NEVER)
        for family in changes[None]
    }
