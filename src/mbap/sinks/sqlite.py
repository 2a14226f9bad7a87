"""History in one SQLite file; `docs/decisions/0010-how-history-is-written.md` has the reasons."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from mbap.collect.readings import Readings
from mbap.sinks import sqlite_file, sqlite_queries, sqlite_reports, sqlite_schema
from mbap.sinks.base import Sample, Series, StoreError, StoreStatistics, Trend
from mbap.sinks.sqlite_ingest import Ingest
from mbap.sinks.sqlite_reports import LevelReport, SeriesReport
from mbap.sinks.sqlite_retention import Limits, Retention


class SqliteStore:
    """A `Store` in the SQLite file *path*, which is made when it is not there.

    Any thread may call anything: writing is done by one at a time; up to four read beside it, and neither
    holds the other up. One process at a time may have it open for writing; others can read meanwhile.

    Args:
        keep: seconds that samples are kept; None: for ever.
        keep_rollups: seconds that roll-ups are kept, where that is longer; None: minutes and quarters as long
            as the samples, hours and days for ever.
        max_bytes: about how large it may grow; then the oldest samples go, after them the finest roll-ups.
        read_only: nothing is written, not even a lock.
        clock: the present, in seconds since 1970.

    Raises:
        StoreError: the file cannot be opened: no folder, not a database, in use, damaged, newer than this.
        ValueError: a limit that is not positive.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        keep: float | None = None,
        keep_rollups: float | None = None,
        max_bytes: int | None = None,
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(path)
        limits = Limits(keep, keep_rollups, max_bytes)
        sqlite_file.check_path(self.path, read_only=read_only)
        self._readers = sqlite_file.Readers(self.path)
        self._lock = threading.Lock()
        self._writer: _Writer | None = None
        with sqlite_file.sentences(self.path):
            if not read_only:
                self._writer = _Writer(self.path, limits, clock)
            with self._readers.lend() as connection:
                sqlite_schema.check(connection, self.path)

    def __enter__(self) -> SqliteStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, batch: Sequence[Readings]) -> None:
        """Keep *batch*; see `Store.write`. Durable means: the disk has it, also when power fails now."""
        with self._writing() as writer:
            writer.store(batch)

    def prune(self, now: int) -> int:
        """Apply the limits as of *now*, one piece; see `Store.prune`."""
        with self._writing() as writer:
            return writer.prune(now)

    def series(self) -> list[Series]:
        """Every series that was ever stored, by device and point."""
        with self._reading() as connection:
            return sqlite_queries.all_series(connection)

    def trends(self, series: Sequence[Series], start: int, end: int, steps: int) -> list[Trend]:
        """Each of *series* from *start* to before *end*, in about *steps* rows; see `Trend`.

        All of them are of one moment. A series that is not known gives no rows.

        Raises:
            ValueError: *end* is not after *start*, or *steps* is below 1.
        """
        _check_range(start, end)
        if steps < 1:
            raise ValueError(f"a trend has at least 1 step, not {steps}")
        with self._reading() as connection:
            return [sqlite_queries.trend(connection, one, start, end, steps) for one in series]

    def rows(self, series: Series, start: int, end: int, step: int) -> Trend:
        """*series* in whole rows of exactly *step* microseconds that cover *start* to *end*.

        Raises:
            ValueError: *end* is not after *start*, or *step* is below a millisecond.
        """
        _check_range(start, end)
        if step < sqlite_queries.FINEST_STEP:
            raise ValueError(f"a step is at least 1 ms, not {step} µs")
        with self._reading() as connection:
            return sqlite_queries.rows(connection, series, start, end, step)

    def samples(self, series: Series, start: int, end: int) -> Iterator[Sample]:
        """The stored samples from *start* to before *end*, in order of time, read piece by piece."""
        while True:
            with self._reading() as connection:
                number = sqlite_queries.series_number(connection, series)
                piece = [] if number is None else sqlite_queries.samples(connection, number, start, end)
            yield from piece
            if len(piece) < sqlite_queries.PIECE:
                return
            start = piece[-1].time + 1

    def latest(self) -> dict[Series, Sample]:
        """The newest sample of every series."""
        with self._reading() as connection:
            return sqlite_queries.latest(connection)

    def statistics(self) -> StoreStatistics:
        """Counts, times and size."""
        with self._reading() as connection:
            return sqlite_reports.statistics(connection, sqlite_file.bytes_on_disk(self.path))

    def reports(self) -> Iterator[SeriesReport]:
        """Every series with its count and times, one after the other: counting a long one takes its time."""
        for series in self.series():
            with self._reading() as connection:
                report = sqlite_reports.series_report(connection, series)
            yield report

    def levels(self) -> list[LevelReport]:
        """The samples and the roll-ups, finest first."""
        with self._reading() as connection:
            return sqlite_reports.level_reports(connection)

    def backup(self, target: str | Path, *, progress: Callable[[float], None] | None = None) -> None:
        """Copy the history as it is now to *target*, while writing goes on.

        An older *target* is replaced when the copy is whole. *progress* is told the share that is done,
        0 to 1.

        Raises:
            StoreError: the history cannot be read, or the copy cannot be written.
        """
        target = Path(target)
        if target.resolve() == self.path.resolve():
            raise StoreError(f"{target} is the history itself: give the copy another name")
        sqlite_file.check_path(target, read_only=False)
        with self._reading() as connection, sqlite_file.sentences(target):
            sqlite_file.online_backup(connection, target, progress)

    def close(self) -> None:
        """Finish what was begun and let go of the file; once more does nothing."""
        self._readers.close()
        with self._lock, sqlite_file.sentences(self.path):
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with sqlite_file.sentences(self.path), self._readers.lend() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[_Writer]:
        with self._lock, sqlite_file.sentences(self.path):
            if self._writer is None:
                raise StoreError(f"{self.path} is not open for writing")
            yield self._writer


class _Writer:
    """The one connection that writes, its lock, and what goes through it."""

    def __init__(self, path: Path, limits: Limits, clock: Callable[[], float]) -> None:
        if path.exists():  # before anything is written to it or beside it: it may be another program's
            with closing(sqlite_file.connect_reader(path)) as connection:
                sqlite_schema.recognise(connection, path)
        with ExitStack() as opened:
            lock = sqlite_file.WriterLock(path)
            opened.callback(lock.release)
            self._connection = sqlite_file.connect_writer(path)
            opened.callback(self._connection.close)
            sqlite_schema.prepare(self._connection, path)
            self._ingest = Ingest(self._connection, clock)
            self._retention = Retention(self._connection, limits)
            self._opened = opened.pop_all()

    def store(self, batch: Sequence[Readings]) -> None:
        """Store *batch* in one transaction."""
        try:
            with sqlite_file.transaction(self._connection):
                self._ingest.store(batch)
        except BaseException:
            self._ingest.forget()
            raise

    def prune(self, now: int) -> int:
        """One piece of what has to go."""
        with sqlite_file.transaction(self._connection):
            removed = self._retention.step(now)
        if not removed:
            self._retention.vacuum()
        return removed

    def close(self) -> None:
        """Close the file, then let others write it."""
        self._opened.close()


def _check_range(start: int, end: int) -> None:
    if end <= start:
        raise ValueError("the end has to be after the start")
