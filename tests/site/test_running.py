"""A site that runs: started, changed, failing, stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mbap.collect.poller import Poller
from mbap.collect.readings import Readings
from mbap.collect.stream import Latest
from mbap.server.device import Device
from mbap.server.server import Server
from mbap.sinks.base import Series
from mbap.sinks.sqlite import SqliteStore
from mbap.sinks.writer import HistoryWriter
from mbap.site.parts import PartFailed
from mbap.site.plan import SitePlan
from mbap.site.reloading import Reloading
from mbap.site.running import Site
from support.sites import site_plan

PATIENCE = 20.0

Serve = Callable[[int], Awaitable[list[str]]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts that many devices; gives their URLs."""
    async with AsyncExitStack() as stack:

        async def start(count: int) -> list[str]:
            device = Device(holding_registers=range(100))
            servers = [Server("tcp://127.0.0.1:0", device) for _ in range(count)]
            return [(await stack.enter_async_context(server)).url for server in servers]

        yield start


@asynccontextmanager
async def running(plan: SitePlan) -> AsyncIterator[Site]:
    site = Site(plan)
    try:
        await site.start()
        yield site
    finally:
        await site.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


def stored(folder: Path, device: str = "d0") -> int:
    store = SqliteStore(folder / "history.db", read_only=True)
    samples = len(list(store.samples(Series(device, "r0"), 0, 2**62)))
    store.close()
    return samples


def answers(site: Site, device: str) -> int:
    statistics = site.poller.statistics().get(device)
    return statistics.answers if statistics else 0


async def test_what_was_read_is_shown_and_stored(serve: Serve, tmp_path: Path) -> None:
    (url,) = await serve(1)
    async with running(site_plan(url, folder=tmp_path)) as site:
        await until(lambda: answers(site, "d0") >= 5)
        newest = site.latest.get("d0", "r1")
    assert newest is not None
    assert newest.value == 1
    assert stored(tmp_path) >= 5
    assert site.lost == 0


async def test_three_hundred_devices_are_polled_over_fifty_connections(serve: Serve) -> None:
    urls = await serve(300)
    async with running(site_plan(*urls, period=0.5, most=50)) as site:
        most = 0

        def all_read_twice() -> bool:
            nonlocal most
            most = max(most, int(str(site.health()["open_connections"])))
            return all(counts.answers >= 2 for counts in site.poller.statistics().values())

        await until(all_read_twice)
        statistics = site.poller.statistics().values()
        assert sum(counts.errors for counts in statistics) == 0
        assert sum(counts.reconnects for counts in statistics) > 0
    assert most == 50


class Broken(Exception):
    """A mistake that nobody expected."""


async def test_when_polling_dies_that_is_said_and_what_was_read_is_stored(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (url,) = await serve(1)
    async with running(site_plan(url, folder=tmp_path)) as site:
        await until(lambda: answers(site, "d0") >= 3)
        monkeypatch.setattr(Poller, "_begin", _fail)
        with pytest.raises(PartFailed, match="poller ended: Broken"):
            await asyncio.wait_for(site.wait(), PATIENCE)
    assert stored(tmp_path) >= 3


async def test_when_the_writer_dies_that_is_said_and_what_was_read_is_stored(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (url,) = await serve(1)
    monkeypatch.setattr(HistoryWriter, "_next_step", _fail_soon)
    async with running(site_plan(url, folder=tmp_path)) as site:
        with pytest.raises(PartFailed, match="history ended: Broken"):
            await asyncio.wait_for(site.wait(), PATIENCE)
    assert stored(tmp_path) >= 1


async def test_when_the_newest_values_die_that_is_said(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    (url,) = await serve(1)
    monkeypatch.setattr(Latest, "update", _fail)
    async with running(site_plan(url)) as site:
        with pytest.raises(PartFailed, match="newest values ended"):
            await asyncio.wait_for(site.wait(), PATIENCE)


def _fail(*_: object, **__: object) -> None:
    raise Broken("oh")


async def _fail_soon(*_: object) -> None:
    await asyncio.sleep(0.3)
    raise Broken("oh")


async def test_a_site_that_never_started_can_be_stopped() -> None:
    await Site(site_plan("tcp://127.0.0.1:1")).stop()


async def test_a_device_that_was_taken_out_leaves_no_values_behind(serve: Serve) -> None:
    urls = await serve(2)
    plan = site_plan(*urls)
    async with running(plan) as site:
        await until(lambda: min(answers(site, "d0"), answers(site, "d1")) > 0)
        left = replace(plan, devices=plan.devices[:1], links={urls[0]: plan.links[urls[0]]})
        site.stream.publish(Readings("d1", 1, ("r0",), [7]))
        await site.apply(left)
        before = answers(site, "d0")
        await until(lambda: answers(site, "d0") > before + 2)
        assert site.latest.devices() == ["d0"]
        assert [device.name for device in site.poller.devices] == ["d0"]


async def test_what_takes_a_restart_is_said_until_there_was_one(serve: Serve) -> None:
    (url,) = await serve(1)
    plan = site_plan(url)
    changed = replace(plan, max_open_connections=3)
    async with running(plan) as site:
        assert (await site.apply(changed)).restart == (await site.apply(changed)).restart != ()
        assert (await site.apply(plan)).restart == ()


async def test_changes_asked_for_at_once_are_applied_one_after_the_other(serve: Serve) -> None:
    urls = await serve(4)
    plans = [site_plan(*urls[:count], timeout=1 + count) for count in (1, 4, 2, 3)]
    read: list[SitePlan] = []

    def next_plan() -> SitePlan:
        read.append(plans[min(len(read) + 1, 3)])
        return read[-1]

    async with running(plans[0]) as site:
        reloading = Reloading(site, next_plan)
        task = asyncio.create_task(reloading.run())
        while len(read) < 4 and not task.done():
            reloading.ask()
            reloading.ask()
            await asyncio.sleep(0.005)
        await until(lambda: len(site.plan.devices) == 3)
        await until(lambda: min(answers(site, f"d{number}") for number in range(3)) > 0)
        assert not task.done()
        task.cancel()


async def test_a_site_file_that_cannot_be_read_leaves_everything_as_it_is(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    (url,) = await serve(1)

    def gone() -> SitePlan:
        raise OSError("the stick was pulled out")

    async with running(site_plan(url)) as site:
        reloading = Reloading(site, gone)
        task = asyncio.create_task(reloading.run())
        reloading.ask()
        await until(lambda: bool(site.problems))
        before = answers(site, "d0")
        await until(lambda: answers(site, "d0") > before)
        assert "the stick was pulled out" in caplog.text
        task.cancel()


async def test_the_log_says_when_a_device_stops_and_when_it_answers_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "mbap.site")
    device = Device(holding_registers=range(100))
    server = Server("tcp://127.0.0.1:0", device)
    await server.start()
    url = server.url
    async with running(site_plan(url, timeout=0.2)) as site:
        await until(lambda: answers(site, "d0") > 0)
        await server.aclose()
        await until(lambda: f"d0 ({url} unit 1) cannot be reached" in caplog.text)
        async with Server(url, device):
            await until(lambda: "gives values again" in caplog.text)
