"""mbap.site.gatewayrunning: a whole gateway, over loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

import mbap
from mbap import AsyncClient, Device, GatewayPathUnavailable, Server, ServerDeviceBusy, Units
from mbap.client.links import Links
from mbap.site.gatewayplan import GatewayPlan, LineDefaults, Lines, checked
from mbap.site.gatewayreport import as_prometheus, report
from mbap.site.gatewayrunning import OwnLines, RunningGateway
from mbap.site.links import link_of
from mbap.site.metrics import MetricsPage
from mbap.site.routing import parse_route

ANYWHERE = "tcp://127.0.0.1:0"


def telling(*units: int, also: int = 0) -> Units:
    """Each register tells its unit and address."""
    return Units({u: Device(holding_registers=[1000 * u + also + a for a in range(20)]) for u in units})


def a_plan(*routes: str, listen: str = ANYWHERE, **defaults: object) -> GatewayPlan:
    plans = tuple(parse_route(text) for text in routes)
    lines = Lines(LineDefaults(**defaults)).of(plans)  # type: ignore[arg-type]
    return checked(GatewayPlan((listen,), plans, lines))


@asynccontextmanager
async def gateway_of(plan: GatewayPlan, *sockets: socket.socket) -> AsyncIterator[RunningGateway]:
    async with Links() as links:
        lines = OwnLines(lambda line: link_of(links, line), links.discard)
        gateway = RunningGateway(plan, lines, sockets=sockets)
        await gateway.start()
        try:
            yield gateway
        finally:
            await gateway.aclose()


def the_url(gateway: RunningGateway) -> str:
    (server,) = gateway.servers.values()
    return server.url


@pytest.mark.parametrize("behind", ["tcp", "rtu+tcp", "ascii+tcp"])
@pytest.mark.parametrize("front", ["tcp", "rtu+tcp", "ascii+tcp"])
async def test_every_framing_leads_to_every_other(front: str, behind: str) -> None:
    async with Server(f"{behind}://127.0.0.1:0", telling(1, 2)) as device:
        plan = a_plan(f"1-2={device.url}", listen=f"{front}://127.0.0.1:0")
        async with gateway_of(plan) as gateway, AsyncClient(the_url(gateway)) as client:
            assert await client.unit(2).read_holding_registers(3, 2) == [2003, 2004]
            await client.unit(1).write_single_register(3, 7)
            assert await client.unit(1).read_holding_registers(3, 1) == [7]


async def test_clients_share_one_connection_to_the_device() -> None:
    async with Server(ANYWHERE, telling(1)) as device, gateway_of(a_plan(f"1={device.url}")) as gateway:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(AsyncClient(the_url(gateway))) for _ in range(16)]
            found = await asyncio.gather(*(one.read_holding_registers(i, 1) for i, one in enumerate(clients)))
        assert found == [[1000 + i] for i in range(16)]
        assert device.statistics().accepted == 1


async def test_too_many_of_one_client_get_06_and_others_none() -> None:
    async with Server("rtu+tcp://127.0.0.1:0", telling(1)) as device:
        plan = a_plan(f"1={device.url}", queue_per_client=2, pause=0.02)
        async with gateway_of(plan) as gateway:
            greedy = AsyncClient(the_url(gateway), outstanding=16, retries=0)
            modest = AsyncClient(the_url(gateway))
            async with greedy, modest:
                requests = [mbap.ReadHoldingRegisters(0, 1)] * 10
                flood = asyncio.gather(*(greedy.execute(one) for one in requests), return_exceptions=True)
                await asyncio.sleep(0)
                assert await modest.read_holding_registers(0, 1) == [1000]
                busy = [one for one in await flood if isinstance(one, ServerDeviceBusy)]
        assert busy


async def test_a_change_keeps_the_clients_of_a_listener_that_stays() -> None:
    async with (
        Server(ANYWHERE, telling(1)) as old,
        Server(ANYWHERE, telling(1, 2, also=500)) as new,
        gateway_of(a_plan(f"1={old.url}")) as gateway,
        AsyncClient(the_url(gateway)) as client,
    ):
        assert await client.read_holding_registers(0, 1) == [1000]
        said = await gateway.apply(a_plan(f"1-2={new.url}"))
        assert await client.read_holding_registers(0, 1) == [1500]
        assert await client.unit(2).read_holding_registers(0, 1) == [2500]
        assert gateway.servers[ANYWHERE].statistics().accepted == 1
        assert said == [f"line removed: {old.url}", f"line added: {new.url}", "routes changed"]
        assert list(gateway.lines) == [new.url]


async def test_a_line_that_did_not_change_keeps_its_connection() -> None:
    async with Server(ANYWHERE, telling(1, 2)) as device:
        async with (
            gateway_of(a_plan(f"1={device.url}")) as gateway,
            AsyncClient(the_url(gateway)) as client,
        ):
            await client.read_holding_registers(0, 1)
            await gateway.apply(a_plan(f"2={device.url}"))
            assert await client.unit(2).read_holding_registers(0, 1) == [2000]
            with pytest.raises(GatewayPathUnavailable):
                await client.read_holding_registers(0, 1)
        assert device.statistics().accepted == 1


async def test_a_listener_that_is_gone_is_closed_and_a_new_one_opened() -> None:
    async with Server(ANYWHERE, telling(1)) as device, gateway_of(a_plan(f"1={device.url}")) as gateway:
        await gateway.apply(a_plan(f"1={device.url}", listen="rtu+tcp://127.0.0.1:0"))
        assert list(gateway.servers) == ["rtu+tcp://127.0.0.1:0"]
        async with AsyncClient(the_url(gateway)) as client:
            assert await client.read_holding_registers(0, 1) == [1000]


async def test_what_takes_a_restart_is_said() -> None:
    async with Server(ANYWHERE, telling(1)) as device:
        plan = a_plan(f"1={device.url}")
        async with gateway_of(plan) as gateway:
            said = await gateway.apply(replace(plan, allow=("10.0.0.0/8",)))
            assert said == ["what changed in allow takes a restart"]


async def test_nothing_changed_is_said_too() -> None:
    async with Server(ANYWHERE, telling(1)) as device:
        plan = a_plan(f"1={device.url}")
        async with gateway_of(plan) as gateway:
            assert await gateway.apply(plan) == ["nothing has changed"]


async def test_a_listener_takes_the_socket_that_was_opened_for_it() -> None:
    given = socket.create_server(("127.0.0.1", 0))
    port = given.getsockname()[1]
    async with Server(ANYWHERE, telling(1)) as device:
        plan = a_plan(f"1={device.url}", listen=f"tcp://127.0.0.1:{port}")
        async with gateway_of(plan, given.dup()) as gateway, AsyncClient(the_url(gateway)) as client:
            assert await client.read_holding_registers(0, 1) == [1000]
    with given, socket.create_connection(("127.0.0.1", port)):
        """Who has opened it still listens: a client that comes between two runs waits for the next."""


async def test_a_new_listener_that_cannot_be_had_is_told_and_the_rest_is_applied() -> None:
    async with Server(ANYWHERE, telling(1, 2)) as device:
        plan = a_plan(f"1={device.url}")
        async with gateway_of(plan) as gateway, AsyncClient(the_url(gateway)) as client:
            other = a_plan(f"2={device.url}")
            said = await gateway.apply(replace(other, listen=(ANYWHERE, f"rtu+{device.url}")))
            assert "is taken by another program" in said[-1]
            assert await client.unit(2).read_holding_registers(0, 1) == [2000]


async def test_only_clients_of_allowed_networks_are_served() -> None:
    async with Server(ANYWHERE, telling(1)) as device:
        plan = replace(a_plan(f"1={device.url}"), allow=("192.0.2.0/24",))
        async with gateway_of(plan) as gateway:
            async with AsyncClient(the_url(gateway)) as client:
                with pytest.raises(mbap.ModbusError):
                    await client.read_holding_registers(0, 1)
            assert gateway.servers[ANYWHERE].statistics().forbidden >= 1


async def test_two_hundred_clients_of_one_line_are_served_alike() -> None:
    """The slowest gets at least half of what the one in the middle gets."""
    counts = [0] * 200
    async with AsyncExitStack() as stack:
        device = await stack.enter_async_context(Server("rtu+tcp://127.0.0.1:0", telling(*range(1, 11))))
        gateway = await stack.enter_async_context(gateway_of(a_plan(f"1-10={device.url}")))

        async def client(number: int) -> None:
            one = await stack.enter_async_context(AsyncClient(the_url(gateway)))
            unit, address = 1 + number % 10, number % 20
            while sum(counts) < 4000:
                found = await one.unit(unit).read_holding_registers(address, 1)
                assert found == [1000 * unit + address]
                counts[number] += 1

        await asyncio.gather(*map(client, range(200)))
    assert min(counts) >= sorted(counts)[100] / 2


# --- what is told ---


async def test_the_report_has_every_line_and_unit() -> None:
    async with Server(ANYWHERE, telling(1)) as device, gateway_of(a_plan(f"1={device.url}")) as gateway:
        async with AsyncClient(the_url(gateway)) as client:
            await client.read_holding_registers(0, 1)
            with pytest.raises(GatewayPathUnavailable):
                await client.unit(9).read_holding_registers(0, 1)
        found = report(gateway)
    (line,) = found.lines
    assert (line.url, line.link.answers) == (device.url, 1)
    assert 0 < line.p50 <= line.p99
    assert found.units[device.url, 1].answers == 1
    assert found.unrouted == 1
    assert found.as_json()["unrouted"] == 1


async def test_prometheus_reads_what_is_served_as_metrics() -> None:
    async with Server(ANYWHERE, telling(1)) as device, gateway_of(a_plan(f"1={device.url}")) as gateway:
        url = the_url(gateway)
        async with AsyncClient(url) as client:
            await client.read_holding_registers(0, 1)
            text = as_prometheus(report(gateway))
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert f'mbap_unit_answers_total{{line="{device.url}",unit="1"}} 1' in samples
    assert f'mbap_clients{{listener="{url}"}} 1' in samples
    typed = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {sample.split("{")[0].split(" ")[0] for sample in samples} == typed


async def test_the_metrics_page_answers_one_path() -> None:
    page = MetricsPage("127.0.0.1:0", lambda: "a 1\n")
    await page.start()
    try:
        port = int(page.url.split(":")[2].split("/")[0])
        assert (await fetched(port, "/metrics")).endswith("\r\n\r\na 1\n")
        assert (await fetched(port, "/")).startswith("HTTP/1.1 404")
    finally:
        await page.aclose()


async def test_a_metrics_page_whose_port_is_taken_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        page = MetricsPage(f"127.0.0.1:{taken.getsockname()[1]}", str)
        with pytest.raises(OSError, match="cannot serve metrics at http://127"):
            await page.start()


async def fetched(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    text = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return text
