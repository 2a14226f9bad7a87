"""Values that move: pure functions of the time, so that nothing has to run for them to move."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

Shape = Literal["sine", "triangle", "ramp", "square", "random"]
SHAPES: tuple[Shape, ...] = get_args(Shape)


class Motion(Protocol):
    """Something that has a value at every moment."""

    def at(self, seconds: float) -> float:
        """The value *seconds* after the start."""
        ...


@dataclass(frozen=True, slots=True)
class Wave:
    """A value between *low* and *high*.

    Attributes:
        shape: `sine` and `triangle` begin in the middle and rise; `ramp` rises from *low* and falls back at
            once; `square` is *high* for the share *duty* of each period, then *low*; `random` wanders, and
            comes to a new place in every period.
        period: seconds.
        phase: where in the period it begins, 0 to 1.
        seed: makes two random ones differ.

    Raises:
        ValueError: a number is out of its range.
    """

    shape: Shape
    low: float = 0.0
    high: float = 1.0
    period: float = 60.0
    phase: float = 0.0
    duty: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.period <= 0.0:
            raise ValueError(f"a period is longer than 0, not {self.period:g} s")
        if self.low > self.high:
            raise ValueError(f"low is above high: {self.low:g} > {self.high:g}")
        if not 0.0 <= self.duty <= 1.0:
            raise ValueError(f"duty is a share of the period, 0 to 1, not {self.duty:g}")

    def at(self, seconds: float) -> float:
        """The value *seconds* after the start."""
        return self.low + (self.high - self.low) * self._share(seconds / self.period + self.phase)

    def _share(self, periods: float) -> float:
        """0 for *low* to 1 for *high*."""
        place = periods % 1.0
        if self.shape == "sine":
            return 0.5 + 0.5 * math.sin(2.0 * math.pi * place)
        if self.shape == "triangle":
            return 1.0 - abs(2.0 * ((place + 0.25) % 1.0) - 1.0)
        if self.shape == "square":
            return 1.0 if place < self.duty else 0.0
        if self.shape == "random":
            return self._wandering(math.floor(periods), place)
        return place

    def _wandering(self, period: int, place: float) -> float:
        here, there = _scattered(self.seed, period), _scattered(self.seed, period + 1)
        return here + (there - here) * place * place * (3.0 - 2.0 * place)


@dataclass(frozen=True, slots=True)
class Counter:
    """A value that only rises; at *wraps_at* it begins at 0 again.

    Raises:
        ValueError: it would fall, or wraps at 0.
    """

    start: float = 0.0
    per_second: float = 1.0
    wraps_at: float | None = None

    def __post_init__(self) -> None:
        if self.per_second < 0.0:
            raise ValueError(f"a counter does not fall, so per_second is not {self.per_second:g}")
        if self.wraps_at is not None and self.wraps_at <= 0.0:
            raise ValueError(f"a counter wraps at more than 0, not at {self.wraps_at:g}")

    def at(self, seconds: float) -> float:
        """The value *seconds* after the start."""
        value = self.start + self.per_second * seconds
        return value if self.wraps_at is None else value % self.wraps_at


def _scattered(seed: int, number: int) -> float:
    """0 to below 1: the same for the same arguments, unlike its neighbours."""
    # The constants of Knuth's multiplicative hash and of MurmurHash3's last step.
    mixed = (number * 2_654_435_761 + seed * 40_503 + 97) & 0xFFFF_FFFF
    mixed = ((mixed ^ mixed >> 16) * 0x85EB_CA6B) & 0xFFFF_FFFF
    mixed = ((mixed ^ mixed >> 13) * 0xC2B2_AE35) & 0xFFFF_FFFF
    return (mixed ^ mixed >> 16) / 2**32
