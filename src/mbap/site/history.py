"""The history of a running site: the store, its writer, and what both have to say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict

from mbap.collect.readings import Readings
from mbap.collect.stream import Stream
from mbap.sinks.sqlite import SqliteStore
from mbap.sinks.writer import HistoryWriter
from mbap.site.plan import HistoryPlan

WAITING = 200_000
"""Readings that may wait for the writer before the oldest go, which it counts and reports."""

FEWEST_VALUES = 1_000_000
ROUNDS = 3
"""At least so many values wait while the store is busy or fails, and so many of each point: at the end of a
minute a large site's roll-ups take longer than a round of its reads."""


class History:
    """Keeps what the stream carries, by its plan; without a plan it keeps nothing.

    Args:
        points: how many the site has, which tells how many values may wait.

    Attributes:
        store: what the page asks; None before `open` and without a plan.
        newest: UTC microseconds of the newest stored sample when it was opened.
    """

    def __init__(self, plan: HistoryPlan | None, stream: Stream[Readings], points: int = 0) -> None:
        self._plan = plan
        self._backlog = max(FEWEST_VALUES, ROUNDS * points)
        self._stream = stream
        self._writer: HistoryWriter | None = None
        self.store: SqliteStore | None = None
        self.newest: int | None = None

    async def open(self) -> None:
        """Open the file.

        Raises:
            StoreError: it cannot be used; the message says why.
        """
        if self._plan is None:
            return
        store, self.newest = await asyncio.to_thread(_open, self._plan)
        subscription = self._stream.subscribe(WAITING)
        self._writer = HistoryWriter(
            store, subscription, flush_interval=self._plan.flush, backlog_values=self._backlog
        )
        self.store = store

    async def run(self) -> None:
        """Write until `close`."""
        if self._writer is not None:
            await self._writer.run()

    async def close(self) -> None:
        """Write everything that came, and let go of the file."""
        if self._writer is not None:
            await self._writer.close()
        if self.store is not None:
            await asyncio.to_thread(self.store.close)

    @property
    def problems(self) -> list[str]:
        """Why nothing is being kept, if that is so."""
        failing = self._writer.statistics().failing if self._writer else None
        return [f"history is not being written: {failing}"] if failing else []

    @property
    def acknowledged(self) -> int:
        """How many values are durable."""
        return self._writer.statistics().acknowledged if self._writer else 0

    @property
    def lost(self) -> int:
        """How many values were given up; readings that never came as far as the writer count as one."""
        statistics = self._writer.statistics() if self._writer else None
        return statistics.dropped + statistics.missed if statistics else 0

    def report(self) -> Mapping[str, object]:
        """How the writer is doing."""
        return asdict(self._writer.statistics()) if self._writer else {}


def _open(plan: HistoryPlan) -> tuple[SqliteStore, int | None]:
    store = SqliteStore(plan.path, keep=plan.keep, keep_rollups=plan.keep_rollups, max_bytes=plan.max_size)
    return store, store.statistics().newest
