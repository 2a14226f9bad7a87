"""mbap.sinks.writer, in virtual time and without a thread; at the end once with both real."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mbap.collect.readings import Readings
from mbap.collect.stream import Stream
from mbap.sinks import writer as writer_module
from mbap.sinks.sqlite import SqliteStore
from mbap.sinks.writer import HistoryWriter
from support.fake_store import FakeStore, InlineExecutor
from support.fake_time import run_virtual
from support.store_contract import SECOND, TODAY


class Scene:
    """A stream, a writer that runs, a store to look into, and what the writer said."""

    def __init__(self, *, flush_interval: float = 1.0, backlog_values: int = 1_000) -> None:
        self.stream: Stream[Readings] = Stream()
        self.store = FakeStore()
        self.said: list[str] = []
        self.published = 0
        self.writer = HistoryWriter(
            self.store,
            self.stream.subscribe(10_000),
            flush_interval=flush_interval,
            backlog_values=backlog_values,
            report=self.said.append,
            clock=lambda: TODAY / 1e6 + asyncio.get_running_loop().time(),
            executor=InlineExecutor(),
        )
        self.running = asyncio.ensure_future(self.writer.run())

    def publish(self, count: int = 1) -> None:
        for _ in range(count):
            self.stream.publish(Readings("main", TODAY + self.published * SECOND, ("power",), (1.0,)))
            self.published += 1

    @property
    def stored(self) -> list[int]:
        return [(time - TODAY) // SECOND for time in self.store.times]


def virtual(scenario: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Make a coroutine a test in virtual time."""

    def test() -> None:
        async def main() -> None:
            await scenario()

        run_virtual(main())

    test.__name__ = getattr(scenario, "__name__", "test")
    return test


@virtual
async def test_readings_are_stored_after_the_flush_interval() -> None:
    scene = Scene(flush_interval=10)
    scene.publish(3)
    await asyncio.sleep(9)
    assert scene.store.tries == 0
    await asyncio.sleep(2)
    assert scene.stored == [0, 1, 2]
    await scene.writer.close()


@virtual
async def test_one_interval_is_one_batch() -> None:
    scene = Scene(flush_interval=10)
    for _ in range(25):
        scene.publish()
        await asyncio.sleep(1)
    assert [len(batch) for batch in scene.store.batches] == [10, 10]
    await scene.writer.close()


@virtual
async def test_without_readings_nothing_is_written() -> None:
    scene = Scene()
    await asyncio.sleep(100)
    assert scene.store.tries == 0
    await scene.writer.close()


@virtual
async def test_many_readings_are_stored_before_the_interval_is_over() -> None:
    scene = Scene(flush_interval=3_600, backlog_values=10**6)
    wide = tuple(f"p{n}" for n in range(1_000))
    for number in range(300):
        scene.stream.publish(Readings("main", TODAY + number, wide, (1.0,) * 1_000))
    await asyncio.sleep(1)
    assert [len(batch) for batch in scene.store.batches] == [250, 50]
    await scene.writer.close()


@virtual
async def test_closing_stores_everything_that_was_published() -> None:
    scene = Scene(flush_interval=3_600)
    await asyncio.sleep(1)
    scene.publish(5)
    await scene.writer.close()
    assert scene.stored == [0, 1, 2, 3, 4]
    assert scene.running.done()


@virtual
async def test_cancelling_stores_everything_that_was_published() -> None:
    scene = Scene(flush_interval=3_600)
    await asyncio.sleep(1)
    scene.publish(5)
    scene.running.cancel()
    await asyncio.wait([scene.running])
    assert scene.stored == [0, 1, 2, 3, 4]


@virtual
async def test_the_end_of_the_subscription_stores_everything_and_ends() -> None:
    scene = Scene(flush_interval=3_600)
    scene.publish(5)
    scene.writer._subscription.close()
    await scene.running
    assert scene.stored == [0, 1, 2, 3, 4]


@virtual
async def test_closing_before_it_ran_stores_what_was_published() -> None:
    stream: Stream[Readings] = Stream()
    store = FakeStore()
    writer = HistoryWriter(store, stream.subscribe(10), executor=InlineExecutor())
    stream.publish(Readings("main", TODAY, ("power",), (1.0,)))
    await writer.close()
    await writer.run()
    assert store.times == [TODAY]


