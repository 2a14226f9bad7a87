"""How often, and how regularly: requests in ten seconds, and the period of a request that is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

WINDOW: Final = 10.0
LEAST_LIMIT: Final = 20
ENOUGH: Final = 8
STEADY: Final = 0.1
_KEPT: Final = 16
_OFF_BEAT: Final = 0.5
"""A request sooner than this part of its period is not in its turn."""
_TOO_OFTEN: Final = 3
"""So many of the last sixteen not in their turn are no chance: one retry is."""


class Rate:
    """Requests in windows of ten seconds.

    Attributes:
        most: the largest number in one window while learning.
    """

    __slots__ = ("_began", "_count", "most")

    def __init__(self, most: int = 0) -> None:
        self._began = -WINDOW
        self._count = 0
        self.most = most

    @property
    def limit(self) -> int:
        """Above this number in one window there are too many."""
        return max(2 * self.most, LEAST_LIMIT)

    def count(self, now: float) -> int:
        """Count one request at *now*; gives the number in its window."""
        if not 0 <= now - self._began < WINDOW:
            self._began, self._count = now, 0
        self._count += 1
        return self._count

    def learn(self, now: float) -> None:
        """Count one request while learning."""
        self.most = max(self.most, self.count(now))


class Period:
    """The times between requests that are the same, byte for byte.

    Attributes:
        period, spread: the median of the last times, in seconds, and of their distances from it (MAD).
    """

    __slots__ = ("_early", "_gaps", "_last", "period", "spread")

    def __init__(self, period: float = 0.0, spread: float = 0.0) -> None:
        self._gaps: list[float] = []
        self._last: float | None = None
        self._early: list[bool] = []
        self.period = period
        self.spread = spread

    @property
    def steady(self) -> bool:
        """Whether it is so regular that something can be said about the next."""
        return self.period > 0 and self.spread < STEADY * self.period

    def learn(self, now: float) -> None:
        """Note a request at *now* while learning."""
        last, self._last = self._last, now
        if last is None or now < last:
            return
        self._gaps = [*self._gaps[1 - _KEPT :], now - last]
        if len(self._gaps) >= ENOUGH - 1:
            self.period, self.spread = _middle(self._gaps)

    def disturbed(self, now: float) -> bool:
        """Note a request at *now*; True when too many of the last ones came before their turn."""
        last, self._last = self._last, now
        if last is None or not self.steady:
            return False
        self._early = [*self._early[1 - _KEPT :], 0 <= now - last < _OFF_BEAT * self.period]
        return sum(self._early) >= _TOO_OFTEN


def _middle(gaps: Sequence[float]) -> tuple[float, float]:
    middle = median(gaps)
    return middle, median(abs(gap - middle) for gap in gaps)
