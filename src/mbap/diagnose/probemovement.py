"""What the changes from sample to sample say for a kind, as bits saved against registers that hold anything.

A value stands still, or is a gauge that moves both ways by some share of its size, or a counter that only
rises, or moves by about the same each time. Each of these is a distribution of steps whose chances sum to 1
at most. So samples of a value read rightly cost fewer bits than when they are read wrongly, on average: more
samples can only help.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from mbap.diagnose.probeword import MANTISSA_BITS, Kind, Part, position

STILL_COST: Final = 1.0
GAUGE_COST: Final = 1.5
GAUGE64_COST: Final = 6.0
"""How rare gauges are: of whole numbers of 64 bits, which count, very."""
COUNTER_COST: Final = {1: 4.0, 2: 2.5, 4: 2.0}
STEADY_COST: Final = 4.0
SCALE_COST: Final = 3.5
"""Bits that say how large the steps are, of a dozen usual sizes."""
SLOWEST: Final = -13.0
FASTEST: Final = -3.0
"""What share of its size a gauge usually moves from sample to sample, as a power of two."""
COUNTED: Final = -6.0
"""The same for a counter, at most: it has been counting for long."""
LEAST_STEADY: Final = 3
"""Steps that are needed to see that they are alike."""
JUMP_COST: Final = 6.0
IMPOSSIBLE: Final = -60.0
UNCHANGED: Final = "it does not change"
_LOG2_E: Final = math.log2(math.e)


def movement(kind: Kind, patterns: Sequence[int]) -> list[Part]:
    """What the *patterns*, one of each sample, say by how they change."""
    if len(set(patterns)) == 1:
        return unchanged(kind, patterns)
    places = [place for pattern in patterns if (place := position(kind, pattern)) is not None]
    if len(places) < len(patterns):
        return [Part(IMPOSSIBLE, "a digit is above 9 in some samples")]
    steps = [after - before for before, after in pairwise(places)]
    size = _size(kind, places)
    gauge, counter, steady = (way(kind, steps, size) for way in (_gauge, _counter, _steady))
    points = len(steps) * kind.bits - min(gauge, counter, steady)
    if steady < min(gauge, counter):
        return [Part(points, "it moves by about the same each time")]
    if counter < gauge:
        return [Part(points, "it only rises, as a counter does")]
    return [
        Part(points, "its steps are small" if points > len(steps) * kind.bits / 4 else "its steps are large")
    ]


def unchanged(kind: Kind, patterns: Sequence[int], cost: float = STILL_COST) -> list[Part]:
    """What it is worth that all samples are the same: as much a register for every kind."""
    steps = len(patterns) - 1
    return [Part(steps * kind.bits - cost, UNCHANGED)] if steps and len(set(patterns)) == 1 else []


def _size(kind: Kind, places: Sequence[int]) -> float:
    """The power of two of the value, in the unit of the steps."""
    if kind.type.startswith("float"):
        return float(MANTISSA_BITS[kind.width])
    return math.log2(max(abs(place) for place in places) + 1)


def _gauge(kind: Kind, steps: Sequence[int], size: float) -> float:
    """The bits that say *steps* of a value that goes up and down."""
    return (
        (GAUGE64_COST if kind.family == "whole64" else GAUGE_COST)
        + SCALE_COST
        + _cheapest(kind, steps, size, SLOWEST, FASTEST, _both_ways)
    )


def _counter(kind: Kind, steps: Sequence[int], size: float) -> float:
    """The bits that say *steps* of a value that only rises."""
    if min(steps) < 0 or (kind.type.startswith("int") and kind.width == 1):
        return math.inf
    return COUNTER_COST[kind.width] + SCALE_COST + _cheapest(kind, steps, size, -math.inf, COUNTED, _upwards)


def _steady(kind: Kind, steps: Sequence[int], size: float) -> float:
    """The bits that say *steps* that are all about the first of them."""
    first = abs(steps[0])
    if len(steps) < LEAST_STEADY or not first:
        return math.inf
    begun = STEADY_COST + SCALE_COST + 1 + math.log2(first + 1)
    begun += _odd(math.log2(first) - size, -math.inf if min(steps) >= 0 else SLOWEST, FASTEST)
    others = [step - steps[0] for step in steps[1:]]
    return begun + SCALE_COST + _cheapest(kind, others, size, -math.inf, math.inf, _both_ways)


def _cheapest(
    kind: Kind,
    steps: Sequence[int],
    size: float,
    slowest: float,
    fastest: float,
    cost: Callable[[int, float], float],
) -> float:
    """The bits for *steps* by *cost*, at the best scale; a scale that is odd for the size costs more."""
    middle = math.floor(math.log2(max(sum(abs(step) for step in steps) / len(steps), 0.5)))
    return min(
        _odd(scale - size, slowest, fastest)
        + sum(min(cost(abs(step), 2.0**scale), kind.bits + JUMP_COST) for step in steps)
        for scale in (max(middle - 1, -1), middle, middle + 1)
    )


def _odd(share: float, slowest: float, fastest: float) -> float:
    """A bit for each halving below the slowest share, or doubling above the fastest."""
    return max(slowest - share, share - fastest, 0.0)


def _both_ways(step: int, scale: float) -> float:
    lost = -math.expm1(-1 / scale)
    return math.log2((2 - lost) / lost) + step / scale * _LOG2_E


def _upwards(step: int, scale: float) -> float:
    return math.log2(1 + scale) + step * math.log2(1 + 1 / scale)
