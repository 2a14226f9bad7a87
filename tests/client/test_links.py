"""mbap.client.links: many endpoints, few connections, in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from mbap import ConnectFailed, Links, ModbusError, ReadHoldingRegisters, ResponseTimeout
from support.fake_device import FakeDevice
from support.virtual_tests import scenario

READ = ReadHoldingRegisters(0, 2)


def some_links(device: FakeDevice, max_open: int) -> Links:
    return Links(max_open=max_open, clock=asyncio.get_running_loop().time, dial=device.dial)


@scenario
async def test_300_devices_are_all_read_again_and_again_over_at_most_50_connections() -> None:
    device = FakeDevice(latency=0.02, connect_time=0.01)
    async with some_links(device, 50) as links:
        for i in range(300):
            links.link(f"plc{i}")

        async def poll(index: int) -> list[float]:
            ended = []
            for round_ in range(3):
                await asyncio.sleep(max(round_ * 5 - device.now, 0))
                for _ in range(2):
                    await links.link(f"plc{index}").execute(READ, 1)
                ended.append(device.now - round_ * 5)
            return ended

        delays = await asyncio.gather(*(poll(i) for i in range(300)))
    assert len(device.seen) == 300 * 3 * 2
    assert device.most_open == 50
    assert max(delay for one in delays for delay in one) < 5
    assert device.open == 0


@scenario
async def test_idle_connections_stay_open_while_nobody_waits() -> None:
    device = FakeDevice()
    async with some_links(device, 3) as links:
        for _ in range(3):
            for i in range(3):
                await links.link(f"plc{i}").execute(READ, 1)
            await asyncio.sleep(100)
        assert device.dials == 3


@scenario
async def test_the_connection_that_was_idle_longest_is_closed_for_another() -> None:
    device = FakeDevice()
    async with some_links(device, 2) as links:
        for name in ("a", "b", "a", "c"):
            await links.link(name).execute(READ, 1)
            await asyncio.sleep(1)
        open_ones = {link.endpoint.host for link in links if link.statistics().open_connections}
        assert open_ones == {"a", "c"}
        assert links.statistics().closed_idle == 1


@scenario
async def test_a_pause_between_two_reads_of_one_poll_does_not_cost_the_connection() -> None:
    device = FakeDevice(latency=0.2)
    async with some_links(device, 1) as links:

        async def poll(name: str) -> None:
            for _ in range(3):
                await links.link(name).execute(READ, 1)

        await asyncio.gather(poll("a"), poll("b"))
        assert device.dials == 2


@scenario
async def test_a_link_that_is_never_idle_gives_up_its_place_after_its_turn() -> None:
    device = FakeDevice(latency=0.1)
    async with some_links(device, 1) as links:
        busy = [asyncio.create_task(links.link("busy").execute(READ, 1)) for _ in range(50)]
        await asyncio.sleep(0)
        await links.link("modest").execute(READ, 1)
        assert 1 <= device.now < 1.5
        await asyncio.wait(busy)
        assert links.statistics().closed_busy >= 1


@scenario
async def test_links_get_their_place_in_the_order_they_asked_for_it() -> None:
    device = FakeDevice(latency=0.1)
    order: list[str] = []
    async with some_links(device, 1) as links:

        async def read(name: str) -> None:
            await links.link(name).execute(READ, 1)
            order.append(name)

        await asyncio.gather(*(read(name) for name in "fedcba"))
    assert order == list("fedcba")


@scenario
async def test_a_place_comes_back_when_no_connection_could_be_made() -> None:
    device = FakeDevice()
    device.unreachable = "the connection was refused"
    async with some_links(device, 1) as links:
        for name in "abc":
            with pytest.raises(ConnectFailed):
                await links.link(name).execute(READ, 1)
        device.unreachable = None
        assert await links.link("d").execute(READ, 1) == [0, 0]


@scenario
async def test_a_deadline_bounds_waiting_for_a_place_and_the_place_is_not_lost() -> None:
    device = FakeDevice(latency=10)
    async with some_links(device, 1) as links:
        first = asyncio.create_task(links.link("a").execute(READ, 1))
        await asyncio.sleep(0.1)
        with pytest.raises(ResponseTimeout):
            await links.link("b").execute(READ, 1, deadline=0.5)
        await asyncio.wait([first])
        device.latency = 0.1
        assert await links.link("c").execute(READ, 1) == [0, 0]


@scenario
async def test_closing_a_link_that_waits_for_a_place_leaves_the_place_to_others() -> None:
    device = FakeDevice(latency=0.5)
    async with some_links(device, 1) as links:
        first = asyncio.create_task(links.link("a").execute(READ, 1))
        second = asyncio.create_task(links.link("b").execute(READ, 1))
        await asyncio.sleep(0.1)
        await links.discard(links.link("b"))
        assert await links.link("c").execute(READ, 1) == [0, 0]
        await asyncio.wait([first, second])
        assert links.statistics().waiting == 0


@scenario
async def test_one_endpoint_is_one_link_however_it_is_written() -> None:
    links = some_links(FakeDevice(), 1)
    assert links.link("PLC#1") is links.link("tcp://plc:502/#7")
    assert len(links) == 1


@scenario
async def test_one_endpoint_with_other_options_is_refused() -> None:
    links = some_links(FakeDevice(), 1)
    links.link("plc", timeout=1)
    with pytest.raises(ValueError, match="other options"):
        links.link("plc", timeout=2)


def test_no_connection_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Links(max_open=0)


@scenario
async def test_silent_devices_leave_three_quarters_of_the_places_to_those_that_answer() -> None:
    device = FakeDevice(latency=0.02, connect_time=0.01)
    device.silent = {99}
    async with some_links(device, 8) as links:

        async def ask_the_silent(index: int) -> None:
            for _ in range(4):
                with suppress(ModbusError):
                    await links.link(f"silent{index}", timeout=3.0, retries=0).execute(READ, 99, deadline=99)

        silent = [asyncio.create_task(ask_the_silent(index)) for index in range(20)]
        await asyncio.sleep(20)  # each of them was asked once
        assert links.statistics().silent == 2
        delays = []
        for index in range(50):
            begun = device.now
            await links.link(f"plc{index}").execute(READ, 1)
            delays.append(device.now - begun)
        assert max(delays) < 0.2
        for task in silent:
            task.cancel()
        await asyncio.wait(silent)


@scenario
async def test_a_device_that_answers_again_needs_no_place_of_the_silent_ones() -> None:
    device = FakeDevice()
    device.silent = {1}
    async with some_links(device, 4) as links:
        link = links.link("plc", timeout=1.0, retries=0)
        with pytest.raises(ResponseTimeout):
            await link.execute(READ, 1)
        assert links.statistics().silent == 1
        device.silent.clear()
        await asyncio.sleep(5)
        await link.execute(READ, 1)
        assert links.statistics().silent == 0


@scenario
async def test_silent_devices_alone_still_get_their_turn_one_after_the_other() -> None:
    device = FakeDevice()
    device.silent = {1}
    async with some_links(device, 1) as links:

        async def ask(name: str) -> None:
            for _ in range(2):
                with suppress(ModbusError):
                    await links.link(name, timeout=1.0, retries=0).execute(READ, 1, deadline=60)

        await asyncio.gather(*(ask(name) for name in "abc"))
        assert len(device.seen) == 6
        assert device.dials <= 6
        assert links.statistics().waiting == 0
