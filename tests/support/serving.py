"""What tests of servers share: a server with one client, and handlers that do as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from mbap.server.device import Device
from mbap.server.faults import Faults
from mbap.server.handler import Call, Handler
from mbap.server.limits import Limits
from mbap.server.server import Server
from support.wire_client import WireClient, connected

R = TypeVar("R")

READ_0 = "0001 0000 0006 01 03 0000 0001"
ANSWER_0 = "00 01 00 00 00 05 01 03 02 00 07"


@asynccontextmanager
async def serving(
    handler: Handler | None = None,
    limits: Limits | None = None,
    faults: Faults | None = None,
    url: str = "tcp://127.0.0.1:0",
) -> AsyncIterator[tuple[Server, WireClient]]:
    """A server on a free port, and one client of it."""
    handler = handler or Device(holding_registers=[7, 8, 9])
    async with (
        Server(url, handler, limits=limits, faults=faults) as server,
        connected(server.url) as client,
    ):
        yield server, client


class Raising:
    """A handler that raises the same thing every time."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def handle(self, call: Call[R]) -> R:
        raise self.error


class Later:
    """A handler whose answers come when the test lets them: `release[unit]`."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.release: dict[int, asyncio.Event] = {}
        self.begun: list[int] = []

    def handle(self, call: Call[R]) -> R | Awaitable[R]:
        if call.unit not in self.release:
            return self.device.handle(call)
        return self._later(call)

    async def _later(self, call: Call[R]) -> R:
        self.begun.append(call.unit)
        await self.release[call.unit].wait()
        return self.device.handle(call)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for *condition*; fail after some seconds."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)
