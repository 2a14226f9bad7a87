"""A clock that is wrong or jumps, from the poller through the writer into a real history file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from itertools import pairwise
from pathlib import Path
from typing import ParamSpec, TypeVar

from mbap.collect.clock import SECOND, SiteClock
from mbap.collect.poller import Poller
from mbap.collect.readings import Quality, Readings
from mbap.collect.stream import Stream
from mbap.sinks.base import Sample, Series
from mbap.sinks.sqlite import SqliteStore
from mbap.sinks.writer import HistoryWriter
from support import meters
from support.fake_executor import FakeExecutor
from support.fake_time import run_virtual
from support.polling import START, TODAY

P = ParamSpec("P")
R = TypeVar("R")

Wall = Callable[[float], float]
"""What the machine's clock shows so many seconds after the start."""

HOUR = 3600.0
MARKED, GOOD = Quality.CLOCK, Quality.GOOD


def right(since: float) -> float:
    return TODAY + since


def in_1970(since: float) -> float:
    return since


class AtOnce(Executor):
    """Does the work of a thread where it stands: virtual time knows no threads."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        done: Future[R] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - handed on
            done.set_exception(error)
        return done


def collect(path: Path, wall: Wall, seconds: float) -> list[Sample]:
    """Run poller and writer for *seconds*, one reading a second; gives everything that is stored then."""
    run_virtual(_collect(path, wall, seconds), START)
    store = SqliteStore(path, read_only=True)
    samples = list(store.samples(Series("main", "r0"), 0, 2**62))
    store.close()
    return samples


async def _collect(path: Path, wall: Wall, seconds: float) -> None:
    loop = asyncio.get_running_loop()

    def shown() -> float:
        return wall(loop.time() - START)

    store = SqliteStore(path, clock=shown)
    stream: Stream[Readings] = Stream()
    clock = SiteClock(loop.time, shown, store.statistics().newest)
    poller = Poller([(meters.device(), FakeExecutor(latency=0.0))], stream, clock, report_every=None)
    writer = HistoryWriter(store, stream.subscribe(100_000), clock=shown, executor=AtOnce())
    tasks = [asyncio.ensure_future(part.run()) for part in (poller, writer)]
    await asyncio.sleep(seconds)
    poller.stop()
    await tasks[0]
    await writer.close()
    await tasks[1]
    store.close()


def seconds_after_today(samples: Sequence[Sample]) -> list[float]:
    return [round(sample.time / SECOND - TODAY, 1) for sample in samples]


def in_order(samples: Sequence[Sample]) -> bool:
    """Every sample is later than the one before it: nothing overwritten, nothing reordered."""
    times = [sample.time for sample in samples]
    return all(before < after for before, after in pairwise(times))


def apart(samples: Sequence[Sample]) -> set[float]:
    """How many seconds lie between neighbours."""
    times = seconds_after_today(samples)
    return {round(after - before, 1) for before, after in pairwise(times)}


def test_a_clock_that_is_right_gives_a_sample_a_second(tmp_path: Path) -> None:
    samples = collect(tmp_path / "h.db", right, 60)
    assert len(samples) == 60
    assert apart(samples) == {1.0}
    assert {sample.quality for sample in samples} == {GOOD}


def test_a_clock_that_starts_in_1970_and_is_set_later_spoils_no_time(tmp_path: Path) -> None:
    samples = collect(tmp_path / "h.db", lambda since: right(since) if since > 90 else in_1970(since), 120)
    assert len(samples) == 120
    assert apart(samples) == {1.0}
    assert 0 <= seconds_after_today(samples)[0] < 1
    assert {sample.quality for sample in samples} == {GOOD}


def test_a_clock_that_stays_in_1970_loses_nothing_and_marks_everything(tmp_path: Path) -> None:
    samples = collect(tmp_path / "h.db", in_1970, 700)
    assert len(samples) == 700
    assert in_order(samples)
    assert {sample.quality for sample in samples} == {MARKED}


def test_a_clock_that_goes_back_an_hour_overwrites_nothing(tmp_path: Path) -> None:
    samples = collect(tmp_path / "h.db", lambda since: right(since) - HOUR * (since > 60), 120)
    assert len(samples) == 120
    assert in_order(samples)
    assert {sample.quality for sample in samples[:60]} == {GOOD}
    assert {sample.quality for sample in samples[61:]} == {MARKED}


def test_a_clock_that_goes_forward_an_hour_leaves_a_gap_and_goes_on(tmp_path: Path) -> None:
    samples = collect(tmp_path / "h.db", lambda since: right(since) + HOUR * (since > 60), 120)
    assert len(samples) == 120
    assert apart(samples) == {1.0, HOUR + 1}
    assert {sample.quality for sample in samples} == {GOOD}


def test_after_a_restart_with_a_clock_behind_the_history_goes_on_behind_its_end(tmp_path: Path) -> None:
    before = collect(tmp_path / "h.db", right, 60)
    after = collect(tmp_path / "h.db", lambda since: right(since) - HOUR, 660)
    assert after[:60] == before
    assert len(after) == 60 + 660
    assert in_order(after)
    assert min(apart(after[60:])) >= 0.9
    assert {sample.quality for sample in after[60:]} == {MARKED}


def test_after_a_restart_in_1970_the_right_time_is_found_again(tmp_path: Path) -> None:
    before = collect(tmp_path / "h.db", right, 60)
    after = collect(
        tmp_path / "h.db", lambda since: right(since) + HOUR if since > 30 else in_1970(since), 60
    )
    assert after[:60] == before
    assert len(after) == 120
    assert apart(after[60:]) == {1.0}
    assert seconds_after_today(after[60:])[0] >= HOUR
    assert {sample.quality for sample in after} == {GOOD}
