"""What a period's samples come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from mbap.collect.readings import Value

LARGEST = 1e300
"""Numbers beyond it are left out, whose sum could not be held; so are text and bad readings."""


class Period(NamedTuple):
    """The good numbers of a period: how many, lowest, highest, total, first and last; its bad readings."""

    good: int
    bad: int
    low: float | None
    high: float | None
    total: float
    first: float | None
    last: float | None


def summed_up(values: Sequence[Value | None], qualities: Sequence[int] | None = None) -> Period | None:
    """*values* in order of time, None *qualities* where all are good; None: nothing was read but text."""
    if qualities is None:
        return _of(values)
    bad = sum(quality > 1 for quality in qualities)
    good = [value for value, quality in zip(values, qualities, strict=True) if quality <= 1]
    period = _of(good)
    if period is None:
        return Period(0, bad, None, None, 0.0, None, None) if bad else None
    return period._replace(bad=bad)


def _of(values: Sequence[Value | None]) -> Period | None:
    """The usable among *values*: nearly always they all are, which is seen by their lowest and highest."""
    numbers = cast("Sequence[float]", values)
    try:
        low, high = min(numbers), max(numbers)
        if low < -LARGEST or high > LARGEST:
            return _of(_usable(values))
    except TypeError:  # None or text is among them
        return _of(_usable(values))
    except ValueError:  # there is none
        return None
    return Period(len(numbers), 0, low, high, float(sum(numbers)), numbers[0], numbers[-1])


def _usable(values: Sequence[Value | None]) -> list[float]:
    return [value for value in values if isinstance(value, int | float) and -LARGEST <= value <= LARGEST]
