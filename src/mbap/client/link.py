"""A link: one endpoint, shared by whoever asks its devices anything."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Self, TypeVar, Unpack, cast

from mbap.client.circuits import Circuits
from mbap.client.connection import Connection
from mbap.client.job import Job, copy_of
from mbap.client.options import LinkCounts, LinkKeywords, LinkOptions, LinkStatistics
from mbap.client.queue import Ticket, TicketQueue
from mbap.client.slots import NO_LIMIT, Dial, Places, Slots
from mbap.errors import (
    ConnectionLost,
    ExceptionResponse,
    ModbusError,
    NotAsked,
    ProtocolError,
    ResponseTimeout,
    Target,
)
from mbap.protocol.client import AnyTransaction
from mbap.protocol.execute import Priority
from mbap.protocol.pdu import Request
from mbap.transport import tcp
from mbap.transport.endpoint import Endpoint, parse_endpoint

R = TypeVar("R")


class Link:
    """One endpoint as an `Executor`: poller, gateway and writes share its connections.

    Requests wait in a bounded queue, writes first; at most `slots` connections are made, when they are
    needed. Silent units and an endpoint that cannot be reached are left alone for a while: requests then end
    at once with `NotAsked`. `LinkOptions` says what the keyword arguments mean. A link belongs to the event
    loop that it is first used in.

    Raises:
        ValueError: an argument is wrong.
    """

    __slots__ = (
        "_circuits",
        "_clock",
        "_closed",
        "_counts",
        "_places",
        "_queue",
        "_slots",
        "_timer",
        "_timer_at",
        "endpoint",
        "options",
    )

    def __init__(
        self,
        url: str | Endpoint,
        *,
        clock: Callable[[], float] = time.monotonic,
        dial: Dial = tcp.dial,
        places: Places = NO_LIMIT,
        **options: Unpack[LinkKeywords],
    ) -> None:
        self.endpoint = parse_endpoint(url) if isinstance(url, str) else url
        self.options = LinkOptions(**options)
        self._clock = clock
        self._places = places
        self._closed = False
        self._queue = TicketQueue(self.options.queue)
        self._counts = LinkCounts()
        self._circuits = Circuits(self.options.breaker)
        self._slots = Slots(
            self,
            self.endpoint,
            self.options,
            self._circuits,
            self._counts,
            clock=clock,
            dial=dial,
            places=places,
        )
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf

    async def execute(
        self,
        request: Request[R],
        unit: int,
        *,
        deadline: float | None = None,
        priority: Priority | None = None,
        origin: str = "",
    ) -> R:
        """Carry out *request* at *unit* and give its result.

        *deadline* is in seconds from now and bounds the whole call: queue, connect, pauses, attempts.
        *priority*, where it is not given, is WRITE for what writes and READ for the rest. Within one
        priority every *origin* gets its turn.

        Cancelling takes out of the queue what waits; a write that was sent is finished, its answer dropped.

        Raises:
            ModbusError: one of its kinds; `NotAsked` where nothing was sent.
            ValueError: *unit* is not 0 to 255.
        """
        job = self.job(request, unit, deadline=deadline)
        if priority is None:
            priority = Priority.WRITE if request.writes else Priority.READ
        outcome = await self.outcome(self.submit(job, priority, origin))
        if isinstance(outcome, ModbusError):
            raise outcome
        return cast("R", outcome)

    def job(
        self,
        request: Request[R],
        unit: int,
        *,
        deadline: float | None = None,
        timeout: float | None = None,
        unit_assumed: bool = False,
    ) -> Job[R]:
        """*request* with the times of this link, to `submit`."""
        return Job(
            request,
            unit,
            timeout=self.options.timeout if timeout is None else timeout,
            now=self._clock(),
            deadline=deadline,
            retries=self.options.retries,
            unit_assumed=unit_assumed,
        )

    def submit(self, job: Job[Any], priority: Priority = Priority.READ, origin: str = "") -> Ticket:
        """Put *job* into the queue; `outcome` waits for what comes of it."""
        ticket = Ticket(job, origin, asyncio.get_running_loop().create_future())
        refusal = self._refusal(job, self._clock())
        if refusal is None and not self._queue.push(ticket, priority):
            refusal = NotAsked(f"{self._queue.limit} requests wait for this connection already")
        if refusal is not None:
            self._counts.not_asked += isinstance(refusal, NotAsked)
            ticket.fail(refusal, self.endpoint.url, sent=False)
        else:
            self._pump()
        return ticket

    async def outcome(self, ticket: Ticket) -> object:
        """The result of a submitted call, or the `ModbusError` that it ended with."""
        try:
            return await ticket.future
        except asyncio.CancelledError:
            self.withdraw(ticket)
            raise

    def withdraw(self, ticket: Ticket) -> None:
        """Nobody waits for *ticket* any more."""
        ticket.future.cancel()
        self._counts.cancelled += 1
        if self._queue.remove(ticket) or ticket.job.request.writes:
            return  # a write that was sent is finished before the next request goes out
        if ticket.probe:
            self._circuits.withdrawn(ticket.job.unit)
        for connection in self._slots.connections:
            connection.cancel(ticket)

    async def connect(self) -> None:
        """Connect now, if there is no connection.

        Raises:
            ConnectFailed: no connection could be made.
        """
        if self._closed:
            raise ConnectionLost("the link was closed")
        if not self._slots.connections:
            opening = self._slots.open()
            await asyncio.wait([opening])
            error = ConnectionLost("the link was closed") if opening.cancelled() else opening.result()
            if error is not None:
                raise error.at(Target(self.endpoint.url))

    async def aclose(self) -> None:
        """Close every connection, for good; what waits or is on its way ends with `ConnectionLost`."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._fail_queue(ConnectionLost("the link was closed"))
        await self._slots.aclose("the link was closed")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()

    def statistics(self) -> LinkStatistics:
        """The link at this moment."""
        counts = asdict(self._counts)
        for connection in self._slots.connections:
            counts["late_answers"] += connection.session.late
            counts["stray_answers"] += connection.session.unmatched
        return LinkStatistics(
            open_connections=len(self._slots.connections),
            queued=len(self._queue),
            in_flight=sum(connection.session.pending for connection in self._slots.connections),
            resting_units=self._circuits.resting,
            unreachable=self._circuits.unreachable,
            **counts,
        )

    # What a connection tells (the Owner of mbap.client.connection).

    def transaction_ended(self, connection: Connection, ticket: Ticket, transaction: AnyTransaction) -> None:
        """The attempt of *ticket* ended: give its outcome, or try once more."""
        now, error = self._clock(), transaction.error
        self._count(error)
        self._circuits.ended(ticket.job.unit, error, now, probe=ticket.probe)
        ticket.transaction = None
        if error is None:
            ticket.end(transaction.result())
        elif not ticket.future.done() and self._may_repeat(ticket, error, now):
            self._counts.retries += 1
            self._queue.put_back(ticket)
        else:
            ticket.fail(error, self.endpoint.url, sent=transaction.sent)

    def connection_opened(self, connection: Connection) -> None:
        """*connection* was made: send what waits."""
        self._slots.opened(connection)
        self._pump()

    def connection_moved(self, connection: Connection) -> None:
        """Something on *connection* ended: send what waits, after the pause."""
        connection.ready_at = max(connection.ready_at, self._clock() + self.options.pause)
        self._pump()
        if connection.idle:
            self._places.idle(connection)

    def connection_closed(self, connection: Connection) -> None:
        """*connection* is over: what waits needs another."""
        self._slots.closed(connection)
        self._pump()

    def connecting_ended(self, error: ModbusError | None) -> None:
        """An attempt to connect ended: without any connection, nothing that waits can be carried out."""
        if error is not None and not self._slots.connections:
            self._fail_queue(error)
        self._pump()

    # Deciding what is sent next.

    def _pump(self) -> None:
        """Send what can be sent now; see to it that the rest is looked at again in time."""
        if self._closed:
            return
        now = self._clock()
        while (ticket := self._head(now)) is not None:
            connection = self._slots.roomiest()
            if connection is None:
                self._slots.want(now)
                break
            ready_at = self._ready_at(connection, ticket)
            if ready_at > now:
                self._wake(ready_at, now)
                break
            self._send(self._queue.pop(), connection, now)
        if self._queue:
            self._wake(self._queue.next_expiry, now)

    def _head(self, now: float) -> Ticket | None:
        """The next ticket that may be sent; those that may not end here."""
        for ticket in self._queue.take_expired(now):
            ticket.fail(cast("ResponseTimeout", ticket.job.overdue(now)), self.endpoint.url, sent=False)
        while (first := self._queue.peek()) is not None:
            refusal = self._circuits.unit_refusal(first.job.unit, now)
            if refusal is None:
                return first
            self._counts.not_asked += 1
            self._queue.pop().fail(refusal, self.endpoint.url, sent=False)
        return None

    def _refusal(self, job: Job[Any], now: float) -> ModbusError | None:
        """Why *job* is not even queued, if it is not."""
        if self._closed:
            return ConnectionLost("the link was closed")
        return job.overdue(now) or self._slots.refusal(now) or self._circuits.unit_refusal(job.unit, now)

    def _may_repeat(self, ticket: Ticket, error: ModbusError, now: float) -> bool:
        if self._closed or self._circuits.unit_refusal(ticket.job.unit, now) is not None:
            return False
        return ticket.job.take_retry(error, now)

    def _ready_at(self, connection: Connection, ticket: Ticket) -> float:
        if connection.last_unit in (None, ticket.job.unit):
            return connection.ready_at
        return max(connection.ready_at, connection.quiet_since + self.options.unit_pause)

    def _send(self, ticket: Ticket, connection: Connection, now: float) -> None:
        ticket.probe = self._circuits.admit(ticket.job.unit)
        self._counts.requests += 1
        self._places.busy(connection)
        connection.ready_at = now + self.options.pause
        connection.send(ticket, now)

    def _count(self, error: ModbusError | None) -> None:
        if error is None:
            self._counts.answers += 1
        elif isinstance(error, ExceptionResponse):
            self._counts.exceptions += 1
        elif isinstance(error, ResponseTimeout):
            self._counts.timeouts += 1
        elif isinstance(error, ProtocolError):
            self._counts.protocol_errors += 1

    def _fail_queue(self, error: ModbusError) -> None:
        for ticket in self._queue.take_all():
            ticket.fail(copy_of(error), self.endpoint.url, sent=False)

    # Waking up.

    def _wake(self, when: float, now: float) -> None:
        """Look again at *when*; one timer serves all."""
        if when >= self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = when
        self._timer = asyncio.get_running_loop().call_later(max(when - now, 0.001), self._woken)

    def _woken(self) -> None:
        self._timer, self._timer_at = None, math.inf
        self._pump()
