"""A TLS server among those who do it harm: chains, handshakes without end, crowds, odd records."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from mbap import TLS, AsyncClient, Device, Disconnect, Limits, Server
from mbap.server.handler import Peer
from support.certificates import Authority, plant
from support.serving import until
from support.tlsclients import (
    ANSWER,
    HELLO_OF_TLS_1_1,
    READ,
    VERSIONS,
    Door,
    Ended,
    ask,
    asked,
    both_versions,
    connect,
    context_of,
    received,
    serving,
)


async def test_h138_a_chain_of_fifty_certificates_is_refused(tmp_path: Path) -> None:
    ours = plant()
    from cryptography.hazmat.primitives.serialization import Encoding

    pem = ours["client"].certificate.public_bytes(Encoding.PEM)
    above = [Authority(f"CA {number}", ours.authority).pem for number in range(50)]
    chain = tmp_path / "chain.pem"
    chain.write_bytes(pem + b"".join(above))
    context = context_of(None)
    context.load_cert_chain(chain, ours["client"].key)
    async with serving() as (server, door):
        with pytest.raises(Ended):
            await asked(server, context)
        await until(lambda: bool(door.refused))
    assert "a longer chain of certificates than anybody needs" in door.refused[0][1]


async def test_h138_a_handshake_without_end_is_cut_off() -> None:
    async with serving() as (server, door):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        record = (
            bytes.fromhex("16 0303 4000")
            + struct.pack("!B", 1)
            + (0xFFFFFF).to_bytes(3, "big")
            + bytes(16380)
        )
        with suppress(OSError):
            for _ in range(8):
                writer.write(record)
                await writer.drain()
            await reader.read(-1)
        await until(lambda: bool(door.refused))
        writer.close()
    assert len(door.refused) == 1


@pytest.mark.parametrize("hello", [b"", b"\x16", HELLO_OF_TLS_1_1[:20]], ids=["nothing", "a byte", "a part"])
async def test_h139_who_does_not_finish_the_handshake_is_closed_in_time(hello: bytes) -> None:
    async with serving(limits=Limits(handshake_timeout=0.05)) as (server, door):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(hello)
        with suppress(ConnectionError):
            assert await reader.read(-1) == b""
        writer.close()
    assert door.refused[0][1] == "no TLS handshake within 0.05 s"


async def test_h139_those_who_say_nothing_make_room_for_those_who_do() -> None:
    async with serving(limits=Limits(max_handshakes=4)) as (server, door):
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(6)]
        assert await asked(server, context_of(plant()["client"])) == ANSWER
        assert server.statistics().handshakes_dropped == 3
        assert len([why for _, why in door.refused if "the oldest" in why]) == 3
        for _, writer in silent:
            writer.close()


async def test_h139_those_in_a_handshake_take_no_place_of_a_client() -> None:
    async with serving(limits=Limits(max_connections=1, max_handshakes=8)) as (server, _):
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
        await until(lambda: server.statistics().handshakes == 3)
        assert server.statistics().connections == 0
        assert await asked(server, context_of(plant()["client"])) == ANSWER
        for _, writer in silent:
            writer.close()


async def test_one_client_too_many_is_closed_after_its_handshake(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(limits=Limits(max_connections=1)) as (server, door):
        first = await asyncio.to_thread(connect, server.port, context_of(plant()["client"]))
        with first:
            assert await asyncio.to_thread(ask, first) == ANSWER
            with pytest.raises(Ended):
                await asked(server, context_of(plant()["client"]))
            await until(lambda: bool(door.refused))
    assert (len(door.here), len(door.gone), caplog.records[-1].levelname) == (1, 1, "WARNING")
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


async def test_no_client_makes_room_for_somebody_who_has_proved_nothing() -> None:
    async with serving(limits=Limits(max_connections=1, when_full="drop_idle")) as (server, _):
        inside = await asyncio.to_thread(connect, server.port, context_of(plant()["client"]))
        with inside:
            assert await asyncio.to_thread(ask, inside) == ANSWER
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(READ)
            await reader.read(-1)
            writer.close()
            assert await asyncio.to_thread(ask, inside) == ANSWER
            assert await asked(server, context_of(plant()["client"])) == ANSWER
        assert server.statistics().dropped == 1


@both_versions
async def test_h142_what_came_whole_stands_and_the_rest_is_left_out(version: ssl.TLSVersion) -> None:
    """No close_notify: the end of the connection below may be an attacker's."""

    def cut_off(port: int) -> bytes:
        plain = socket.create_connection(("127.0.0.1", port), timeout=5)
        client = context_of(plant()["client"], version).wrap_socket(plain, server_hostname="localhost")
        with client:
            client.sendall(READ + READ[:7])
            came = received(client, len(ANSWER))
            socket.socket.shutdown(client, socket.SHUT_WR)  # FIN, and nothing of TLS
            with suppress(OSError):  # an alert of OpenSSL about the missing end
                came += client.recv(4096)
            return came

    async with serving() as (server, door):
        assert await asyncio.to_thread(cut_off, server.port) == ANSWER
        await until(lambda: bool(door.gone))
    assert server.statistics().requests == 1


