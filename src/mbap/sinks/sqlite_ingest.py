"""Readings into the samples table: few long statements, the columns of the reads bound as they came."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from mbap.collect.readings import Readings, Value
from mbap.sinks.sqlite_rollups import SECOND, STEPS, RollUps

_ROWS = 500 if sqlite3.sqlite_version_info >= (3, 32) else 300
"""Samples in one statement: with 3 parameters each and the time, 300 stay below the limit of older SQLite.

While a statement runs, the threads of this process go on, and a busy one may take 5 ms to give way again. So
few long statements keep up where many short ones fall behind.
"""

_MOST_REMEMBERED = 4_000_000
"""Series whose numbers are remembered; when there are more, all are forgotten and looked up again."""

Numbers = Sequence[int]
"""Of the series of one set of points: a range where they follow each other, which takes no room."""

_MINUTE = STEPS[0] * SECOND
_LARGEST_INTEGER = 2**63


class Ingest:
    """Stores batches of readings in one history, with their roll-ups, within the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._blocks: dict[tuple[str, tuple[str, ...]], Numbers] = {}
        self._remembered = 0
        self._next: int | None = None
        self._new: dict[str, dict[str, int]] = {}
        self._rollups = RollUps(connection)

    def forget(self) -> None:
        """Trust nothing but the file: after a transaction that was undone."""
        self._blocks.clear()
        self._new.clear()
        self._remembered, self._next = 0, None
        self._rollups.reload()

    def store(self, batch: Sequence[Readings]) -> None:
        """Store *batch*, its roll-ups and its counts.

        Raises:
            ValueError: readings have not as many values as points.
        """
        (kept_from,) = self._connection.execute("SELECT kept_from FROM levels WHERE step = 0").fetchone()
        kept = [readings for readings in batch if readings.time >= kept_from]
        blocks = [(self._series(readings), readings) for readings in kept]
        self._insert_new()
        given = sum(len(numbers) for numbers, _ in blocks)
        before = self._connection.total_changes
        self._insert(blocks)
        stored = self._connection.total_changes - before
        self._count("samples", stored)
        self._count("duplicates", given - stored)
        self._count("too_old", sum(len(readings.points) for readings in batch) - given)
        if blocks:
            self._roll_up(blocks)

    def _roll_up(self, blocks: list[tuple[Numbers, Readings]]) -> None:
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

    def _series(self, readings: Readings) -> Numbers:
        """The numbers of the series that *readings* belong to, in the order of its points."""
        key = readings.device, readings.points
        numbers = self._blocks.get(key)
        if numbers is None:
            if self._remembered >= _MOST_REMEMBERED:
                self._blocks.clear()
                self._remembered = 0
            numbers = self._blocks[key] = self._look_up(*key)
            self._remembered += len(numbers)
        if len(numbers) != len(readings.values):
            raise ValueError(
                f"readings of {readings.device} have {len(readings.values)} values for {len(numbers)} points"
            )
        return numbers

    def _look_up(self, device: str, points: tuple[str, ...]) -> Numbers:
        """The numbers of *points* of *device*; those that are new are given one, and await `_insert_new`."""
        rows = self._connection.execute("SELECT point, id FROM series WHERE device = ?", (device,))
        known: dict[str, int] = {**dict(rows), **self._new.get(device, {})}
        for point in points:
            if point not in known:
                known[point] = self._new.setdefault(device, {})[point] = self._next_number()
        numbers = [known[point] for point in points]
        row = range(numbers[0], numbers[0] + len(numbers)) if numbers else range(0)
        return row if list(row) == numbers else array("q", numbers)

    def _next_number(self) -> int:
        """A number that no series has."""
        if self._next is None:
            (largest,) = self._connection.execute("SELECT max(id) FROM series").fetchone()
            self._next = (largest or 0) + 1
        self._next += 1
        return self._next - 1

    def _insert_new(self) -> None:
        """Write down the series that are new: a site that begins has all of them in its first seconds."""
        rows = ((number, device, point) for device, new in self._new.items() for point, number in new.items())
        if self._new:
            self._connection.executemany("INSERT INTO series (id, device, point) VALUES (?, ?, ?)", rows)
            self._new.clear()

    def _insert(self, blocks: Iterable[tuple[Numbers, Readings]]) -> None:
        """Reads of equal width go together: one statement for up to `_ROWS` samples.

        They go in the order in which they lie in the file, so that a page of it is touched once.
        """
        parts: dict[tuple[int, bool], list[_Part]] = {}
        for numbers, readings in sorted(blocks, key=_place):
            for part in _parts(numbers, readings):
                parts.setdefault((len(part.numbers), bool(part.qualities)), []).append(part)
        for (width, rated), alike in parts.items():
            together = _ROWS // width
            whole = len(alike) - len(alike) % together
            for first in range(0, whole, together):
                self._execute(_insertion(width, together, rated=rated), alike[first : first + together])
            for part in alike[whole:]:
                self._execute(_insertion(width, 1, rated=rated), (part,))

    def _execute(self, statement: str, parts: Iterable[_Part]) -> None:
        bound: list[Value | None] = []
        for part in parts:
            bound += (part.time, *part.numbers, *part.values, *part.qualities)
        try:
            self._connection.execute(statement, bound)
        except (OverflowError, UnicodeEncodeError):
            self._connection.execute(statement, [_storable(value) for value in bound])

    def _count(self, name: str, more: int) -> None:
        if more:
            self._connection.execute("UPDATE counters SET value = value + ? WHERE name = ?", (more, name))


class _Part(NamedTuple):
    """Samples of one time, not more than one statement takes."""

    time: int
    numbers: Numbers
    values: Sequence[Value | None]
    qualities: Sequence[int]


def _place(block: tuple[Numbers, Readings]) -> int:
    """The first series of *block*: those of one series stay in their order."""
    return block[0][0] if block[0] else 0


def _parts(numbers: Numbers, readings: Readings) -> Iterator[_Part]:
    qualities = readings.qualities or ()
    for first in range(0, len(numbers), _ROWS):
        part = slice(first, first + _ROWS)
        yield _Part(readings.time, numbers[part], readings.values[part], qualities[part])


@lru_cache(maxsize=128)
def _insertion(width: int, reads: int, *, rated: bool) -> str:
    """Parameters of each of *reads*: the time, *width* series and values, and qualities or none for GOOD."""
    each = 1 + (3 if rated else 2) * width
    rows = ", ".join(
        f"(?{base + 1 + index}, ?{base}, ?{base + 1 + width + index}, "
        f"{f'?{base + 1 + 2 * width + index}' if rated else 0})"
        for base in range(1, reads * each, each)
        for index in range(width)
    )
    return f"INSERT OR IGNORE INTO samples (series, time, value, quality) VALUES {rows}"  # noqa: S608


def _storable(value: Value | None) -> Value | None:
    """*value* as SQLite can hold it: an integer beyond 64 bits as a float, text without half characters."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, int) and not -_LARGEST_INTEGER <= value < _LARGEST_INTEGER:
        return float(value)
    return value
