"""When to do what again: fixed grids of time, without drift and without a queue.

Pure: it is told the time and gives what is due. Every entry has one slot: while its work is still going on
when it is due again, that turn is left out and counted. However late the caller comes, an entry is due once,
and next on its grid.
"""

from __future__ import annotations

import heapq
import zlib
from typing import Generic, TypeVar

T = TypeVar("T")

LONGEST_PHASE = 10.0
"""A device that is read once an hour must not wait an hour for its first read."""
EARLY = 0.001
"""A timer may come this much early; some event loops count in milliseconds."""


def phase(name: str, period: float) -> float:
    """Seconds by which *name* starts after the others: always the same for a name, spread over the period."""
    return zlib.crc32(name.encode()) / 2**32 * min(period, LONGEST_PHASE)


class Entry(Generic[T]):
    """One thing that is due again and again, at `start + n * period`.

    Attributes:
        running: set by `Schedule.due`, cleared by `Schedule.finished`.
        overruns: turns that were left out.
        on_grid: whether the turn that was given last is one of the grid, or an extra one.
    """

    __slots__ = ("due", "grid", "item", "on_grid", "overruns", "period", "retired", "running", "start")

    def __init__(self, item: T, period: float, start: float) -> None:
        self.item = item
        self.period = period
        self.start = start
        self.grid = start
        self.due = start
        self.running = False
        self.retired = False
        self.on_grid = True
        self.overruns = 0

    def pass_grid(self, now: float) -> int:
        """Move on to the first time of the grid after *now*; gives how many turns were passed over."""
        turn = round((self.grid - self.start) / self.period)
        following = max(turn + 1, int((now - self.start) / self.period) + 1)
        self.grid = self.start + following * self.period
        return following - turn - 1


class Schedule(Generic[T]):
    """A heap of entries by the time at which each is due next."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Entry[T]]] = []
        self._pushed = 0
        self._entries = 0

    def __len__(self) -> int:
        return self._entries

    def add(self, item: T, *, name: str, period: float, now: float) -> Entry[T]:
        """Plan *item* every *period* seconds, for the first time within the phase of *name* after *now*.

        Raises:
            ValueError: *period* is not above 0.
        """
        if not period > 0:
            raise ValueError(f"a period is more than 0 seconds, not {period}")
        entry = Entry(item, period, now + phase(name, period))
        self._entries += 1
        self._push(entry)
        return entry

    def remove(self, entry: Entry[T]) -> None:
        """Plan *entry* no more."""
        self._entries -= not entry.retired
        entry.retired = True

    def retry(self, entry: Entry[T], at: float) -> bool:
        """Give *entry* an extra turn at *at*, unless its grid brings one by then; gives whether it will."""
        if entry.retired or at >= entry.grid:
            return False
        entry.due = at
        self._push(entry)
        return True

    def next_due(self) -> float | None:
        """When `due` will have something to give; None: never."""
        self._drop_outdated()
        return self._heap[0][0] if self._heap else None

    def due(self, now: float, limit: int) -> list[tuple[Entry[T], float]]:
        """At most *limit* entries whose turn has come, each with how late that is in seconds.

        They count as running until `finished`.
        """
        ready: list[tuple[Entry[T], float]] = []
        while len(ready) < limit:
            self._drop_outdated()
            if not self._heap or self._heap[0][0] > now + EARLY:
                break
            planned, _, entry = heapq.heappop(self._heap)
            if self._turn(entry, now):
                ready.append((entry, max(0.0, now - planned)))
        return ready

    def finished(self, entry: Entry[T]) -> None:
        """The work of *entry* has ended; its next turn can come."""
        entry.running = False

    def _turn(self, entry: Entry[T], now: float) -> bool:
        """Plan the next turn of *entry*; gives whether it can have this one."""
        on_grid = entry.due >= entry.grid
        if on_grid:
            entry.overruns += entry.pass_grid(now)
        entry.due = entry.grid
        self._push(entry)
        if entry.running:
            entry.overruns += on_grid
            return False
        entry.running, entry.on_grid = True, on_grid
        return True

    def _push(self, entry: Entry[T]) -> None:
        self._pushed += 1
        heapq.heappush(self._heap, (entry.due, self._pushed, entry))

    def _drop_outdated(self) -> None:
        """Remove from the top what is retired, and turns that were replaced by earlier ones."""
        while self._heap and (self._heap[0][2].retired or self._heap[0][0] != self._heap[0][2].due):
            heapq.heappop(self._heap)
