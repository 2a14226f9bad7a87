"""What a link does with calls, in virtual time: connections, order, pauses, losses, limits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mbap import (
    ConnectFailed,
    ConnectionLost,
    Executor,
    Link,
    NotAsked,
    OutcomeUnknown,
    Priority,
    WriteSingleRegister,
)
from support.fake_device import FakeDevice
from support.linking import READ, a_link, addresses, failure, outcomes, read
from support.virtual_tests import scenario


@scenario
async def test_it_connects_at_the_first_request_and_keeps_the_connection() -> None:
    device = FakeDevice()
    async with a_link(device) as link:
        assert device.dials == 0
        assert await link.execute(READ, 1) == [0, 0]
        await link.execute(READ, 2)
        assert device.dials == 1
    assert device.open == 0


@scenario
async def test_one_request_at_a_time_is_on_its_way() -> None:
    device = FakeDevice(latency=0.1)
    async with a_link(device) as link:
        await outcomes(*(link.execute(READ, 1) for _ in range(3)))
    assert device.times == [0.0, 0.1, 0.2]


@scenario
async def test_outstanding_requests_share_a_connection() -> None:
    device = FakeDevice(latency=0.1)
    async with a_link(device, outstanding=3) as link:
        await outcomes(*(link.execute(READ, 1) for _ in range(4)))
    assert device.times == [0.0, 0.0, 0.0, 0.1]
    assert device.dials == 1


@scenario
async def test_slots_are_connections_side_by_side_and_opened_when_needed() -> None:
    device = FakeDevice(latency=0.1)
    async with a_link(device, slots=2) as link:
        await link.execute(READ, 1)
        assert device.dials == 1
        await outcomes(*(link.execute(READ, 1) for _ in range(5)))
        assert device.most_open == 2


@scenario
async def test_a_device_that_refuses_a_second_connection_is_served_over_the_first() -> None:
    device = FakeDevice(latency=0.1)
    device.limit = 1
    async with a_link(device, slots=3) as link:
        results = await outcomes(*(link.execute(READ, 1) for _ in range(6)))
        assert results == [[0, 0]] * 6
        assert device.dials == 2
        assert link.statistics().connect_failures == 1


@scenario
async def test_writes_go_first_then_reads_then_polls() -> None:
    device = FakeDevice(latency=0.1)
    async with a_link(device) as link:
        first = asyncio.create_task(link.execute(read(0), 1))
        await asyncio.sleep(0.05)
        await outcomes(
            link.execute(read(1), 1, priority=Priority.POLL),
            link.execute(read(2), 1),
            link.execute(WriteSingleRegister(3, 1), 1),
            first,
        )
    assert addresses(device) == [0, 3, 2, 1]


@scenario
async def test_each_origin_gets_its_turn() -> None:
    device = FakeDevice(latency=0.1)
    async with a_link(device) as link:
        busy = [link.execute(read(i), 1, origin="busy") for i in range(4)]
        modest = [link.execute(read(10 + i), 1, origin="modest") for i in range(2)]
        await outcomes(*busy, *modest)
    assert addresses(device) == [0, 10, 1, 11, 2, 3]


@scenario
async def test_the_pause_is_between_an_answer_and_the_next_request() -> None:
    device = FakeDevice(latency=0.1)
    async with a_link(device, pause=0.5) as link:
        await outcomes(*(link.execute(READ, 1) for _ in range(3)))
    assert device.times == [0.0, 0.6, 1.2]


@scenario
async def test_the_connect_pause_is_before_the_first_request() -> None:
    device = FakeDevice(latency=0.1)
    async with a_link(device, connect_pause=2.0) as link:
        await outcomes(link.execute(READ, 1), link.execute(READ, 1))
    assert device.times == [2.0, 2.1]


@scenario
async def test_the_unit_pause_is_only_before_another_unit() -> None:
    device = FakeDevice(latency=0.1)
    async with a_link(device, unit_pause=1.0) as link:
        await outcomes(*(link.execute(READ, unit) for unit in (1, 1, 2, 2)))
    assert device.times == [0.0, 0.1, 1.2, 1.3]


@scenario
async def test_all_that_wait_for_a_connection_that_fails_end_each_with_its_own_target() -> None:
    device = FakeDevice(connect_time=1.0)
    device.unreachable = "the connection was refused"
    async with a_link(device) as link:
        errors = await outcomes(*(link.execute(read(i), 1) for i in range(3)))
    assert [type(error) for error in errors] == [ConnectFailed] * 3
    assert ["holding register 2" in str(error) for error in errors] == [False, False, True]


@scenario
async def test_a_lost_connection_is_made_anew_and_counted() -> None:
    device = FakeDevice()
    async with a_link(device) as link:
        await link.execute(READ, 1)
        device.connections[0].lose(ConnectionResetError())
        await asyncio.sleep(0)
        assert await link.execute(READ, 1) == [0, 0]
        statistics = link.statistics()
    assert (statistics.connects, statistics.reconnects, statistics.connections_lost) == (2, 1, 1)


@scenario
async def test_losing_the_connection_ends_a_read_and_leaves_a_write_in_doubt() -> None:
    device = FakeDevice(latency=5)
    async with a_link(device, timeout=10, outstanding=2) as link:
        both = asyncio.gather(
            failure(link.execute(READ, 1)), failure(link.execute(WriteSingleRegister(0, 1), 1))
        )
        await asyncio.sleep(1)
        device.connections[0].lose(ConnectionResetError())
        ended, doubt = await both
    assert type(ended) is ConnectionLost
    assert type(doubt) is OutcomeUnknown


@scenario
async def test_a_read_is_repeated_over_a_new_connection() -> None:
    device = FakeDevice(latency=5)
    async with a_link(device, timeout=10, retries=1) as link:
        task = asyncio.create_task(link.execute(READ, 1))
        await asyncio.sleep(1)
        device.connections[0].lose(None)
        assert await task == [0, 0]
        assert link.statistics().retries == 1


@scenario
async def test_a_full_queue_refuses_what_is_more() -> None:
    device = FakeDevice(latency=1)
    async with a_link(device, queue=2) as link:
        results = await outcomes(*(link.execute(READ, 1) for _ in range(4)))
        assert sum(isinstance(result, NotAsked) for result in results) == 2
        assert "2 requests wait for this connection already" in str(results[2])


@scenario
async def test_three_timeouts_with_nothing_between_make_a_new_connection() -> None:
    device = FakeDevice()
    device.silent = {1}
    async with a_link(device, timeout=0.1, breaker=None) as link:
        for _ in range(4):
            await failure(link.execute(READ, 1))
    assert [seen.connection for seen in device.seen] == [1, 1, 1, 2]


@scenario
async def test_a_missing_unit_behind_a_gateway_does_not_cost_the_others_the_connection() -> None:
    device = FakeDevice()
    device.silent = {9}
    async with a_link(device, timeout=0.1, breaker=None) as link:
        for _ in range(5):
            await outcomes(link.execute(READ, 9), link.execute(READ, 1))
    assert device.dials == 1


@scenario
async def test_nothing_is_sent_on_a_connection_that_is_just_ending() -> None:
    device = FakeDevice()
    async with a_link(device) as link:
        await link.execute(READ, 1)
        device.connections[0].lose(None)
        await link.execute(WriteSingleRegister(0, 1), 1)
    assert [seen.connection for seen in device.seen] == [1, 2]


def test_a_link_is_an_executor() -> None:
    executor: Executor = Link("plc")
    assert executor


@scenario
async def test_an_idle_link_has_no_task_and_no_timer() -> None:
    device = FakeDevice()
    loop: Any = asyncio.get_running_loop()
    async with a_link(device, timeout=0.2) as link:
        await link.execute(READ, 1)
        await asyncio.sleep(1)
        ours = [handle for handle in loop._scheduled if not handle.cancelled()]
        assert len(asyncio.all_tasks()) == 1
        assert len(ours) == 1  # the timeout around this test


@pytest.mark.parametrize(
    "wrong",
    [{"timeout": 0}, {"pause": -1}, {"retries": -1}, {"slots": 0}, {"queue": 0}, {"outstanding": 65}],
)
def test_impossible_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"0|1 to 64"):
        Link("plc", **wrong)


@scenario
async def test_a_unit_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="unit is 0 to 255, not 256"):
        await a_link(FakeDevice()).execute(READ, 256)
