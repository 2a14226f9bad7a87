"""Server: udp://, one ADU a datagram."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from mbap.errors import Disconnect
from mbap.server.admission import Admission
from mbap.server.datagrams import Datagrams
from mbap.server.device import Device
from mbap.server.faults import Fault, Faults, Rule
from mbap.server.handler import Handler, Units
from mbap.server.limits import Limits
from mbap.server.server import Server
from support.serving import ANSWER_0, READ_0, Later, Raising, until
from support.virtual_tests import scenario

UDP = "udp://127.0.0.1:0"


class Datagrammer:
    """A client that sends and receives datagrams."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect(("127.0.0.1", port))

    def send(self, frame: str) -> None:
        self._socket.send(bytes.fromhex(frame))

    async def receive(self) -> str:
        data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self._socket, 1_000), 5)
        return data.hex(" ")

    async def ask(self, frame: str) -> str:
        self.send(frame)
        return await self.receive()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server(UDP, Device(holding_registers=[7, 8])) as serving:
        yield serving


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Datagrammer]:
    datagrammer = Datagrammer(server.port)
    yield datagrammer
    datagrammer.close()


async def test_a_datagram_is_answered_by_one(server: Server, client: Datagrammer) -> None:
    assert server.url == f"udp://127.0.0.1:{server.port}"
    assert await client.ask(READ_0) == ANSWER_0
    counted = server.statistics()
    assert (counted.requests, counted.answers, counted.connections) == (1, 1, 1)


@pytest.mark.parametrize(
    "frame",
    [
        READ_0 + "00",
        READ_0[:-2],
        READ_0 + READ_0,
        "00",
        "0001 0000 0000 01",
        "0001 0001 0006 01 03 0000 0001",
        "ff" * 300,
    ],
)
async def test_what_is_not_exactly_one_adu_is_left_out_and_the_next_is_answered(
    server: Server, client: Datagrammer, frame: str
) -> None:
    client.send(frame)
    assert await client.ask("0002 0000 0006 01 03 0001 0001") == "00 02 00 00 00 05 01 03 02 00 08"
    counted = server.statistics()
    assert counted.requests == 1
    assert counted.check_errors == 1


async def test_that_it_is_not_in_the_standard_is_said(caplog: pytest.LogCaptureFixture) -> None:
    async with Server(UDP, Device()):
        assert caplog.text.count("UDP is not in the Modbus standard") == 1


async def test_unit_0_is_no_broadcast(client: Datagrammer) -> None:
    assert (await client.ask("0001 0000 0006 00 03 0000 0001")).endswith("00 03 02 00 07")


async def test_who_is_not_allowed_is_not_answered() -> None:
    async with Server(UDP, Device(), limits=Limits(allow=("192.0.2.0/24",))) as server:
        client = Datagrammer(server.port)
        client.send(READ_0)
        await until(lambda: server.statistics().forbidden == 1)
        assert server.statistics().requests == 0
        client.close()


async def test_the_client_that_asked_longest_ago_is_forgotten_for_one_more() -> None:
    async with Server(UDP, Device(holding_registers=[7]), limits=Limits(max_connections=2)) as server:
        clients = [Datagrammer(server.port) for _ in range(3)]
        for client in [*clients, clients[0]]:
            assert await client.ask(READ_0) == ANSWER_0
            client_count = server.statistics().connections
        assert client_count == 2
        assert server.statistics().dropped == 2
        for client in clients:
            client.close()


async def test_one_client_more_than_there_may_be_is_refused_when_all_wait() -> None:
    handler = Later(Device(holding_registers=[7]))
    handler.release[1] = asyncio.Event()
    async with Server(UDP, handler, limits=Limits(max_connections=1)) as server:
        first, second = Datagrammer(server.port), Datagrammer(server.port)
        first.send(READ_0)
        await until(lambda: handler.begun == [1])
        second.send(READ_0)
        await until(lambda: server.statistics().refused == 1)
        handler.release[1].set()
        assert await first.receive() == ANSWER_0
        first.close()
        second.close()


async def test_one_address_can_have_only_so_many_that_wait() -> None:
    handler = Later(Device(holding_registers=[7]))
    handler.release[1] = asyncio.Event()
    async with Server(UDP, handler, limits=Limits(max_per_address=1)) as server:
        first, second = Datagrammer(server.port), Datagrammer(server.port)
        first.send(READ_0)
        await until(lambda: handler.begun == [1])
        second.send(READ_0)
        await until(lambda: server.statistics().refused_per_address == 1)
        handler.release[1].set()
        assert await first.receive() == ANSWER_0
        first.close()
        second.close()


