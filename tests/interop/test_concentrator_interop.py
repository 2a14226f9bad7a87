"""The simulated plant, collected and served again, read and written by pymodbus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mbap.collect.concentratorlayout import Style, extended
from mbap.collect.concentratormap import Entry
from mbap.collect.device import PolledDevice
from mbap.collect.profiles import load_profile
from mbap.server.plant import Plant, PlantServers
from mbap.site.plan import LinkPlan, SitePlan
from mbap.site.running import Site
from mbap.site.serverplan import ServerPlan
from mbap.transport.endpoint import parse_endpoint
from support import peers

pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore::DeprecationWarning:pymodbus")]

PERIODS = {"fast": 0.1, "default": 0.1, "slow": 0.1}
PATIENCE = 20.0


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The plant as a site that serves it, each device as the unit that its turn is."""
    async with PlantServers(Plant()) as servers:
        devices = [
            PolledDevice(
                d.name, d.title, load_profile(d.profile), d.unit, servers.urls[d.connection], {}, PERIODS
            )
            for d in servers.plant.devices
        ]
        entries = extended([], devices, Style())
        server = ServerPlan(
            ("tcp://127.0.0.1:0",), tmp_path / "map.csv", tuple(entries), writes=True, site="Plant"
        )
        links = {url: LinkPlan(url, timeout=1.0) for url in servers.urls.values()}
        running = Site(replace(SitePlan("Plant", links, tuple(devices)), server=server))
        try:
            await running.start()
            yield running
        finally:
            await running.stop()


@pytest.fixture
async def client(site: Site) -> AsyncIterator[Any]:
    """A connected client of pymodbus."""
    module = peers.require_module("pymodbus.client")
    assert site.server is not None
    endpoint = parse_endpoint(site.server.urls[0])
    client = module.AsyncModbusTcpClient(endpoint.host, port=endpoint.port, timeout=5)
    assert await client.connect()
    yield client
    client.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


async def test_pymodbus_reads_what_the_collector_read(site: Site, client: Any) -> None:
    assert site.server is not None
    (first, *_) = site.server.plan.entries
    await until(lambda: site.latest.get(first.device, first.point) is not None)
    assert first.encoding is not None
    answer = await client.read_input_registers(first.address, count=first.count, device_id=first.unit)
    newest = site.latest.get(first.device, first.point)
    assert newest is not None
    assert first.encoding.decode(answer.registers) == pytest.approx(newest.value, rel=0.05)


async def test_pymodbus_reads_every_register_of_every_unit(site: Site, client: Any) -> None:
    assert site.server is not None
    units = site.server.plan.by_unit()
    await until(lambda: len(site.latest.devices()) == len(units))
    good = 0
    for unit, entries in units.items():
        for entry in entries:
            if entry.encoding is None:
                answer = await client.read_coils(entry.address, count=1, device_id=unit)
            else:
                answer = await client.read_holding_registers(entry.address, count=entry.count, device_id=unit)
            good += not answer.isError()
            assert not answer.isError() or answer.exception_code == 0x0B
    assert good > len(site.server.plan.entries) * 0.7


async def test_pymodbus_is_told_of_a_unit_that_is_not_there(client: Any) -> None:
    answer = await client.read_holding_registers(0, count=1, device_id=99)
    assert answer.exception_code == 0x0A


async def test_pymodbus_writes_through_to_the_device(site: Site, client: Any) -> None:
    assert site.server is not None
    points = {(d.name, p.name): p for d in site.plan.devices for p in d.profile.points}
    entry = next(
        e
        for e in site.server.plan.entries
        if e.encoding is not None and points[e.device, e.point].writable and e.encoding.type != "bool"
    )
    low, high = points[entry.device, entry.point].writable or (0.0, 0.0)
    assert entry.encoding is not None
    words = list(entry.encoding.encode(round((low + high) / 2)))
    answer = await client.write_registers(entry.address, words, device_id=entry.unit)
    assert not answer.isError()
    answer = await client.read_holding_registers(entry.address, count=entry.count, device_id=entry.unit)
    assert answer.registers == words


def writable_register(site: Site) -> Entry:
    """A register that clients may write, whole numbers without a scale."""
    assert site.server is not None
    points = {(d.name, p.name): p for d in site.plan.devices for p in d.profile.points}
    return next(
        e
        for e in site.server.plan.entries
        if e.encoding is not None and points[e.device, e.point].writable and e.count == 1
    )


async def test_pymodbus_masks_a_register(site: Site, client: Any) -> None:
    entry = writable_register(site)
    answer = await client.mask_write_register(
        address=entry.address, and_mask=0xFFFE, or_mask=1, device_id=entry.unit
    )
    assert not answer.isError()
    answer = await client.read_holding_registers(entry.address, count=1, device_id=entry.unit)
    assert answer.registers[0] & 1 == 1


async def test_pymodbus_writes_and_reads_at_once(site: Site, client: Any) -> None:
    entry = writable_register(site)
    await until(lambda: site.latest.get(entry.device, entry.point) is not None)
    now = await client.read_holding_registers(entry.address, count=1, device_id=entry.unit)
    answer = await client.readwrite_registers(
        read_address=entry.address,
        read_count=1,
        write_address=entry.address,
        values=now.registers,
        device_id=entry.unit,
    )
    assert answer.registers == now.registers


async def test_pymodbus_is_told_who_answers(site: Site, client: Any) -> None:
    answer = await client.read_device_information(read_code=2, object_id=0, device_id=1)
    assert answer.information[0] == b"mbap"
    assert answer.information[6] == b"Plant"