@virtual
async def test_closing_twice_does_no_harm() -> None:
    scene = Scene()
    await asyncio.sleep(1)
    await scene.writer.close()
    await scene.writer.close()


@virtual
async def test_after_a_failure_it_tries_again_later_each_time() -> None:
    scene = Scene()
    scene.store.error = "the disk is full"
    scene.publish()
    tries: list[int] = []
    while (now := asyncio.get_running_loop().time() - 1_000) < 150:
        if scene.store.tries > len(tries):
            tries.append(round(now))
        await asyncio.sleep(0.25)
    assert tries == [1, 2, 4, 8, 16, 32, 64, 124]
    await scene.writer.close()


@virtual
async def test_a_failure_is_said_once_with_its_reason() -> None:
    scene = Scene()
    scene.store.error = "history.db cannot grow: the disk is full"
    scene.publish()
    await asyncio.sleep(60)
    assert scene.said == [
        "history stops: history.db cannot grow: the disk is full; polling goes on and 1000 values can wait"
    ]
    assert scene.writer.statistics().failing == "history.db cannot grow: the disk is full"
    await scene.writer.close()


@virtual
async def test_another_reason_is_said_too() -> None:
    scene = Scene()
    scene.store.error = "the disk is full"
    scene.publish()
    await asyncio.sleep(3)
    scene.store.error = "the file is locked"
    await asyncio.sleep(10)
    assert scene.said[1:] == ["history still fails, now because the file is locked"]
    await scene.writer.close()


@virtual
async def test_when_it_works_again_everything_that_waited_is_stored_in_order() -> None:
    scene = Scene()
    scene.store.error = "the disk is full"
    for _ in range(10):
        scene.publish(10)
        await asyncio.sleep(1)
    scene.store.error = None
    await asyncio.sleep(10)
    assert scene.stored == list(range(100))
    assert scene.said[-1] == "history goes on after 15 s: nothing was lost"
    assert scene.writer.statistics().failing is None
    await scene.writer.close()


@virtual
async def test_a_failure_that_lasts_loses_the_oldest_and_says_which() -> None:
    scene = Scene(backlog_values=30)
    scene.store.error = "the disk is full"
    for _ in range(60):
        scene.publish()
        await asyncio.sleep(1)
    scene.store.error = None
    await asyncio.sleep(60)
    assert scene.stored == list(range(30, 60))
    assert scene.said[-1] == (
        "history goes on after 63 s: "
        "30 values from 2024-10-04 00:00:00 UTC to 2024-10-04 00:00:29 UTC were lost"
    )
    assert scene.writer.statistics().dropped == 30
    await scene.writer.close()


@virtual
async def test_polling_is_not_held_up_by_a_store_that_fails() -> None:
    scene = Scene()
    scene.store.error = "the disk is full"
    before = asyncio.get_running_loop().time()
    for _ in range(100):
        scene.publish()
        await asyncio.sleep(0)
    assert asyncio.get_running_loop().time() == before
    await scene.writer.close()


@virtual
async def test_what_cannot_be_stored_at_the_end_is_said() -> None:
    scene = Scene()
    scene.store.error = "the disk is full"
    scene.publish(3)
    await scene.writer.close()
    assert scene.said[-1].startswith("history ends and could not store everything: 3 values from")
    assert scene.writer.statistics().dropped == 3


@virtual
async def test_every_value_is_accounted_for() -> None:
    scene = Scene(backlog_values=20)
    for second in range(100):
        scene.store.error = "the disk is full" if 20 <= second < 70 else None
        scene.publish(2)
        await asyncio.sleep(1)
    await scene.writer.close()
    numbers = scene.writer.statistics()
    assert numbers.received == 200
    assert numbers.acknowledged == len(scene.stored)
    assert numbers.received == numbers.acknowledged + numbers.dropped
    assert (numbers.backlog, numbers.missed) == (0, 0)


@virtual
async def test_the_time_of_the_last_flush_is_known() -> None:
    scene = Scene()
    assert scene.writer.statistics().last_flush is None
    scene.publish()
    await asyncio.sleep(10)
    assert scene.writer.statistics().last_flush == TODAY + 1_001 * SECOND
    await scene.writer.close()


