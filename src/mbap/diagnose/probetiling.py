"""The best way to lay values over a block without gap or overlap, and how much worse each other choice is.

Neighbours that are of one kind fit better: a change of kind costs points. The best laying, and for each value
the best one that contains it, come from one pass from each end (Viterbi's algorithm).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from mbap.diagnose.probeword import BY_NAME, Kind

NEVER: Final = float("-inf")
CHANGE: Final = 3.0
SAME_WIDTH: Final = 1.5
WHOLE: Final = 2.0
WIDE_BEGINS: Final = 5.0
TO_EMPTY: Final = 5.0
FROM_EMPTY: Final = 2.0
WITHIN_FAMILY: Final = 0.5
TEXT_BEGINS: Final = 5.0

_BEGINS: Final = {"text": TEXT_BEGINS, "whole64": WIDE_BEGINS}
"""What a run of these costs: one alone is unlikely, whatever is before it."""

Scores = Sequence[Mapping[str, float]]
"""At each place, the points of each kind that may begin there."""


def change(before: str | None, after: str) -> float:
    """What it costs when a value of one kind follows one of another."""
    if before == after:
        return 0.0
    last, next_one = None if before is None else BY_NAME[before].family, BY_NAME[after].family
    if last == next_one:
        return WITHIN_FAMILY
    if next_one in _BEGINS:
        return _BEGINS[next_one]
    if before is None:
        return 0.0
    if "empty" in (before, after):
        return TO_EMPTY if after == "empty" else FROM_EMPTY
    if {last, next_one} == {"whole16", "whole32"}:
        return WHOLE
    return SAME_WIDTH if BY_NAME[before].width == BY_NAME[after].width else CHANGE


def best_tiling(scores: Scores) -> tuple[float, list[tuple[int, Kind]]]:
    """The points of the best laying, and its values: first place and kind of each."""
    ahead = _backwards(scores)
    place, before, tiles = 0, None, list[tuple[int, Kind]]()
    while place < len(scores):
        name = _next(ahead[place], before)
        tiles.append((place, BY_NAME[name]))
        place, before = place + BY_NAME[name].width, name
    return _start(ahead), tiles


def through(scores: Scores) -> list[dict[str, float]]:
    """At each place and for each kind, the points of the best laying that has it there."""
    ahead = _backwards(scores)
    behind = _forwards(scores)
    return [
        {name: behind[place][name] + ahead[place][name] for name in kinds}
        for place, kinds in enumerate(scores)
    ]


def _next(ahead: Mapping[str, float], before: str | None) -> str:
    return max(ahead, key=lambda name: ahead[name] - change(before, name))


def _start(ahead: Sequence[Mapping[str, float]]) -> float:
    return max((points - change(None, name) for name, points in ahead[0].items()), default=0.0)


def _backwards(scores: Scores) -> list[dict[str, float]]:
    """At each place and kind, the best points of it and all that follows."""
    ahead: list[dict[str, float]] = [{} for _ in range(len(scores) + 1)]
    for place in reversed(range(len(scores))):
        for name, points in scores[place].items():
            end = place + BY_NAME[name].width
            rest = 0.0 if end == len(scores) else NEVER
            if end < len(scores):
                rest = max((more - change(name, after) for after, more in ahead[end].items()), default=NEVER)
            ahead[place][name] = points + rest
    return ahead


def _forwards(scores: Scores) -> list[dict[str, float]]:
    """At each place and kind, the best points of all that is before it, and of the change to it."""
    behind: list[dict[str, float]] = [dict.fromkeys(kinds, NEVER) for kinds in scores]
    done: list[dict[str, float]] = [{} for _ in range(len(scores) + 1)]
    for place, kinds in enumerate(scores):
        for name, points in kinds.items():
            if place == 0:
                best = -change(None, name)
            else:
                best = max((got - change(before, name) for before, got in done[place].items()), default=NEVER)
            behind[place][name] = best
            if best > NEVER:
                end = place + BY_NAME[name].width
                done[end][name] = max(done[end].get(name, NEVER), best + points)
    return behind
