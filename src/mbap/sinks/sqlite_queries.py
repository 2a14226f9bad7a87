"""What a SQLite history is asked: trends from the level that fits, samples in pieces, the newest values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from mbap.collect.readings import Quality
from mbap.sinks.base import Sample, Series, Trend
from mbap.sinks.sqlite_rollups import SECOND, STEPS, USABLE, Level, read_levels

PIECE = 5_000
"""Samples read in one go; between two pieces the writer can tidy up its log."""

_RAW_PER_STEP = 2
"""Up to this many for each step, samples are given as they are. With more, rows are not empty by chance."""

_HOLE = 4
"""Samples that are this many times their usual distance apart have a hole between them."""

FINEST_STEP = 1_000
_NICE = tuple(
    [count * FINEST_STEP for count in (1, 2, 5, 10, 20, 50, 100, 200, 500)]
    + [count * SECOND for count in (1, 2, 3, 5, 10, 15, 30)]
    + [count * 60 * SECOND for count in (1, 2, 3, 5, 10, 15, 30)]
    + [count * 3_600 * SECOND for count in (1, 2, 3, 6, 12)]
)
_DAY = 86_400 * SECOND

_ROWS_OF_SAMPLES = f"""
SELECT time / ?1, count(value), total(value), CAST(min(value) AS REAL), CAST(max(value) AS REAL), sum(bad)
FROM (SELECT time, quality > 1 AS bad, CASE WHEN {USABLE} THEN value END AS value
      FROM samples WHERE series = ?2 AND time >= ?3 AND time < ?4)
GROUP BY 1
"""  # nosec B608 # noqa: S608 - USABLE is a constant

_ROWS_OF_ROLLUPS = """
SELECT time / ?1, sum(count), total(total), min(low), max(high), sum(bad)
FROM rollups WHERE step = ?5 AND series = ?2 AND time >= ?3 AND time < ?4
GROUP BY 1
"""

_SAMPLES = """
SELECT time, value, quality FROM samples WHERE series = ? AND time >= ? AND time < ? ORDER BY time LIMIT ?
"""

_SAMPLE_BEYOND = "SELECT 1 FROM samples WHERE series = ? AND time >= ? AND time < ? LIMIT 1 OFFSET ?"

_LATEST = """
SELECT device, point, time, value, quality
FROM series CROSS JOIN samples ON samples.series = series.id
     AND samples.time = (SELECT max(time) FROM samples WHERE series = series.id)
