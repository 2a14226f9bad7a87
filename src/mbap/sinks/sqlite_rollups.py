"""Roll-ups: count, lowest, highest, total, first and last of every minute, quarter, hour and day.

A level is complete up to a time that is stored with it (`complete_to`); what is newer is taken from the
finer level, down to the samples. What a large site reads in a minute is summed up piece by piece, each in
the transaction of a batch; the mark moves with the last of them. So a process that is killed leaves nothing
to repair: it begins at the mark again. A sample that comes in before that time makes its periods be computed
anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from mbap.collect.readings import Value
from mbap.sinks.sqlite_periods import Period, summed_up
from mbap.sinks.sqlite_reads import WIDEST, qualities_of, source, table_of, values_of
from mbap.sinks.sqlite_statements import insert

SECOND = 1_000_000

STEPS = (60, 900, 3_600, 86_400)
"""Seconds of each level, finest first; each is a multiple of the one before."""

_LAG = 10 * SECOND
"""A period is computed this long after its end: readings of one moment do not come in at one moment."""

_AT_LEAST = 50_000
_AHEAD = 2
"""With each batch so many values are summed up, and so many times those that were stored: so it keeps up."""

_BLOCKS_A_PIECE = 250
_SERIES_A_PIECE = 2_000

_INTO = "INSERT OR REPLACE INTO rollups (step, series, time, count, bad, low, high, total, first, last)"

_BLOCKS = """
SELECT id, first, last - first + 1,
       EXISTS (SELECT 1 FROM blocks AS other WHERE other.id != blocks.id AND other.last >= blocks.first
               AND other.first BETWEEN blocks.first - :reach AND blocks.last)
FROM blocks WHERE id > :after ORDER BY id LIMIT :most
"""

_WITH_SINGLES = """
SELECT id FROM series WHERE id > :after
       AND EXISTS (SELECT 1 FROM singles WHERE series = series.id AND time >= :start AND time < :end)
ORDER BY id LIMIT :most
"""

# `+series.id`: without the plus SQLite applies the range of series to the inner table too, takes that for its
# key instead of the one series, and reads the whole level once for each series.
_FROM_FINER = """
INSERT OR REPLACE INTO rollups (step, series, time, count, bad, low, high, total, first, last)
SELECT :step, series, bucket, count, bad, low, high, total,
       (SELECT first FROM rollups WHERE step = :finer AND series = period.series AND time = first_time),
       (SELECT last FROM rollups WHERE step = :finer AND series = period.series AND time = last_time)
FROM (SELECT rollups.series AS series, time / :size * :size AS bucket, sum(count) AS count, sum(bad) AS bad,
             min(low) AS low, max(high) AS high, total(total) AS total,
             min(time) FILTER (WHERE count) AS first_time, max(time) FILTER (WHERE count) AS last_time
      FROM series CROSS JOIN rollups ON rollups.series = +series.id
      WHERE series.id BETWEEN :lowest AND :highest AND step = :finer AND time >= :start AND time < :end
      GROUP BY rollups.series, bucket) AS period
"""


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution of the history: step 0 are the samples.

    Attributes:
        complete_to: roll-ups are there for every period that begins before; None while there is no sample.
        kept_from: what is older has been removed, or is about to be.
    """

    step: int
    complete_to: int | None
    kept_from: int


def read_levels(connection: sqlite3.Connection) -> list[Level]:
    """The samples and every roll-up level, finest first."""
    rows = connection.execute("SELECT step, complete_to, kept_from FROM levels ORDER BY step")
    return [Level(*row) for row in rows]


