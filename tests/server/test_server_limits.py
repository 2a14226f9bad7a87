"""Server: how many it serves, whom, and what its limits do to clients, over real sockets."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from mbap.server.device import Device
from mbap.server.limits import Limits
from mbap.server.server import Server
from support.serving import ANSWER_0, READ_0, Later, serving, until
from support.wire_client import connected

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
