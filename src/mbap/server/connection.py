"""One client's connection: bytes in, requests to the handler, answers out in the right order."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from collections import deque
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, cast

from mbap.errors import Disconnect, ExceptionResponse, NoAnswer, ServerDeviceFailure
from mbap.protocol.server import Indication, ServerSession
from mbap.server.faults import Fault, Faults
from mbap.server.handler import Call, Handler, Peer
from mbap.server.limits import Limits, ServerStatistics
from mbap.transport.tcp import set_options

log = logging.getLogger("mbap.server")

_LINGER_NOT = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Service(Protocol):
    """What connections need of their server."""

    handler: Handler
    limits: Limits
    faults: Faults | None
    counted: ServerStatistics

    @property
    def url(self) -> str:
        """Where it listens."""
        ...

    def admit(self, connection: Connection) -> bool:
        """Whether there is room for *connection*."""
        ...

    def forget(self, connection: Connection) -> None:
        """*connection* has ended."""
        ...

    def handler_failed(self, error: BaseException, indication: Indication[Any]) -> None:
        """The handler raised what no handler may."""
        ...


@dataclass(slots=True, eq=False)
class _Slot:
    """A request's place among those of its unit; its outcome may come later."""

    indication: Indication[Any]
    outcome: object = None
    done: bool = False


