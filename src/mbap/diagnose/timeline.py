"""Activity over time: how much there was when, and who appeared when, in a bounded number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mbap.diagnose.capture import Captured
from mbap.diagnose.capturestats import is_broadcast
from mbap.diagnose.wording import writes

MOST_ROWS: Final = 40
MOST_TALKERS: Final = 10_000
_SECONDS: Final = (0.01, 0.1, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400)
"""Lengths of rows; each is a multiple of the one before, so that rows can be put together."""


@dataclass(slots=True)
class Activity:
    """What happened in one stretch of time."""

    exchanges: int = 0
    writes: int = 0
    exceptions: int = 0
    unanswered: int = 0

    def add(self, other: Activity) -> None:
        """Count what *other* counted, too."""
        self.exchanges += other.exchanges
        self.writes += other.writes
        self.exceptions += other.exceptions
        self.unanswered += other.unanswered


@dataclass(slots=True)
class Talker:
    """A client and the unit that it asks.

    Attributes:
        first, last: when it was seen first and last, UTC microseconds.
        first_write: when it first asked for something to be changed; None where it never did.
    """

    client: str
    server: str
    server_port: int
    unit: int
    first: int
    last: int
    exchanges: int = 0
    first_write: int | None = None


class Timeline:
    """Counts exchanges by when they were; the longer it gets, the longer its rows are.

    Attributes:
        width: how long a row is, in microseconds.
        left_out: exchanges of talkers beyond `MOST_TALKERS`.
    """

    def __init__(self) -> None:
        self.width = int(_SECONDS[0] * 1e6)
        self.left_out = 0
        self._low = self._high = 0
        self._rows: dict[int, Activity] = {}
        self._talkers: dict[tuple[str, str, int, int], Talker] = {}

    def take(self, exchange: Captured) -> None:
        """Count *exchange*."""
        row = self._row(exchange.time)
        row.exchanges += 1
        changes = writes(exchange)
        row.writes += changes
        row.exceptions += exchange.exception is not None
        row.unanswered += exchange.response is None and not is_broadcast(exchange)
        self._talk(exchange, changes)

    def _row(self, time: int) -> Activity:
        index = time // self.width
        row = self._rows.get(index)
        if row is not None:
            return row
        self._low, self._high = (
            (min(self._low, index), max(self._high, index)) if self._rows else (index, index)
        )
        while self._high - self._low >= MOST_ROWS:
            self._widen()
        return self._rows.setdefault(time // self.width, Activity())

    def _widen(self) -> None:
        longer = next((one for s in _SECONDS if (one := int(s * 1e6)) > self.width), 2 * self.width)
        rows, times = self._rows, longer // self.width
        self.width, self._rows = longer, {}
        for index, row in rows.items():
            self._rows.setdefault(index // times, Activity()).add(row)
        self._low, self._high = self._low // times, self._high // times

    def _talk(self, exchange: Captured, changes: bool) -> None:
        key = exchange.client, exchange.server, exchange.server_port, exchange.unit
        talker = self._talkers.get(key)
        if talker is None:
            if len(self._talkers) >= MOST_TALKERS:
                self.left_out += 1
                return
            talker = self._talkers[key] = Talker(*key, exchange.time, exchange.time)
        talker.exchanges += 1
        talker.first, talker.last = min(talker.first, exchange.time), max(talker.last, exchange.time)
        if changes and talker.first_write is None:
            talker.first_write = exchange.time

    def rows(self) -> list[tuple[int, Activity]]:
        """When each row begins, in UTC microseconds, and what happened; empty rows are left out."""
        return [(index * self.width, row) for index, row in sorted(self._rows.items())]

    def talkers(self) -> list[Talker]:
        """Who was seen, in the order of appearance."""
        return sorted(self._talkers.values(), key=lambda one: (one.first, one.client, one.server, one.unit))