class RollUps:
    """Keeps the roll-ups of one history up to date, inside the transactions that store samples."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._complete_to: dict[int, int | None] = {}
        self._begun_to: dict[int, int] = {}
        self._work: Iterator[int] | None = None
        self.reload()

    def reload(self) -> None:
        """Take the state from the file: at the start, and after a transaction that was undone."""
        self._complete_to = {level.step: level.complete_to for level in read_levels(self._connection)[1:]}
        self._begun_to = {step: time or 0 for step, time in self._complete_to.items()}
        self._work = None

    @property
    def settled_to(self) -> int:
        """Samples before this time are late: their minute has been computed, or is being."""
        return self._begun_to[STEPS[0]]

    def update(self, oldest: int, newest: int, late: Iterable[tuple[int, int]], stored: int) -> None:
        """Take in samples from *oldest* to *newest* that were just stored, and the *late* ones among them.

        *late* has (series, time) of each; several of the same minute may be given as one. *stored* is how
        many there were, which says how much may be summed up now.
        """
        for step, complete_to in self._complete_to.items():
            if complete_to is None:
                self._move(step, oldest // (step * SECOND) * (step * SECOND))
        self._refresh(late)
        self._go_on(newest - _LAG, _AT_LEAST + _AHEAD * stored)

    def _go_on(self, reached: int, most: int) -> None:
        """Go on with what was begun, or complete all levels as far as *reached*, for about *most* values."""
        work = self._work or self._advance(reached)
        self._work = None
        for done in work:
            most -= done
            if most <= 0:
                self._work = work
                return

    def _advance(self, reached: int) -> Iterator[int]:
        """Complete the levels as far as *reached*, piece by piece; gives how many values each piece had."""
        finer = 0
        for step in STEPS:
            start, end = self._complete_to[step] or 0, reached // (step * SECOND) * (step * SECOND)
            if end > start:
                self._begun_to[step] = end
                yield from self._from_finer(step, finer, start, end) if finer else self._minutes(start, end)
                self._move(step, end)
            reached = max(start, end)
            finer = step

    def _move(self, step: int, complete_to: int) -> None:
        self._complete_to[step] = self._begun_to[step] = complete_to
        self._connection.execute("UPDATE levels SET complete_to = ? WHERE step = ?", (complete_to, step))

    def _minutes(self, start: int, end: int) -> Iterator[int]:
        """Every minute from *start* to before *end*, block by block, then those with single samples."""
        after = 0
        while blocks := self._page(_BLOCKS, after, reach=WIDEST - 1):
            for number, first, width, shared in blocks:
                yield self._minutes_of_block((number, first, width), start, end, shared=shared)
            after = blocks[-1][0]
        after = 0
        while self._singles and (series := self._page(_WITH_SINGLES, after, start=start, end=end)):
            for (number,) in series:
                yield self._minutes_of_series(number, start, end)
            after = series[-1][0]

    def _page(self, statement: str, after: int, **more: int) -> list[tuple[int, ...]]:
        return self._connection.execute(
            statement, {"after": after, "most": _BLOCKS_A_PIECE, **more}
        ).fetchall()

    @property
    def _singles(self) -> bool:
        return self._connection.execute("SELECT 1 FROM singles LIMIT 1").fetchone() is not None

    def _minutes_of_block(self, block: tuple[int, int, int], start: int, end: int, *, shared: int) -> int:
        """The minutes of the series of one block; *shared*: of which some have samples in others, too."""
        number, first, width = block
        reads = self._connection.execute(
            f"SELECT time / 60000000, qualities, {values_of(width)} FROM {table_of(width)} "  # noqa: S608 - names of ours
            "WHERE block = ? AND time >= ? AND time < ? ORDER BY time",
            (number, start, end),
        )
        count = 0
        for minute, rows in groupby(reads, _TIME):
            _, qualities, *columns = zip(*rows, strict=True)
            count += len(qualities) * width
            if not shared:
                periods = zip(range(first, first + width), _summed_up(columns, qualities), strict=True)
                self._keep(STEPS[0], minute * STEPS[0] * SECOND, periods)
        if count and shared:
            count += sum(self._minutes_of_series(one, start, end) for one in range(first, first + width))
        return count or 1

    def _minutes_of_series(self, number: int, start: int, end: int) -> int:
        """The minutes of one series, wherever its samples lie."""
        table, parameters = source(self._connection, number)
        samples = self._connection.execute(
            f"SELECT time / 60000000, value, quality FROM {table} ORDER BY time",  # noqa: S608 - names of ours
            {**parameters, "start": start, "end": end},
        )
        count = 0
        for minute, rows in groupby(samples, _TIME):
            _, values, qualities = zip(*rows, strict=True)
            count += len(values)
            self._keep(STEPS[0], minute * STEPS[0] * SECOND, [(number, summed_up(values, qualities))])
        return count

    def _keep(self, step: int, time: int, periods: Iterable[tuple[int, Period | None]]) -> None:
        rows = [(step, series, time, *period) for series, period in periods if period is not None]
        insert(self._connection, _INTO, rows)

    def _refresh(self, late: Iterable[tuple[int, int]]) -> None:
        """Compute the completed periods in which the *late* samples lie anew, level by level."""
        finer, touched = 0, set(late)
        for step in STEPS:
            size = step * SECOND
            touched = {(series, time // size * size) for series, time in touched}
            for series, start in touched:
                if start >= self._begun_to[step]:
                    continue
                if finer:
                    self._compute(step, finer, (series, series), start, start + size)
                else:
                    self._minutes_of_series(series, start, start + size)
            finer = step

    def _from_finer(self, step: int, finer: int, start: int, end: int) -> Iterator[int]:
        """Every period of *step* from *start* to before *end* out of the level *finer*."""
        (last,) = self._connection.execute("SELECT max(id) FROM series").fetchone()
        for first in range(1, (last or 0) + 1, _SERIES_A_PIECE):
            end_of_piece = min(first + _SERIES_A_PIECE - 1, last)
            self._compute(step, finer, (first, end_of_piece), start, end)
            yield (end_of_piece - first + 1) * (step // finer)

    def _compute(self, step: int, finer: int, series: tuple[int, int], start: int, end: int) -> None:
        self._connection.execute(
            _FROM_FINER,
            {
                "step": step,
                "finer": finer,
                "size": step * SECOND,
                "lowest": series[0],
                "highest": series[1],
                "start": start,
                "end": end,
            },
        )


_TIME = itemgetter(0)


def _summed_up(
    columns: Sequence[tuple[Value | None, ...]], kept: Sequence[str | None]
) -> Iterator[Period | None]:
    """What each of *columns* comes to; *kept* are the qualities of its rows."""
    if not any(kept):
        yield from map(summed_up, columns)
        return
    rated = zip(*(qualities_of(row, len(columns)) for row in kept), strict=True)
    for values, qualities in zip(columns, rated, strict=True):
        yield summed_up(values, qualities)
