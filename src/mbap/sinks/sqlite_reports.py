"""What a SQLite history holds, in numbers."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from mbap.sinks.base import Series, StoreStatistics
from mbap.sinks.sqlite_rollups import SECOND, STEPS


@dataclass(frozen=True, slots=True)
class SeriesReport:
    """One series: how many samples, and the times of the first and last in UTC µs; None without samples."""

    series: Series
    samples: int
    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class LevelReport:
    """One resolution: step 0 are the samples; times in UTC µs, None where there is nothing.

    Attributes:
        step: microseconds that one row stands for.
        rows: how many there are, of all series together.
        kept_from: what is older has been removed by retention; 0: nothing has.
    """

    step: int
    rows: int
    oldest: int | None
    newest: int | None
    kept_from: int


def statistics(connection: sqlite3.Connection, size: int) -> StoreStatistics:
    """Counts and times; *size* is what the files take."""
    counters = dict(connection.execute("SELECT name, value FROM counters"))
    (series,) = connection.execute("SELECT count(*) FROM series").fetchone()
    oldest, newest = extent(connection, 0)
    return StoreStatistics(
        series, counters["samples"], oldest, newest, size, counters["duplicates"], counters["too_old"]
    )


def series_report(connection: sqlite3.Connection, series: Series) -> SeriesReport:
    """Counts the samples of *series*, one by one."""
    count, first, last = connection.execute(
        "SELECT count(*), min(time), max(time) FROM samples WHERE series = "
        "(SELECT id FROM series WHERE device = ? AND point = ?)",
        tuple(series),
    ).fetchone()
    return SeriesReport(series, count, first, last)


def level_reports(connection: sqlite3.Connection) -> list[LevelReport]:
    """The samples and every roll-up level, finest first."""
    return [_level_report(connection, step) for step in (0, *STEPS)]


def _level_report(connection: sqlite3.Connection, step: int) -> LevelReport:
    count = (
        "SELECT count(*) FROM rollups WHERE step = ?"
        if step
        else "SELECT value FROM counters WHERE name = 'samples' AND ? = 0"
    )
    (rows,) = connection.execute(count, (step,)).fetchone()
    (kept_from,) = connection.execute("SELECT kept_from FROM levels WHERE step = ?", (step,)).fetchone()
    return LevelReport(step * SECOND, rows, *extent(connection, step), kept_from)


def extent(connection: sqlite3.Connection, step: int) -> tuple[int | None, int | None]:
    """The oldest and the newest time of a level: two look-ups a series, whatever its length."""
    table = f"rollups WHERE step = {step} AND" if step else "samples WHERE"
    oldest, newest = connection.execute(
        f"SELECT min((SELECT min(time) FROM {table} series = series.id)), "  # nosec B608 # noqa: S608 - two constants
        f"max((SELECT max(time) FROM {table} series = series.id)) FROM series"
    ).fetchone()
    return oldest, newest
