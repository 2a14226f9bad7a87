"""How often, and how regularly: requests in ten seconds, and the period of a request that is repeated."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import Final

WINDOW: Final = 10.0
LEAST_LIMIT: Final = 20
ENOUGH: Final = 8
STEADY: Final = 0.1
_KEPT: Final = 16
_TOO_OFTEN: Final = 12
"""In eight periods: no chance any more."""


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
        count = self.count(now)
        if count > self.most:
            self.most = count


class Period:
    """The times between requests that are the same, byte for byte.

    Attributes:
        period, spread: the median of the last times, in seconds, and of their distances from it (MAD).
        surplus: how many times as many there were, over all the time of learning, as the period says.

    All three are worked out when somebody asks: requests come more often.
    """

    __slots__ = (
        "_began",
        "_count",
        "_first",
        "_gaps",
        "_last",
        "_period",
        "_seen",
        "_spread",
        "_stale",
        "_surplus",
    )

    def __init__(self, period: float = 0.0, spread: float = 0.0, surplus: float = 1.0) -> None:
        self._gaps: deque[float] = deque(maxlen=_KEPT)
        self._first: float | None = None
        self._last = 0.0
        self._seen = 0
        self._began = 0.0
        self._count = 0
        self._period = period
        self._spread = spread
        self._surplus = surplus
        self._stale = False

    @property
    def period(self) -> float:
        self._work_out()
        return self._period

    @property
    def spread(self) -> float:
        self._work_out()
        return self._spread

    @property
    def surplus(self) -> float:
        self._work_out()
        return self._surplus

    @property
    def steady(self) -> bool:
        """Whether it is so regular that something can be said about the next."""
        self._work_out()
        period = self._period
        return period > 0 and self._spread < STEADY * period and self._surplus < 1 + STEADY

    def learn(self, now: float) -> None:
        """Note a request at *now* while learning."""
        if self._first is None or now < self._last:
            self._work_out()
            self._first = self._last = now
            return
        self._seen += 1
        self._gaps.append(now - self._last)
        self._last = now
        self._stale = True

    def _work_out(self) -> None:
        """Bring what is said of the gaps up to date."""
        if self._stale:
            self._stale = False
            self._look_at_gaps()

    def _look_at_gaps(self) -> None:
        """What the last ones say of the period."""
        took = self._last - (self._first or 0.0)
        if len(self._gaps) >= ENOUGH - 1 and took > 0:
            self._period, self._spread = _middle(self._gaps)
            self._surplus = self._seen * self._period / took

    def disturbed(self, now: float) -> bool:
        """Note a request at *now*; True when there are too many in eight of its periods.

        One that comes too early is nothing: it is a retry, or the one before was late.
        """
        if not self.steady:
            return False
        if not 0 <= now - self._began < ENOUGH * self._period:
            self._began, self._count = now, 0
        self._count += 1
        return self._count > _TOO_OFTEN


def _middle(gaps: Sequence[float]) -> tuple[float, float]:
    middle = median(gaps)
    return middle, median(abs(gap - middle) for gap in gaps)
