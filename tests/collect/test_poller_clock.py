from __future__ import annotations

import asyncio

import pytest

from mbap.collect.clock import SECOND
from mbap.collect.readings import Quality
from mbap.collect.stamping import HELD
from support import meters
from support.fake_executor import FakeExecutor
from support.fake_time import Clock
from support.polling import START, TODAY, Site, qualities, virtual


class WrongAtBoot:
    """A wall clock that shows 1970 until it is set."""

    def __init__(self) -> None:
        self.right = False

    def __call__(self) -> float:
        elapsed = asyncio.get_running_loop().time() - START
        return TODAY + elapsed if self.right else elapsed


@virtual
async def test_readings_wait_until_the_clock_is_right_and_get_their_right_time() -> None:
    wall, executor = WrongAtBoot(), FakeExecutor(latency=0.0)
    site = Site((meters.device(), executor), wall=wall, floor=int(TODAY * SECOND) - 60 * SECOND)
    assert await site.run(30.5) == []
    assert site.poller.summary().held == len(executor.asked)
    wall.right = True
    published = await site.run(1)
    expected = [round((TODAY + time - START) * 1000) for time in executor.times]
    assert [round(item.time / 1000) for item in published] == expected
    assert qualities(published) == {Quality.GOOD}
    assert site.poller.summary().held == 0
    await site.end()


@virtual
async def test_readings_that_wait_can_be_seen_marked() -> None:
    site = Site((meters.device(), FakeExecutor()), wall=WrongAtBoot())
    await site.run(2)
    assert qualities(site.previewed) == {Quality.CLOCK}
    assert list(site.previewed[0].values) == [0, 1, 2]
    await site.end()


@virtual
async def test_after_ten_minutes_readings_go_out_marked_and_in_order() -> None:
    floor = int(TODAY * SECOND)
    site = Site((meters.device(), FakeExecutor()), wall=WrongAtBoot(), floor=floor)
    assert await site.run(599) == []
    published = await site.run(10)
    times = [item.time for item in published]
    assert len(published) in (608, 609)
    assert times == sorted(times)
    assert times[0] > floor
    assert qualities(published) == {Quality.CLOCK}
    assert site.poller.summary().marked == len(published)
    await site.end()


@virtual
async def test_no_more_is_held_than_there_is_room_for() -> None:
    site = Site((meters.device(period=0.1), FakeExecutor()), wall=WrongAtBoot())
    published = await site.run(550)
    assert site.poller.summary().held == HELD
    assert len(published) == pytest.approx(500, abs=2)
    await site.end()


@virtual
async def test_what_is_held_at_the_end_is_published_marked() -> None:
    site = Site((meters.device(), FakeExecutor()), wall=WrongAtBoot())
    await site.run(10)
    assert len(await site.end()) in (9, 10)


@virtual
async def test_after_a_backward_jump_values_are_good_and_marked_and_in_order() -> None:
    jump = Clock(0.0)
    loop = asyncio.get_running_loop()
    executor = FakeExecutor()
    executor.holes = {200}
    points = meters.apart(2)
    site = Site((meters.device(points=points), executor), wall=lambda: TODAY + loop.time() - START - jump())
    before = await site.run(10)
    jump.now = 3600.0
    after = await site.run(10)
    assert qualities(before) == {Quality.GOOD, Quality.exception(2)}
    assert qualities(after) == {Quality.CLOCK, Quality.exception(2)}
    assert all(item.values[0] == 0 for item in after if item.points == ("r0",))
    assert after[0].time > before[-1].time
    await site.end()
