"""Calls over a link that end before their answer: by a deadline, by cancelling, by closing the link."""

from __future__ import annotations

import asyncio

import pytest

from mbap import (
    ConnectionLost,
    ReadHoldingRegisters,
    WriteSingleRegister,
)
from support.fake_device import FakeDevice
from support.linking import READ, a_link, addresses, failure, outcomes, read
from support.virtual_tests import scenario


@scenario
async def test_a_deadline_bounds_waiting_in_the_queue() -> None:
    device = FakeDevice(latency=10)
    async with a_link(device, timeout=20) as link:
        first = asyncio.create_task(link.execute(READ, 1))
        await asyncio.sleep(0)
        late = await failure(link.execute(READ, 1, deadline=2))
        assert device.now == pytest.approx(2, abs=0.01)
        assert "the deadline of 2 s passed before it could be sent" in str(late)
        await first
    assert len(device.seen) == 1


@scenario
async def test_a_deadline_bounds_connecting() -> None:
    device = FakeDevice(connect_time=30)
    async with a_link(device) as link:
        await failure(link.execute(READ, 1, deadline=2))
        assert device.now == pytest.approx(2, abs=0.01)


@scenario
async def test_cancelling_takes_what_waits_out_of_the_queue() -> None:
    device = FakeDevice(latency=1)
    async with a_link(device) as link:
        tasks = [asyncio.create_task(link.execute(read(i), 1)) for i in range(3)]
        await asyncio.sleep(0.1)
        tasks[1].cancel()
        await asyncio.wait(tasks)
    assert addresses(device) == [0, 2]


@scenario
async def test_after_cancelling_a_read_nobody_gets_its_answer() -> None:
    device = FakeDevice(latency=1)
    async with a_link(device) as link:
        task = asyncio.create_task(link.execute(read(0), 1))
        await asyncio.sleep(0.5)
        task.cancel()
        assert await link.execute(ReadHoldingRegisters(0, 3), 1) == [0, 0, 0]
        statistics = link.statistics()
    assert (statistics.late_answers, statistics.cancelled) == (1, 1)


@scenario
async def test_a_cancelled_write_is_finished_before_the_next_request() -> None:
    device = FakeDevice(latency=1)
    async with a_link(device) as link:
        task = asyncio.create_task(link.execute(WriteSingleRegister(0, 1), 1))
        await asyncio.sleep(0.5)
        task.cancel()
        await link.execute(READ, 1)
    assert device.times == [0.0, 1.0]


@scenario
async def test_after_closing_everything_ends() -> None:
    device = FakeDevice(latency=5)
    link = a_link(device)
    tasks = [asyncio.create_task(link.execute(READ, 1)) for _ in range(3)]
    await asyncio.sleep(1)
    await link.aclose()
    errors = await outcomes(*tasks, link.execute(READ, 1))
    assert [type(error) for error in errors] == [ConnectionLost] * 4
    assert device.open == 0


@scenario
async def test_closing_while_connecting_ends_what_waits() -> None:
    device = FakeDevice(connect_time=5)
    link = a_link(device)
    task = asyncio.create_task(link.execute(READ, 1))
    await asyncio.sleep(1)
    await link.aclose()
    assert isinstance(await failure(task), ConnectionLost)


@scenario
async def test_closing_ends_whoever_waits_for_the_connection() -> None:
    link = a_link(FakeDevice(connect_time=5))
    task = asyncio.create_task(link.connect())
    await asyncio.sleep(1)
    await link.aclose()
    assert isinstance(await failure(task), ConnectionLost)
