"""Devices that are added to a poller, taken away from it or replaced, also while it runs."""

from __future__ import annotations

import pytest

from support import meters
from support.fake_executor import FakeExecutor
from support.polling import Site, virtual


@virtual
async def test_a_device_can_be_added_while_running() -> None:
    site = Site((meters.device("one"), FakeExecutor()))
    await site.run(10)
    site.poller.add(meters.device("two"), FakeExecutor())
    assert {item.device for item in await site.run(1.1)} == {"one", "two"}
    assert site.poller.statistics()["two"].overruns == 0
    await site.end()


@virtual
async def test_adding_to_an_idle_poller_wakes_it() -> None:
    site = Site()
    await site.run(10)
    site.poller.add(meters.device("one"), FakeExecutor())
    assert await site.run(1.1)
    await site.end()


@virtual
async def test_two_devices_of_one_name_are_refused() -> None:
    site = Site((meters.device("one"), FakeExecutor()))
    with pytest.raises(ValueError, match="device one already"):
        site.poller.add(meters.device("one"), FakeExecutor())


@virtual
async def test_a_removed_device_is_read_no_more_and_the_others_go_on() -> None:
    one, two = FakeExecutor(latency=0.3), FakeExecutor()
    site = Site((meters.device("one"), one), (meters.device("two"), two))
    await site.run(2.0)
    before = site.poller.summary()
    site.poller.remove("one")
    assert {item.device for item in await site.run(2.0)} == {"two"}
    assert one.running == 0
    assert site.poller.summary().reads > before.reads
    assert [device.name for device in site.poller.devices] == ["two"]
    await site.end()


@virtual
async def test_removing_a_device_cancels_what_waits() -> None:
    executor = FakeExecutor(latency=100.0)
    site = Site((meters.device("one"), executor))
    await site.run(2)
    site.poller.remove("one")
    await site.run(0.1)
    assert executor.cancelled == 1
    await site.end()


@virtual
async def test_a_replaced_device_keeps_its_counters() -> None:
    old, new = FakeExecutor(), FakeExecutor()
    site = Site((meters.device("one", period=1.0), old))
    await site.run(10)
    site.poller.replace(meters.device("one", period=0.1), new)
    await site.run(10)
    assert site.poller.statistics()["one"].requests == len(old.asked) + len(new.asked)
    assert len(new.asked) > 95
    assert len(old.asked) <= 10
    await site.end()
