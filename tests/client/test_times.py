"""Timeouts, deadlines, presets, retries and pacing of a link, in virtual time."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from mbap import (
    Acknowledge,
    Breaker,
    Diagnostics,
    IllegalFunction,
    LinkOptions,
    ReadHoldingRegisters,
    ResponseTimeout,
    ServerDeviceBusy,
    WriteSingleRegister,
)
from support.fake_device import FakeDevice
from support.linking import READ, a_link
from support.virtual_tests import scenario

WRITE = WriteSingleRegister(0, 1)


@pytest.mark.parametrize(
    ("link", "timeout", "user_timeout"), [("lan", 3, 30), ("wan", 10, 60), ("satellite", 40, 120)]
)
def test_the_kind_of_link_sets_the_times(link: str, timeout: float, user_timeout: float) -> None:
    options = LinkOptions(link=link)  # type: ignore[arg-type]
    assert (options.attempt_timeout, options.user_timeout) == (timeout, user_timeout)


def test_breaker_and_back_off_grow_with_the_kind_of_link() -> None:
    kinds = [LinkOptions(link=link) for link in ("lan", "wan", "satellite")]
    for one, other in itertools.pairwise(kinds):
        assert (one.breaker or Breaker()).first < (other.breaker or Breaker()).first
        assert (one.backoff or Breaker()).longest < (other.backoff or Breaker()).longest


def test_what_is_said_wins_over_the_kind_of_link() -> None:
    options = LinkOptions(link="satellite", timeout=5.0, breaker=None)
    assert (options.attempt_timeout, options.breaker) == (5.0, None)


@scenario
async def test_over_a_satellite_an_answer_after_30_s_is_waited_for() -> None:
    device = FakeDevice(latency=30.6, connect_time=0.6)
    async with a_link(device, link="satellite") as link:
        assert await link.execute(READ, 1) == [0, 0]
        assert device.now == pytest.approx(31.2)
        await link.execute(WRITE, 1)
    assert device.dials == 1


@scenario
async def test_over_a_satellite_with_600_ms_round_trip_requests_side_by_side_make_it_fast() -> None:
    device = FakeDevice(latency=0.6, connect_time=0.6)
    async with a_link(device, link="satellite", outstanding=16) as link:
        await asyncio.gather(*(link.execute(READ, 1) for _ in range(64)))
        assert device.now == pytest.approx(0.6 + 4 * 0.6)


@scenario
async def test_over_a_satellite_a_late_answer_is_not_the_next_ones() -> None:
    device = FakeDevice(latency=41, connect_time=0.6)
    async with a_link(device, link="satellite") as link:
        with pytest.raises(ResponseTimeout, match="no answer within 40 s"):
            await link.execute(READ, 1)
        device.latency = 1
        assert await link.execute(ReadHoldingRegisters(0, 3), 1) == [0, 0, 0]
        assert link.statistics().late_answers == 1


@scenario
async def test_a_read_is_repeated_after_1_2_and_4_seconds_more_or_less() -> None:
    device = FakeDevice()
    device.silent = {1}
    async with a_link(device, timeout=0.5, retries=4, breaker=None) as link:
        with pytest.raises(ResponseTimeout):
            await link.execute(READ, 1)
    gaps = [b - a - 0.5 for a, b in itertools.pairwise(device.times)]
    assert [round(gap, 3) for gap in gaps] != [1, 2, 4, 4]
    for gap, pause in zip(gaps, (1, 2, 4, 4), strict=True):
        assert 0.74 * pause <= gap <= 1.26 * pause


@scenario
async def test_while_one_call_pauses_others_are_carried_out() -> None:
    device = FakeDevice()
    device.refusing = {7: 6}
    async with a_link(device, retries=1) as link:
        busy = asyncio.create_task(link.execute(READ, 7))
        await asyncio.sleep(0.1)
        assert link.statistics().queued == 1
        assert await link.execute(READ, 1) == [0, 0]
        with pytest.raises(ServerDeviceBusy):
            await busy


@scenario
async def test_a_write_that_a_busy_device_refused_is_repeated() -> None:
    device = FakeDevice()
    device.refusing = {1: 6}
    async with a_link(device, retries=3) as link:
        task = asyncio.create_task(link.execute(WRITE, 1))
        await asyncio.sleep(0.5)
        device.refusing.clear()
        await task
    assert len(device.seen) == 2


@scenario
async def test_a_write_that_was_acknowledged_is_not() -> None:
    device = FakeDevice()
    device.refusing = {1: 5}
    async with a_link(device, retries=3) as link:
        with pytest.raises(Acknowledge):
            await link.execute(WRITE, 1)
    assert len(device.seen) == 1


@scenario
async def test_cancelling_ends_a_pause() -> None:
    device = FakeDevice()
    device.refusing = {1: 6}
    async with a_link(device, retries=3) as link:
        task = asyncio.create_task(link.execute(READ, 1))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])
        assert link.statistics().queued == 0
        await asyncio.sleep(10)
    assert len(device.seen) == 1


@scenario
async def test_closing_ends_a_pause() -> None:
    device = FakeDevice()
    device.refusing = {1: 6}
    link = a_link(device, retries=3)
    task = asyncio.create_task(link.execute(READ, 1))
    await asyncio.sleep(0.1)
    await link.aclose()
    with pytest.raises(Exception, match="the link was closed"):
        await task


@scenario
async def test_no_pause_begins_that_the_deadline_cuts_short() -> None:
    device = FakeDevice()
    device.silent = {1}
    async with a_link(device, timeout=1, retries=10) as link:
        with pytest.raises(ResponseTimeout):
            await link.execute(READ, 1, deadline=2.5)
        assert device.now == pytest.approx(1.0)


@scenario
async def test_without_a_deadline_a_call_has_what_its_attempts_need_after_those_before_it() -> None:
    device = FakeDevice(latency=0.9)
    async with a_link(device, timeout=1) as link:
        results = await asyncio.gather(*(link.execute(READ, 1) for _ in range(100)))
        assert results == [[0, 0]] * 100
        job = link.job(READ, 1)
        link.submit(job)
        assert job.deadline == pytest.approx(3.0)


@scenario
async def test_a_read_that_is_overtaken_for_ever_ends_in_time() -> None:
    device = FakeDevice(latency=0.5)
    async with a_link(device, timeout=1) as link:

        async def write() -> None:
            while True:
                await link.execute(WRITE, 1)

        writers = [asyncio.create_task(write()) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(ResponseTimeout, match="passed before it could be sent"):
            await link.execute(READ, 1)
        assert device.now < 20
        for writer in writers:
            writer.cancel()
        await asyncio.wait(writers)


@scenario
async def test_pauses_are_counted_from_the_last_byte_also_of_what_nobody_asked() -> None:
    device = FakeDevice(latency=0.1)
    async with a_link(device, pause=1.0) as link:
        await link.execute(READ, 1)
        await asyncio.sleep(0.5)
        link._slots.connections[0].data_received(bytes.fromhex("beef 0000 0003 01 83 02"))
        await link.execute(READ, 1)
    assert device.times == [0.0, 1.6]


@scenario
async def test_a_broadcast_goes_to_unit_0_and_waits_for_nobody() -> None:
    device = FakeDevice(latency=5)
    async with a_link(device) as link:
        await link.broadcast(WRITE)
        assert device.now < 0.01
        assert [(seen.unit, seen.request) for seen in device.seen] == [(0, WRITE)]
        device.latency = 0.1
        assert await link.execute(READ, 1) == [0, 0]
        assert link.statistics().broadcasts == 1


@scenario
async def test_what_makes_a_device_listen_only_waits_for_nobody() -> None:
    device = FakeDevice()
    device.silent = {1}
    async with a_link(device) as link:
        assert await link.execute(Diagnostics(4), 1) == b""
        assert device.now == pytest.approx(0.2)


@scenario
async def test_a_device_that_does_not_listen_only_says_so() -> None:
    device = FakeDevice()
    device.refusing = {1: 1}
    async with a_link(device) as link:
        with pytest.raises(IllegalFunction):
            await link.execute(Diagnostics(4), 1)
