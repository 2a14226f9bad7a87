"""One timer for many times: whoever is woken looks what is due."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

_SHORTEST = 0.001


class Alarm:
    """Calls *wake* at the earliest of the times it was set to; it is set earlier, never later.

    Attributes:
        at: that time; infinite where there is none.
    """

    __slots__ = ("_timer", "_wake", "at")

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self.at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def set(self, when: float, now: float) -> None:
        """Wake at *when*, on the clock that says *now*, or before."""
        if when >= self.at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self.at = when
        self._timer = asyncio.get_running_loop().call_later(max(when - now, _SHORTEST), self._ring)

    def cancel(self) -> None:
        """Wake nobody."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self.at = None, math.inf

    def _ring(self) -> None:
        self._timer, self.at = None, math.inf
        self._wake()
