"""Silent units and an endpoint that cannot be reached: left alone by their link, and found again."""

from __future__ import annotations

import asyncio

import pytest

from mbap import (
    Breaker,
    ConnectFailed,
    IllegalDataAddress,
    NotAsked,
    ResponseTimeout,
)
from support.fake_device import FakeDevice
from support.linking import READ, a_link, failure, outcomes
from support.virtual_tests import scenario


@scenario
async def test_a_silent_unit_is_left_alone_after_three_silences_and_the_others_are_served() -> None:
    device = FakeDevice()
    device.silent = {9}
    async with a_link(device, timeout=1.0) as link:
        for _ in range(3):
            assert type(await failure(link.execute(READ, 9))) is ResponseTimeout
        before = device.now
        refusal = await failure(link.execute(READ, 9))
        assert isinstance(refusal, NotAsked)
        assert device.now == before
        assert refusal.retry_in == pytest.approx(1.0)
        assert isinstance(refusal.__cause__, ResponseTimeout)
        assert "unit 9 was silent 3 times in a row" in str(refusal)
        assert await link.execute(READ, 1) == [0, 0]
        assert link.statistics().resting_units == (9,)


@scenario
async def test_a_silent_unit_is_probed_after_1_2_4_seconds_and_so_on() -> None:
    device = FakeDevice()
    device.silent = {9}
    async with a_link(device, timeout=0.1) as link:
        while device.now < 40:
            await outcomes(link.execute(READ, 9))
            await asyncio.sleep(0.05)
    gaps = [round(b - a) for a, b in zip(device.times[2:], device.times[3:], strict=False)]
    assert gaps == [1, 2, 4, 8, 16]


@scenario
async def test_a_unit_that_is_back_is_asked_as_before() -> None:
    device = FakeDevice()
    device.silent = {9}
    async with a_link(device, timeout=0.1) as link:
        for _ in range(3):
            await failure(link.execute(READ, 9))
        device.silent.clear()
        await asyncio.sleep(1)
        for _ in range(3):
            assert await link.execute(READ, 9) == [0, 0]
        assert link.statistics().resting_units == ()


@scenario
async def test_requests_that_wait_for_a_unit_end_when_it_is_left_alone() -> None:
    device = FakeDevice()
    device.silent = {9}
    async with a_link(device, timeout=1.0) as link:
        errors = await outcomes(*(link.execute(READ, 9) for _ in range(5)))
        assert [type(error) for error in errors] == [ResponseTimeout] * 3 + [NotAsked] * 2
        assert device.now == pytest.approx(3.0)


@scenario
async def test_exception_0b_is_a_silence_and_exception_02_is_not() -> None:
    device = FakeDevice()
    device.refusing = {7: 0x0B, 8: 0x02}
    async with a_link(device) as link:
        for _ in range(5):
            await outcomes(link.execute(READ, 7), link.execute(READ, 8))
        assert link.statistics().resting_units == (7,)
        assert isinstance(await failure(link.execute(READ, 8)), IllegalDataAddress)


@scenario
async def test_without_a_breaker_everybody_is_always_asked() -> None:
    device = FakeDevice()
    device.silent = {9}
    async with a_link(device, timeout=0.1, breaker=None) as link:
        errors = [type(await failure(link.execute(READ, 9))) for _ in range(6)]
    assert errors == [ResponseTimeout] * 6


@scenario
async def test_a_probe_that_was_cancelled_makes_room_for_another() -> None:
    device = FakeDevice()
    device.silent = {9}
    async with a_link(device, timeout=0.5, breaker=Breaker(after=1)) as link:
        await failure(link.execute(READ, 9))
        await asyncio.sleep(1)
        probe = asyncio.create_task(link.execute(READ, 9))
        await asyncio.sleep(0.1)
        probe.cancel()
        await asyncio.wait([probe])
        device.silent.clear()
        assert await link.execute(READ, 9) == [0, 0]


@scenario
async def test_an_endpoint_that_cannot_be_reached_is_left_alone_and_then_found_again() -> None:
    device = FakeDevice()
    device.unreachable = "the connection was refused"
    async with a_link(device) as link:
        for _ in range(3):
            assert type(await failure(link.execute(READ, 1))) is ConnectFailed
        refusal = await failure(link.execute(READ, 1))
        assert isinstance(refusal, NotAsked)
        assert isinstance(refusal.__cause__, ConnectFailed)
        assert device.dials == 3
        assert link.statistics().unreachable
        device.unreachable = None
        await asyncio.sleep(1)
        assert await link.execute(READ, 1) == [0, 0]
