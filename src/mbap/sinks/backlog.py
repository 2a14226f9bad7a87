"""Readings that wait to be stored: up to a number of values, then the oldest go and are counted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from mbap.collect.readings import Readings


@dataclass(frozen=True, slots=True)
class Gap:
    """Values that history will never have: how many, and the times of the first and last in UTC µs."""

    values: int
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.values} values from {_utc(self.start)} to {_utc(self.end)} were lost"

    def and_also(self, other: Gap) -> Gap:
        """One gap that spans both."""
        return Gap(self.values + other.values, min(self.start, other.start), max(self.end, other.end))


class Backlog:
    """First in, first out, counted in values.

    What is handed out to be written waits no more: new readings push out neither that nor, because of it,
    each other. It comes on top of the limit until it is settled or taken back.

    Attributes:
        dropped: values that went because there was no room.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.dropped = 0
        self._gap: Gap | None = None
        self._waiting: deque[Readings] = deque()
        self._handed_out: list[Readings] = []
        self._waiting_values = 0
        self._handed_values = 0

    @property
    def values(self) -> int:
        """How many values are not stored yet."""
        return self._waiting_values + self._handed_values

    def put(self, readings: Readings) -> None:
        """Take *readings* in; the oldest that wait go where that is too much."""
        self._waiting.append(readings)
        self._waiting_values += len(readings.points)
        self._trim()

    def hand_out(self, most: int) -> list[Readings]:
        """The oldest readings, together about *most* values, at least one; `[]` when none waits."""
        while self._waiting and self._handed_values < most:
            readings = self._waiting.popleft()
            self._handed_out.append(readings)
            self._handed_values += len(readings.points)
            self._waiting_values -= len(readings.points)
        return self._handed_out

    def settle(self) -> int:
        """Forget what was handed out, which is stored; gives the number of its values."""
        values = self._handed_values
        self._handed_out, self._handed_values = [], 0
        return values

    def take_back(self) -> None:
        """Put what was handed out in front again, because it was not stored."""
        self._waiting.extendleft(reversed(self._handed_out))
        self._waiting_values += self._handed_values
        self.settle()
        self._trim()

    def give_up(self) -> None:
        """Drop everything that waits."""
        while self._waiting:
            self._drop()

    def gap(self) -> Gap | None:
        """What was dropped since this was last asked."""
        gap, self._gap = self._gap, None
        return gap

    def _trim(self) -> None:
        while self._waiting_values > self.limit:
            self._drop()

    def _drop(self) -> None:
        readings = self._waiting.popleft()
        values = len(readings.points)
        self._waiting_values -= values
        self.dropped += values
        gap = Gap(values, readings.time, readings.time)
        self._gap = gap if self._gap is None else self._gap.and_also(gap)


def _utc(time: int) -> str:
    return datetime.fromtimestamp(time / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