class Connection(asyncio.BufferedProtocol):
    """Answers one client.

    What can be answered at once is, all of one segment in one write. An awaitable gets a task; requests for
    its unit that come behind it are answered after it, those for other units as they are ready. Reading
    pauses while too many requests are open or the client leaves answers unread. A client that ends its side
    has left: what it still waited for is cancelled.

    It is a `BufferedProtocol` because the buffer's size bounds what is handled in one turn of the loop.

    Attributes:
        last_request: when the last complete request came, by the loop's clock.
        unread_since: since when the client leaves answers unread; None while it reads them.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._session = ServerSession()
        self._buffer = bytearray(service.limits.read_size)
        self._backlog: deque[Indication[Any]] = deque()
        self._slots: dict[int, deque[_Slot]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._out: list[bytes] = []
        self._open = 0
        self._reading_paused = self._closing = False
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self.peer = Peer(listener=service.url)
        self.last_request = self._loop.time()
        self.unread_since: float | None = None

    @property
    def quiet(self) -> bool:
        """True when no request of it is open."""
        return not self._open and not self._backlog

    # --- what the transport calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's is one without being of the class
        self._transport = transport
        name = transport.get_extra_info("peername") or ("", 0)
        self.peer = Peer(str(name[0]), int(name[1]), self._service.url)
        if not self._service.admit(self):
            self._closing = True
            transport.abort()
            return
        transport.set_write_buffer_limits(high=self._service.limits.write_buffer)
        connection = transport.get_extra_info("socket")
        if connection is not None:
            set_options(connection)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._closing:
            return
        indications = self._session.receive_data(bytes(memoryview(self._buffer)[:nbytes]))
        if indications:
            self.last_request = self._loop.time()
            self._service.counted.requests += len(indications)
            self._backlog.extend(indications)
            self._work()
        if self._session.failure is not None:
            self._service.counted.closed_unreadable += 1
            log.info("%s:%s is closed: %s", self.peer.address, self.peer.port, self._session.failure)
            self.close()

    def pause_writing(self) -> None:
        self.unread_since = self._loop.time()
        self._regulate()

    def resume_writing(self) -> None:
        self.unread_since = None
        self._work()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self._service.counted.unanswered += self._open + len(self._backlog)
        self._backlog.clear()
        for task in self._tasks:
            task.cancel()
        self._service.forget(self)

    # --- what the server calls ---

    def close(self, *, reset: bool = False) -> None:
        """End the connection once what was answered is sent; with *reset* at once, by RST."""
        self._closing = True
        self._flush()
        if not reset:
            self._transport.close()
            return
        connection = self._transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._transport.abort()

    def abort(self) -> None:
        """End the connection at once; what is not sent is lost."""
        self._closing = True
        self._transport.abort()

    @property
    def tasks(self) -> set[asyncio.Task[Any]]:
        """The tasks that handlers asked for and that have not ended."""
        return self._tasks

    # --- from a request to its answer ---

    def _work(self) -> None:
        """Take requests from the backlog as far as the limits go, then send what is ready."""
        most = self._service.limits.open_requests
        while self._backlog and self._open < most and self.unread_since is None and not self._closing:
            self._begin(self._backlog.popleft())
        self._flush()
        self._regulate()

    def _begin(self, indication: Indication[Any]) -> None:
        faults = self._service.faults
        fault = faults.judge(indication.unit) if faults is not None else None
        outcome = self._handle(indication) if fault is None or fault.kind == "late" else _instead(fault)
        delay = 0.0 if fault is None else fault.delay
        if delay or hasattr(outcome, "__await__"):
            self._wait_for(self._take_slot(indication), outcome, delay)
        elif indication.unit in self._slots:
            slot = self._take_slot(indication)
            slot.outcome, slot.done = outcome, True
        else:
            self._answer(indication, outcome)

    def _handle(self, indication: Indication[Any]) -> object:
        """The result, an awaitable of it, or the exception that says what to do instead."""
        request = indication.request
        if isinstance(request, ExceptionResponse):
            return request
        try:
            return self._service.handler.handle(Call(request, indication.unit, self.peer))
        except Exception as error:  # noqa: BLE001 - where a handler ends: nothing it does may stop the server
            return self._judged(error, indication)

    def _judged(self, error: BaseException, indication: Indication[Any]) -> BaseException:
        if isinstance(error, (ExceptionResponse, NoAnswer, Disconnect)):
            return error
        self._service.handler_failed(error, indication)
        return ServerDeviceFailure()

    def _take_slot(self, indication: Indication[Any]) -> _Slot:
        slot = _Slot(indication)
        self._open += 1
        self._slots.setdefault(indication.unit, deque()).append(slot)
        return slot

    def _wait_for(self, slot: _Slot, outcome: object, delay: float) -> None:
        """Settle *slot* when *outcome* is there, and *delay* seconds later still."""
        if not isinstance(outcome, Awaitable):
            self._loop.call_later(delay, self._settle, slot, outcome)
            return
        task = self._loop.create_task(outcome if isinstance(outcome, Coroutine) else _awaited(outcome))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._task_ended(slot, done, delay))

    def _task_ended(self, slot: _Slot, task: asyncio.Task[Any], delay: float) -> None:
        self._tasks.discard(task)
        outcome = self._result(slot.indication, task)
        if delay:
            self._loop.call_later(delay, self._settle, slot, outcome)
        else:
            self._settle(slot, outcome)

    def _settle(self, slot: _Slot, outcome: object) -> None:
        if self._closing:
            return
        slot.outcome, slot.done = outcome, True
        self._drain(slot.indication.unit)
        self._work()

    def _result(self, indication: Indication[Any], task: asyncio.Task[Any]) -> object:
        if task.cancelled():
            return ServerDeviceFailure()
        error = task.exception()
        if error is None:
            return task.result()
        return self._judged(error, indication)

    def _drain(self, unit: int) -> None:
        """Answer what is ready of *unit*, in the order of its requests."""
        slots = self._slots[unit]
        while slots and slots[0].done and not self._closing:
            slot = slots.popleft()
            self._open -= 1
            self._answer(slot.indication, slot.outcome)
        if not slots:
            del self._slots[unit]

    def _answer(self, indication: Indication[Any], outcome: object) -> None:
        counted = self._service.counted
        if isinstance(outcome, Disconnect):
            counted.unanswered += 1
            self.close(reset=outcome.reset)
        elif isinstance(outcome, NoAnswer):
            counted.unanswered += 1
        elif isinstance(outcome, ExceptionResponse):
            counted.exceptions += 1
            self._out.append(self._session.pack_response(indication, outcome))
        else:
            self._answer_result(indication, outcome)

    def _answer_result(self, indication: Indication[Any], result: object) -> None:
        try:
            self._out.append(self._session.pack_response(indication, result))
        except Exception as error:  # noqa: BLE001 - a handler may give anything, which must not stop the server
            self._answer(indication, self._judged(error, indication))
        else:
            self._service.counted.answers += 1

    def _flush(self) -> None:
        if self._out and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _regulate(self) -> None:
        """Read on only when the requests that are here have been begun and the client reads its answers."""
        pause = self.unread_since is not None or bool(self._backlog)
        if pause == self._reading_paused or self._closing:
            return
        self._reading_paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()


def _instead(fault: Fault) -> Exception:
    if fault.kind == "exception":
        return ExceptionResponse(fault.code)
    if fault.kind == "silent":
        return NoAnswer()
    return Disconnect(reset=fault.kind == "reset")


async def _awaited(awaitable: Awaitable[Any]) -> object:
    return await awaitable
