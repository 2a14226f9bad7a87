"""What a SQLite history is asked: trends from the level that fits, samples in pieces, the newest values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from mbap.collect.readings import Quality
from mbap.sinks.base import Sample, Series, Trend
from mbap.sinks.sqlite_periods import LARGEST
from mbap.sinks.sqlite_reads import WIDTHS, qualities_of, source, table_of, values_of
from mbap.sinks.sqlite_rollups import SECOND, STEPS, Level, read_levels

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

# `source` stands where the samples of one series come from.

_ROWS_OF_SAMPLES = f"""
SELECT time / :step, count(value), total(value), CAST(min(value) AS REAL), CAST(max(value) AS REAL), sum(bad)
FROM (SELECT time, quality > 1 AS bad,
             CASE WHEN quality <= 1 AND value BETWEEN -{LARGEST} AND {LARGEST} THEN value END AS value
      FROM {{source}})
GROUP BY 1
"""  # noqa: S608 - a constant

_ROWS_OF_ROLLUPS = """
SELECT time / :step, sum(count), total(total), min(low), max(high), sum(bad)
FROM rollups WHERE step = :level AND series = :series AND time >= :start AND time < :end
GROUP BY 1
"""

_SAMPLES = "SELECT time, value, quality FROM {source} ORDER BY time LIMIT :most"

_SAMPLE_BEYOND = "SELECT 1 FROM {source} LIMIT 1 OFFSET :most"

_LATEST_SINGLES = """
SELECT series.id, time, value, quality
FROM series CROSS JOIN singles ON singles.series = series.id
     AND singles.time = (SELECT max(time) FROM singles WHERE series = series.id)
"""

_LATEST_READS = """
SELECT first, last, time, qualities, {values}
FROM blocks CROSS JOIN {table} ON block = blocks.id
     AND time = (SELECT max(time) FROM {table} WHERE block = blocks.id)
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
    found = _of_source(connection, _SAMPLES, number, start=start, end=end, most=PIECE)
    return [Sample(time, value, Quality(quality)) for time, value, quality in found]


def _of_source(connection: sqlite3.Connection, statement: str, number: int, **more: int) -> sqlite3.Cursor:
    table, parameters = source(connection, number)
    return connection.execute(statement.format(source=table), {**parameters, **more})


def latest(connection: sqlite3.Connection) -> dict[Series, Sample]:
    """The newest sample of every series that has one."""
    newest: dict[int, Sample] = {}
    for number, sample in _candidates(connection):
        known = newest.get(number)
        if known is None or sample.time > known.time:
            newest[number] = sample
    names = connection.execute("SELECT id, device, point FROM series")
    return {Series(device, point): newest[number] for number, device, point in names if number in newest}


def _candidates(connection: sqlite3.Connection) -> Iterator[tuple[int, Sample]]:
    """The newest samples of each place in which series have some."""
    for columns in WIDTHS:
        reads = _LATEST_READS.format(table=table_of(columns), values=values_of(columns))
        for first, last, time, kept, *values in connection.execute(reads):
            width = last - first + 1
            cells = zip(values[:width], qualities_of(kept, width), strict=True)
            for number, (value, quality) in enumerate(cells, first):
                yield number, Sample(time, value, Quality(quality))
    for number, time, value, quality in connection.execute(_LATEST_SINGLES):
        yield number, Sample(time, value, Quality(quality))


def trend(connection: sqlite3.Connection, series: Series, start: int, end: int, steps: int) -> Trend:
    """*series* as samples where there are few, else in at most *steps* rows and one."""
    levels = read_levels(connection)
    number = series_number(connection, series)
    if number is None:
        return _of_samples(series, [])
    if levels[0].kept_from <= start:
        span = {"start": start, "end": end, "most": _RAW_PER_STEP * steps}
        if _of_source(connection, _SAMPLE_BEYOND, number, **span).fetchone() is None:
            return _of_samples(series, _of_source(connection, _SAMPLES, number, **span).fetchall())
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
            span = {"step": step, "start": begin, "end": finish}
            if level:
                rolled = {"level": level, "series": number, **span}
                collected.add(connection.execute(_ROWS_OF_ROLLUPS, rolled))
            else:
                collected.add(_of_source(connection, _ROWS_OF_SAMPLES, number, **span))
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