@virtual
async def test_what_the_subscription_dropped_is_counted() -> None:
    stream: Stream[Readings] = Stream()
    writer = HistoryWriter(FakeStore(), stream.subscribe(2), executor=InlineExecutor())
    for number in range(5):
        stream.publish(Readings("main", TODAY + number, ("power",), (1.0,)))
    assert writer.statistics().missed == 3
    await writer.close()
    await writer.run()


@virtual
async def test_old_samples_are_removed_every_minute() -> None:
    scene = Scene()
    await asyncio.sleep(150)
    assert [(time - TODAY) // SECOND for time in scene.store.prunes] == [1_000, 1_060, 1_120]
    await scene.writer.close()


@virtual
async def test_removing_goes_on_at_once_where_there_is_more() -> None:
    scene = Scene()
    scene.store.to_remove = [20_000, 20_000, 5]
    await asyncio.sleep(1)
    assert len(scene.store.prunes) == 4
    await scene.writer.close()


@virtual
async def test_removing_much_does_not_delay_storing() -> None:
    scene = Scene(flush_interval=1)
    scene.store.to_remove = [1] * 100_000
    scene.publish()
    prune = scene.store.prune

    def slow_prune(now: int) -> int:
        scene_loop = asyncio.get_event_loop()
        scene_loop.now += 0.1  # type: ignore[attr-defined]
        return prune(now)

    scene.store.prune = slow_prune  # type: ignore[method-assign]
    await asyncio.sleep(1.5)
    assert scene.stored == [0]
    await scene.writer.close()


@virtual
async def test_a_failure_to_remove_is_said_and_storing_goes_on() -> None:
    scene = Scene()
    scene.store.prune_error = "history.db is locked"
    scene.publish()
    await asyncio.sleep(10)
    assert scene.said == ["history cannot remove what is old: history.db is locked"]
    assert scene.stored == [0]
    await scene.writer.close()


@virtual
async def test_a_bug_in_the_store_ends_the_writer_and_is_seen() -> None:
    scene = Scene()

    def broken(batch: object) -> None:
        raise TypeError("not what a store raises")

    scene.store.write = broken  # type: ignore[method-assign]
    scene.publish()
    with pytest.raises(TypeError, match="not what a store raises"):
        await scene.running


@pytest.mark.parametrize("arguments", [{"flush_interval": 0.0}, {"backlog_values": 0}])
async def test_limits_are_more_than_nothing(arguments: dict[str, int]) -> None:
    stream: Stream[Readings] = Stream()
    with pytest.raises(ValueError, match="are more than 0"):
        HistoryWriter(FakeStore(), stream.subscribe(1), **arguments)  # type: ignore[arg-type]


async def test_a_store_that_hangs_at_the_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr(writer_module, "CLOSING_SECONDS", 0.05)
    stream: Stream[Readings] = Stream()
    store, release, said = FakeStore(), threading.Event(), list[str]()
    store.write = lambda batch: assert_(release.wait(10))  # type: ignore[method-assign]
    writer = HistoryWriter(store, stream.subscribe(10), flush_interval=60, report=said.append)
    running = asyncio.ensure_future(writer.run())
    stream.publish(Readings("main", TODAY, ("power",), (1.0,)))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await writer.close()
        await running
    release.set()
    assert said == [
        "history ends and could not store everything: "
        "1 values from 2024-10-04 00:00:00 UTC to 2024-10-04 00:00:00 UTC were lost"
    ]


def assert_(fact: bool) -> None:
    assert fact


async def test_a_real_store_has_everything_after_closing(tmp_path: Path) -> None:
    stream: Stream[Readings] = Stream()
    with SqliteStore(tmp_path / "history.db") as store:
        writer = HistoryWriter(store, stream.subscribe(10_000), flush_interval=0.01)
        running = asyncio.ensure_future(writer.run())
        for number in range(500):
            stream.publish(Readings("main", TODAY + number, ("a", "b"), (1.0, 2.0)))
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await writer.close()
            await running
        assert store.statistics().samples == writer.statistics().acknowledged == 1_000
