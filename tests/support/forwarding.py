"""Plain requests as they are sent, and a gateway to a TCP host that passes them on."""

from __future__ import annotations

import asyncio
from typing import Any

from mbap import Link, Server
from mbap.client.breaker import Breaker
from mbap.protocol.tcp import TcpFraming
from mbap.server.connection import Connection
from mbap.server.gateway import Gateway
from mbap.server.limits import Limits
from mbap.server.proxy import Patient
from mbap.server.routes import Route
from support.fake_transport import FakeTransport
from support.troubled import TIMEOUT, Devices


def adu(number: int, unit: int, pdu: str) -> str:
    """A request or answer as it is sent."""
    body = bytes.fromhex(pdu)
    return f"{number:04x}0000{len(body) + 1:04x}{unit:02x}{body.hex()}"


def read(number: int, unit: int = 1, address: int = 0, count: int = 1) -> str:
    return adu(number, unit, f"03 {address:04x} {count:04x}")


def told(number: int, unit: int = 1, address: int = 0) -> str:
    """The answer to that, with a count of 1."""
    return adu(number, unit, f"03 02 {256 * unit + address:04x}")


class Place:
    """A gateway to a TCP host, its devices, and clients that are connected at once."""

    def __init__(self, *, patient: bool = False, route: dict[str, Any] | None = None, **link: Any) -> None:
        loop = asyncio.get_running_loop()
        self.devices = Devices(TcpFraming)
        options: dict[str, Any] = {"timeout": TIMEOUT, "breaker": Breaker(2, 1.0, 4.0), "backoff": None}
        self.link = Link("tcp://b", dial=self.devices.dial, clock=loop.time, **options | link)
        line = Patient(self.link, deadline=5.0, clock=loop.time) if patient else self.link
        self.gateway = Gateway([Route.same(line, range(1, 9), name="b", **route or {})], clock=loop.time)
        self.server = Server("tcp://127.0.0.1:0", self.gateway, limits=Limits(open_requests=8))

    async def connected(self) -> Place:
        """The same, when the device is connected."""
        await self.link.connect()
        return self

    def client(self, port: int = 5000) -> FakeTransport:
        """A client."""
        return FakeTransport(Connection(self.server), ("192.0.2.7", port))


def taken(client: FakeTransport) -> str:
    """What the client was sent since the last call."""
    data, client.written = client.written, b""
    return data.hex()
