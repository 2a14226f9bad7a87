"""How many come, and how fast: what files and options say reaches the servers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mbap import Device, Limits, Server
from mbap.client.link import Link
from mbap.site.crowd import crowd_limits
from mbap.site.gatewayplan import GatewayPlan, Lines, checked
from mbap.site.gatewayrunning import OwnLines, RunningGateway
from mbap.site.load import load_site
from mbap.site.plan import LinkPlan
from mbap.site.routing import parse_route

ANYWHERE = "tcp://127.0.0.1:0"
KEYS = """
connect_rate = 7
when_full = "refuse"
keep = ["192.0.2.0/24"]
"""

TABLES = {
    "gateway": '[gateway]\nroutes = ["1=tcp://192.0.2.1"]\n',
    "server": '[devices.meter]\nhost = "192.0.2.1"\nprofile = "sdm120"\n[server]\n',
}


def test_unless_told_it_is_as_usual_and_the_quietest_makes_room() -> None:
    usual, found = Limits(), crowd_limits()
    assert (found.connect_rate, found.max_connections) == (usual.connect_rate, usual.max_connections)
    assert found.when_full == "drop_idle"


def test_a_rate_of_0_is_no_limit() -> None:
    assert crowd_limits(connect_rate=0.0).connect_rate is None


def test_a_network_to_keep_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'everyone' is not a network"):
        crowd_limits(keep=("everyone",))


@pytest.mark.parametrize("table", list(TABLES))
def test_the_keys_of_a_site_file_reach_the_plan(tmp_path: Path, table: str) -> None:
    site = tmp_path / "site.toml"
    site.write_text(TABLES[table] + KEYS, encoding="utf-8")
    plan = getattr(load_site(site), table)
    assert (plan.connect_rate, plan.when_full, plan.keep) == (7.0, "refuse", ("192.0.2.0/24",))


@pytest.mark.parametrize("table", list(TABLES))
def test_a_site_file_that_keeps_no_network_is_refused(tmp_path: Path, table: str) -> None:
    site = tmp_path / "site.toml"
    site.write_text(TABLES[table] + 'keep = ["everyone"]', encoding="utf-8")
    with pytest.raises(ValueError, match="'everyone' is not a network"):
        load_site(site)


async def test_the_plan_of_a_gateway_reaches_its_servers() -> None:
    async with Server(ANYWHERE, Device(holding_registers=[7])) as device:
        routes = (parse_route(f"1={device.url}"),)
        plan = checked(GatewayPlan((ANYWHERE,), routes, Lines().of(routes)))
        plan = replace(plan, connect_rate=7.0, when_full="refuse", keep=("192.0.2.0/24",), max_clients=5)
        lines = OwnLines(_link, Link.aclose)
        gateway = RunningGateway(plan, lines)
        await gateway.start()
        limits = gateway.servers[ANYWHERE].limits
        await gateway.aclose()
        for line in gateway.lines.values():
            await line.aclose()
    assert (limits.connect_rate, limits.when_full, limits.keep) == (7.0, "refuse", ("192.0.2.0/24",))
    assert limits.max_connections == 5


def _link(plan: LinkPlan) -> Link:
    return Link(plan.url)
