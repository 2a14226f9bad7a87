"""A site with [guard]: a policy before its gateway and its server, a trail, windows that are opened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mbap import AsyncClient, Device, IllegalFunction, Server
from mbap.filefaults import FileFaults
from mbap.protocol.pdu import ReadHoldingRegisters
from mbap.security.compact import parse_compact
from mbap.security.connections import Hours
from mbap.security.windows import WindowWish, take_windows, wish_window
from mbap.server.handler import Call, Peer
from mbap.site.guarding import Guarding
from mbap.site.guardplan import GuardPlan
from mbap.site.load import load_site
from mbap.site.running import Site

PROFILE = """
[profile]
name = "Pump"
sources = ["a", "b"]
[points.level]
table = "holding"
address = 20
type = "int16"
"""
SITE = """
[devices.pump]
host = "{url}"
profile = "pump.toml"
[groups.default]
period = "50ms"
[history]
enabled = false
[web]
enabled = false
[gateway]
listen = ["tcp://127.0.0.1:0"]
routes = ["1={url}"]
[server]
listen = ["tcp://127.0.0.1:0"]
[guard]
policy = "plant.rules"
"""
RULES = "ALLOW SRC=127.0.0.1 FC=3 REG=20-29\n"


@asynccontextmanager
async def running(folder: Path, rules: str = RULES, **more: str) -> AsyncIterator[Site]:
    """A site with one device, its gateway and its server behind a policy."""
    device = Device(holding_registers=list(range(50)))
    async with Server("tcp://127.0.0.1:0", device) as plc:
        (folder / "pump.toml").write_text(PROFILE, encoding="utf-8")
        (folder / "plant.rules").write_text(rules, encoding="utf-8")
        keys = "".join(f"{name} = {value}\n" for name, value in more.items())
        (folder / "site.toml").write_text(SITE.format(url=plc.url) + keys, encoding="utf-8")
        site = Site(load_site(folder / "site.toml"))
        try:
            await site.start()
            yield site
        finally:
            await site.stop()


def gateway_of(site: Site) -> AsyncClient:
    assert site.gateway is not None
    (server,) = site.gateway.servers.values()
    return AsyncClient(server.url)


def server_of(site: Site) -> AsyncClient:
    assert site.server is not None
    return AsyncClient(site.server.urls[0])


def trail(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text(encoding="utf-8").splitlines()]


async def test_the_policy_stands_before_the_gateway_and_before_the_server(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        async with gateway_of(site) as client:
            assert await client.read_holding_registers(20, 2) == [20, 21]
            with pytest.raises(IllegalFunction):
                await client.read_holding_registers(0, 2)
            with pytest.raises(IllegalFunction):
                await client.write_single_register(20, 1)
        async with server_of(site) as client:
            with pytest.raises(IllegalFunction):
                await client.read_coils(0, 1)
    assert [line["func"] for line in trail(tmp_path) if line["event"] == "deny"] == [3, 6, 1]


async def test_only_the_parts_that_are_named_are_protected(tmp_path: Path) -> None:
    async with running(tmp_path, protect='["server"]') as site, gateway_of(site) as client:
        assert await client.read_holding_registers(0, 1) == [0]


async def test_a_policy_that_is_read_anew_counts_at_once_and_nobody_is_dropped(tmp_path: Path) -> None:
    async with running(tmp_path) as site, gateway_of(site) as client:
        with pytest.raises(IllegalFunction):
            await client.read_holding_registers(0, 1)
        (tmp_path / "plant.rules").write_text("ALLOW SRC=127.0.0.1 FC=3\n", encoding="utf-8")
        changes = await site.apply(load_site(tmp_path / "site.toml"))
        assert await client.read_holding_registers(0, 1) == [0]
        assert any("in place of" in one for one in changes.said)


async def test_what_else_changes_takes_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        plan = site.plan
        assert plan.guard is not None
        changes = await site.apply(replace(plan, guard=replace(plan.guard, audit=tmp_path / "other.jsonl")))
        assert "what changed in [guard] audit takes a restart" in changes.said
        gone = await site.apply(replace(plan, guard=None))
        assert "a [guard] that comes or goes takes a restart" in gone.restart


async def test_the_counts_are_in_the_health_of_the_site(tmp_path: Path) -> None:
    async with running(tmp_path) as site, gateway_of(site) as client:
        with pytest.raises(IllegalFunction):
            await client.read_holding_registers(0, 2)
        found = site.health()["guard"]
        assert isinstance(found, dict)
        assert (found["firewall_denied"], found["firewall_enforcing"]) == (1, 1)


async def test_what_was_learned_is_there_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as site, gateway_of(site) as client:
        await client.read_holding_registers(20, 1)
    assert json.loads((tmp_path / "alerts" / "learned.json").read_text())["anomaly"]
    async with running(tmp_path) as site:
        assert site.guarding is not None
        assert site.guarding.metrics()["anomaly_entries"].value > 0


async def test_a_trail_and_a_folder_of_alerts_can_be_left_out(tmp_path: Path) -> None:
    async with running(tmp_path, audit='""', alerts='""') as site, gateway_of(site) as client:
        assert await client.read_holding_registers(20, 1) == [20]
    assert {path.name for path in tmp_path.iterdir()} == {
        "pump.toml",
        "plant.rules",
        "site.toml",
        "site-map.csv",
    }


ARMED = """
policy = 1
[[rules]]
id = "service"
from = { net = "127.0.0.0/8" }
unit = "1"
function = "write"
armed = "service"
action = "allow"
"""


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.02)


async def test_a_window_is_opened_and_closed_by_who_may_write_to_the_folder(tmp_path: Path) -> None:
    (tmp_path / "armed.toml").write_text(ARMED, encoding="utf-8")
    async with running(tmp_path) as site, gateway_of(site) as client:
        assert site.guarding is not None
        (tmp_path / "site.toml").write_text(
            (tmp_path / "site.toml").read_text().replace("plant.rules", "armed.toml"), encoding="utf-8"
        )
        await site.apply(load_site(tmp_path / "site.toml"))
        with pytest.raises(IllegalFunction):
            await client.write_single_register(20, 7)
        firewalls = site.guarding.firewalls.values()
        wish_window(tmp_path / "alerts", WindowWish("service", 600.0, "ann"))
        await until(lambda: all("service" in one.windows() for one in firewalls))
        await client.write_single_register(20, 7)
        wish_window(tmp_path / "alerts", WindowWish("service", 0.0, "ann"))
        await until(lambda: not any(one.windows() for one in firewalls))
        with pytest.raises(IllegalFunction):
            await client.write_single_register(20, 8)
    opened = [line for line in trail(tmp_path) if line["event"] == "maintenance"]
    assert {line["by"] for line in opened} == {"ann"}


async def test_a_window_that_no_rule_has_is_refused_and_in_the_trail(tmp_path: Path) -> None:
    async with running(tmp_path):
        wish_window(tmp_path / "alerts", WindowWish("lunch", 60.0, "ann"))
        await until(lambda: not list((tmp_path / "alerts" / "windows").glob("*.json")))
    refused = [line for line in trail(tmp_path) if line["event"] == "maintenance"]
    assert {line["result"] for line in refused} == {"refused"}


def test_wishes_come_in_the_order_in_which_they_were_left(tmp_path: Path) -> None:
    for seconds in (60.0, 0.0):
        wish_window(tmp_path, WindowWish("service", seconds, "ann"))
    assert [wish.seconds for wish in take_windows(tmp_path)] == [60.0, 0.0]
    assert take_windows(tmp_path) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"window": "a"}', '{"window": "a", "seconds": "soon"}'])
def test_a_wish_that_cannot_be_read_is_removed(tmp_path: Path, text: str) -> None:
    (tmp_path / "windows").mkdir()
    (tmp_path / "windows" / "x.json").write_text(text, encoding="utf-8")
    assert take_windows(tmp_path) == []
    assert not (tmp_path / "windows" / "x.json").exists()


def test_a_folder_that_is_not_there_takes_no_wish(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="is not a folder in which a guard"):
        wish_window(tmp_path / "none", WindowWish("service", 60.0))


def guarding(tmp_path: Path, rules: str = RULES) -> Guarding:
    return Guarding(GuardPlan(policy=parse_compact(rules), audit=tmp_path / "audit.jsonl", watch=None))


def test_its_trail_begins_with_the_start_and_ends_with_the_stop(tmp_path: Path) -> None:
    one = guarding(tmp_path)
    one.open()
    one.close()
    assert [line["reason"] for line in trail(tmp_path) if line["event"] == "system"] == ["started", "stopped"]


def test_a_fallback_to_plain_modbus_is_in_the_trail(tmp_path: Path) -> None:
    class FakeTls:
        on_fallback: Callable[[str, str], None] | None = None

    one, tls = guarding(tmp_path), FakeTls()
    one.open()
    one.watch_fallbacks(tls)  # type: ignore[arg-type]
    assert tls.on_fallback is not None
    tls.on_fallback("tls+fallback://plc", "plain Modbus is spoken")
    one.close()
    (line,) = [line for line in trail(tmp_path) if line["event"] == "fallback"]
    assert (line["reason"], line["url"]) == ("plain Modbus is spoken", "tls+fallback://plc")


def test_a_connection_from_where_nothing_is_allowed_is_counted(tmp_path: Path) -> None:
    one = guarding(tmp_path)
    one.open()
    firewall = one.wrap("test", Device())
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever ends the connection
        firewall.arrived(Peer("192.0.2.1", 4000, "tcp://:502", session=1))
    assert one.metrics()["firewall_refused_connections"].value == 1
    one.close()


def test_every_rule_has_its_hits_among_the_metrics(tmp_path: Path) -> None:
    one = guarding(tmp_path)
    one.open()
    firewall = one.wrap("test", Device(holding_registers=list(range(50))))
    peer = Peer("127.0.0.1", 4000, "tcp://:502", session=1)
    for _ in range(3):
        firewall.handle(Call(ReadHoldingRegisters(20, 1), 1, peer))
    assert 'mbap_firewall_rule_hits_total{rule="line-1"} 3\n' in one.hits_as_prometheus()
    assert 'mbap_firewall_rule_last_seconds{rule="line-1"} 0' not in one.hits_as_prometheus()
    one.close()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("policy = 7", "policy"),
        ('syslog = "http://log"', "is not a syslog server"),
        ('audit = "nowhere/audit.jsonl"', "does not exist"),
        ('clients = ["plc7"]', "is not a network"),
        ('hours = { days = "someday" }', "is no day"),
        ('hours = { from = "25:00" }', "no time of the day"),
        ('protect = ["page"]', "protect"),
        ('audit_size = "1"', "size"),
        ("learn = 3", "learn"),
    ],
)
def test_what_is_wrong_in_the_table_is_said_with_its_line(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "pump.toml").write_text(PROFILE, encoding="utf-8")
    (tmp_path / "plant.rules").write_text(RULES, encoding="utf-8")
    site = SITE.format(url="tcp://127.0.0.1:1502").replace('policy = "plant.rules"', line)
    (tmp_path / "site.toml").write_text(site, encoding="utf-8")
    with pytest.raises(FileFaults) as caught:
        load_site(tmp_path / "site.toml")
    assert says in str(caught.value)
    assert "site.toml:" in str(caught.value)


def test_every_fault_of_the_policy_is_a_fault_of_the_site(tmp_path: Path) -> None:
    (tmp_path / "pump.toml").write_text(PROFILE, encoding="utf-8")
    (tmp_path / "plant.rules").write_text("ALOW FC=3\nALLOW FC=999\n", encoding="utf-8")
    (tmp_path / "site.toml").write_text(SITE.format(url="tcp://127.0.0.1:1502"), encoding="utf-8")
    with pytest.raises(FileFaults) as caught:
        load_site(tmp_path / "site.toml")
    assert "plant.rules:1" in str(caught.value)
    assert "plant.rules:2" in str(caught.value)


def test_hours_and_clients_become_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / "pump.toml").write_text(PROFILE, encoding="utf-8")
    (tmp_path / "plant.rules").write_text(RULES, encoding="utf-8")
    keys = 'hours = { days = "mon-fri", from = "06:00", to = "18:00" }\nclients = ["10.0.0.0/8"]\n'
    (tmp_path / "site.toml").write_text(SITE.format(url="tcp://127.0.0.1:1502") + keys, encoding="utf-8")
    guard = load_site(tmp_path / "site.toml").guard
    assert guard is not None
    assert guard.watch is not None
    expected = guard.watch.expected
    assert expected is not None
    assert expected.hours is not None
    assert str(expected.clients) == "(IPv4Network('10.0.0.0/8'),)"
    monday = 1_770_033_600_000_000
    assert expected.hours.contains(monday)
    assert not expected.hours.contains(monday + 8 * 3_600_000_000)
    assert Hours().contains(monday)
