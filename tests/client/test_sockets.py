"""What both clients set on their sockets, where they connect from, and how often they look a name up."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from mbap import ReadHoldingRegisters
from mbap.transport import tcp
from support.fronts import FRONTS, connected, let_it_notice
from support.scripted import Reply, registers, scripted

READ = ReadHoldingRegisters(5, 2)
RIGHT = registers(5, 2)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The sockets of the client, as they are prepared to connect."""
    sockets: list[socket.socket] = []
    prepare = tcp.set_options

    def remember(connection: socket.socket, user_timeout: float) -> None:
        sockets.append(connection)
        prepare(connection, user_timeout)

    monkeypatch.setattr(tcp, "set_options", remember)
    return sockets


def option(connection: socket.socket, level: int, name: str) -> int:
    if not hasattr(socket, name):
        pytest.skip(f"this system has no {name}")
    return connection.getsockopt(level, getattr(socket, name))


@pytest.mark.parametrize("kind", FRONTS)
def test_keep_alive_is_on_and_notices_within_a_minute(kind: str, made: list[socket.socket]) -> None:
    with scripted(Reply()) as server, connected(kind, server.url) as client:
        client.execute(READ)
        (ours,) = made
        assert option(ours, socket.SOL_SOCKET, "SO_KEEPALIVE")
        idle = option(ours, socket.IPPROTO_TCP, "TCP_KEEPIDLE")
        interval = option(ours, socket.IPPROTO_TCP, "TCP_KEEPINTVL")
        assert idle + interval * option(ours, socket.IPPROTO_TCP, "TCP_KEEPCNT") <= 60


@pytest.mark.parametrize("kind", FRONTS)
@pytest.mark.parametrize(
    ("options", "seconds"),
    [({}, 30), ({"link": "wan"}, 60), ({"link": "satellite"}, 120), ({"timeout": 200}, 200)],
    ids=["lan", "wan", "satellite", "a longer timeout"],
)
def test_what_is_not_acknowledged_ends_the_connection_after_a_time_that_fits_the_link(
    kind: str, options: dict[str, Any], seconds: int, made: list[socket.socket]
) -> None:
    with scripted(Reply()) as server, connected(kind, server.url, **options) as client:
        client.execute(READ)
        (ours,) = made
        assert option(ours, socket.IPPROTO_TCP, "TCP_USER_TIMEOUT") == 1000 * seconds
        assert option(ours, socket.IPPROTO_TCP, "TCP_NODELAY")


@pytest.mark.skipif(sys.platform == "darwin", reason="there loopback has one address")
@pytest.mark.parametrize("kind", FRONTS)
def test_a_source_is_where_the_connection_comes_from(kind: str, made: list[socket.socket]) -> None:
    with (
        scripted(Reply()) as server,
        connected(kind, f"{server.url}?source=127.0.0.2") as client,
    ):
        assert client.execute(READ) == RIGHT
        (ours,) = made
        assert ours.getsockname()[0] == "127.0.0.2"


@pytest.mark.parametrize("kind", FRONTS)
def test_a_name_is_looked_up_anew_for_each_connection(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(Reply(close=True)) as old, scripted(Reply()) as new:
        addresses = iter([old.port, new.port])

        real = socket.getaddrinfo

        def resolve(host: str, port: int, *args: int, **options: int) -> Sequence[object]:
            if host != "plc.example":
                return real(host, port, *args, **options)
            if options.get("flags"):
                raise socket.gaierror(socket.EAI_NONAME, "a name, not a number")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", next(addresses)))]

        async def resolve_in_loop(_: object, host: str, port: int, **options: int) -> Sequence[object]:
            return resolve(host, port, **options)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", resolve_in_loop)
        with connected(kind, "tcp://plc.example:502") as client:
            assert client.execute(READ) == RIGHT
            old.wait_for_ends(1)
            let_it_notice(client)
            assert client.execute(READ) == RIGHT
        assert (old.connections, new.connections) == (1, 1)
