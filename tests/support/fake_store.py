"""A history store in memory that fails when told to, and an executor without a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from mbap.collect.readings import Readings
from mbap.sinks.base import Sample, Series, StoreError, StoreStatistics, Trend

P = ParamSpec("P")
T = TypeVar("T")


class FakeStore:
    """A `Store` that remembers what it was given.

    Attributes:
        batches: every batch that was acknowledged.
        error: what `write` says instead; None: it works.
        tries: how often `write` was called.
        prunes: the times that `prune` was called with.
        to_remove: what the next calls of `prune` give; then 0.
    """

    def __init__(self) -> None:
        self.batches: list[list[Readings]] = []
        self.error: str | None = None
        self.prune_error: str | None = None
        self.tries = 0
        self.prunes: list[int] = []
        self.to_remove: list[int] = []
        self.closed = False

    @property
    def times(self) -> list[int]:
        """The time of every acknowledged reading, in the order of writing."""
        return [readings.time for batch in self.batches for readings in batch]

    def write(self, batch: Sequence[Readings]) -> None:
        self.tries += 1
        if self.error is not None:
            raise StoreError(self.error)
        self.batches.append(list(batch))

    def prune(self, now: int) -> int:
        self.prunes.append(now)
        if self.prune_error is not None:
            raise StoreError(self.prune_error)
        return self.to_remove.pop(0) if self.to_remove else 0

    def series(self) -> list[Series]:
        return []

    def trends(self, series: Sequence[Series], start: int, end: int, steps: int) -> list[Trend]:
        return []

    def samples(self, series: Series, start: int, end: int) -> Iterator[Sample]:
        return iter(())

    def latest(self) -> dict[Series, Sample]:
        return {}

    def statistics(self) -> StoreStatistics:
        return StoreStatistics(0, 0, None, None, 0)

    def close(self) -> None:
        self.closed = True


class InlineExecutor(Executor):
    """Does what it is given at once, in the caller's thread: for virtual time."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to whoever waits for the result
            future.set_exception(error)
        return future
