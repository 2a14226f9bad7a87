"""mbap.client.coalescing: reads that are alike and wait together are carried out once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from mbap import Link, ReadHoldingRegisters, Request, ResponseTimeout, WriteSingleRegister
from support.fake_device import FakeDevice
from support.fake_time import run_virtual

READ = ReadHoldingRegisters(7, 2)
OTHER = ReadHoldingRegisters(0, 1)
WRITE = WriteSingleRegister(7, 1)


def a_link(device: FakeDevice, **options: Any) -> Link:
    clock = asyncio.get_running_loop().time
    return Link("plc", dial=device.dial, clock=clock, timeout=1.0, **{"coalesce": True, **options})


def begun(link: Link, *requests: Request[Any], unit: int = 1) -> list[asyncio.Task[Any]]:
    """All of *requests* at the same moment, behind one that occupies the line."""
    calls = [
        link.execute(OTHER, 1),
        *(link.execute(one, unit, origin=str(i)) for i, one in enumerate(requests)),
    ]
    return [asyncio.create_task(call) for call in calls]


def run(scenario: Coroutine[Any, Any, None]) -> None:
    run_virtual(scenario)


def test_alike_reads_that_wait_are_one_on_the_line_and_all_get_its_result() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        async with a_link(device) as link:
            results = await asyncio.gather(*begun(link, READ, READ, READ))
            assert results[1:] == [[0, 0]] * 3
            assert [seen.request for seen in device.seen] == [OTHER, READ]
            assert link.statistics().coalesced == 2

    run(scenario())


def test_without_the_option_each_is_carried_out() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        async with a_link(device, coalesce=False) as link:
            await asyncio.gather(*begun(link, READ, READ))
            assert len(device.seen) == 3

    run(scenario())


def test_another_unit_or_address_is_another_read() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        async with a_link(device) as link:
            await asyncio.gather(*begun(link, READ, ReadHoldingRegisters(8, 2)), link.execute(READ, 2))
            assert len(device.seen) == 4

    run(scenario())


def test_a_read_that_was_sent_is_not_shared() -> None:
    async def scenario() -> None:
        device = FakeDevice(latency=0.1)
        async with a_link(device) as link:
            first = asyncio.create_task(link.execute(READ, 1))
            await asyncio.sleep(0.05)
            await asyncio.gather(first, link.execute(READ, 1))
            assert len(device.seen) == 2

    run(scenario())


def test_who_reads_after_a_write_does_not_share_a_read_from_before_it() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        async with a_link(device) as link:
            await asyncio.gather(*begun(link, READ, WRITE, READ))
            assert sum(seen.request == READ for seen in device.seen) == 2

    run(scenario())


def test_writes_are_never_shared() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        async with a_link(device) as link:
            await asyncio.gather(*begun(link, WRITE, WRITE))
            assert [seen.request for seen in device.seen] == [WRITE, WRITE, OTHER]

    run(scenario())


@pytest.mark.parametrize("who", [1, 2])
def test_one_who_leaves_does_not_take_it_from_the_others(who: int) -> None:
    async def scenario() -> None:
        device = FakeDevice()
        async with a_link(device) as link:
            tasks = begun(link, READ, READ)
            await asyncio.sleep(0)
            tasks[who].cancel()
            await asyncio.wait(tasks)
            assert tasks[3 - who].result() == [0, 0]
            assert tasks[who].cancelled()

    run(scenario())


def test_when_all_have_left_it_is_not_asked() -> None:
    async def scenario() -> None:
        device = FakeDevice(latency=0.5)
        async with a_link(device) as link:
            tasks = begun(link, READ, READ)
            await asyncio.sleep(0.1)
            for task in tasks[1:]:
                task.cancel()
            await asyncio.wait(tasks)
            await asyncio.sleep(2)
            assert [seen.request for seen in device.seen] == [OTHER]

    run(scenario())


def test_who_comes_just_after_the_last_has_left_asks_anew() -> None:
    async def scenario() -> None:
        device = FakeDevice(latency=0.5)
        async with a_link(device) as link:
            tasks = begun(link, READ)
            await asyncio.sleep(0.1)
            tasks[1].cancel()
            tasks[1].add_done_callback(lambda _: tasks.append(asyncio.create_task(link.execute(READ, 1))))
            await asyncio.wait(tasks[:2])
            await asyncio.sleep(0)
            assert await tasks[2] == [0, 0]

    run(scenario())


def test_an_error_reaches_all_of_them() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        device.silent = {5}
        async with a_link(device) as link:
            tasks = begun(link, READ, READ, unit=5)
            await asyncio.wait(tasks)
            errors = [task.exception() for task in tasks[1:]]
            assert [type(error) for error in errors] == [ResponseTimeout, ResponseTimeout]
            assert errors[0] is not errors[1]

    run(scenario())
