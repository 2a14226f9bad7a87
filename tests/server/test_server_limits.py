"""Server: how many it serves, whom, and what its limits do to clients, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from pathlib import Path

import pytest

from mbap.server.device import Device
from mbap.server.limits import Limits
from mbap.server.listening import Acceptor, bound
from mbap.server.server import Server
from mbap.server.serving import serving as serving_in_a_thread
from support.serving import ANSWER_0, READ_0, Later, serving, until
from support.wire_client import WireClient, connected

REFUSED = (b"", b"reset")


def files_open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_h021_one_client_too_many_is_refused() -> None:
    async with serving(limits=Limits(max_connections=1)) as (server, client):
        await client.ask(READ_0)
        async with connected(server.url) as second:
            assert await second.ended() in (b"", b"reset")
        assert await client.ask(READ_0) == ANSWER_0
        assert server.statistics().refused == 1


async def test_h021_one_too_many_can_take_the_place_of_the_one_that_was_quiet_for_longest() -> None:
    async with serving(limits=Limits(max_connections=2, when_full="drop_idle")) as (server, first):
        await first.ask(READ_0)
        async with connected(server.url) as second, connected(server.url) as third:
            assert await first.ended() in (b"", b"reset")
            assert await second.ask(READ_0) == ANSWER_0
            assert await third.ask(READ_0) == ANSWER_0
        assert server.statistics().dropped == 1


async def test_a_busy_connection_is_not_dropped() -> None:
    handler = Later(Device(holding_registers=[7]))
    handler.release[1] = asyncio.Event()
    async with serving(handler, Limits(max_connections=1, when_full="drop_idle")) as (server, first):
        await first.send(READ_0)
        await until(lambda: handler.begun == [1])
        async with connected(server.url) as second:
            assert await second.ended() in (b"", b"reset")
        handler.release[1].set()
        assert await first.receive() == ANSWER_0


async def test_h020_one_address_can_have_only_so_many() -> None:
    async with serving(limits=Limits(max_per_address=1)) as (server, client):
        await client.ask(READ_0)
        async with connected(server.url) as second:
            assert await second.ended() in REFUSED
        counted = server.statistics()
        assert (counted.refused_per_address, counted.refused, counted.accepted) == (1, 0, 1)


async def test_of_one_address_the_longest_quiet_can_make_room() -> None:
    async with serving(limits=Limits(max_per_address=1, when_full="drop_idle")) as (server, first):
        await first.ask(READ_0)
        async with connected(server.url) as second:
            assert await second.ask(READ_0) == ANSWER_0
            assert await first.ended() in REFUSED
        assert server.statistics().dropped == 1


async def test_h020_one_that_left_makes_room_for_the_next() -> None:
    async with serving(limits=Limits(max_connections=1, max_per_address=1)) as (server, first):
        await first.ask(READ_0)
        first.writer.close()
        await until(lambda: server.statistics().connections == 0)
        async with connected(server.url) as second:
            assert await second.ask(READ_0) == ANSWER_0


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


async def test_h021_who_is_kept_does_not_make_room() -> None:
    limits = Limits(max_connections=1, when_full="drop_idle", keep=("127.0.0.1",))
    async with serving(limits=limits) as (server, first):
        await first.ask(READ_0)
        async with connected(server.url) as second:
            assert await second.ended() in REFUSED
        assert await first.ask(READ_0) == ANSWER_0


async def test_h020_a_place_that_is_reserved_for_others_is_not_given_away() -> None:
    limits = Limits(max_connections=2, keep=("192.0.2.0/24",), reserved=1)
    async with serving(limits=limits) as (server, first):
        await first.ask(READ_0)
        async with connected(server.url) as second:
            assert await second.ended() in REFUSED
        assert server.statistics().refused == 1


async def test_who_is_not_allowed_is_closed_before_a_byte_is_read() -> None:
    async with serving(limits=Limits(allow=("192.0.2.0/24",))) as (server, client):
        await client.send(READ_0)
        assert await client.ended() in REFUSED
        counted = server.statistics()
        assert (counted.forbidden, counted.accepted, counted.requests) == (1, 0, 0)


async def test_who_is_allowed_is_served() -> None:
    async with serving(limits=Limits(allow=("192.0.2.0/24", "127.0.0.1"))) as (_, client):
        assert await client.ask(READ_0) == ANSWER_0


async def test_refusals_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(limits=Limits(allow=("192.0.2.0/24",))) as (server, _):
        for _ in range(20):
            async with connected(server.url) as client:
                assert await client.ended() in REFUSED
        assert server.statistics().forbidden == 21
    assert len(caplog.records) == 1


async def test_h022_its_end_of_a_connection_is_kept_alive() -> None:
    async with serving() as (server, client):
        await client.ask(READ_0)
        (connection,) = server._connections
        accepted = connection._transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="needs Linux")
async def test_h022_a_client_that_lost_its_power_is_noticed_within_a_minute() -> None:
    async with serving() as (server, client):
        await client.ask(READ_0)
        (connection,) = server._connections
        accepted = connection._transport.get_extra_info("socket")
        idle, interval, probes = (
            accepted.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert idle + interval * probes <= 60
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 60_000


async def test_more_open_requests_than_allowed_are_answered_busy() -> None:
    handler = Later(Device(holding_registers=[7]))
    handler.release = {unit: asyncio.Event() for unit in range(10)}
    async with serving(handler, Limits(open_requests=4)) as (server, client):
        await client.send(*[f"{unit:04x} 0000 0006 {unit:02x} 03 0000 0001" for unit in range(10)])
        busy = [await client.receive() for _ in range(6)]
        assert busy == [f"00 {unit:02x} 00 00 00 03 {unit:02x} 83 06" for unit in range(4, 10)]
        for event in handler.release.values():
            event.set()
        assert sorted([(await client.receive())[:5] for _ in range(4)]) == [
            "00 00",
            "00 01",
            "00 02",
            "00 03",
        ]
        assert server.statistics().busy == 6


async def test_h023_a_hundred_requests_in_one_segment_are_all_answered_in_order() -> None:
    async with serving() as (_, client):
        await client.send(*[f"{n:04x} 0000 0006 01 03 0000 0001" for n in range(100)])
        assert [int((await client.receive())[:5].replace(" ", ""), 16) for _ in range(100)] == list(
            range(100)
        )


async def test_open_requests_are_limited_and_the_rest_can_be_told_to_wait() -> None:
    handler = Later(Device(holding_registers=[7]))
    handler.release = {unit: asyncio.Event() for unit in range(10)}
    async with serving(handler, Limits(open_requests=4, surplus="wait")) as (_, client):
        await client.send(*[f"{unit:04x} 0000 0006 {unit:02x} 03 0000 0001" for unit in range(10)])
        await until(lambda: len(handler.begun) == 4)
        await asyncio.sleep(0.02)
        assert handler.begun == [0, 1, 2, 3]
        for event in handler.release.values():
            event.set()
        assert len([await client.receive() for _ in range(10)]) == 10


async def test_a_client_that_does_not_read_is_not_read_either() -> None:
    device = Device(holding_registers=[0] * 125)
    async with serving(device, Limits(write_buffer=1_000)) as (server, client):
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        request = bytes.fromhex("0001 0000 0006 01 03 0000 007D") * 1_000
        sent = 0
        for _ in range(200):
            client.writer.write(request)
            sent += 1_000
            before = -1
            while before != server.statistics().requests:
                before = server.statistics().requests
                await asyncio.sleep(0.005)
            if before < sent - 10_000:
                break
        assert server.statistics().requests < sent


async def test_a_client_that_leaves_answers_unread_for_too_long_is_closed() -> None:
    device = Device(holding_registers=[0] * 125)
    async with serving(device, Limits(write_buffer=1_000, stalled_timeout=0.05)) as (server, client):
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        request = bytes.fromhex("0001 0000 0006 01 03 0000 007D") * 1_000

        def closed() -> bool:
            if not client.writer.transport.is_closing():
                client.writer.write(request)
            return server.statistics().closed_stalled == 1

        await until(closed)


async def test_a_client_that_sends_no_more_is_answered_before_the_end() -> None:
    async with serving() as (_, client):
        await client.send(READ_0)
        client.writer.write_eof()
        assert (await client.ended()).hex(" ") == ANSWER_0


async def test_h028_a_reset_in_the_middle_of_a_request_frees_everything() -> None:
    async with serving() as (server, client):
        await client.send("0001 0000 0006 01")
        await until(lambda: server.statistics().connections == 1)
        client.reset()
        await until(lambda: server.statistics().connections == 0)
        assert server.statistics().resets == 1
        assert not server._connections._by_address


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
async def test_h030_connections_that_come_and_go_leave_no_descriptor_behind() -> None:
    async with Server("tcp://127.0.0.1:0", Device()) as server:
        before = files_open()
        for index in range(200):
            with socket.create_connection(("127.0.0.1", server.port), 5) as client:
                if index % 2:
                    client.sendall(b"\0\1\0")
            await asyncio.sleep(0)
        await until(lambda: server.statistics().accepted == 200 and server.statistics().connections == 0)
        await until(lambda: files_open() == before)


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
