"""A site with a gateway: poller and clients share each line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from mbap import AsyncClient, Device, GatewayPathUnavailable, Server, Units
from mbap.site.gatewayplan import GatewayPlan, Lines, checked
from mbap.site.plan import SitePlan
from mbap.site.routing import parse_route
from mbap.site.running import Site
from support.sites import site_plan

ANYWHERE = "tcp://127.0.0.1:0"


def with_gateway(site: SitePlan, *routes: str) -> SitePlan:
    plans = tuple(parse_route(text) for text in routes)
    gateway = checked(GatewayPlan((ANYWHERE,), plans, Lines(known=site.links.get).of(plans)))
    return replace(site, links={**site.links, **gateway.links}, gateway=gateway)


@asynccontextmanager
async def running(plan: SitePlan) -> AsyncIterator[Site]:
    site = Site(plan)
    try:
        await site.start()
        yield site
    finally:
        await site.stop()


def clients_of(site: Site) -> AsyncClient:
    assert site.gateway is not None
    (server,) = site.gateway.servers.values()
    return AsyncClient(server.url)


def a_device() -> Server:
    device = Device(holding_registers=range(100))
    return Server(ANYWHERE, Units({1: device, 2: device}))


async def test_the_poller_and_clients_share_one_connection_to_a_device() -> None:
    async with a_device() as device:
        plan = with_gateway(site_plan(device.url), f"1-2={device.url}")
        async with running(plan) as site, clients_of(site) as client:
            assert await client.unit(2).read_holding_registers(7, 1) == [7]
            async with asyncio.timeout(10):
                while not any(one.answers for one in site.poller.statistics().values()):
                    await asyncio.sleep(0.01)
        assert device.statistics().accepted == 1


async def test_a_changed_site_changes_the_gateway_and_keeps_its_clients() -> None:
    async with a_device() as device:
        site_alone = site_plan(device.url)
        async with (
            running(with_gateway(site_alone, f"1={device.url}")) as site,
            clients_of(site) as client,
        ):
            with pytest.raises(GatewayPathUnavailable):
                await client.unit(2).read_holding_registers(7, 1)
            changes = await site.apply(with_gateway(site_alone, f"1-2={device.url}"))
            assert await client.unit(2).read_holding_registers(7, 1) == [7]
            assert "routes changed" in changes.said
            assert site.gateway is not None
            assert site.gateway.servers[ANYWHERE].statistics().accepted == 1


async def test_a_gateway_that_comes_or_goes_takes_a_restart() -> None:
    async with a_device() as device:
        plan = with_gateway(site_plan(device.url), f"1={device.url}")
        async with running(plan) as site:
            changes = await site.apply(replace(plan, gateway=None))
            assert changes.restart == ("a gateway that comes or goes takes a restart",)
