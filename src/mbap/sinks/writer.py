"""From the stream into a store: batches, one writer thread, and what happens while the store cannot write.

Polling never waits for any of this. While the store fails, readings wait in a backlog with a limit; when it
is full the oldest go, are counted, and are named in a sentence as soon as the store works again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from mbap.collect.readings import Readings
from mbap.collect.stream import Subscription
from mbap.sinks.backlog import Backlog
from mbap.sinks.base import Store, StoreError

_A = TypeVar("_A")
_R = TypeVar("_R")

_log = logging.getLogger(__name__)

BATCH_VALUES = 250_000
"""About the most in one transaction; when so many wait, they are flushed without waiting for the interval."""

CLOSING_SECONDS = 1.5
"""How long the end may take to write what is left: a program has to end within 2 s."""

_FIRST_RETRY = 1.0
_LONGEST_RETRY = 60.0
_PRUNE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class WriterStatistics:
    """How the way into history is doing; counts are of values, not of readings.

    Attributes:
        received: values that came from the stream.
        acknowledged: values that the store said are durable.
        dropped: values that were given up: the backlog was full, or the end came.
        missed: readings that the subscription dropped before they could be taken.
        backlog: values that wait.
        failing: why the store cannot write at present; None: it can.
        last_flush: UTC microseconds, by the wall clock, of the last time the store acknowledged something.
    """

    received: int
    acknowledged: int
    dropped: int
    missed: int
    backlog: int
    failing: str | None
    last_flush: int | None


class HistoryWriter:
    """Stores what a subscription gives, in batches, from one thread of its own.

    Args:
        flush_interval: seconds between two transactions. Longer is easier on an SD card; what was read since
            the last one is lost when the power fails, though not when the program is ended or stopped.
        backlog_values: how many values wait while the store fails; then the oldest are dropped.
        report: told in one sentence when the store begins to fail, and when it works again what was lost.
        clock: the wall clock, in seconds since 1970.
        executor: runs the store's calls, one at a time; None: a thread.
    """

    def __init__(
        self,
        store: Store,
        subscription: Subscription[Readings],
        *,
        flush_interval: float = 1.0,
        backlog_values: int = 1_000_000,
        report: Callable[[str], None] = _log.warning,
        clock: Callable[[], float] = time.time,
        executor: Executor | None = None,
    ) -> None:
        if flush_interval <= 0 or backlog_values < 1:
            raise ValueError("the flush interval and the size of the backlog are more than 0")
        self._store = store
        self._subscription = subscription
        self._interval = flush_interval
        self._backlog = Backlog(backlog_values)
        self._report = report
        self._clock = clock
        self._executor = executor or ThreadPoolExecutor(1, thread_name_prefix="history")
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()
        self._running = False
        self._closing = False
        self._received = 0
        self._acknowledged = 0
        self._last_flush: int | None = None
        self._failing: str | None = None
        self._failing_since = 0.0
        self._retry = _FIRST_RETRY
        self._next_flush = 0.0
        self._next_prune = 0.0

    async def run(self) -> None:
        """Store until `close` is called or the subscription ends; then flush, also when cancelled."""
        if self._ended.is_set():
            return
        self._running = True
        receiving = asyncio.create_task(self._receive(), name="history: receive")
        try:
            self._next_flush = self._now() + self._interval
            while not self._closing:
                await self._next_step()
        finally:
            receiving.cancel()
            await self._end()

    async def close(self) -> None:
        """Store everything that was published so far, within 2 s, and end `run`."""
        self._closing = True
        self._wake.set()
        if self._running:
            await self._ended.wait()
        elif not self._ended.is_set():
            await self._end()

    def statistics(self) -> WriterStatistics:
        """Counts so far, and the present state."""
        return WriterStatistics(
            received=self._received,
            acknowledged=self._acknowledged,
            dropped=self._backlog.dropped,
            missed=self._subscription.dropped,
            backlog=self._backlog.values,
            failing=self._failing,
            last_flush=self._last_flush,
        )

    async def _receive(self) -> None:
        while items := await self._subscription.take():
            self._accept(items)
        self._closing = True
        self._wake.set()

    def _accept(self, items: list[Readings]) -> None:
        for readings in items:
            self._received += len(readings.points)
            self._backlog.put(readings)
        if self._backlog.values >= BATCH_VALUES and not self._failing:
            self._wake.set()

    async def _next_step(self) -> None:
        """Flush, prune one piece, or wait until one of them is due."""
        now = self._now()
        early = self._backlog.values >= BATCH_VALUES and not self._failing
        if early or now >= self._next_flush:
            await self._flush()
        elif now >= self._next_prune and not self._failing:
            await self._prune()
        else:
            due = self._next_flush if self._failing else min(self._next_flush, self._next_prune)
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(due - now):
                    await self._wake.wait()

    async def _flush(self) -> None:
        """Store everything that waits now; after a failure, the next try is later each time."""
        self._next_flush = self._now() + self._interval
        left = self._backlog.values
        try:
            while left > 0 and (batch := self._backlog.hand_out(BATCH_VALUES)):
                await self._in_thread(self._store.write, batch)
                left -= self._acknowledge()
        except StoreError as error:
            self._backlog.take_back()
            self._fail(str(error))
        except BaseException:
            self._backlog.take_back()
            raise

    def _acknowledge(self) -> int:
        values = self._backlog.settle()
        self._acknowledged += values
        self._last_flush = int(self._clock() * 1e6)
        self._recover()
        return values

    def _fail(self, reason: str) -> None:
        """Remember why, say so once, and plan the next try."""
        if self._failing is None:
            self._failing_since = self._now()
            self._report(
                f"history stops: {reason}; polling goes on and {self._backlog.limit} values can wait"
            )
        elif self._failing != reason:
            self._report(f"history still fails, now because {reason}")
        self._failing = reason
        self._next_flush = self._now() + max(self._interval, self._retry)
        self._retry = min(self._retry * 2, _LONGEST_RETRY)

    def _recover(self) -> None:
        """Say what was lost, if there is anything to say."""
        gap = self._backlog.gap()
        if self._failing is not None:
            seconds = self._now() - self._failing_since
            self._report(f"history goes on after {seconds:.0f} s: {gap or 'nothing was lost'}")
        elif gap is not None:
            self._report(f"history could not keep up: {gap}")
        self._failing, self._retry = None, _FIRST_RETRY

    async def _prune(self) -> None:
        """One piece of what retention removes; the next follows at once where there is more."""
        self._next_prune = self._now() + _PRUNE_SECONDS
        try:
            if await self._in_thread(self._store.prune, int(self._clock() * 1e6)):
                self._next_prune = self._now()
        except StoreError as error:
            self._report(f"history cannot remove what is old: {error}")

    async def _end(self) -> None:
        try:
            await self._flush_the_rest()
        finally:
            self._executor.shutdown(wait=False)
            self._ended.set()

    async def _flush_the_rest(self) -> None:
        """The last flush; what cannot be stored in time is given up, and said."""
        self._subscription.close()
        self._accept(self._subscription.take_now())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._flush()
        self._backlog.give_up()
        gap = self._backlog.gap()
        if gap is not None:
            self._report(f"history ends and could not store everything: {gap}")

    async def _in_thread(self, call: Callable[[_A], _R], argument: _A) -> _R:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call, argument)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
