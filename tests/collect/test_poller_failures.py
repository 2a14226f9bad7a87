from __future__ import annotations

import pytest

from mbap.collect.readings import Quality
from mbap.errors import (
    ConnectFailed,
    ConnectionLost,
    GatewayTargetFailedToRespond,
    IllegalDataAddress,
    NotAsked,
    ProtocolError,
    ResponseTimeout,
    ServerDeviceBusy,
    ServerDeviceFailure,
)
from support import meters
from support.fake_executor import FakeExecutor
from support.fake_time import run_virtual
from support.polling import Site, qualities, raising, virtual


@virtual
async def test_a_silent_device_costs_another_nothing() -> None:
    dead, alive = FakeExecutor(latency=3.0), FakeExecutor()
    dead.error = lambda: ResponseTimeout("no answer within 3 s")
    site = Site((meters.device("dead"), dead), (meters.device("alive"), alive))
    await site.run(60)
    assert len(alive.asked) in (59, 60)
    assert site.poller.statistics()["alive"].lateness_p99_ms == 0.0
    await site.end()


FAILURES = {
    Quality.TIMEOUT: ResponseTimeout("no answer within 3 s"),
    Quality.CONNECTION: ConnectFailed("refused"),
    Quality.PROTOCOL: ProtocolError("rubbish"),
    Quality.exception(4): ServerDeviceFailure(),
    Quality.exception(11): GatewayTargetFailedToRespond(),
}


@pytest.mark.parametrize("quality", FAILURES, ids=lambda quality: quality.reason)
def test_a_failed_read_is_readings_without_values_and_with_the_reason(quality: Quality) -> None:
    async def scenario() -> None:
        executor = FakeExecutor()
        executor.error = lambda: FAILURES[quality]
        site = Site((meters.device(), executor))
        first = (await site.run(1.1))[0]
        assert first.points == ("r0", "r1", "r2")
        assert list(first.values) == [None, None, None]
        assert qualities([first]) == {quality}
        await site.end()

    run_virtual(scenario())


@virtual
async def test_one_failed_block_leaves_the_others_their_values() -> None:
    executor = FakeExecutor()
    executor.holes = {200}
    site = Site((meters.device(points=meters.apart(3)), executor))
    got = {item.points[0]: item.quality(0) for item in await site.run(1.1)}
    assert got == {"r0": Quality.GOOD, "r200": Quality.exception(2), "r400": Quality.GOOD}
    await site.end()


@virtual
async def test_a_dead_device_costs_two_timeouts_and_not_one_for_each_block() -> None:
    executor = FakeExecutor(latency=3.0)
    executor.error = lambda: ResponseTimeout("no answer")
    site = Site((meters.device(points=meters.apart(5), period=60.0), executor))
    published = await site.run(17.0)
    on_the_grid = executor.times[0] + 6.01
    assert len([time for time in executor.times if time < on_the_grid]) == 2
    assert sorted(item.points[0] for item in published) == ["r0", "r200", "r400", "r600", "r800"]
    await site.end()


@virtual
async def test_blocks_that_were_not_asked_because_of_silence_come_first_next_time() -> None:
    executor = FakeExecutor(latency=0.1)
    executor.error = lambda: ResponseTimeout("no answer")
    site = Site((meters.device(points=meters.apart(4), period=1.0), executor))
    await site.run(2.5)
    assert executor.spans[:4] == [(0, 1), (200, 1), (400, 1), (600, 1)]
    await site.end()


@virtual
async def test_after_silence_attempts_come_after_1_2_4_seconds() -> None:
    executor = FakeExecutor(latency=0.0)
    executor.error = lambda: ResponseTimeout("no answer")
    site = Site((meters.device(period=100.0), executor))
    await site.run(80)
    first = executor.times[0]
    assert [round(time - first) for time in executor.times] == [0, 1, 3, 7, 15, 31, 63][: len(executor.times)]
    assert len(executor.times) >= 6
    await site.end()


@virtual
async def test_attempts_between_the_grid_that_fail_publish_nothing() -> None:
    executor = FakeExecutor()
    executor.error = lambda: ResponseTimeout("no answer")
    site = Site((meters.device(period=30.0), executor))
    published = await site.run(39)
    assert len(published) == 1 or len(published) == 2
    assert len(executor.asked) >= 5
    await site.end()


@virtual
async def test_an_attempt_between_the_grid_that_succeeds_brings_values() -> None:
    executor = FakeExecutor()
    site = Site((meters.device(period=60.0), executor))
    executor.error = lambda: ResponseTimeout("no answer")
    await site.run(10.5)
    executor.error = None
    published = await site.run(20)
    assert qualities(published) == {Quality.GOOD}
    await site.end()


