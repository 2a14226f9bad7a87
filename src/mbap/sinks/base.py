"""The interface of a history store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mbap.collect.readings import Quality, Readings, Value


class Series(NamedTuple):
    """One point of one device, as history knows it."""

    device: str
    point: str


class Sample(NamedTuple):
    """One stored value: time in UTC microseconds."""

    time: int
    value: Value | None
    quality: Quality


@dataclass(frozen=True, slots=True)
class Trend:
    """A series between two times, as columns, in at most about as many steps as were asked for.

    Where *step* is 0 these are the samples themselves and low, mean and high are equal; where samples are
    missing, one row of None stands in the hole. Otherwise each row stands for *step* microseconds from
    `times[i]` on, a multiple of *step* since 1970, and rows follow each other without a hole: the first may
    begin before the start that was asked for. A gap is None in all of its columns: nothing good was read.
    Text has no mean: it is a gap here, and is given by `Store.samples`.

    Attributes:
        bad: how many BAD readings fell into each row.
    """

    series: Series
    step: int
    times: Sequence[int]
    low: Sequence[float | None]
    mean: Sequence[float | None]
    high: Sequence[float | None]
    bad: Sequence[int]


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """What a store holds and how it is doing.

    Attributes:
        oldest, newest: UTC microseconds of the first and last stored sample; None where there is none.
        bytes: what the store takes on the disk.
        duplicates: samples that were not stored because that series already had one of the same time.
        too_old: samples that were not stored because retention has removed that time already.
    """

    series: int
    samples: int
    oldest: int | None
    newest: int | None
    bytes: int
    duplicates: int = 0
    too_old: int = 0


class Store(Protocol):
    """Keeps readings and gives them back. Blocking calls; whoever lives in an event loop uses a thread."""

    def write(self, batch: Sequence[Readings]) -> None:
        """Keep *batch*: when this returns, all of it is durable; when it raises, nothing of it is there.

        A series has one sample at a time: what is stored already wins, so that writing a batch again after
        an error is harmless.

        Raises:
            StoreError: the disk is full, the file is locked or damaged, ...: one sentence that says which.
        """
        ...

    def series(self) -> list[Series]:
        """Every series that has samples, by device and point."""
        ...

    def trends(self, series: Sequence[Series], start: int, end: int, steps: int) -> list[Trend]:
        """Each of *series* from *start* to before *end* in about *steps* rows, from roll-ups if they fit."""
        ...

    def samples(self, series: Series, start: int, end: int) -> Iterator[Sample]:
        """The stored samples from *start* to before *end*, in order of time."""
        ...

    def latest(self) -> dict[Series, Sample]:
        """The newest sample of every series."""
        ...

    def statistics(self) -> StoreStatistics:
        """Counts, times and size."""
        ...

    def prune(self, now: int) -> int:
        """Apply the retention rules as of *now* (UTC microseconds); gives how many samples and roll-ups went.

        One call does a bounded piece of work, so that writing goes on between two; 0 means that all is done.
        """
        ...

    def close(self) -> None:
        """Finish what was begun and let go of the file."""
        ...


class StoreError(OSError):
    """History cannot be written or read; the message says why and what to try."""
