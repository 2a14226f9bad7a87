"""A site with [server]: what it polls is what its clients read, and another site can poll it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mbap import __version__
from mbap.client.asynchronous import AsyncClient
from mbap.errors import (
    ExceptionResponse,
    GatewayPathUnavailable,
    GatewayTargetFailedToRespond,
    IllegalFunction,
)
from mbap.filefaults import FileFaults
from mbap.protocol.pdu import ReadDeviceIdCode
from mbap.server.device import Device
from mbap.server.server import Server
from mbap.site.load import load_site
from mbap.site.mapdocument import map_csv, map_document, map_profile, points_of
from mbap.site.mapfile import read_map
from mbap.site.running import Site
from mbap.site.serverplan import ServerPlan

PATIENCE = 20.0
PROFILE = """
[profile]
name = "Pump"
sources = ["a", "b"]
[points.power]
table = "input"
address = 10
type = "float32"
word_order = "CDAB"
unit = "kW"
[points.level]
table = "holding"
address = 20
type = "int16"
scale = 0.1
unit = "m"
writable = [0, 9]
[points.running]
table = "coil"
address = 7
"""


@pytest.fixture
async def plc() -> AsyncIterator[tuple[Device, Server]]:
    """A device that answers at an URL."""
    device = Device(input_registers={10: [0x0000, 0x3FC0]}, holding_registers={20: [23]}, coils={7: [True]})
    async with Server("tcp://127.0.0.1:0", device) as server:
        yield device, server


def write_site(folder: Path, url: str, server: str = "", more: str = "") -> Path:
    (folder / "pump.toml").write_text(PROFILE, encoding="utf-8")
    text = f"""
[site]
name = "Hall"
[devices.pump]
host = "{url}"
profile = "./pump.toml"
{more}
[groups.default]
period = "50ms"
[history]
enabled = false
[web]
enabled = false
[server]
listen = ["tcp://127.0.0.1:0"]
{server}
"""
    (folder / "site.toml").write_text(text, encoding="utf-8")
    return folder / "site.toml"


@asynccontextmanager
async def running(file: Path) -> AsyncIterator[Site]:
    site = Site(load_site(file))
    try:
        await site.start()
        yield site
    finally:
        await site.stop()


def url_of(site: Site) -> str:
    assert site.server is not None
    return site.server.urls[0]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def read_soon(client: AsyncClient, item: str) -> object:
    """The value of *item* as soon as there is one."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await client.read(item)
            except GatewayTargetFailedToRespond:
                await asyncio.sleep(0.01)


async def no_value(client: AsyncClient, item: str) -> None:
    """Wait until reading *item* gives 0B."""
    with pytest.raises(GatewayTargetFailedToRespond):
        await read_for_ever(client, item)


async def read_for_ever(client: AsyncClient, item: str) -> None:
    while True:
        await client.read(item)


async def test_what_is_polled_can_be_read_without_a_request_more(
    plc: tuple[Device, Server], tmp_path: Path
) -> None:
    file = write_site(tmp_path, plc[1].url)
    async with running(file) as site, AsyncClient(url_of(site)) as client:
        assert await read_soon(client, "hr0:float32,CDAB") == 1.5
        assert await read_soon(client, "hr2") == 23
        assert await read_soon(client, "co0") is True
        polled = site.poller.statistics()["pump"].requests
        for _ in range(50):
            await client.read_holding_registers(0, 3)
        asked = plc[1].statistics().requests
        assert asked <= site.poller.statistics()["pump"].requests + 1
        assert asked - polled < 50


async def test_the_map_is_written_and_kept(plc: tuple[Device, Server], tmp_path: Path) -> None:
    file = write_site(tmp_path, plc[1].url)
    async with running(file):
        first = (tmp_path / "site-map.csv").read_text(encoding="utf-8")
    async with running(file):
        assert (tmp_path / "site-map.csv").read_text(encoding="utf-8") == first
    assert len(read_map(tmp_path / "site-map.csv")[0]) == 3


async def test_a_device_that_goes_away_is_answered_with_0b(
    plc: tuple[Device, Server], tmp_path: Path
) -> None:
    file = write_site(tmp_path, plc[1].url, 'stale = "200ms"')
    async with running(file) as site, AsyncClient(url_of(site)) as client:
        assert await read_soon(client, "hr2") == 23
        await plc[1].aclose()
        async with asyncio.timeout(PATIENCE):
            await no_value(client, "hr2")


