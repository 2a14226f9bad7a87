"""Roll-ups: count, lowest, highest, total, first and last of every minute, quarter, hour and day.

A level is complete up to a time that is stored with it (`complete_to`); what is newer is taken from the
finer level, down to the samples. It moves on in the transaction that stores the samples, so a process that is
killed leaves nothing to repair. A sample that comes in before that time makes its periods be computed anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

SECOND = 1_000_000

STEPS = (60, 900, 3_600, 86_400)
"""Seconds of each level, finest first; each is a multiple of the one before."""

_LAG = 10 * SECOND
"""A period is computed this long after its end: readings of one moment do not come in at one moment."""

EVERY_SERIES = (0, 2**62)

USABLE = "quality <= 1 AND value BETWEEN -1e300 AND 1e300"
"""What is aggregated. BETWEEN leaves NULL and text out, and numbers whose sum could not be held."""

# `+series.id`: without the plus SQLite applies the range of series to the inner table too, takes that for its
# key instead of the one series, and reads the whole level once for each series.
_FROM_SAMPLES = f"""
INSERT OR REPLACE INTO rollups (step, series, time, count, bad, low, high, total, first, last)
SELECT :step, series, bucket, count, bad, low, high, total,
       (SELECT value FROM samples WHERE series = period.series AND time = first_time),
       (SELECT value FROM samples WHERE series = period.series AND time = last_time)
FROM (SELECT series, bucket, count(value) AS count, sum(bad) AS bad, min(value) AS low, max(value) AS high,
             total(value) AS total, min(used) AS first_time, max(used) AS last_time
      FROM (SELECT samples.series AS series, time / :size * :size AS bucket, quality > 1 AS bad,
                   CASE WHEN {USABLE} THEN value END AS value, CASE WHEN {USABLE} THEN time END AS used
            FROM series CROSS JOIN samples ON samples.series = +series.id
            WHERE series.id BETWEEN :lowest AND :highest AND time >= :start AND time < :end)
      GROUP BY series, bucket HAVING count(value) OR sum(bad)) AS period
"""  # nosec B608 # noqa: S608 - USABLE is a constant of this module

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
    """Keeps the roll-ups of one history up to date, inside the transaction that stores samples."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._complete_to: dict[int, int | None] = {}
        self.reload()

    def reload(self) -> None:
        """Take the state from the file: at the start, and after a transaction that was undone."""
        self._complete_to = {level.step: level.complete_to for level in read_levels(self._connection)[1:]}

    @property
    def settled_to(self) -> int:
        """Samples before this time are late: their minute has been computed."""
        return self._complete_to[STEPS[0]] or 0

    def update(self, oldest: int, newest: int, late: Iterable[tuple[int, int]]) -> None:
        """Take in samples from *oldest* to *newest* that were just stored, and the *late* ones among them.

        *late* has (series, time) of each; several of the same minute may be given as one.
        """
        self._refresh(late)
        reached = newest - _LAG
        finer = 0
        for step in STEPS:
            reached = self._advance(step, finer, oldest, reached)
            finer = step

    def _advance(self, step: int, finer: int, oldest: int, reached: int) -> int:
        """Complete *step* as far as *reached*; gives how far it is complete."""
        size = step * SECOND
        start = self._complete_to[step]
        if start is None:
            start = self._move(step, oldest // size * size)
        end = reached // size * size
        if end <= start:
            return start
        self._compute(step, finer, EVERY_SERIES, start, end)
        return self._move(step, end)

    def _move(self, step: int, complete_to: int) -> int:
        self._complete_to[step] = complete_to
        self._connection.execute("UPDATE levels SET complete_to = ? WHERE step = ?", (complete_to, step))
        return complete_to

    def _refresh(self, late: Iterable[tuple[int, int]]) -> None:
        """Compute the completed periods in which the *late* samples lie anew, level by level."""
        finer, touched = 0, set(late)
        for step in STEPS:
            size = step * SECOND
            touched = {(series, time // size * size) for series, time in touched}
            complete_to = self._complete_to[step] or 0
            for series, start in touched:
                if start < complete_to:
                    self._compute(step, finer, (series, series), start, start + size)
            finer = step

    def _compute(self, step: int, finer: int, series: tuple[int, int], start: int, end: int) -> None:
        self._connection.execute(
            _FROM_FINER if finer else _FROM_SAMPLES,
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