@virtual
async def test_when_a_device_answers_again_its_slow_groups_are_read_at_once() -> None:
    executor = FakeExecutor()
    executor.error = lambda: ResponseTimeout("no answer")
    points = (meters.register("quick", 0, "fast"), meters.register("slow", 500))
    site = Site((meters.device(points=points, period=600.0, fast=1.0), executor))
    await site.run(300)
    executor.error = None
    published = await site.run(1.5)
    assert {item.points[0] for item in published} == {"quick", "slow"}
    await site.end()


@virtual
async def test_a_unit_that_is_left_alone_is_bad_once_a_period() -> None:
    executor = FakeExecutor(latency=0.0)
    executor.error = lambda: NotAsked("left alone", retry_in=30.0)
    site = Site((meters.device(period=1.0), executor))
    published = await site.run(10.99)
    assert len(published) in (10, 11)
    assert qualities(published) == {Quality.TIMEOUT}
    statistics = site.poller.statistics()["main"]
    assert statistics.requests == 0
    assert statistics.not_asked == len(published)
    await site.end()


@virtual
async def test_a_unit_that_is_left_alone_after_a_lost_connection_keeps_that_reason() -> None:
    executor = FakeExecutor()
    executor.error = raising(ConnectionLost("reset"), NotAsked("left alone"))
    site = Site((meters.device(period=1.0), executor))
    assert qualities(await site.run(5)) == {Quality.CONNECTION}
    await site.end()


@virtual
async def test_no_attempt_comes_before_the_breaker_allows_it() -> None:
    executor = FakeExecutor(latency=0.0)
    executor.error = lambda: NotAsked("left alone", retry_in=20.0)
    site = Site((meters.device(period=100.0), executor))
    await site.run(29)
    assert len(executor.times) in (1, 2)
    if len(executor.times) == 2:
        assert executor.times[1] - executor.times[0] >= 20.0
    await site.end()


@virtual
async def test_a_refused_block_is_halved_until_only_the_hole_is_missing() -> None:
    executor = FakeExecutor()
    executor.holes = {11}
    site = Site((meters.device(points=meters.registers(32), period=1.0), executor))
    await site.run(3.0)
    got = {
        point: item.quality(index) for item in await site.run(1.0) for index, point in enumerate(item.points)
    }
    assert got.pop("r11") == Quality.exception(2)
    assert set(got.values()) == {Quality.GOOD}
    assert len(got) == 31
    await site.end()


@virtual
async def test_a_hole_is_not_asked_again_each_time() -> None:
    executor = FakeExecutor()
    executor.holes = {11}
    site = Site((meters.device(points=meters.registers(32), period=1.0), executor))
    await site.run(5)
    executor.asked.clear()
    await site.run(60)
    assert not any(address <= 11 < address + count for address, count in executor.spans)
    await site.end()


@virtual
async def test_a_hole_that_answers_after_a_while_brings_the_plan_back() -> None:
    executor = FakeExecutor()
    executor.holes = {11}
    site = Site((meters.device(points=meters.registers(32), period=1.0), executor))
    await site.run(5)
    executor.holes = set()
    await site.run(620)
    executor.asked.clear()
    await site.run(1)
    assert executor.spans == [(0, 32)]
    await site.end()


@virtual
async def test_a_block_that_is_too_large_is_read_in_parts() -> None:
    executor = FakeExecutor()
    executor.largest = 50
    site = Site((meters.device(points=meters.registers(100)), executor))
    await site.run(3)
    executor.asked.clear()
    assert qualities(await site.run(1)) == {Quality.GOOD}
    assert executor.spans == [(0, 50), (50, 50)]
    await site.end()


@virtual
async def test_probing_for_holes_is_bounded_in_each_turn() -> None:
    executor = FakeExecutor()
    executor.error = IllegalDataAddress
    site = Site((meters.device(points=meters.registers(100), period=10.0), executor))
    await site.run(9.9)
    assert 1 < len(executor.asked) <= 9
    await site.end()


@pytest.mark.parametrize("error", [ServerDeviceFailure, ServerDeviceBusy])
def test_a_device_that_fails_or_is_busy_is_not_probed(error: type[ServerDeviceFailure]) -> None:
    async def scenario() -> None:
        executor = FakeExecutor()
        executor.error = error
        site = Site((meters.device(points=meters.registers(100), period=1.0), executor))
        await site.run(5)
        assert set(executor.spans) == {(0, 100)}
        await site.end()

    run_virtual(scenario())
