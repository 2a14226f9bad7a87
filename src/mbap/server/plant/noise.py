"""What makes simulated values alive: slow wandering, and things that switch now and then; both seeded."""

from __future__ import annotations

import math
from random import Random


class Wander:
    """A value that wanders around 0 and comes back: white noise, smoothed over *seconds*.

    About two thirds of the time it is within plus and minus *spread*.
    """

    __slots__ = ("_random", "_seconds", "_spread", "value")

    def __init__(self, random: Random, spread: float, seconds: float) -> None:
        self._random, self._spread, self._seconds = random, spread, seconds
        self.value = random.gauss(0.0, spread)

    def step(self, dt: float) -> float:
        """The value *dt* seconds later."""
        keep = math.exp(-dt / self._seconds)
        push = self._spread * math.sqrt(1.0 - keep * keep)
        self.value = self.value * keep + self._random.gauss(0.0, push)
        return self.value


class Switching:
    """Something that is on for a while and off for a while; each time differently long.

    Attributes:
        on: whether it is on now.
    """

    __slots__ = ("_left", "_off_for", "_on_for", "_random", "on")

    def __init__(self, random: Random, on_for: float, off_for: float, on: bool = False) -> None:
        self._random, self._on_for, self._off_for = random, on_for, off_for
        self.on = on
        self._left = self._length()

    def step(self, dt: float) -> bool:
        """Whether it is on *dt* seconds later."""
        self._left -= dt
        if self._left <= 0.0:
            self.on = not self.on
            self._left = self._length()
        return self.on

    def _length(self) -> float:
        return (self._on_for if self.on else self._off_for) * self._random.uniform(0.6, 1.4)


def towards(value: float, target: float, most: float) -> float:
    """*value* moved towards *target* by at most *most*."""
    return value + min(max(target - value, -most), most)


def lag(value: float, target: float, dt: float, seconds: float) -> float:
    """*value* after *dt* of following *target* with a time constant of *seconds*."""
    return target + (value - target) * math.exp(-dt / seconds)
