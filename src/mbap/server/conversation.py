"""What becomes of one client's requests: to the handler, and answers out in the right order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from mbap.errors import Disconnect, ExceptionResponse, NoAnswer, ServerDeviceBusy, ServerDeviceFailure
from mbap.protocol.server import Indication, ServerSession
from mbap.protocol.tcp import HEADER
from mbap.server.diagnostics import Bus
from mbap.server.handler import Call, Doorkeeper, Handler, Peer, Refusing
from mbap.server.limits import Limits, ServerStatistics

if TYPE_CHECKING:
    from mbap.server.faults import Fault
    from mbap.server.faultstage import FaultStage, FaultyDevice


class Service(Protocol):
    """What conversations need of their server."""

    handler: Handler
    doorkeeper: Doorkeeper | None
    limits: Limits
    faulty: FaultyDevice | None
    counted: ServerStatistics
    bus: Bus

    def handler_failed(self, error: BaseException, indication: Indication[Any]) -> None:
        """The handler raised what no handler may."""
        ...


class Outlet(Protocol):
    """Where a conversation sends its answers."""

    @property
    def blocked(self) -> bool:
        """Whether too much is waiting to be sent already."""
        ...

    def transmit(self, data: bytes) -> None:
        """Send *data*, or keep it until it can be sent; when the connection is ending, neither."""
        ...

    def close(self, *, reset: bool = False) -> None:
        """End the connection once what was answered is sent; with *reset* at once."""
        ...

    def settled(self) -> None:
        """What could be done was done and sent; there may be more to wait for."""
        ...


class Slot:
    """A request's place among those of its unit; its outcome may come later.

    Attributes:
        outcome: what became of it, once it is *ready*.
        forgotten: the client does not wait for it any more.
    """

    __slots__ = ("forgotten", "indication", "outcome", "ready")

    def __init__(self, indication: Indication[Any]) -> None:
        self.indication = indication
        self.outcome: object = None
        self.ready = self.forgotten = False

    def withdraw(self) -> None:
        """The client has left; what has a task is cancelled with that."""


class Conversation:
    """Answers one client's requests.

    What can be answered at once is, all of one segment in one write. An awaitable gets a task; requests for
    its unit that come behind it are answered after it, those for other units as they are ready. Where
    requests carry no transaction, one is answered before the next is begun.

    Attributes:
        peer: who the client is. origin: the same as one word: each connection of a client is one.
        ended: nothing is begun or answered any more.
    """

    __slots__ = (
        "_backlog",
        "_loop",
        "_most",
        "_open",
        "_out",
        "_outlet",
        "_service",
        "_session",
        "_slots",
        "_stage",
        "_surplus_is_busy",
        "_tasks",
        "_unsent",
        "ended",
        "origin",
        "peer",
    )

    def __init__(self, service: Service, session: ServerSession, outlet: Outlet, peer: Peer) -> None:
        self.peer = peer
        self.origin = f"{peer.address}:{peer.port}"
        self.ended = False
        self._tasks: set[asyncio.Task[Any]] | None = None
        self._service, self._session, self._outlet = service, session, outlet
        self._backlog: list[Indication[Any]] = []  # the newest first
        self._slots: dict[int, deque[Slot]] = {}
        self._out: list[bytes] = []
        self._unsent = self._open = 0
        self._stage: FaultStage | None = None
        self._most = service.limits.open_requests if session.numbered else 1
        self._surplus_is_busy = session.numbered and service.limits.surplus == "busy"
        self._loop = asyncio.get_running_loop()

    def begin(self) -> bool:
        """Whether there is to be a conversation at all: a device that misbehaves may refuse it."""
        faulty = self._service.faulty
        if faulty is not None:
            later, numbered = self._loop.call_later, self._session.numbered
            self._stage = faulty.connect(self._outlet, later, numbered=numbered)
        return faulty is None or self._stage is not None

    @property
    def tasks(self) -> Collection[asyncio.Task[Any]]:
        """Those that handlers asked for and that have not ended."""
        return self._tasks or ()

    @property
    def waiting(self) -> bool:
        """Whether requests are here that have not been begun."""
        return bool(self._backlog)

    @property
    def quiet(self) -> bool:
        """Whether no request is open."""
        return not self._open and not self._backlog

    def take(self, indications: list[Indication[Any]]) -> None:
        """Requests came."""
        self._service.counted.requests += len(indications)
        self._backlog = indications[::-1] + self._backlog
        self.work()

    def work(self) -> None:
        """Begin requests as far as the limits go, then send what is ready."""
        limits = self._service.limits
        while self._backlog and not self.ended and not self._outlet.blocked:
            if self._open < self._most:
                self._begin(self._backlog.pop())
            elif self._surplus_is_busy:
                self._turn_away(self._backlog.pop())
            else:
                break
            if self._unsent >= limits.write_buffer:
                self.flush()
        self.flush()
        self._outlet.settled()

    @property
    def behind(self) -> int:
        """How many requests are here that have not been begun."""
        return len(self._backlog)

    def forget_open(self) -> None:
        """The client does not wait any more for what it has asked: that is not answered, nor begun now."""
        for slot in (slot for slots in self._slots.values() for slot in slots):
            slot.forgotten = True
        broadcasts = [one for one in self._backlog if self._session.is_broadcast(one)]
        self._service.counted.unanswered += len(self._backlog) - len(broadcasts)
        self._backlog = broadcasts

    def flush(self) -> None:
        """Send what is ready."""
        if not self._out:
            return
        frames, self._out, self._unsent = self._out, [], 0
        if self._stage is not None:
            self._stage.send(frames)
        else:
            self._outlet.transmit(b"".join(frames))

    def end(self) -> None:
        """The client is gone: nobody waits for what is open."""
        self.ended = True
        self._service.counted.unanswered += self._open + len(self._backlog)
        self._backlog.clear()
        self._open = 0
        for task in self.tasks:
            task.cancel()
        for slot in [slot for slots in self._slots.values() for slot in slots]:
            slot.withdraw()
        if self._stage is not None:
            self._stage.ended()

    # --- from a request to its answer ---

    def _begin(self, indication: Indication[Any]) -> None:
        service = self._service
        service.bus.messages += 1
        if self._session.is_broadcast(indication):
            self._to_all(indication)
            return
        fault = self._stage.judge(indication.unit) if self._stage is not None else None
        outcome = self._handle(indication) if fault is None or fault.kind == "late" else _instead(fault)
        delay = 0.0 if fault is None else fault.delay
        if delay or hasattr(outcome, "__await__"):
            self.wait_for(self._take_slot(indication), outcome, delay)
        elif self._slots and self._queue_of(indication) in self._slots:
            slot = self._take_slot(indication)
            slot.outcome, slot.ready = outcome, True
        else:
            self._answer(indication, outcome)

    def _turn_away(self, indication: Indication[Any]) -> None:
        self._service.bus.messages += 1
        self._service.counted.busy += 1
        self._answer(indication, ServerDeviceBusy())

    def _to_all(self, indication: Indication[Any]) -> None:
        """Writes are carried out everywhere; nothing is answered, whatever they give."""
        request = indication.request
        self._service.counted.broadcasts += 1
        if isinstance(request, ExceptionResponse) or not request.writes:
            return
        outcome = self._handle(indication, broadcast=True)
        if hasattr(outcome, "__await__"):
            self.wait_for(self._take_slot(indication), outcome, 0.0)

    def _handle(self, indication: Indication[Any], *, broadcast: bool = False) -> object:
        """The result, an awaitable of it, or the exception that says what to do instead."""
        request = indication.request
        handler = self._service.handler
        try:
            if not isinstance(request, ExceptionResponse):
                return handler.handle(Call(request, indication.unit, self.peer, broadcast))
            self._note_malformed(indication, request)
            return handler.refuse(indication.unit, request) if isinstance(handler, Refusing) else request
        except Exception as error:  # noqa: BLE001 - where a handler ends: nothing it does may stop the server
            return self._judged(error, indication)

    def _note_malformed(self, indication: Indication[Any], refusal: ExceptionResponse) -> None:
        doorkeeper = self._service.doorkeeper
        if doorkeeper is not None:
            doorkeeper.malformed(self.peer, indication.unit, indication.pdu, str(refusal))

    def _judged(self, error: BaseException, indication: Indication[Any]) -> BaseException:
        if isinstance(error, (ExceptionResponse, NoAnswer, Disconnect)):
            return error
        self._service.handler_failed(error, indication)
        return ServerDeviceFailure()

    # --- requests that are forwarded as they are ---

    def begun(self, slot: Slot, unit: int) -> bool:
        """A request for *unit* goes past the handler; False: it has to wait, or is turned away."""
        if self._open >= self._most or self._backlog or self.ended or self._outlet.blocked:
            return False
        service = self._service
        service.counted.requests += 1
        service.bus.messages += 1
        self._open += 1
        self._slots.setdefault(unit, deque()).append(slot)
        return True

    def forwarded(self, slot: Slot, unit: int, transaction: int, pdu: bytes) -> Callable[[], None] | None:
        """*slot* was answered with *pdu*; gives what sends it."""
        if self.ended or len(self._slots[unit]) > 1:
            return self.settled(slot, pdu)
        slot.ready = True
        del self._slots[unit]
        self._open -= 1
        self._out.append(HEADER.pack(transaction, 0, len(pdu) + 1, unit) + pdu)
        self._unsent += len(pdu)
        self._service.counted.answers += 1
        return self._send_on

    def _send_on(self) -> None:
        """Send what is ready, and begin what waits for that."""
        if self._backlog or self._stage is not None:
            self.work()
        elif self._out:
            packed, self._out, self._unsent = self._out, [], 0
            self._outlet.transmit(packed[0] if len(packed) == 1 else b"".join(packed))
            if not self._open:
                self._outlet.settled()

    def settled(self, slot: Slot, outcome: object) -> Callable[[], None] | None:
        """*slot* has its *outcome*; gives what sends what is ready, if anything."""
        slot.outcome, slot.ready = outcome, True
        if self.ended:
            return None
        self._drain(self._queue_of(slot.indication))
        return self.work

    # --- answers that come later ---

    def _queue_of(self, indication: Indication[Any]) -> int:
        """Within which requests this one is answered in order."""
        return indication.unit if self._session.numbered else 0

    def _take_slot(self, indication: Indication[Any]) -> Slot:
        slot = Slot(indication)
        self._open += 1
        self._slots.setdefault(self._queue_of(indication), deque()).append(slot)
        return slot

    def wait_for(self, slot: Slot, outcome: object, delay: float = 0.0) -> None:
        """Settle *slot* when *outcome* is there, and *delay* seconds later still."""
        if not isinstance(outcome, Awaitable):
            self._loop.call_later(delay, self._settle, slot, outcome)
            return
        task = self._loop.create_task(outcome if isinstance(outcome, Coroutine) else _awaited(outcome))
        self._tasks = self._tasks or set()
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._task_ended(slot, done, delay))

    def _task_ended(self, slot: Slot, task: asyncio.Task[Any], delay: float) -> None:
        if self._tasks is not None:
            self._tasks.discard(task)
        outcome = self._result(slot.indication, task)
        if delay:
            self._loop.call_later(delay, self._settle, slot, outcome)
        else:
            self._settle(slot, outcome)

    def _result(self, indication: Indication[Any], task: asyncio.Task[Any]) -> object:
        if task.cancelled():
            return ServerDeviceFailure()
        error = task.exception()
        if error is None:
            return task.result()
        return self._judged(error, indication)

    def _settle(self, slot: Slot, outcome: object) -> None:
        work = self.settled(slot, outcome)
        if work is not None:
            work()

    def _drain(self, queue: int) -> None:
        """Answer what is ready, in the order of the requests."""
        slots = self._slots[queue]
        while slots and slots[0].ready and not self.ended:
            slot = slots.popleft()
            self._open -= 1
            if slot.forgotten and not self._session.is_broadcast(slot.indication):
                self._service.counted.unanswered += 1
            else:
                self._answer(slot.indication, slot.outcome)
        if not slots:
            del self._slots[queue]

    # --- answers ---

    def _answer(self, indication: Indication[Any], outcome: object) -> None:
        counted = self._service.counted
        if self._session.is_broadcast(indication):
            return
        if isinstance(outcome, Disconnect):
            counted.unanswered += 1
            self._outlet.close(reset=outcome.reset)
        elif isinstance(outcome, NoAnswer):
            counted.unanswered += 1
        elif isinstance(outcome, ExceptionResponse):
            counted.exceptions += 1
            self._put(self._session.pack_response(indication, outcome))
        else:
            self._answer_result(indication, outcome)

    def _answer_result(self, indication: Indication[Any], result: object) -> None:
        try:
            packed = self._session.pack_response(indication, result)
        except Exception as error:  # noqa: BLE001 - a handler may give anything, which must not stop the server
            self._answer(indication, self._judged(error, indication))
        else:
            self._put(packed)
            self._service.counted.answers += 1

    def _put(self, packed: bytes) -> None:
        self._out.append(packed)
        self._unsent += len(packed)


def _instead(fault: Fault) -> Exception:
    if fault.kind in ("exception", "busy"):
        return ExceptionResponse(fault.code)
    if fault.kind in ("silent", "reboot"):
        return NoAnswer()
    return Disconnect(reset=fault.kind == "reset")


async def _awaited(awaitable: Awaitable[Any]) -> object:
    return await awaitable
