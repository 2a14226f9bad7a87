"""What is removed from a SQLite history, and when: by age, by size, always a small piece at a time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import NamedTuple

from mbap.sinks.sqlite_reads import table_of
from mbap.sinks.sqlite_reports import extent
from mbap.sinks.sqlite_rollups import SECOND, STEPS, Level, read_levels

PIECE = 20_000
"""Rows removed in one transaction: some tens of milliseconds in which nobody can write."""

_HOUR = 3_600
_DAY = 86_400
_OWNERS_A_PIECE = 10_000
_READS = -1
"""Beside the levels: the samples that were stored as reads go block by block."""
_OWNERS = (
    "SELECT id, 1 FROM series WHERE id >= ? ORDER BY id LIMIT ?",
    "SELECT id, last - first + 1 FROM blocks WHERE id >= ? ORDER BY id LIMIT ?",
)
_VACUUM_PAGES = 2_000
_IDLE_SHARE = 4
_SIZE_SLICES = 50
"""Where the file is too large, the oldest fiftieth of the time that is stored goes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept.

    Attributes:
        keep: seconds that samples are kept; None: for ever.
        keep_rollups: seconds that roll-ups are kept, where that is longer; None: minutes and quarters as long
            as the samples, hours and days for ever.
        max_bytes: what the file may hold; None: no limit.
    """

    keep: float | None = None
    keep_rollups: float | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        for name in ("keep", "keep_rollups", "max_bytes"):
            limit = getattr(self, name)
            if limit is not None and limit <= 0:
                raise ValueError(f"{name} is more than 0, not {limit}")

    def seconds(self, step: int) -> float | None:
        """How long the level *step* is kept; None: for ever."""
        if step == 0 or self.keep is None:
            return self.keep
        if self.keep_rollups is not None:
            return max(self.keep, self.keep_rollups)
        return self.keep if step < _HOUR else None


class Retention:
    """Applies `Limits` to one history, within the caller's transactions.

    First a level's `kept_from` moves on, from which moment nobody asks it for older times; then what is older
    is removed, series by series. A process that ends in between goes on with that at its next start.
    """

    def __init__(self, connection: sqlite3.Connection, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._unswept = dict.fromkeys((_READS, 0, *STEPS), 0)
        """The level -> the number of the series or block to go on with, where something may be left."""

    def step(self, now: int) -> int:
        """One piece of work, as of *now*; gives how many rows went."""
        self._by_age(now)
        removed = self._sweep_all(PIECE)
        if not self._unswept and self._by_size():
            removed += self._sweep_all(PIECE - removed)
        return removed

    def vacuum(self) -> None:
        """Give some of the unused pages back to the disk where there are many."""
        pages, free = self._pragma("page_count"), self._pragma("freelist_count")
        limit = self._limits.max_bytes
        too_large = limit is not None and pages * self._pragma("page_size") > limit
        if too_large or (free > _VACUUM_PAGES and free > pages // _IDLE_SHARE):
            # `execute` would stop after the first page: the pragma gives rows without columns.
            self._connection.executescript(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})")

    def _by_age(self, now: int) -> None:
        for level in read_levels(self._connection):
            seconds = self._limits.seconds(level.step)
            if seconds is not None:
                self._keep_from(level, now - int(seconds * SECOND), _alignment(level.step, seconds))

    def _by_size(self) -> bool:
        """Where the file holds too much, let the oldest samples go, and after them the finest roll-ups."""
        limit = self._limits.max_bytes
        if limit is None or self._used() <= limit:
            return False
        for level in read_levels(self._connection):
            oldest, newest = extent(self._connection, level.step)
            if oldest is None or newest is None:
                continue
            unit = _alignment(level.step, 0.0)
            some = max((newest - oldest) // _SIZE_SLICES, unit * SECOND)
            if self._keep_from(level, min(oldest + some, newest), unit):
                return True
        return False

    def _keep_from(self, level: Level, time: int, unit: int) -> bool:
        """Move `kept_from` to the last multiple of *unit* seconds before *time*; False: no need."""
        time = time // (unit * SECOND) * (unit * SECOND)
        if time <= level.kept_from:
            return False
        self._connection.execute("UPDATE levels SET kept_from = ? WHERE step = ?", (time, level.step))
        self._unswept[level.step] = 0
        if level.step == 0:
            self._unswept[_READS] = 0
        return True

    def _sweep_all(self, most: int) -> int:
        """Remove up to *most* rows that are older than their level is kept."""
        removed = 0
        for step in list(self._unswept):
            if removed < most:
                removed += self._sweep(step, most - removed)
        return removed

    def _sweep(self, step: int, most: int) -> int:
        """Remove up to *most* rows of the level that are older than it is kept."""
        (kept_from,) = self._connection.execute(
            "SELECT kept_from FROM levels WHERE step = ?", (max(step, 0),)
        ).fetchone()
        removed = 0
        owners = self._connection.execute(
            _OWNERS[step == _READS], (self._unswept[step], _OWNERS_A_PIECE)
        ).fetchall()
        for number, width in owners:
            self._unswept[step] = number
            removed += self._remove(_rows(step, width), number, kept_from, most - removed)
            if removed >= most:
                break
        else:
            self._unswept[step] += 1
            if len(owners) < _OWNERS_A_PIECE:
                del self._unswept[step]
        if step <= 0:
            self._connection.execute(
                "UPDATE counters SET value = value - ? WHERE name = 'samples'", (removed,)
            )
        return removed

    def _remove(self, rows: _Rows, number: int, before: int, most: int) -> int:
        """Remove the oldest rows of one owner that are older than *before*: all, or some *most* values."""
        older = f"FROM {rows.table} WHERE {rows.owner} = ? AND time < ?"
        beyond = self._connection.execute(
            f"SELECT time {older} ORDER BY time LIMIT 1 OFFSET ?",
            (number, before, -(-most // rows.values)),
        ).fetchone()
        end = beyond[0] if beyond else before
        return rows.values * self._connection.execute(f"DELETE {older}", (number, end)).rowcount

    def _used(self) -> int:
        used = self._pragma("page_count") - self._pragma("freelist_count")
        return used * self._pragma("page_size")

    def _pragma(self, name: str) -> int:
        (number,) = self._connection.execute(f"PRAGMA {name}").fetchone()
        assert isinstance(number, int)
        return number


class _Rows(NamedTuple):
    """Where the rows of a level lie: the table, what picks those of one owner, and the values of each."""

    table: str
    owner: str
    values: int = 1


def _rows(step: int, width: int) -> _Rows:
    if step == _READS:
        return _Rows(table_of(width), "block", width)
    return _Rows("rollups", f"step = {step} AND series") if step else _Rows("singles", "series")


def _alignment(step: int, keep: float) -> int:
    """Seconds: a level has to end where a period of the levels above it begins, so that none loses a part.

    For samples that is a minute; where they are kept for days, an hour at a time costs less writing.
    """
    if step == 0:
        return STEPS[0] if keep < _DAY else _HOUR
    return _DAY
