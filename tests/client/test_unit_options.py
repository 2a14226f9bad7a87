"""What is different for single units behind one endpoint."""

from __future__ import annotations

import asyncio

import pytest

from mbap import Link, Quirks, ReadHoldingRegisters, ResponseTimeout
from mbap.client.options import LinkOptions, UnitOptions
from support.fake_device import FakeDevice
from support.fake_time import run_virtual

READ = ReadHoldingRegisters(0, 30)


def a_link(device: FakeDevice, units: dict[int, UnitOptions]) -> Link:
    clock = asyncio.get_running_loop().time
    return Link("plc", dial=device.dial, clock=clock, timeout=1.0, pause=0.1, units=units, breaker=None)


def test_a_unit_has_a_timeout_and_retries_of_its_own() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        device.silent = {5, 6}
        async with a_link(device, {5: UnitOptions(timeout=0.25, retries=1)}) as link:
            with pytest.raises(ResponseTimeout, match=r"within 0\.25 s"):
                await link.execute(READ, 5)
            assert len(device.seen) == 2
            with pytest.raises(ResponseTimeout, match="within 1 s"):
                await link.execute(READ, 6)
            assert len(device.seen) == 3

    run_virtual(scenario())


def test_a_unit_has_a_pause_of_its_own() -> None:
    async def scenario() -> None:
        device = FakeDevice(latency=0.0)
        async with a_link(device, {5: UnitOptions(pause=1.0)}) as link:
            for unit in (1, 1, 5, 1):
                await link.execute(READ, unit)
        assert device.times == [0.0, 0.1, 1.1, 1.2]

    run_virtual(scenario())


def test_a_unit_has_quirks_of_its_own() -> None:
    async def scenario() -> None:
        device = FakeDevice()
        async with a_link(device, {5: UnitOptions(quirks=Quirks(largest_read=10))}) as link:
            found = await link.execute(READ, 5)
            assert len(found) == 30
            await link.execute(READ, 6)
        assert [(seen.unit, seen.request.count) for seen in device.seen] == [  # type: ignore[attr-defined]
            (5, 10),
            (5, 10),
            (5, 10),
            (6, 30),
        ]

    run_virtual(scenario())


def test_quirks_of_the_connection_are_of_no_unit() -> None:
    with pytest.raises(ValueError, match="transaction is of the connection"):
        UnitOptions(quirks=Quirks(transaction="zero"))


def test_quirks_among_the_options_of_a_unit_come_before_its_others() -> None:
    one, other = Quirks(largest_read=10), Quirks(short_answers=True)
    options = LinkOptions(unit_quirks={5: one, 6: one}, units={5: UnitOptions(quirks=other)})
    assert options.quirks_by_unit == {5: other, 6: one}


def test_options_of_a_unit_without_quirks_leave_it_those_it_has() -> None:
    one = Quirks(largest_read=10)
    options = LinkOptions(unit_quirks={5: one}, units={5: UnitOptions(timeout=0.1)})
    assert options.quirks_by_unit == {5: one}


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"pause": -1}, {"retries": -1}])
def test_what_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="more"):
        UnitOptions(**wrong)  # type: ignore[arg-type]