async def test_a_write_reaches_the_device_and_is_seen_at_once(
    plc: tuple[Device, Server], tmp_path: Path
) -> None:
    file = write_site(tmp_path, plc[1].url, "writes = true")
    async with running(file) as site, AsyncClient(url_of(site)) as client:
        await read_soon(client, "hr2")
        await client.write_single_register(2, 45)
        assert plc[0].holding_registers[20] == 45
        assert await client.read("hr2") == 45


async def test_the_health_of_the_site_tells_of_the_server(plc: tuple[Device, Server], tmp_path: Path) -> None:
    file = write_site(tmp_path, plc[1].url, "writes = true")
    async with running(file) as site, AsyncClient(url_of(site)) as client:
        await read_soon(client, "hr2")
        await client.write_single_register(2, 45)
        report = site.health()["server"]
    assert isinstance(report, dict)
    assert report["connections"] == 1
    assert report["writes"]["done"] == 1


async def test_reading_the_same_file_again_changes_nothing(
    plc: tuple[Device, Server], tmp_path: Path
) -> None:
    file = write_site(tmp_path, plc[1].url)
    async with running(file) as site, AsyncClient(url_of(site)) as client:
        await read_soon(client, "hr2")
        assert (await site.apply(load_site(file))).said == ()
        assert await client.read("hr2") == 23


async def test_what_takes_a_restart_is_said(plc: tuple[Device, Server], tmp_path: Path) -> None:
    file = write_site(tmp_path, plc[1].url)
    async with running(file) as site:
        write_site(tmp_path, plc[1].url, 'allow = ["127.0.0.1"]')
        assert "what changed in [server] allow takes a restart" in (await site.apply(load_site(file))).said


async def test_without_its_map_it_serves_as_before(plc: tuple[Device, Server], tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    more = f'[devices.spare]\nhost = "{plc[1].url}"\nunit = 2\nprofile = "./pump.toml"\n'
    file = write_site(tmp_path, plc[1].url, 'map = "maps/map.csv"')
    async with running(file) as site, AsyncClient(url_of(site)) as client:
        await read_soon(client, "hr2")
        write_site(tmp_path, plc[1].url, 'map = "maps/map.csv"', more)
        plan = load_site(file)
        shutil.rmtree(tmp_path / "maps")
        assert "[server] serves as before: the map" in (await site.apply(plan)).restart[0]
        assert await client.read("hr2") == 23
        with pytest.raises(GatewayPathUnavailable):
            await client.unit(2).read("hr2")


async def test_nothing_can_be_written_unless_that_is_said(plc: tuple[Device, Server], tmp_path: Path) -> None:
    file = write_site(tmp_path, plc[1].url)
    async with running(file) as site, AsyncClient(url_of(site)) as client:
        with pytest.raises(IllegalFunction):
            await client.write_single_register(2, 45)
    assert plc[0].holding_registers[20] == 23


@pytest.mark.parametrize("encoding", ["as-device", "normal"])
async def test_another_site_polls_it_by_the_profile_of_its_map(
    plc: tuple[Device, Server], tmp_path: Path, encoding: str
) -> None:
    (tmp_path / "far").mkdir()
    file = write_site(tmp_path, plc[1].url, f'encoding = "{encoding}"\nbad = "sentinel"\nwrites = true')
    async with running(file) as near:
        plan = near.plan.server
        assert plan is not None
        text = map_profile("Hall", plan, points_of(near.plan.devices), 1)
        other = write_site(tmp_path / "far", url_of(near))
        (tmp_path / "far" / "pump.toml").write_text(text, encoding="utf-8")
        async with running(other) as far:
            await until(
                lambda: (
                    all(one.quality.good for one in far.latest.device("pump").values())
                    and len(far.latest.device("pump")) >= 3
                )
            )
            found = {name: newest.value for name, newest in far.latest.device("pump").items()}
    power = 1.5 if encoding == "as-device" else 1500.0
    assert found["power"] == power
    assert found["level"] == pytest.approx(2.3)
    assert found["running"] is True


async def test_a_new_device_is_served_without_dropping_a_client(
    plc: tuple[Device, Server], tmp_path: Path
) -> None:
    file = write_site(tmp_path, plc[1].url)
    async with running(file) as site, AsyncClient(url_of(site)) as client:
        await read_soon(client, "hr2")
        more = f'[devices.spare]\nhost = "{plc[1].url}"\nunit = 2\nprofile = "./pump.toml"\n'
        write_site(tmp_path, plc[1].url, more=more)
        changes = await site.apply(load_site(file))
        assert "+3 entries in the map" in changes.said
        assert await client.read("hr2") == 23
        assert await read_soon(client.unit(2), "hr2") == 23  # type: ignore[arg-type]
        assert site.server is not None
        assert site.server.servers[0].statistics().accepted == 1


async def test_a_device_that_is_taken_out_leaves_a_hole(plc: tuple[Device, Server], tmp_path: Path) -> None:
    more = f'[devices.spare]\nhost = "{plc[1].url}"\nunit = 2\nprofile = "./pump.toml"\n'
    file = write_site(tmp_path, plc[1].url, more=more)
    async with running(file) as site, AsyncClient(url_of(site)) as client:
        await read_soon(client.unit(2), "hr2")  # type: ignore[arg-type]
        write_site(tmp_path, plc[1].url)
        await site.apply(load_site(file))
        with pytest.raises(ExceptionResponse) as refused:
            await client.unit(2).read("hr2")
        assert refused.value.code == 2
        assert await client.unit(2).read("ir40002") == 202


def faults_of(file: Path) -> str:
    with pytest.raises(FileFaults) as caught:
        load_site(file)
    return str(caught.value)


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ('layout = "mirror"\nencoding = "normal"', "server.encoding"),
        ('layout = "map"', "server.map: there is no entry in"),
        ('allow = ["10.0.0.5/24"]', "server.allow"),
        ("status_from = 70000", "server.status_from"),
        ('stat = "5s"', 'did you mean "stale"?'),
    ],
)
def test_what_is_wrong_in_server_is_said(tmp_path: Path, server: str, said: str) -> None:
    assert said in faults_of(write_site(tmp_path, "10.0.0.5", server))


