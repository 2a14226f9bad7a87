"""Python's search for garbage in cycles, kept short.

A site of thousands of devices has a million objects that live as long as it does, and each look at all of
them is a second in which nothing is read. So what has outlived one full search is set aside, and the next
looks only at what came since. Now and then all of it is searched after all, for connections and devices that
are gone; the longer that takes, the more rarely.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

YOUNG = 5_000
"""So many new objects make Python search the newest ones: reads in flight come to more than its own 700."""
SHORTEST_REST = 600.0
"""Seconds between two searches of everything, at the least."""
SHARE = 1 / 5_000
"""The most of the time that searching everything may take."""


class Garbage:
    """The way this process searches, from `begin` to `end`.

    Args:
        clock: seconds that never jump.

    Attributes:
        searches: how often everything was searched since `begin`.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.searches = 0
        self._clock = clock
        self._thresholds: tuple[int, int, int] | None = None
        self._next = 0.0

    def begin(self) -> None:
        """Set aside what survives from now on; once more does nothing."""
        if self._thresholds is None:
            self._thresholds = gc.get_threshold()
            self._next = self._clock() + SHORTEST_REST
            gc.set_threshold(YOUNG, *self._thresholds[1:])
            gc.callbacks.append(_set_aside)

    def look(self) -> None:
        """Search everything, if that is due; to be called about once a second."""
        if self._thresholds is None or self._clock() < self._next:
            return
        begun = self._clock()
        gc.unfreeze()
        gc.collect()
        ended = self._clock()
        self.searches += 1
        self._next = ended + max(SHORTEST_REST, (ended - begun) / SHARE)

    def end(self) -> None:
        """Search as Python does by itself again."""
        if self._thresholds is not None:
            gc.callbacks.remove(_set_aside)
            gc.set_threshold(*self._thresholds)
            gc.unfreeze()
            self._thresholds = None


def _set_aside(phase: str, info: dict[str, int]) -> None:
    """What a full search has left is not looked at again."""
    if phase == "stop" and info["generation"] == len(gc.get_count()) - 1:
        gc.freeze()
