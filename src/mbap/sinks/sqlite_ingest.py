"""Readings into the tables: each read a row, many rows a statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from mbap.collect.readings import Quality, Readings, Value
from mbap.sinks.sqlite_layouts import Block, Layout, Layouts
from mbap.sinks.sqlite_reads import marks, qualities_of, table_of, values_of
from mbap.sinks.sqlite_rollups import SECOND, STEPS, RollUps
from mbap.sinks.sqlite_statements import insert

_SINGLES = "INSERT OR IGNORE INTO singles (series, time, quality, value)"

_MINUTE = STEPS[0] * SECOND


class Ingest:
    """Stores batches of readings in one history, with their roll-ups, within the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._layouts = Layouts(connection)
        self._rollups = RollUps(connection)

    def forget(self) -> None:
        """Trust nothing but the file: after a transaction that was undone."""
        self._layouts.forget()
        self._rollups.reload()

    def store(self, batch: Sequence[Readings]) -> None:
        """Store *batch*, its roll-ups and its counts.

        Raises:
            ValueError: readings have not as many values as points.
        """
        (kept_from,) = self._connection.execute("SELECT kept_from FROM levels WHERE step = 0").fetchone()
        kept = [readings for readings in batch if readings.time >= kept_from]
        placed = list(zip(self._layouts.of_all(kept), kept, strict=True))
        given = sum(layout.points for layout, _ in placed)
        stored = self._insert(placed)
        self._count("samples", stored)
        self._count("duplicates", given - stored)
        self._count("too_old", sum(len(readings.points) for readings in batch) - given)
        if placed:
            self._roll_up(placed, given)

    def _roll_up(self, placed: list[tuple[Layout, Readings]], given: int) -> None:
        settled_to = self._rollups.settled_to
        late = {
            (number, readings.time // _MINUTE * _MINUTE)
            for layout, readings in placed
            if readings.time < settled_to
            for number in layout.series()
        }
        times = [readings.time for _, readings in placed]
        # Not beyond the present: one reading from a clock that was years ahead would make all others late.
        newest = min(max(times), int(self._clock() * SECOND))
        self._rollups.update(min(times), newest, late, given)

    def _insert(self, placed: Iterable[tuple[Layout, Readings]]) -> int:
        """Store what is not there yet; gives how many values that were."""
        plain: dict[int, list[_Row]] = {}
        doubtful: list[tuple[Block, _Row]] = []
        for layout, readings in placed:
            for block, row in _rows(layout, readings):
                if block.may_clash(row.time):
                    doubtful.append((block, row))
                    block.note(row.time, apart=True)
                else:
                    plain.setdefault(block.width, []).append(row)
                    block.note(row.time)
        stored = sum(self._insert_plain(width, rows) for width, rows in plain.items())
        return stored + sum(self._insert_apart(block, row) for block, row in doubtful)

    def _insert_plain(self, width: int, rows: list[_Row]) -> int:
        """Rows of equal width, in the order in which their index lies in the file."""
        rows.sort(key=_number)
        if width == 1:
            singles = [(row.number, row.time, qualities_of(row.marks, 1)[0], row.values[0]) for row in rows]
            return insert(self._connection, _SINGLES, singles)
        into = f"INSERT OR IGNORE INTO {table_of(width)} (block, time, qualities, {values_of(width)})"
        return width * insert(self._connection, into, [(*row[:3], *row.values) for row in rows])

    def _insert_apart(self, block: Block, row: _Row) -> int:
        """Store those values of *row* whose series have none of that time in any block."""
        rows = [
            (number, row.time, quality, value)
            for number, value, quality in zip(
                range(block.first, block.first + block.width),
                row.values,
                qualities_of(row.marks, block.width),
                strict=True,
            )
            if self._connection.execute(_THERE, (number, row.time)).fetchone() is None
        ]
        return insert(self._connection, _SINGLES, rows)

    def _count(self, name: str, more: int) -> None:
        if more:
            self._connection.execute("UPDATE counters SET value = value + ? WHERE name = ?", (more, name))


_THERE = "SELECT 1 FROM samples WHERE series = ? AND time = ?"


class _Row(NamedTuple):
    """One read of one block."""

    number: int
    time: int
    marks: str | None
    values: Sequence[Value | None]


def _number(row: _Row) -> int:
    """The number of its block: rows of one stay in their order."""
    return row.number


def _rows(layout: Layout, readings: Readings) -> list[tuple[Block, _Row]]:
    """*readings* cut into the rows of its blocks."""
    values, qualities = readings.values, readings.qualities
    if layout.order is not None:
        values = [values[place] for place in layout.order]
        qualities = qualities and [qualities[place] for place in layout.order]
    if len(layout.blocks) == 1:
        block = layout.blocks[0]
        return [(block, _Row(block.number, readings.time, marks(qualities), values))]
    return _cut(layout, readings.time, values, qualities)


def _cut(
    layout: Layout, time: int, values: Sequence[Value | None], qualities: Sequence[Quality] | None
) -> list[tuple[Block, _Row]]:
    rows, first = [], 0
    for block in layout.blocks:
        part = slice(first, first + block.width)
        rated = marks(qualities[part]) if qualities else None
        rows.append((block, _Row(block.number, time, rated, values[part])))
        first += block.width
    return rows
