"""Server: on every event loop the same, with connections that share the buffer that they are read into."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib.util import find_spec

import pytest

from mbap.server.connection import Connection
from mbap.server.device import Device
from mbap.server.limits import Limits
from mbap.server.server import Server
from support.fake_transport import FakeTransport
from support.wire_client import connected

CLIENTS = 30


def uvloop_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


every_loop = pytest.mark.parametrize(
    "make_loop",
    [
        asyncio.new_event_loop,
        pytest.param(uvloop_loop, marks=pytest.mark.skipif(not find_spec("uvloop"), reason="needs uvloop")),
    ],
)


@every_loop
def test_requests_that_come_in_halves_at_the_same_time_are_kept_apart(
    make_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(_halves())


async def _halves() -> None:
    async with (
        Server("tcp://127.0.0.1:0", Device(holding_registers=range(1000, 1100))) as server,
        AsyncExitStack() as stack,
    ):
        clients = [await stack.enter_async_context(connected(server.url)) for _ in range(CLIENTS)]
        for cut in range(1, 12, 2):
            requests = [f"{cut:04x}00000006{number:02x}03{number:04x}0001" for number in range(CLIENTS)]
            for client, request in zip(clients, requests, strict=True):
                await client.send(request[: 2 * cut])
            await asyncio.sleep(0)
            for client, request in zip(clients, requests, strict=True):
                await client.send(request[2 * cut :], request)
            for number, client in enumerate(clients):
                answer = f"{cut:04x}00000005{number:02x}0302{1000 + number:04x}"
                got = [bytes.fromhex(await client.receive()).hex() for _ in range(2)]
                assert got == [answer, answer]


@every_loop
def test_more_than_is_read_at_once_is_answered_in_order(
    make_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(_many())


async def _many() -> None:
    device, limits = Device(holding_registers=[7] * 125), Limits(read_size=100, write_buffer=2_000)
    async with Server("tcp://127.0.0.1:0", device, limits=limits) as server, connected(server.url) as client:
        await client.send(*(f"{number:04x} 0000 0006 01 03 0000 007d" for number in range(500)))
        assert [int((await client.receive())[:5].replace(" ", ""), 16) for _ in range(500)] == [*range(500)]
        assert server.statistics().answers == 500


async def test_on_windows_every_connection_has_a_buffer_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    server = Server("tcp://127.0.0.1:0", Device())
    first, second = FakeTransport(Connection(server)), FakeTransport(Connection(server))
    assert first.protocol.get_buffer(-1) is not second.protocol.get_buffer(-1)
