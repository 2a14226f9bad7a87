"""A proxy in front of a device that hands every byte on as it is, and writes down what was said."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, TextIO

from mbap.errors import ConnectionLost, Target
from mbap.protocol.adu import Adu
from mbap.protocol.tcp import TcpFraming
from mbap.server.trace import MOST_EXCHANGES, Exchange, Trace
from mbap.transport.endpoint import Endpoint
from mbap.transport.tcp import open_connection, set_options

log = logging.getLogger("mbap.server")

_READ_SIZE = 4096
_CONNECT_TIMEOUT = 5.0


@dataclass(slots=True)
class RecorderStatistics:
    """What a recorder has counted.

    Attributes:
        connections: taken so far.
        refused: turned away, because there were too many or the device could not be reached.
        recorded: exchanges written, unanswered ones too.
        unanswered: of these, those without an answer.
        unasked: answers to nothing that was asked.
        unreadable: directions of connections that stopped being Modbus TCP; they were handed on all the same.
        surplus: exchanges not written, because the trace was full or could not be written.
    """

    connections: int = 0
    refused: int = 0
    recorded: int = 0
    unanswered: int = 0
    unasked: int = 0
    unreadable: int = 0
    surplus: int = 0


class _Asked(NamedTuple):
    at: float
    unit: int
    pdu: bytes


class Recorder:
    """Listens, connects to *device* for every client, and writes a trace to *file*.

    What it cannot read is handed on too: a device is to behave as without it.

    Args:
        began: the time of the start, as the first line of the trace says it.
        anonymise: write `device` and `client-1` in place of addresses.
        most: so many exchanges are written; further ones are counted only.
        max_connections: so many clients at once; more are refused.

    Attributes:
        port: where it listens.
        failure: why the trace could not be written to its end; None while it can.
    """

    def __init__(
        self,
        device: Endpoint,
        file: TextIO,
        began: str,
        *,
        anonymise: bool = False,
        most: int = MOST_EXCHANGES,
        max_connections: int = 64,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counted = RecorderStatistics()
        self.failure: OSError | None = None
        self._device = device
        self._file = file
        self._most = most
        self._max_connections = max_connections
        self._clock = clock
        self._began = clock()
        self._peers: dict[str, str] | None = {} if anonymise else None
        self._open: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self.port = 0
        name = "tcp://device" if anonymise else device.url
        self._file.write(Trace(name, began, ()).header() + "\n")

    async def start(self, listen: Endpoint) -> None:
        """Listen at *listen*.

        Raises:
            OSError: it cannot.
        """
        self._listener = await asyncio.start_server(self._accepted, listen.host or None, listen.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        """Close everything; what waits for an answer is written as unanswered."""
        if self._listener is not None:
            self._listener.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def __aenter__(self) -> Recorder:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= self._max_connections:
            self.counted.refused += 1
            writer.transport.abort()
            return
        self._open.add(task)
        try:
            await self._serve(reader, writer)
        except ConnectionLost as error:
            self.counted.refused += 1
            log.warning("%s", error.at(Target(endpoint=self._device.url)))
        except OSError as error:
            log.info("a connection ended: %s", error)
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        set_options(writer.get_extra_info("socket"))
        connection = await open_connection(self._device, _CONNECT_TIMEOUT)
        device_reader, device_writer = await asyncio.open_connection(sock=connection)
        self.counted.connections += 1
        peer = self._name_of(str(writer.get_extra_info("peername")[0]))
        heard = _Heard(self, self.counted.connections, peer)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, device_writer, heard.request))
                both.create_task(_pump(device_reader, writer, heard.answer))
        except* OSError:
            pass  # one side has reset the connection: so does the other one then
        finally:
            heard.end()
            device_writer.transport.abort()

    def _name_of(self, address: str) -> str:
        if self._peers is None:
            return address
        return self._peers.setdefault(address, f"client-{len(self._peers) + 1}")

    def now(self) -> float:
        """Seconds since the recording began."""
        return self._clock() - self._began

    def write(self, exchange: Exchange) -> None:
        """Write one exchange down, where there is still room for it."""
        if self.counted.recorded >= self._most or self.failure is not None:
            self.counted.surplus += 1
            return
        try:
            self._file.write(exchange.as_json() + "\n")
        except OSError as error:
            self.failure = error
            self.counted.surplus += 1
            log.error("the trace ends here, what follows is handed on and not recorded: %s", error)
            return
        self.counted.recorded += 1
        self.counted.unanswered += exchange.answer is None


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hear: Callable[[bytes], None]
) -> None:
    """Hand on what comes until the sender sends no more, and say so then."""
    while data := await reader.read(_READ_SIZE):
        hear(data)
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


class _Heard:
    """What is said on one connection: pairs answers with requests by their transactions."""

    MOST_OPEN = 256
    """So many requests may wait for an answer; with one more the oldest is written as unanswered."""

    def __init__(self, recorder: Recorder, client: int, peer: str) -> None:
        self._recorder = recorder
        self._client = client
        self._peer = peer
        self._there, self._back = TcpFraming(), TcpFraming()
        self._asked: OrderedDict[int, _Asked] = OrderedDict()

    def request(self, data: bytes) -> None:
        """*data* went to the device."""
        for adu in self._read(self._there, data):
            number = adu.transaction or 0
            if number in self._asked or len(self._asked) >= self.MOST_OPEN:
                older = number if number in self._asked else next(iter(self._asked))
                self._write(self._asked.pop(older), None)
            self._asked[number] = _Asked(self._recorder.now(), adu.unit, adu.pdu)

    def answer(self, data: bytes) -> None:
        """*data* came from the device."""
        for adu in self._read(self._back, data):
            asked = self._asked.pop(adu.transaction or 0, None)
            if asked is None:
                self._recorder.counted.unasked += 1
            else:
                self._write(asked, adu.pdu)

    def end(self) -> None:
        """The connection is over: what has no answer gets none."""
        for asked in self._asked.values():
            self._write(asked, None)
        self._asked.clear()

    def _read(self, framing: TcpFraming, data: bytes) -> list[Adu]:
        readable = framing.failure is None
        adus = framing.unpack(data)
        self._recorder.counted.unreadable += readable and framing.failure is not None
        return adus

    def _write(self, asked: _Asked, answer: bytes | None) -> None:
        after = 0.0 if answer is None else self._recorder.now() - asked.at
        self._recorder.write(
            Exchange(asked.at, self._client, asked.unit, asked.pdu, answer, after, self._peer)
        )
