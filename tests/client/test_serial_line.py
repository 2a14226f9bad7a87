"""A link on a serial line, in virtual time: silences, slow lines, silent units, lines never silent."""

from __future__ import annotations

import asyncio
from typing import Unpack

import pytest

from mbap import Link, ReadHoldingRegisters, ResponseTimeout, WriteSingleRegister
from mbap.client.options import LinkKeywords
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.sides import Side
from support.fake_device import FakeDevice
from support.virtual_tests import scenario

READ = ReadHoldingRegisters(0, 2)
WRITE = WriteSingleRegister(0, 1)
CHARACTER = 11 / 9600
SILENCE = 3.5 * CHARACTER


def a_device(latency: float = 0.01) -> FakeDevice:
    return FakeDevice(latency=latency, framing=lambda: RtuFraming(Side.SERVER, echo=False))


def a_link(device: FakeDevice, baudrate: int = 9600, **options: Unpack[LinkKeywords]) -> Link:
    url = f"rtu:///dev/fake?baudrate={baudrate}"
    return Link(url, clock=asyncio.get_running_loop().time, dial=device.dial, **options)


def hear(link: Link, data: bytes) -> None:
    link._slots.connections[0].data_received(data)


@scenario
async def test_the_line_is_silent_for_three_and_a_half_characters_before_every_request() -> None:
    device = a_device(latency=0.01)
    async with a_link(device) as link:
        for _ in range(3):
            await link.execute(READ, 1)
    times = [seen.at for seen in device.seen]
    assert times == pytest.approx([SILENCE, 2 * SILENCE + 0.01, 3 * SILENCE + 0.02], abs=1e-6)


@scenario
async def test_a_longer_pause_that_is_wanted_counts() -> None:
    device = a_device(latency=0.01)
    async with a_link(device, pause=0.1) as link:
        for _ in range(2):
            await link.execute(READ, 1)
    assert device.seen[1].at - device.seen[0].at == pytest.approx(0.11)


@scenario
async def test_a_slow_line_does_not_time_out_on_a_long_answer() -> None:
    device = a_device(latency=2.3)
    async with a_link(device, baudrate=1200, timeout=0.5) as link:
        assert await link.execute(ReadHoldingRegisters(0, 125), 1) == [0] * 125


@scenario
async def test_a_short_answer_is_not_waited_for_as_long_as_a_long_one() -> None:
    device = a_device()
    device.silent.add(1)
    async with a_link(device, baudrate=1200, timeout=0.5) as link:
        with pytest.raises(ResponseTimeout):
            await link.execute(READ, 1)
        assert device.now == pytest.approx(0.5 + (3.5 + 9 + 10) * 11 / 1200)


@scenario
async def test_the_deadline_of_a_call_bounds_the_time_on_the_line_too() -> None:
    device = a_device()
    device.silent.add(1)
    async with a_link(device, baudrate=1200, timeout=5) as link:
        with pytest.raises(ResponseTimeout):
            await link.execute(READ, 1, deadline=1.0)
        assert device.now == pytest.approx(1.0)


@scenario
async def test_a_silent_unit_costs_the_others_its_timeout_and_not_its_quarantine() -> None:
    device = a_device()
    device.silent.add(1)
    async with a_link(device, timeout=1, breaker=None) as link:
        silent = asyncio.create_task(link.execute(READ, 1))
        with pytest.raises(ResponseTimeout):
            await silent
        again = asyncio.create_task(link.execute(READ, 1))
        await asyncio.sleep(0)
        began = device.now
        for _ in range(10):
            await link.execute(READ, 2)
        assert device.now - began < 0.2
        assert [seen.unit for seen in device.seen] == [1, *[2] * 10]
        again.cancel()


@scenario
async def test_the_silent_unit_is_asked_again_when_its_quarantine_is_over() -> None:
    device = a_device()
    device.silent.add(1)
    async with a_link(device, timeout=1, breaker=None) as link:
        with pytest.raises(ResponseTimeout):
            await link.execute(READ, 1)
        device.silent.clear()
        assert await link.execute(READ, 1) == [0, 0]
        assert device.dials == 1
        assert device.seen[1].at - device.seen[0].at == pytest.approx(2.0, abs=0.1)


@scenario
async def test_writes_overtake_what_waits_for_a_silent_unit() -> None:
    device = a_device()
    device.silent.add(1)
    async with a_link(device, timeout=1, breaker=None) as link:
        with pytest.raises(ResponseTimeout):
            await link.execute(READ, 1)
        waiting = [asyncio.create_task(link.execute(WRITE, 1)), asyncio.create_task(link.execute(READ, 3))]
        await asyncio.sleep(0)
        await link.execute(WRITE, 2)
        device.silent.clear()
        await asyncio.gather(*waiting)
    units = [seen.unit for seen in device.seen]
    assert (units[0], sorted(units[1:3]), units[3]) == (1, [2, 3], 1)


@scenario
async def test_silences_in_a_row_do_not_open_the_port_anew() -> None:
    device = a_device()
    device.silent |= {1, 2, 3, 4, 5}
    async with a_link(device, timeout=1, breaker=None) as link:
        for unit in range(1, 6):
            with pytest.raises(ResponseTimeout):
                await link.execute(READ, unit)
        await link.execute(READ, 6)
    assert device.dials == 1


@scenario
async def test_one_connection_is_made_however_many_are_allowed() -> None:
    device = a_device(latency=0.1)
    async with a_link(device, slots=4) as link:
        await asyncio.gather(*(link.execute(READ, unit) for unit in range(1, 9)))
    assert device.dials == 1


@scenario
async def test_a_line_that_is_never_silent_is_told_within_the_deadline() -> None:
    device = a_device()
    async with a_link(device) as link:
        await link.connect()

        async def babble() -> None:
            while True:
                hear(link, b"\x55")
                await asyncio.sleep(SILENCE / 2)

        babbling = asyncio.create_task(babble())
        await asyncio.sleep(0)
        with pytest.raises(ResponseTimeout, match="the line was never silent"):
            await link.execute(READ, 1, deadline=2.0)
        assert device.seen == []
        babbling.cancel()


@scenario
async def test_an_adapter_that_comes_back_is_opened_again_by_the_next_request() -> None:
    device = a_device()
    async with a_link(device) as link:
        await link.execute(READ, 1)
        device.connections[0].lose(OSError(5, "device disconnected"))
        await asyncio.sleep(0.1)
        assert await link.execute(READ, 1) == [0, 0]
    assert device.dials == 2