"""


def all_series(connection: sqlite3.Connection) -> list[Series]:
    """Every series, by device and point."""
    return [
        Series(*row) for row in connection.execute("SELECT device, point FROM series ORDER BY device, point")
    ]


def series_number(connection: sqlite3.Connection, series: Series) -> int | None:
    """The number of *series* in the file; None when nothing of it was ever stored."""
    row = connection.execute("SELECT id FROM series WHERE device = ? AND point = ?", tuple(series)).fetchone()
    return row[0] if row else None


def samples(connection: sqlite3.Connection, number: int, start: int, end: int) -> list[Sample]:
    """The first `PIECE` samples from *start* to before *end*."""
    return [
        Sample(time, value, Quality(quality))
        for time, value, quality in connection.execute(_SAMPLES, (number, start, end, PIECE))
    ]


def latest(connection: sqlite3.Connection) -> dict[Series, Sample]:
    """The newest sample of every series that has one."""
    return {
        Series(device, point): Sample(time, value, Quality(quality))
        for device, point, time, value, quality in connection.execute(_LATEST)
    }


def trend(connection: sqlite3.Connection, series: Series, start: int, end: int, steps: int) -> Trend:
    """*series* as samples where there are few, else in at most *steps* rows and one."""
    levels = read_levels(connection)
    number = series_number(connection, series)
    if number is None:
        return _of_samples(series, [])
    if levels[0].kept_from <= start:
        span = number, start, end, _RAW_PER_STEP * steps
        if connection.execute(_SAMPLE_BEYOND, span).fetchone() is None:
            return _of_samples(series, connection.execute(_SAMPLES, span).fetchall())
    step = step_for(levels, start, end, steps)
    return rows(connection, series, start, end, step)


def step_for(levels: Sequence[Level], start: int, end: int, steps: int) -> int:
    """A step that people read easily, in microseconds, for about *steps* rows out of what is still kept."""
    step = _nice(-(-(end - start) // steps))
    kept = [level for level in levels if level.kept_from <= start] or [levels[-1]]
    finest = kept[0].step * SECOND
    return step if finest == 0 else max(finest, -(-step // finest) * finest)


def _nice(step: int) -> int:
    """The smallest round duration that is not shorter than *step*."""
    return next((nice for nice in _NICE if nice >= step), -(-step // _DAY) * _DAY)


def rows(connection: sqlite3.Connection, series: Series, start: int, end: int, step: int) -> Trend:
    """*series* in whole rows of exactly *step* microseconds that cover *start* to *end*."""
    first, last = start // step, -(-end // step)
    collected = _Rows(first, max(0, last - first))
    number = series_number(connection, series)
    if number is not None:
        for level, begin, finish in _sources(read_levels(connection), step, first * step, last * step):
            statement = _ROWS_OF_ROLLUPS if level else _ROWS_OF_SAMPLES
            arguments = (step, number, begin, finish) + ((level,) if level else ())
            collected.add(connection.execute(statement, arguments))
    return collected.trend(series, step)


def _sources(levels: Sequence[Level], step: int, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(level, from, to): the coarsest level that divides *step*, then finer ones for what it lacks."""
    usable = [level for level in STEPS if step % (level * SECOND) == 0]
    complete_to = {level.step: level.complete_to or 0 for level in levels}
    for level in reversed(usable):
        finish = min(end, complete_to[level])
        if finish > start:
            yield level, start, finish
            start = finish
    if start < end:
        yield 0, start, end


class _Rows:
    """Rows of a trend, put together from several levels."""

    def __init__(self, first: int, length: int) -> None:
        self._first = first
        self._count = [0] * length
        self._total = [0.0] * length
        self._bad = [0] * length
        self._low: list[float | None] = [None] * length
        self._high: list[float | None] = [None] * length

    def add(self, rows: sqlite3.Cursor) -> None:
        """Take in (row, count, total, lowest, highest, bad) of one level."""
        for row, count, total, low, high, bad in rows:
            index = row - self._first
            self._bad[index] += bad
            if not count:
                continue
            if self._count[index]:
                low, high = min(low, self._low[index]), max(high, self._high[index])
            self._count[index] += count
            self._total[index] += total
            self._low[index], self._high[index] = low, high

    def trend(self, series: Series, step: int) -> Trend:
        """What was collected; rows in which nothing was read are gaps."""
        times = range(self._first * step, (self._first + len(self._count)) * step, step)
        mean = [
            total / count if count else None for total, count in zip(self._total, self._count, strict=True)
        ]
        return Trend(series, step, times, self._low, mean, self._high, self._bad)


def _of_samples(series: Series, samples: Sequence[tuple[int, object, int]]) -> Trend:
    """The samples themselves as a trend, with a row of None in each hole."""
    usual = _usual_distance([time for time, _, _ in samples])
    times: list[int] = []
    values: list[float | None] = []
    bad: list[int] = []
    for time, value, quality in samples:
        if usual and times and time - times[-1] > _HOLE * usual:
            times.append(times[-1] + usual)
            values.append(None)
            bad.append(0)
        times.append(time)
        values.append(value if quality <= 1 and isinstance(value, int | float) else None)
        bad.append(int(quality > 1))
    return Trend(series, 0, times, values, values, values, bad)


def _usual_distance(times: Sequence[int]) -> int:
    """How far apart the samples usually are; 0 where there are too few to say."""
    if len(times) < 4:
        return 0
    return int(median(later - earlier for earlier, later in pairwise(times)))
