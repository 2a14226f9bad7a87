"""When a poller reads its devices, what it publishes of the answers, and how it ends."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from mbap.collect.clock import SECOND
from mbap.collect.readings import Quality
from mbap.protocol.execute import Priority
from support import meters
from support.fake_executor import FakeExecutor
from support.fake_time import VirtualTimeLoop
from support.polling import START, TODAY, Site, virtual


@virtual
async def test_values_are_published_with_their_names() -> None:
    site = Site((meters.device(), FakeExecutor()))
    first = (await site.run(1.1))[0]
    assert (first.device, first.points, list(first.values)) == ("main", ("r0", "r1", "r2"), [0, 1, 2])
    assert first.quality(0) is Quality.GOOD
    await site.end()


@virtual
async def test_the_time_is_that_of_the_answer() -> None:
    executor = FakeExecutor(latency=0.25)
    site = Site((meters.device(), executor))
    first = (await site.run(1.5))[0]
    expected = TODAY + executor.times[0] - START + 0.25
    assert first.time == pytest.approx(expected * SECOND, abs=10)
    await site.end()


@virtual
async def test_requests_say_who_asks_and_how_urgent_it_is() -> None:
    executor = FakeExecutor()
    site = Site((meters.device(unit=7), executor))
    await site.run(1.1)
    asked = executor.asked[0]
    assert (asked.unit, asked.priority, asked.origin) == (7, Priority.POLL, "main")
    assert asked.deadline == 60.0
    await site.end()


@virtual
async def test_a_device_is_read_once_a_period_without_drift() -> None:
    executor = FakeExecutor(latency=0.3)
    site = Site((meters.device(period=0.5), executor))
    await site.run(1000)
    gaps = [after - before for before, after in zip(executor.times, executor.times[1:], strict=False)]
    assert len(executor.times) in (1999, 2000)
    assert max(gaps) == pytest.approx(0.5, abs=1e-6)
    assert min(gaps) == pytest.approx(0.5, abs=1e-6)
    await site.end()


@virtual
async def test_groups_have_their_own_periods() -> None:
    executor = FakeExecutor()
    points = (meters.register("quick", 0, "fast"), meters.register("slow", 500))
    site = Site((meters.device(points=points, period=5.0, fast=0.5), executor))
    await site.run(60)
    count = Counter(executor.spans)
    assert count[(0, 1)] in (119, 120)
    assert count[(500, 1)] in (11, 12)
    await site.end()


@virtual
async def test_groups_with_the_same_period_are_read_together() -> None:
    executor = FakeExecutor()
    points = (meters.register("one", 0, "a"), meters.register("two", 1, "b"))
    site = Site((meters.device(points=points, a=1.0, b=1.0), executor))
    await site.run(1.1)
    assert executor.spans[0] == (0, 2)
    await site.end()


@virtual
async def test_devices_do_not_all_begin_at_the_same_moment() -> None:
    executors = [FakeExecutor() for _ in range(50)]
    site = Site(*((meters.device(f"meter_{n}"), executor) for n, executor in enumerate(executors)))
    await site.run(1.1)
    begun = sorted(executor.times[0] for executor in executors)
    assert begun[-1] - begun[0] > 0.8
    await site.end()


@virtual
async def test_a_cycle_that_is_still_running_is_left_out_and_counted() -> None:
    executor = FakeExecutor(latency=2.5)
    site = Site((meters.device(period=1.0), executor))
    await site.run(10.9)
    assert executor.running <= 1
    assert len(executor.asked) in (3, 4)
    assert site.poller.statistics()["main"].overruns in (6, 7)
    await site.end()


@virtual
async def test_a_loop_that_was_held_up_reads_once_and_counts_what_it_missed() -> None:
    executor = FakeExecutor()
    site = Site((meters.device(period=1.0), executor))
    await site.run(1.5)
    before = len(executor.asked)
    assert isinstance(site.loop, VirtualTimeLoop)
    site.loop.lose(5.0)
    await site.run(0.1)
    assert len(executor.asked) == before + 1
    statistics = site.poller.statistics()["main"]
    assert statistics.overruns == 4
    assert statistics.lateness_p99_ms is not None
    assert statistics.lateness_p99_ms > 3000
    await site.end()


@virtual
async def test_a_period_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="device one: a period is more than 0"):
        Site((meters.device("one", period=0.0), FakeExecutor()))


@virtual
async def test_stopping_ends_soon_and_leaves_nothing_behind() -> None:
    executor = FakeExecutor(latency=100.0)
    site = Site((meters.device(), executor))
    await site.run(5)
    before = site.loop.time()
    await site.end()
    assert site.loop.time() - before <= 0.5
    assert executor.running == 0


@virtual
async def test_cancelling_ends_it_too() -> None:
    executor = FakeExecutor(latency=100.0)
    site = Site((meters.device(), executor))
    await site.run(5)
    assert site.running is not None
    site.running.cancel()
    await asyncio.wait([site.running])
    assert executor.running == 0


@virtual
async def test_what_will_not_end_is_not_waited_for() -> None:
    executor = FakeExecutor(latency=100.0)
    executor.stubborn = 2.0
    site = Site((meters.device(), executor))
    await site.run(5)
    before = site.loop.time()
    await site.end()
    assert site.loop.time() - before == pytest.approx(0.5)
    await asyncio.sleep(3)


@virtual
async def test_a_poller_runs_once_at_a_time() -> None:
    site = Site()
    await site.run(1)
    with pytest.raises(RuntimeError, match="running already"):
        await site.poller.run()
    await site.end()


@virtual
async def test_a_poller_can_run_again() -> None:
    executor = FakeExecutor()
    site = Site((meters.device(), executor))
    await site.run(5)
    await site.end()
    site.running = None
    executor.asked.clear()
    await site.run(5)
    assert len(executor.asked) in (4, 5)
    await site.end()


@virtual
async def test_a_bug_in_an_executor_stops_nobody_else() -> None:
    broken, fine = FakeExecutor(), FakeExecutor()
    broken.error = lambda: ZeroDivisionError("a bug")
    site = Site((meters.device("broken"), broken), (meters.device("fine"), fine))
    await site.run(10)
    assert len(broken.asked) in (9, 10)
    assert len(fine.asked) in (9, 10)
    await site.end()


@virtual
async def test_a_stop_that_comes_before_the_start_is_not_lost() -> None:
    executor = FakeExecutor()
    site = Site((meters.device(), executor))
    site.poller.stop()
    await asyncio.wait_for(site.poller.run(), 5)
    assert executor.asked == []


@virtual
async def test_a_mistake_while_beginning_what_is_due_ends_polling_instead_of_silencing_it() -> None:
    site = Site((meters.device(), FakeExecutor()))

    def stumble(*_: object) -> None:
        raise ZeroDivisionError

    site.poller._begin = stumble  # type: ignore[method-assign, assignment]
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(site.poller.run(), 60)
