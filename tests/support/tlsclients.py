"""Clients over TLS that are not ours, and a server over TLS with a doorkeeper that writes down who comes."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import pytest

from mbap import TLS, Device, Limits, Server
from mbap.errors import IllegalFunction
from mbap.server.handler import Call, Peer
from support.certificates import Holder, plant

R = TypeVar("R")
READ = bytes.fromhex("000100000006010300000001")
ANSWER = bytes.fromhex("00010000000501030200 07")
HELLO_OF_TLS_1_1 = bytes.fromhex(
    # record: handshake, TLS 1.0; ClientHello of TLS 1.1, one suite (ECDHE-RSA-AES128-SHA), no extension
    "16 0301 002d 01 000029 0302" + 32 * "11" + "00 0002 c013 01 00"
)
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
both_versions = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])


class Door:
    """A device that writes down who comes and goes, and answers those alone who have a role."""

    def __init__(self, *, by_role: bool = False) -> None:
        self.device = Device(holding_registers=[7, *range(200)])
        self.by_role = by_role
        self.here: list[Peer] = []
        self.gone: list[Peer] = []
        self.refused: list[tuple[Peer, str]] = []

    def handle(self, call: Call[R]) -> R:
        if self.by_role and call.peer.role is None:
            raise IllegalFunction
        return self.device.handle(call)

    def arrived(self, peer: Peer) -> None:
        self.here.append(peer)

    def left(self, peer: Peer) -> None:
        self.gone.append(peer)

    def turned_away(self, peer: Peer, reason: str) -> None:
        self.refused.append((peer, reason))

    def malformed(self, peer: Peer, unit: int, data: bytes, reason: str) -> None:
        pass


@asynccontextmanager
async def serving(
    door: Door | None = None, tls: TLS | None = None, limits: Limits | None = None
) -> AsyncIterator[tuple[Server, Door]]:
    door = door or Door()
    tls = tls or plant()["server"].tls(crl=plant().crl)
    async with Server("tls://127.0.0.1:0", door, tls=tls, limits=limits) as server:
        yield server, door


def context_of(holder: Holder | None, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """What a client that is not ours has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(plant().ca)
    if holder is not None:
        context.load_cert_chain(holder.chain, holder.key)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


class Ended(Exception):
    """The connection ended, with the alert that came, if any."""


def talk(port: int, context: ssl.SSLContext, data: bytes = READ, size: int = len(ANSWER)) -> bytes:
    """What a blocking client that is not ours gets for *data*."""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.sendall(data)
            return received(client, size)
    except OSError as problem:
        raise Ended(getattr(problem, "reason", None) or str(problem)) from problem


def received(client: ssl.SSLSocket | socket.socket, size: int) -> bytes:
    came = b""
    while len(came) < size:
        part = client.recv(4096)
        if not part:
            raise Ended(f"after {len(came)} bytes")
        came += part
    return came


async def asked(
    server: Server, context: ssl.SSLContext, data: bytes = READ, size: int = len(ANSWER)
) -> bytes:
    return await asyncio.to_thread(talk, server.port, context, data, size)


def connect(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=5)
    return context.wrap_socket(plain, server_hostname="localhost", session=session)


def ask(client: ssl.SSLSocket) -> bytes:
    client.sendall(READ)
    return received(client, len(ANSWER))


def one_session(port: int, context: ssl.SSLContext) -> ssl.SSLSession:
    """A session that can be gone on with: an answer was read and it was closed well."""
    with connect(port, context) as client:
        assert ask(client) == ANSWER
        session = client.session
        assert session is not None
        with suppress(OSError):
            client.unwrap()
        return session