@both_versions
async def test_h144_one_request_in_three_records_is_answered(version: ssl.TLSVersion) -> None:
    def in_three(port: int) -> bytes:
        with connect(port, context_of(plant()["client"], version)) as client:
            for part in (READ[:3], READ[3:8], READ[8:]):
                client.sendall(part)
            return received(client, len(ANSWER))

    async with serving() as (server, _):
        assert await asyncio.to_thread(in_three, server.port) == ANSWER


@both_versions
async def test_h144_four_requests_in_one_record_are_answered(version: ssl.TLSVersion) -> None:
    async with serving() as (server, _):
        assert await asked(server, context_of(plant()["client"], version), 4 * READ, 44) == 4 * ANSWER


@both_versions
async def test_records_of_one_byte_each_are_answered(version: ssl.TLSVersion) -> None:
    def byte_wise(port: int) -> bytes:
        with connect(port, context_of(plant()["client"], version)) as client:
            for byte in READ:
                client.sendall(bytes([byte]))
            return received(client, len(ANSWER))

    async with serving() as (server, _):
        assert await asyncio.to_thread(byte_wise, server.port) == ANSWER


@both_versions
async def test_a_thousand_requests_in_one_go_are_all_answered(version: ssl.TLSVersion) -> None:
    """More than one record, and more than is read in a turn of the loop."""
    async with serving() as (server, _):
        came = await asked(server, context_of(plant()["client"], version), 1000 * READ, 11_000)
    assert came == 1000 * ANSWER


async def test_one_client_may_end_its_side_and_is_still_answered() -> None:
    """TLS 1.3 can be half closed; what was asked is answered."""

    def half_close(port: int) -> bytes:
        context = context_of(plant()["client"], VERSIONS[1])
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            while True:
                try:
                    session.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                    incoming.write(plain.recv(8192))
            session.write(READ)
            with suppress(ssl.SSLWantReadError):
                session.unwrap()
            plain.sendall(outgoing.read())
            came = b""
            while part := plain.recv(8192):
                came += part
            return came

    async with serving() as (server, door):
        assert len(await asyncio.to_thread(half_close, server.port)) > len(ANSWER)
        await until(lambda: bool(door.gone))
    assert server.statistics().answers == 1


class Closed(Door):
    """Lets nobody in."""

    def arrived(self, peer: Peer) -> None:
        raise Disconnect


async def test_a_doorkeeper_can_close_by_what_the_certificate_says() -> None:
    async with serving(Closed()) as (server, _):
        with pytest.raises(Ended):
            await asked(server, context_of(plant()["client"]))


@pytest.mark.parametrize(
    ("url", "tls", "complaint"),
    [
        ("tls://127.0.0.1:0", lambda: None, "needs to know who you are"),
        ("tcp://127.0.0.1:0", lambda: plant()["server"].tls(), "TLS goes with tls://"),
        ("tls://127.0.0.1:0", lambda: TLS(ca=plant().ca), "a server needs certificate"),
        ("tls+fallback://127.0.0.1:0", lambda: plant()["server"].tls(), "never either"),
    ],
)
def test_a_server_that_could_not_be_what_its_url_says_is_refused(
    url: str, tls: Callable[[], TLS | None], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Server(url, Device(), tls=tls())


async def test_h140_of_a_thousand_that_come_at_once_few_begin_and_who_is_in_is_answered() -> None:
    """So many a second begin their handshake; the others wait, unseen, in the queue of the system."""
    limits = Limits(handshake_rate=20.0, backlog=64)
    async with serving(limits=limits) as (server, _):
        inside = await asyncio.to_thread(connect, server.port, context_of(plant()["client"]))
        with inside:
            crowd = [socket.socket() for _ in range(60)]
            for one in crowd:
                one.setblocking(False)
                with suppress(BlockingIOError):
                    one.connect(("127.0.0.1", server.port))
            for _ in range(20):
                assert await asyncio.to_thread(ask, inside) == ANSWER
            assert server.statistics().handshakes < 40
            for one in crowd:
                one.close()


async def test_a_hundred_clients_by_tls_are_held_and_answered() -> None:
    """The bench holds a thousand: `python3 -m bench.tls`."""
    tls = plant()["client"].tls()
    async with serving() as (server, _), AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(AsyncClient(server.url, tls=tls)) for _ in range(100)]
        answers = await asyncio.gather(*(client.read_holding_registers(0, 1) for client in clients))
        assert answers == 100 * [[7]]
        assert server.statistics().connections == 100
