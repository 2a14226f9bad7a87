"""mbap.client.probing: a silent unit is refused at once, and asked again in a small part of the time."""

from __future__ import annotations

import asyncio

import pytest

from mbap import Breaker, Link, ModbusError, NotAsked, ReadHoldingRegisters, WriteSingleRegister
from support.fake_device import FakeDevice
from support.fake_time import run_virtual

READ = ReadHoldingRegisters(7, 2)
BREAKER = Breaker(after=2, first=1.0, longest=60.0)


def a_link(device: FakeDevice, **options: object) -> Link:
    given = {"timeout": 1.0, "probing": 0.1, "breaker": BREAKER, **options}
    return Link(
        "plc",
        dial=device.dial,
        clock=asyncio.get_running_loop().time,
        **given,  # type: ignore[arg-type]
    )


async def silence(link: Link, unit: int, times: int = 2) -> None:
    for _ in range(times):
        with pytest.raises(ModbusError):
            await link.execute(READ, unit)


def test_a_silent_unit_is_refused_at_once_however_long_ago_it_was_asked() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        device.silent = {9}
        async with a_link(device) as link:
            await silence(link, 9)
            for _ in range(50):
                await asyncio.sleep(1)
                before = device.now
                with pytest.raises(NotAsked, match="was silent"):
                    await link.execute(READ, 9)
                assert device.now == before

    run_virtual(scenario())


def test_it_is_asked_what_it_did_not_answer_and_is_back_when_it_answers() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        device.silent = {9}
        async with a_link(device) as link:
            await silence(link, 9)
            device.silent.clear()
            await asyncio.sleep(30)
            assert device.seen[-1].request == READ
            assert await link.execute(READ, 9) == [0, 0]
            assert link.statistics().resting_units == ()
            assert link.statistics().probes == 1

    run_virtual(scenario())


def test_a_unit_that_was_only_written_to_is_never_written_to_by_a_probe() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        device.silent = {9}
        async with a_link(device) as link:
            for _ in range(2):
                with pytest.raises(ModbusError):
                    await link.execute(WriteSingleRegister(0, 1), 9)
            await asyncio.sleep(60)
            probes = [seen.request for seen in device.seen[2:]]
            assert probes
            assert not any(request.writes for request in probes)

    run_virtual(scenario())


def test_probes_take_no_more_of_the_time_than_they_may_however_many_units_are_silent() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        device.silent = set(range(2, 12))
        async with a_link(device, breaker=Breaker(after=1, first=0.1, longest=0.1)) as link:
            for unit in sorted(device.silent):
                await silence(link, unit, times=1)
            begin, asked = device.now, len(device.seen)
            await asyncio.sleep(600)
            spent = (len(device.seen) - asked) * 1.0
            assert 0.05 < spent / (device.now - begin) <= 0.1

    run_virtual(scenario())


def test_all_silent_units_get_their_probes() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        device.silent = {2, 3, 4}
        async with a_link(device) as link:
            for unit in (2, 3, 4):
                await silence(link, unit)
            asked = len(device.seen)
            await asyncio.sleep(300)
            assert {seen.unit for seen in device.seen[asked:]} == {2, 3, 4}

    run_virtual(scenario())


def test_one_dead_unit_among_ten_costs_the_others_less_than_a_tenth_of_their_rate() -> None:
    async def rate(dead: set[int]) -> float:
        device = FakeDevice(latency=0.05)
        device.silent = dead
        answered = 0
        async with a_link(device, breaker=Breaker(), probing=0.05) as link:

            async def client(unit: int) -> None:
                nonlocal answered
                while True:
                    try:
                        await link.execute(READ, unit, origin=f"client {unit}")
                    except NotAsked:
                        await asyncio.sleep(0.05)
                    except ModbusError:
                        pass
                    else:
                        answered += unit != 10

            clients = [asyncio.create_task(client(unit)) for unit in range(1, 11)]
            await asyncio.sleep(20)
            answered, begin = 0, device.now
            await asyncio.sleep(600)
            for one in clients:
                one.cancel()
            await asyncio.wait(clients)
            return answered / (device.now - begin)

    # The nine get a tenth more of the line where the tenth is dead; that is what is compared with.
    without = run_virtual(rate(set())) * 10 / 9
    assert run_virtual(rate({10})) > 0.9 * without


def test_a_probe_that_cannot_be_sent_is_tried_again_later() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        device.silent = {9}
        async with a_link(device, backoff=Breaker(1, 5.0, 5.0)) as link:
            await silence(link, 9)
            device.unreachable = "the cable is out"
            device.connections[-1].lose(None)
            await asyncio.sleep(60)
            device.unreachable, device.silent = None, set()
            await asyncio.sleep(120)
            assert link.statistics().resting_units == ()

    run_virtual(scenario())


def test_nothing_is_asked_any_more_after_the_link_was_closed() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        device.silent = {9}
        link = a_link(device)
        await silence(link, 9)
        await link.aclose()
        asked = len(device.seen)
        await asyncio.sleep(600)
        assert len(device.seen) == asked

    run_virtual(scenario())