async def test_a_place_that_is_reserved_for_others_is_not_given_away() -> None:
    handler = Later(Device(holding_registers=[7]))
    handler.release[1] = asyncio.Event()
    limits = Limits(max_connections=2, keep=("192.0.2.0/24",), reserved=1)
    async with Server(UDP, handler, limits=limits) as server:
        first, second = Datagrammer(server.port), Datagrammer(server.port)
        first.send(READ_0)
        await until(lambda: handler.begun == [1])
        second.send(READ_0)
        await until(lambda: server.statistics().refused == 1)
        first.close()
        second.close()


class Silent:
    """The transport of a server's datagrams that go nowhere."""

    def is_closing(self) -> bool:
        return False

    def sendto(self, data: bytes, address: object) -> None:
        """Nobody is there."""


def attached(limits: Limits) -> tuple[Server, Datagrams]:
    """A server that does not listen, and what datagrams can be handed to."""
    server = Server(UDP, Device(holding_registers=[7]), limits=limits)
    datagrams = Datagrams(server, server._doors.correspondents)
    datagrams.connection_made(Silent())  # type: ignore[arg-type]
    return server, datagrams


@scenario
async def test_h019_a_client_that_asks_no_more_is_forgotten_after_the_idle_time() -> None:
    server, datagrams = attached(Limits(idle_timeout=10))
    for port in (1, 2):
        datagrams.datagram_received(bytes.fromhex(READ_0), ("127.0.0.1", port))
    for _ in range(5):
        await asyncio.sleep(9)
        datagrams.datagram_received(bytes.fromhex(READ_0), ("127.0.0.1", 2))
    counted = server.statistics()
    assert (counted.connections, counted.closed_idle) == (1, 1)
    await asyncio.sleep(13)
    assert server.statistics().closed_idle == 2


@scenario
async def test_h019_a_client_that_is_kept_is_remembered() -> None:
    server, datagrams = attached(Limits(idle_timeout=10, keep=("127.0.0.1",)))
    datagrams.datagram_received(bytes.fromhex(READ_0), ("127.0.0.1", 1))
    await asyncio.sleep(1_000)
    assert server.statistics().connections == 1


async def test_answers_that_come_together_are_a_datagram_each() -> None:
    handler = Later(Device(holding_registers=[7]))
    gate = handler.release[1] = asyncio.Event()
    async with Server(UDP, handler) as server:
        client = Datagrammer(server.port)
        client.send(READ_0)
        await until(lambda: handler.begun == [1])
        del handler.release[1]
        client.send("0002 0000 0006 01 03 0000 0001")
        await until(lambda: server.statistics().requests == 2)
        handler.release[1] = gate
        gate.set()
        assert [await client.receive(), (await client.receive())[:5]] == [ANSWER_0, "00 02"]
        client.close()


async def test_it_stops_while_somebody_waits() -> None:
    handler = Later(Device())
    handler.release[1] = asyncio.Event()
    server = Server(UDP, handler)
    await server.start()
    client = Datagrammer(server.port)
    client.send(READ_0)
    await until(lambda: handler.begun == [1])
    async with asyncio.timeout(2):
        await server.aclose()
    client.close()


async def test_while_the_system_takes_no_answers_what_comes_is_dropped() -> None:
    async with Server(UDP, Device(holding_registers=[7])) as server:
        client = Datagrammer(server.port)
        (datagrams,) = server._doors._datagrams
        datagrams.pause_writing()
        client.send(READ_0)
        await until(lambda: server.statistics().unanswered == 1)
        datagrams.resume_writing()
        assert await client.ask(READ_0) == ANSWER_0
        client.close()


async def test_a_handler_that_wants_to_disconnect_is_silent() -> None:
    units: dict[int, Handler] = {1: Raising(Disconnect()), 2: Device(holding_registers=[7])}
    async with Server(UDP, Units(units)) as server:
        client = Datagrammer(server.port)
        client.send(READ_0)
        assert (await client.ask("0002 0000 0006 02 03 0000 0001")).startswith("00 02")
        assert server.statistics().unanswered == 1
        client.close()


async def test_a_device_that_takes_one_client_leaves_others_unanswered() -> None:
    faults = Faults([], admission=Admission(1))
    async with Server(UDP, Device(holding_registers=[7]), faults=faults) as server:
        first, second = Datagrammer(server.port), Datagrammer(server.port)
        assert await first.ask(READ_0) == ANSWER_0
        second.send(READ_0)
        await until(lambda: server.statistics().accepted == 2)
        assert server.statistics().requests == 1
        first.close()
        second.close()


async def test_faults_are_made_here_too() -> None:
    faults = Faults([Rule(Fault("exception", code=6))])
    async with Server(UDP, Device(holding_registers=[7]), faults=faults) as server:
        client = Datagrammer(server.port)
        assert await client.ask(READ_0) == "00 01 00 00 00 03 01 83 06"
        client.close()


async def test_a_taken_port_is_one_clear_sentence(server: Server) -> None:
    with pytest.raises(OSError, match=f"port {server.port} is taken by another program"):
        await Server(server.url, Device()).start()
