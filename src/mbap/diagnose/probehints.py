"""What the person knows, such as a value nearby, and what that or everyday values say of the scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from mbap.diagnose.probeword import Kind, Part

SCALES: Final = (1.0, 0.1, 0.01, 0.001)
HINT_SCALES: Final = (*SCALES, 10.0, 100.0, 0.0001)
JUMPS: Final = "it jumps, which slow values do not"
FALLS: Final = "it falls, a counter does not"
NEAR: Final = 0.1
KNOWN: Final = 0.01

TYPICAL: Final = (
    (225.0, 242.0, 3.0, "a phase voltage"),
    (205.0, 255.0, 2.0, "a phase voltage"),
    (390.0, 420.0, 2.0, "a voltage between phases"),
    (49.8, 50.2, 4.0, "the mains frequency"),
    (59.8, 60.2, 3.0, "the mains frequency"),
)
"""Values found in many devices: from, to, points, and what they are."""

_UNLIKELY: Final = {1.0: 0.0, 0.1: -0.5, 0.01: -1.0, 0.001: -1.5}


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known before looking.

    Attributes:
        near: values that some place shows about, within a tenth, at whatever scale.
        known: by address, what a place shows now, within a hundredth.
        slow: nothing changes by more than a fiftieth from sample to sample.
        counter: everything that changes rises.
        order: an index into the orders, when it is known.
    """

    near: Sequence[float] = ()
    known: Mapping[int, float] = field(default_factory=dict)
    slow: bool = False
    counter: bool = False
    order: int | None = None


def scaled(
    kind: Kind, values: Sequence[int | float | None], hints: Hints, known: float | None
) -> tuple[float, list[Part]]:
    """The likeliest scale of *values*, and the points for it.

    Whole numbers may have any of `SCALES`; floats have one only when a hint says so.
    """
    numbers = [value for value in values if value is not None]
    if not numbers or kind.name in ("empty", "text", "bits"):
        return 1.0, [Part(-30.0, "a value is known here")] if known is not None else []
    hinted = _hinted(kind, numbers, hints, known)
    if hinted is not None:
        return hinted
    against = [] if known is None else [Part(-30.0, f"it does not show {known:g}")]
    if not all(numbers):
        return 1.0, against
    scales = (1.0,) if kind.type.startswith("float") else SCALES
    best = max(scales, key=lambda scale: _typical(numbers, scale)[0] + _UNLIKELY[scale])
    points, what = _typical(numbers, best)
    return (
        (best, [Part(points + _UNLIKELY[best], f"{numbers[-1] * best:.6g} could be {what}"), *against])
        if points
        else (1.0, against)
    )


def _typical(numbers: Sequence[int | float], scale: float) -> tuple[float, str]:
    """The points of the first everyday range that holds all *numbers* at *scale*."""
    for low, high, points, what in TYPICAL:
        if all(low <= number * scale <= high for number in numbers):
            return points, what
    return 0.0, ""


def _hinted(
    kind: Kind, numbers: Sequence[int | float], hints: Hints, known: float | None
) -> tuple[float, list[Part]] | None:
    tries = [(known, KNOWN, 30.0)] if known is not None else [(value, NEAR, 8.0) for value in hints.near]
    for wanted, share, points in tries:
        for scale in HINT_SCALES:
            if abs(numbers[-1] * scale - wanted) <= max(
                abs(wanted) * share, scale * 0.51 * (wanted != 0 and abs(numbers[-1]) > 1)
            ):
                odd = 4.0 if kind.type.startswith("float") and scale != 1 else 0.0
                said = "is the known" if known is not None else "is near"
                return scale, [Part(points - odd, f"{numbers[-1] * scale:.6g} {said} {wanted:g}")]
    return None


def manner(values: Sequence[int | float | None], hints: Hints) -> list[Part]:
    """How *values* change, against what the hints say of it."""
    numbers = [value for value in values if value is not None]
    steps = list(pairwise(numbers))
    parts = []
    if hints.counter and steps:
        rises = all(before <= after for before, after in steps)
        moved = numbers[0] != numbers[-1]
        parts.append(Part(3.0 * moved if rises else -6.0, "it rises" if rises else FALLS))
    if hints.slow and steps:
        slow = all(abs(after - before) <= max(abs(before), 1e-9) * 0.02 + 1 for before, after in steps)
        parts.append(Part(1.0 if slow else -6.0, "it is slow" if slow else JUMPS))
    return [part for part in parts if part.points]
