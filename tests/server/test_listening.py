"""Listening: on which addresses, with which warnings, and accepting whatever fails meanwhile."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

import pytest

from mbap.server.device import Device
from mbap.server.listening import Acceptor, bound
from mbap.server.server import Server
from support.serving import ANSWER_0, READ_0, serving, until
from support.wire_client import WireClient, connected


async def test_h031_when_no_more_files_can_be_opened_clients_wait_and_are_served_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    resource = pytest.importorskip("resource")
    async with serving() as (server, first):
        await first.ask(READ_0)
        second = socket.socket()
        usual = resource.getrlimit(resource.RLIMIT_NOFILE)
        spare = os.dup(second.fileno())
        os.close(spare)
        resource.setrlimit(resource.RLIMIT_NOFILE, (spare, usual[1]))
        try:
            second.connect(("127.0.0.1", server.port))
            await until(lambda: server.statistics().accept_failures >= 2)
            assert await first.ask(READ_0) == ANSWER_0
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, usual)
        reader, writer = await asyncio.open_connection(sock=second)
        assert await WireClient(reader, writer).ask(READ_0) == ANSWER_0
        writer.close()
        assert server.statistics().accept_failures < 10
    assert [record.message for record in caplog.records] == [
        "no connection can be accepted for now, those that come are kept waiting: "
        + os.strerror(errno.EMFILE)
    ]


async def test_after_errors_of_accepting_it_waits_longer_every_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    async def fail(listener: object) -> None:
        raise OSError(errno.ENFILE, "too many open files in the system")

    async def take(accepted: socket.socket, address: str) -> None:
        raise AssertionError(address)

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_accept", fail)
    failures: list[OSError] = []
    with socket.socket() as listener:
        monkeypatch.setattr("mbap.server.listening.asyncio.sleep", note)
        acceptor = Acceptor(listener, take, failures.append)
        async with asyncio.timeout(5):
            while len(pauses) < 8:
                await sleep(0)
        await acceptor.aclose()
    assert pauses[:8] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]
    assert len(failures) >= 8


@pytest.mark.parametrize("host", ["8.8.8.8", "[2001:4860:4860::8888]"])
async def test_an_address_of_the_internet_has_to_be_meant(host: str) -> None:
    with pytest.raises(ValueError, match=r"can be reached from the whole internet.*public=True, or --public"):
        await Server(f"tcp://{host}:1502", Device()).start()


async def test_an_address_of_the_internet_is_tried_when_it_is_meant() -> None:
    with pytest.raises(OSError, match=r"8\.8\.8\.8 is not an address of this machine"):
        await Server("tcp://8.8.8.8:1502", Device(), public=True).start()


@pytest.mark.parametrize("host", ["0.0.0.0", ""])
async def test_listening_on_every_address_is_warned_of(host: str, caplog: pytest.LogCaptureFixture) -> None:
    async with Server(f"tcp://{host}:0", Device()):
        assert "listening on every address of this machine (0.0.0.0)" in caplog.text


async def test_listening_on_every_address_is_not_warned_of_when_it_is_meant(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Server("tcp://0.0.0.0:0", Device(), public=True):
        assert not caplog.records


async def test_all_its_addresses_have_the_same_port() -> None:
    async with Server("tcp://:0", Device(holding_registers=[7])) as server:
        for host in ("127.0.0.1", "[::1]"):
            try:
                async with connected(f"tcp://{host}:{server.port}") as client:
                    assert await client.ask(READ_0) == ANSWER_0
            except OSError:
                assert host == "[::1]", "this machine has no IPv6"


async def test_it_listens_on_a_name() -> None:
    named = Server("tcp://localhost:0", Device(holding_registers=[7]))
    async with named as server, connected(server.url) as client:
        assert await client.ask(READ_0) == ANSWER_0


async def test_a_name_that_is_not_known_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(OSError, match="the name 'plc' is not known; use an address of this machine"):
        await Server("tcp://plc:0", Device()).start()


async def test_where_a_machine_has_one_kind_of_address_the_other_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make = socket.socket

    def without_ipv6(family: int, kind: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return make(family, kind)

    where = [(socket.AF_INET6, ("::", 0, 0, 0)), (socket.AF_INET, ("127.0.0.1", 0))]
    monkeypatch.setattr("mbap.server.listening.socket.socket", without_ipv6)
    (opened,) = bound(where, socket.SOCK_STREAM)
    opened.close()
