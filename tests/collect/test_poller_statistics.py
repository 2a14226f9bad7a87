"""What a poller counts, and what it publishes of that beside the values."""

from __future__ import annotations

from typing import NoReturn

import pytest

from mbap.collect.counters import POINTS
from mbap.collect.readings import Quality
from mbap.errors import (
    ConnectFailed,
    ProtocolError,
    ResponseTimeout,
    ServerDeviceBusy,
    ServerDeviceFailure,
)
from support import meters
from support.fake_executor import FakeExecutor
from support.polling import Site, raising, virtual


@virtual
async def test_outcomes_are_counted_by_kind() -> None:
    executor = FakeExecutor()
    executor.error = raising(
        ResponseTimeout("no answer"),
        ConnectFailed("refused"),
        ProtocolError("rubbish"),
        ServerDeviceFailure(),
        ServerDeviceBusy(),
    )
    site = Site((meters.device(period=0.5), executor))
    await site.run(0.5 * 5 + 0.1)
    executor.error = None
    await site.run(5)
    statistics = site.poller.statistics()["main"]
    assert statistics.requests == len(executor.asked)
    assert (statistics.timeouts, statistics.connection_failures, statistics.protocol_errors) == (1, 1, 1)
    assert statistics.exceptions[4] == 1
    assert statistics.errors == 3 + sum(statistics.exceptions.values())
    await site.end()


@virtual
async def test_latency_is_what_the_answers_took() -> None:
    executor = FakeExecutor(latency=0.2)
    site = Site((meters.device(), executor))
    await site.run(10)
    statistics = site.poller.statistics()["main"]
    assert statistics.latency_p50_ms == pytest.approx(200, abs=0.1)
    assert statistics.latency_p99_ms == pytest.approx(200, abs=0.1)
    await site.end()


@virtual
async def test_the_state_of_a_device_follows_its_answers() -> None:
    executor = FakeExecutor()
    site = Site((meters.device(period=1.0), executor))

    async def state(seconds: float) -> str:
        await site.run(seconds)
        return site.poller.statistics()["main"].state

    assert site.poller.statistics()["main"].state == "unknown"
    assert await state(2) == "ok"
    executor.error = lambda: ResponseTimeout("no answer")
    assert await state(1) == "degraded"
    assert await state(5) == "failing"
    executor.error = None
    assert await state(2) == "degraded"
    assert await state(20) == "ok"
    await site.end()


@virtual
async def test_the_last_answer_is_known() -> None:
    executor = FakeExecutor()
    site = Site((meters.device(period=1.0), executor))
    last = (await site.run(5))[-1].time
    executor.error = lambda: ResponseTimeout("no answer")
    await site.run(5)
    assert site.poller.statistics()["main"].last_answer == last
    await site.end()


@virtual
async def test_counters_are_published_beside_the_values() -> None:
    site = Site((meters.device(), FakeExecutor()), report_every=10.0)
    reports = [item for item in await site.run(40) if item.points == POINTS]
    assert len(reports) in (3, 4)
    values = dict(zip(POINTS, reports[-1].values, strict=True))
    assert isinstance(values["comm_requests"], int)
    assert values["comm_requests"] > 20
    assert values["comm_errors"] == 0
    assert reports[-1].qualities is None
    await site.end()


@virtual
async def test_percentiles_that_nobody_knows_are_bad_and_not_zero() -> None:
    executor = FakeExecutor()
    executor.error = lambda: ConnectFailed("refused")
    site = Site((meters.device(), executor), report_every=10.0)
    report = [item for item in await site.run(25) if item.points == POINTS][-1]
    index = POINTS.index("comm_latency_p50_ms")
    assert report.values[index] is None
    assert report.quality(index) == Quality.CONNECTION
    assert report.quality(0) == Quality.GOOD
    await site.end()


@virtual
async def test_reconnects_of_the_link_are_counted() -> None:
    class Counts:
        reconnects = 3

    class Counted(FakeExecutor):
        def statistics(self) -> Counts:
            return Counts()

    site = Site((meters.device(), Counted()))
    assert site.poller.statistics()["main"].reconnects == 3


@virtual
async def test_a_link_that_tells_its_reconnects_is_not_asked_for_all_of_its_statistics() -> None:
    class Telling(FakeExecutor):
        reconnects = 4

        def statistics(self) -> NoReturn:
            raise AssertionError("nobody needs them")

    site = Site((meters.device(), Telling()))
    assert site.poller.statistics()["main"].reconnects == 4


@virtual
async def test_the_summary_adds_all_devices_up() -> None:
    good, bad = FakeExecutor(), FakeExecutor()
    bad.error = lambda: ConnectFailed("refused")
    site = Site((meters.device("good"), good), (meters.device("bad"), bad))
    await site.run(10)
    summary = site.poller.summary()
    assert summary.reads in (9, 10)
    assert summary.points == 3 * summary.reads
    assert summary.errors in (9, 10)
    assert summary.lateness_p99_ms == 0.0
    await site.end()
