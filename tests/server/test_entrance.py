"""Where connections come in: those that come too fast, those that wait, and crowds that come at once."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from mbap.server.device import Device
from mbap.server.limits import Limits
from mbap.server.server import Server
from mbap.server.serving import serving as serving_in_a_thread
from support.serving import ANSWER_0, READ_0, serving, until
from support.wire_client import connected


async def test_h030_who_connects_too_fast_is_closed_before_a_byte_is_read_and_others_are_served() -> None:
    limits = Limits(connect_rate=0.2)
    async with serving(limits=limits) as (server, client):
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(_from("127.0.0.2", server))
            await until(lambda: server.statistics().refused_too_fast == 16)
            with _from("127.0.0.3", server) as other:
                other.sendall(bytes.fromhex(READ_0))
                assert await asyncio.to_thread(other.recv, 100) == bytes.fromhex(ANSWER_0)
        assert await client.ask(READ_0) == ANSWER_0
        assert server.statistics().accepted == 6


async def test_h030_who_was_answered_connects_again_and_again() -> None:
    async with serving(limits=Limits(connect_rate=1.0)) as (server, first):
        await first.ask(READ_0)
        for _ in range(40):
            async with connected(server.url) as another:
                assert await another.ask(READ_0) == ANSWER_0
        assert server.statistics().refused_too_fast == 0


async def test_h030_who_is_kept_connects_as_often_as_it_likes() -> None:
    limits = Limits(connect_rate=0.1, keep=("127.0.0.2",))
    async with serving(limits=limits) as (server, _):
        for _ in range(30):
            _from("127.0.0.2", server).close()
        await until(lambda: server.statistics().accepted == 31)


async def test_who_waits_to_be_let_in_is_closed_when_the_server_stops() -> None:
    limits = Limits(connect_rate=2.0)
    async with Server("tcp://127.0.0.1:0", Device(), limits=limits) as server:
        clients = [_from("127.0.0.2", server) for _ in range(41)]
        await until(lambda: server.statistics().accepted == 40)
    for client in clients:
        with client, contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
    assert server.statistics().connections == 0


async def test_who_waited_is_served() -> None:
    async with serving(limits=Limits(connect_rate=10.0)) as (server, _):
        clients = [_from("127.0.0.2", server) for _ in range(203)]
        clients[-1].sendall(bytes.fromhex(READ_0))
        assert await asyncio.to_thread(clients[-1].recv, 100) == bytes.fromhex(ANSWER_0)
        for client in clients:
            client.close()


def _from(address: str, server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 5, source_address=(address, 0))


def _room_for_files(count: int) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        if hard < count:
            pytest.skip(f"this system allows {hard} open files, and the test needs {count}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def test_a_thousand_clients_that_come_at_once_are_all_served() -> None:
    _room_for_files(2_200)
    clients: list[socket.socket] = []
    with serving_in_a_thread(Device(holding_registers=[7])) as url:
        port = int(url.rpartition(":")[2])
        try:
            for _ in range(1_000):
                clients.append(socket.create_connection(("127.0.0.1", port), 10))
                clients[-1].sendall(bytes.fromhex(READ_0))
            answers = [client.recv(100).hex(" ") for client in clients]
        finally:
            for client in clients:
                client.close()
    assert answers == [ANSWER_0] * 1_000


@pytest.mark.parametrize("limits", [Limits(max_connections=10), Limits(max_per_address=10)])
async def test_of_a_burst_no_more_are_let_in_than_may_be(limits: Limits) -> None:
    async with Server("tcp://127.0.0.1:0", Device(holding_registers=[7]), limits=limits) as server:
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(60)]
        try:
            await until(lambda: server.statistics().accepted + _refused(server) == 60)
            assert (server.statistics().accepted, _refused(server)) == (10, 50)
        finally:
            for client in clients:
                client.close()


def _refused(server: Server) -> int:
    counted = server.statistics()
    return counted.refused + counted.refused_per_address


def test_a_burst_waits_in_the_systems_queue_and_is_served_when_the_loop_comes_to_it() -> None:
    """300 connect before the server's loop has a turn: more than the usual queue of 100 holds."""
    _room_for_files(1_000)

    async def burst() -> int:
        async with Server("tcp://127.0.0.1:0", Device(holding_registers=[7])) as server:
            clients = [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(300)]
            for client in clients:
                client.sendall(bytes.fromhex(READ_0))
            await until(lambda: server.statistics().answers == 300)
            answers = [client.recv(100).hex(" ") for client in clients]
            for client in clients:
                client.close()
            return answers.count(ANSWER_0)

    assert asyncio.run(burst()) == 300


async def test_one_that_is_just_being_accepted_when_it_stops_is_closed() -> None:
    for _ in range(50):
        server = Server("tcp://127.0.0.1:0", Device())
        await server.start()
        with socket.create_connection(("127.0.0.1", server.port), 5) as client:
            await server.aclose()
            client.settimeout(5)
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""
        assert server.statistics().connections == 0
