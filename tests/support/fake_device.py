"""A device without a socket: a link dials it, it answers in virtual time, and keeps a log.

async def scenario():
    device = FakeDevice(latency=0.1)
    link = Link("plc", dial=device.dial, clock=asyncio.get_running_loop().time)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from mbap.errors import ConnectFailed, ExceptionResponse
from mbap.protocol.framing import Framing
from mbap.protocol.pdu import Request
from mbap.protocol.server import Indication, ServerSession
from mbap.protocol.tcp import TcpFraming
from mbap.protocol.wire import Bits, Registers
from mbap.transport.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came: when, over which connection, to which unit."""

    at: float
    connection: int
    unit: int
    request: Request[object]


class FakeDevice:
    """Every unit answers reads with zeros and accepts writes, *latency* seconds later.

    Attributes:
        silent: units that never answer. refusing: units with an exception, and its code.
        unreachable: why no connection can be made; None while it can. limit: connections it accepts.
        seen: the requests. open: connections now; most_open: at once at most.
    """

    def __init__(
        self,
        *,
        latency: float = 0.01,
        connect_time: float = 0.0,
        framing: Callable[[], Framing] = TcpFraming,
    ) -> None:
        self.framing = framing
        self.latency = latency
        self.connect_time = connect_time
        self.silent: set[int] = set()
        self.refusing: dict[int, int] = {}
        self.unreachable: str | None = None
        self.limit = 1000
        self.seen: list[Seen] = []
        self.connections: list[FakeTransport] = []
        self.dials = 0
        self.open = 0
        self.most_open = 0
        self._start = asyncio.get_running_loop().time()

    @property
    def times(self) -> list[float]:
        """When the requests came, in milliseconds precision."""
        return [round(seen.at, 3) for seen in self.seen]

    @property
    def now(self) -> float:
        """Seconds since the device was made."""
        return asyncio.get_running_loop().time() - self._start

    async def dial(self, make: Callable[[], asyncio.Protocol], endpoint: Endpoint, timeout: float) -> None:
        """What a link calls in the place of `mbap.transport.tcp.dial`."""
        self.dials += 1
        await asyncio.sleep(self.connect_time)
        if self.unreachable is not None or self.open >= self.limit:
            raise ConnectFailed(self.unreachable or "the connection was refused")
        protocol = make()
        transport = FakeTransport(self, protocol, len(self.connections) + 1)
        self.connections.append(transport)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        protocol.connection_made(transport)

    def answer(self, indication: Indication[object]) -> object | None:
        """The result or exception for a request; None is silence."""
        if indication.unit in self.silent:
            return None
        if indication.unit in self.refusing:
            return ExceptionResponse(self.refusing[indication.unit])
        return _zeros(indication.request)


def _zeros(request: Any) -> object:
    if request.writes:
        return ()
    if request.table.holds_bits:
        return Bits.of([False] * request.count)
    return Registers(bytes(2 * request.count))


class FakeTransport(asyncio.Transport):
    """The device's end of one connection."""

    def __init__(self, device: FakeDevice, protocol: asyncio.Protocol, number: int) -> None:
        super().__init__()
        self._device = device
        self._protocol = protocol
        self._number = number
        self._session = ServerSession(device.framing())
        self._closed = False

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Take requests in, and answer them after the latency."""
        for indication in self._session.receive_data(bytes(data)):
            request = cast("Request[object]", indication.request)
            self._device.seen.append(Seen(self._device.now, self._number, indication.unit, request))
            answer = self._device.answer(indication)
            if answer is not None:
                self._later(self._session.pack_response(indication, answer))

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        self.lose(None)

    def abort(self) -> None:
        self.lose(None)

    def lose(self, problem: Exception | None) -> None:
        """The connection ends."""
        if not self._closed:
            self._closed = True
            self._device.open -= 1
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, problem)

    def _later(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(self._device.latency, self._deliver, data)

    def _deliver(self, data: bytes) -> None:
        if not self._closed:
            self._protocol.data_received(data)
