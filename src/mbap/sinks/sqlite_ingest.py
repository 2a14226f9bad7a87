"""Readings into the samples table: one statement a read, its columns bound as they came."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import lru_cache

from mbap.collect.readings import Readings, Value
from mbap.sinks.sqlite_rollups import SECOND, STEPS, RollUps

_WIDEST = 300
"""Samples in one statement: 3 parameters each and the time stay below 999, the limit of older SQLite."""

_MOST_BLOCKS = 10_000
"""Sets of points whose numbers are remembered; when there are more, all are forgotten and looked up again."""

_MINUTE = STEPS[0] * SECOND
_LARGEST_INTEGER = 2**63


class Ingest:
    """Stores batches of readings in one history, with their roll-ups, within the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._blocks: dict[tuple[str, tuple[str, ...]], tuple[int, ...]] = {}
        self._rollups = RollUps(connection)

    def forget(self) -> None:
        """Trust nothing but the file: after a transaction that was undone."""
        self._blocks.clear()
        self._rollups.reload()

    def store(self, batch: Sequence[Readings]) -> None:
        """Store *batch*, its roll-ups and its counts.

        Raises:
            ValueError: readings have not as many values as points.
        """
        (kept_from,) = self._connection.execute("SELECT kept_from FROM levels WHERE step = 0").fetchone()
        kept = [readings for readings in batch if readings.time >= kept_from]
        blocks = [(self._series(readings), readings) for readings in kept]
        given = sum(len(numbers) for numbers, _ in blocks)
        before = self._connection.total_changes
        for numbers, readings in blocks:
            self._insert(numbers, readings)
        stored = self._connection.total_changes - before
        self._count("samples", stored)
        self._count("duplicates", given - stored)
        self._count("too_old", sum(len(readings.points) for readings in batch) - given)
        if blocks:
            self._roll_up(blocks)

    def _roll_up(self, blocks: list[tuple[tuple[int, ...], Readings]]) -> None:
        settled_to = self._rollups.settled_to
        late = {
            (number, readings.time // _MINUTE * _MINUTE)
            for numbers, readings in blocks
            if readings.time < settled_to
            for number in numbers
        }
        times = [readings.time for _, readings in blocks]
        # Not beyond the present: one reading from a clock that was years ahead would make all others late.
        newest = min(max(times), int(self._clock() * SECOND))
        self._rollups.update(min(times), newest, late)

    def _series(self, readings: Readings) -> tuple[int, ...]:
        """The numbers of the series that *readings* belong to, in the order of its points."""
        key = readings.device, readings.points
        numbers = self._blocks.get(key)
        if numbers is None:
            if len(self._blocks) >= _MOST_BLOCKS:
                self._blocks.clear()
            numbers = self._blocks[key] = tuple(
                self._number(readings.device, name) for name in readings.points
            )
        if len(numbers) != len(readings.values):
            raise ValueError(
                f"readings of {readings.device} have {len(readings.values)} values for {len(numbers)} points"
            )
        return numbers

    def _number(self, device: str, point: str) -> int:
        find = "SELECT id FROM series WHERE device = ? AND point = ?"
        row = self._connection.execute(find, (device, point)).fetchone()
        if row is None:
            self._connection.execute("INSERT INTO series (device, point) VALUES (?, ?)", (device, point))
            row = self._connection.execute(find, (device, point)).fetchone()
        (number,) = row
        assert isinstance(number, int)
        return number

    def _insert(self, series: tuple[int, ...], readings: Readings) -> None:
        """One statement for up to `_WIDEST` samples: 1.6 times as fast as one for each."""
        for first in range(0, len(series), _WIDEST):
            part = slice(first, first + _WIDEST)
            numbers, values = series[part], readings.values[part]
            qualities = () if readings.qualities is None else readings.qualities[part]
            statement = _insertion(len(numbers), with_qualities=bool(qualities))
            try:
                self._connection.execute(statement, (readings.time, *numbers, *values, *qualities))
            except (OverflowError, UnicodeEncodeError):
                clean = map(_storable, values)
                self._connection.execute(statement, (readings.time, *numbers, *clean, *qualities))

    def _count(self, name: str, more: int) -> None:
        if more:
            self._connection.execute("UPDATE counters SET value = value + ? WHERE name = ?", (more, name))


@lru_cache(maxsize=2 * _WIDEST)
def _insertion(count: int, *, with_qualities: bool) -> str:
    """Parameters: the time, *count* series, *count* values, and *count* qualities or none for all GOOD."""
    rows = ", ".join(
        f"(?{2 + index}, ?1, ?{2 + count + index}, {f'?{2 + 2 * count + index}' if with_qualities else 0})"
        for index in range(count)
    )
    return f"INSERT OR IGNORE INTO samples (series, time, value, quality) VALUES {rows}"  # noqa: S608


def _storable(value: Value | None) -> Value | None:
    """*value* as SQLite can hold it: an integer beyond 64 bits as a float, text without half characters."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, int) and not -_LARGEST_INTEGER <= value < _LARGEST_INTEGER:
        return float(value)
    return value