def test_the_gateway_and_the_server_cannot_share_a_listener(tmp_path: Path) -> None:
    file = write_site(tmp_path, "10.0.0.5", '[gateway]\nroutes = ["1=10.0.0.6"]')
    text = file.read_text(encoding="utf-8").replace('listen = ["tcp://127.0.0.1:0"]', "")
    file.write_text(text, encoding="utf-8")
    assert "[gateway] listens on tcp://127.0.0.1:1502 already" in faults_of(file)


def test_what_is_wrong_in_the_map_is_said(tmp_path: Path) -> None:
    (tmp_path / "site-map.csv").write_text(
        "unit,table,address,type,measured_in,device,point\n1,holding,0,float32,V,pump,power\n",
        encoding="utf-8",
    )
    assert "pump.power: kW cannot be served as V" in faults_of(write_site(tmp_path, "10.0.0.5"))


def test_the_document_names_every_point(tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path, "10.0.0.5", "writes = true"))
    assert site.server is not None
    document = map_document("Hall", site.server, points_of(site.devices))
    assert "## Unit 1: pump" in document
    assert "| 40003 | holding | 2 | pump | `level` | int16 | AB | * 0.1 | m | 0 to 9 | 40002 |  |" in document


def test_the_csv_can_be_the_map(tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path, "10.0.0.5"))
    assert site.server is not None
    (tmp_path / "copy.csv").write_text(map_csv(site.server, points_of(site.devices)), encoding="utf-8")
    assert tuple(read_map(tmp_path / "copy.csv")[0]) == site.server.entries


def test_a_unit_without_points_has_no_profile(tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path, "10.0.0.5"))
    assert site.server is not None
    with pytest.raises(ValueError, match="nothing in unit 9; it has units 1"):
        map_profile("Hall", site.server, points_of(site.devices), 9)


async def test_clients_are_told_which_site_answers(plc: tuple[Device, Server], tmp_path: Path) -> None:
    file = write_site(tmp_path, plc[1].url)
    async with running(file) as site, AsyncClient(url_of(site)) as client:
        objects = (await client.read_device_identification(ReadDeviceIdCode.REGULAR)).objects
        assert (objects[0], objects[2], objects[6]) == (b"mbap", __version__.encode(), b"Hall")


async def test_a_long_name_of_a_site_is_cut_between_two_characters(tmp_path: Path) -> None:
    plan = ServerPlan((), tmp_path, (), site="ä" * 200 + "x")
    assert plan.identification()[6].decode() == "ä" * 122
    assert 6 not in ServerPlan((), tmp_path, ()).identification()
