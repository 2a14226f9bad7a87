"""Values that move: pure functions of the time, so that nothing has to run for them to move."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

Shape = Literal["sine", "triangle", "ramp", "square", "random"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
FARTHEST = 4.0
"""So many spreads noise can be away from its middle."""


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


@dataclass(frozen=True, slots=True)
class Noise:
    """A value that jumps about: normally distributed, another one in every period.

    Attributes:
        around, spread: mean and standard deviation; it stays within `FARTHEST` spreads.
        period: seconds for which a value stays.
        seed: makes two of them differ.

    Raises:
        ValueError: a number is out of its range.
    """

    around: float = 0.0
    spread: float = 1.0
    period: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.spread < 0.0:
            raise ValueError(f"a spread is not negative, unlike {self.spread:g}")
        if self.period <= 0.0:
            raise ValueError(f"a period is longer than 0, not {self.period:g} s")

    def at(self, seconds: float) -> float:
        """The value *seconds* after the start."""
        number = 2 * math.floor(seconds / self.period)
        length = math.sqrt(-2.0 * math.log(1.0 - _scattered(self.seed, number)))
        angle = 2.0 * math.pi * _scattered(self.seed, number + 1)
        return self.around + self.spread * max(-FARTHEST, min(FARTHEST, length * math.cos(angle)))


@dataclass(frozen=True, slots=True)
class Steps:
    """A value that changes at given times and stays between them.

    Attributes:
        times, values: from which second on which value; before the first time it is the first value.
        period: begins again after so many seconds; None: the last value stays.
        passes: what a client writes there stays until the next step only.

    Raises:
        ValueError: there is no step, they are not in order, or the last one is not within the period.
    """

    times: tuple[float, ...]
    values: tuple[float, ...]
    period: float | None = None
    passes: bool = False

    def __post_init__(self) -> None:
        if not self.times or len(self.times) != len(self.values):
            raise ValueError("there is no step")
        if list(self.times) != sorted(self.times):
            raise ValueError("the steps are not in the order of their times")
        if self.period is not None and self.period <= self.times[-1]:
            raise ValueError(f"the last step is at {self.times[-1]:g} s, after a period of {self.period:g} s")

    def at(self, seconds: float) -> float:
        """The value *seconds* after the start."""
        within = seconds if self.period is None else seconds % self.period
        return self.values[max(bisect_right(self.times, within) - 1, 0)]

    def taken(self, seconds: float) -> int:
        """How many steps were taken by then."""
        turns, within = (0.0, seconds) if self.period is None else divmod(seconds, self.period)
        return int(turns) * len(self.times) + bisect_right(self.times, within)


def _scattered(seed: int, number: int) -> float:
    """0 to below 1: the same for the same arguments, unlike its neighbours."""
    # The constants of Knuth's multiplicative hash and of MurmurHash3's last step.
    mixed = (number * 2_654_435_761 + seed * 40_503 + 97) & 0xFFFF_FFFF
    mixed = ((mixed ^ mixed >> 16) * 0x85EB_CA6B) & 0xFFFF_FFFF
    mixed = ((mixed ^ mixed >> 13) * 0xC2B2_AE35) & 0xFFFF_FFFF
    return (mixed ^ mixed >> 16) / 2**32
