"""A link: one endpoint, shared by whoever asks its devices anything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, cast

from mbap.client.alarm import Alarm
from mbap.client.circuits import Circuits
from mbap.client.connection import Connection
from mbap.client.dialogue import carry_out_async
from mbap.client.directcalls import DirectCalls
from mbap.client.events import Events, OnEvent
from mbap.client.job import NEVER_SILENT, READ_ONLY, Job, check_broadcast, copy_of
from mbap.client.options import LinkCounts, LinkKeywords, LinkOptions
from mbap.client.pausing import Pausing
from mbap.client.queue import Ticket, TicketQueue
from mbap.client.relaying import Relays, Shared
from mbap.client.sessions import Sessions
from mbap.client.slots import NO_LIMIT, Dial, Places, Slots
from mbap.errors import ConnectionLost, ModbusError, NotAsked, NotProtected, ResponseTimeout, Target
from mbap.protocol.client import AnyTransaction
from mbap.protocol.execute import Priority
from mbap.protocol.pdu import Request
from mbap.transport import opening
from mbap.transport.endpoint import Endpoint, parse_endpoint

if TYPE_CHECKING:
    from mbap.client.coalescing import Coalescing
    from mbap.client.probing import Probing
    from mbap.client.rewriting import Parts

R = TypeVar("R")


class Link(Shared):
    """One endpoint as an `Executor`: poller, gateway and writes share its connections.

    Requests wait in a bounded queue, writes first; at most `slots` connections are made, when they are
    needed. Silent units and an endpoint that cannot be reached are left alone for a while: requests then end
    at once with `NotAsked`. `LinkOptions` says what the keyword arguments mean. *on_event* is called with a
    `LinkEvent` at each change of its state. A link belongs to the event loop that it is first used in.

    Raises:
        ValueError: an argument is wrong.
    """

    __slots__ = ("_alarm", "_allowance", "_closed", "_coalescing", "_direct", "_places", "_probing")

    def __init__(
        self,
        url: str | Endpoint,
        *,
        clock: Callable[[], float] = time.monotonic,
        dial: Dial | None = None,
        places: Places = NO_LIMIT,
        on_event: OnEvent | None = None,
        **options: Unpack[LinkKeywords],
    ) -> None:
        self.endpoint = parse_endpoint(url) if isinstance(url, str) else url
        self.options = LinkOptions(**options).checked_for(self.endpoint)
        self._clock = clock
        self._places = places
        self._closed = False
        self._queue = TicketQueue(self.options.queue, self.options.queue_per_origin, self.options.patience)
        self._by_unit = {unit: self.options.of(unit) for unit in self.options.units}
        self._counts = LinkCounts()
        background = self.options.probing > 0
        self._circuits = Circuits(self.options.breaker, self.options.backoff, background=background)
        self._sessions = Sessions(self.endpoint, self.options)
        self._events = Events(self.endpoint.url, on_event)
        self._pausing = Pausing(self._resume)
        self._alarm = Alarm(self._pump)
        self._allowance = self.options.longest_allowance_on(self.endpoint.line)
        self._direct = self._direct_calls()
        self._slots = self._slots_by(
            dial or partial(opening.dial, user_timeout=self.options.user_timeout, tls=self.options.tls)
        )
        self._relays = Relays(self._direct, self.options, clock, self._put, self.withdraw)
        self._coalescing = self._coalesced() if self.options.coalesce else None
        self._probing = self._searched() if background else None

    def _direct_calls(self) -> DirectCalls:
        """What goes past the queue, where nothing waits."""
        return DirectCalls(
            self.options,
            self._circuits,
            self._counts,
            self._queue,
            None if self._places is NO_LIMIT else self._places,
            self._clock,
            self._pausing,
            self._alarm,
            self._pump,
            self.withdraw,
        )

    def _slots_by(self, dial: Dial) -> Slots:
        """The connections, each made by *dial*."""
        return Slots(
            self,
            self.endpoint,
            self.options,
            self._circuits,
            self._counts,
            self._sessions,
            self._events,
            clock=self._clock,
            dial=dial,
            places=self._places,
            calls=self._direct,
        )

    def _coalesced(self) -> Coalescing:
        from mbap.client.coalescing import Coalescing

        return Coalescing(self, self._queue, self._counts)

    def _searched(self) -> Probing:
        from mbap.client.probing import Probing

        return Probing(self.options, self._circuits, self._clock, self._put, self._slots.reserve)

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

        Without a deadline a call has as long as all its attempts need, after those that wait already.

        Cancelling takes out of the queue what waits; a write that was sent is finished, its answer dropped.

        Raises:
            ModbusError: one of its kinds; `NotAsked` where nothing was sent.
            ValueError: *unit* is not 0 to 255.
        """
        parts = self.in_parts(request, unit)
        if parts is None:
            if self._coalescing is not None and not request.writes:
                return await self._coalescing.execute(request, unit, deadline, priority, origin)
            return await self._execute(self.job(request, unit, deadline=deadline), priority, origin)
        give_up_at = None if deadline is None else self._clock() + deadline

        def one(part: Request[Any]) -> Awaitable[Any]:
            left = None if give_up_at is None else give_up_at - self._clock()
            return self._execute(self.job(part, unit, deadline=left), priority, origin)

        return await carry_out_async(parts.dialogue(), one)

    async def _execute(self, job: Job[R], priority: Priority | None, origin: str) -> R:
        if priority is None:
            priority = Priority.WRITE if job.request.writes else Priority.READ
        outcome = await self.outcome(self.submit(job, priority, origin))
        if isinstance(outcome, ModbusError):
            raise outcome
        return cast("R", outcome)

    async def broadcast(
        self, request: Request[Any], *, deadline: float | None = None, origin: str = ""
    ) -> None:
        """Send a write to every unit behind the endpoint: to unit 0, and nobody answers.

        It returns when the write was sent; nobody knows who carried it out.

        Raises:
            ValueError: *request* does not only write.
            OutcomeUnknown: the connection ended while it was sent.
            ModbusError: it could not be sent.
        """
        check_broadcast(request)
        self._counts.broadcasts += 1
        await self._execute(self.job(request, 0, deadline=deadline, answered=False), None, origin)

    def in_parts(self, request: Request[R], unit: int) -> Parts[R] | None:
        """How *request* to *unit* is carried out as others, because of a quirk; None: as it is."""
        if not self.leeway.rewrites:
            return None
        from mbap.client.rewriting import in_parts

        leeway = self.leeway.at(unit)
        parts = in_parts(request, leeway.quirks)
        if parts is not None:
            leeway.used(parts.quirk)
        return parts

    def submit(self, job: Job[Any], priority: Priority = Priority.READ, origin: str = "") -> Ticket:
        """Put *job* into the queue; `outcome` waits for what comes of it."""
        ticket = Ticket(job, origin, asyncio.get_running_loop().create_future())
        self._put(ticket, priority)
        return ticket

    def _put(self, ticket: Ticket, priority: Priority) -> None:
        """Put *ticket* into the queue, or end it where that cannot be."""
        now = self._clock()
        ticket.job.bound(now, len(self._queue) + len(self._pausing), self._allowance)
        refusal = self._refusal(ticket, now)
        if refusal is None and not self._queue.push(ticket, priority):
            refusal = self._queue.refusal(ticket.origin)
            self._counts.queue_full += 1
        if refusal is not None:
            self._counts.not_asked += isinstance(refusal, NotAsked) and not ticket.background
            ticket.fail(refusal, self.endpoint.url, sent=False)
        else:
            self._counts.probes += ticket.background
            self._pump()

    async def outcome(self, ticket: Ticket) -> object:
        """The result of a submitted call, or the `ModbusError` that it ended with."""
        try:
            return await ticket.future
        except asyncio.CancelledError:
            self.withdraw(ticket)
            raise

    def withdraw(self, ticket: Ticket) -> None:
        """Nobody waits for *ticket* any more; of several who share it, one does not."""
        if ticket.sharers:
            ticket.sharers -= 1
            return
        ticket.future.cancel()
        self._counts.cancelled += 1
        if self._queue.remove(ticket) or self._pausing.remove(ticket) or ticket.job.request.writes:
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
        refusal = self._slots.refusal(self._clock())
        if refusal is not None:
            raise refusal.at(Target(self.endpoint.url))
        if not self._slots.connections:
            attempt = self._slots.open()
            await asyncio.wait([attempt])
            error = ConnectionLost("the link was closed") if attempt.cancelled() else attempt.result()
            if error is not None:
                raise error.at(Target(self.endpoint.url))

    async def aclose(self) -> None:
        """Close every connection, for good; what waits or is on its way ends with `ConnectionLost`."""
        self._closed = True
        self._alarm.cancel()
        if self._probing is not None:
            self._probing.close()
        self._fail(self._pausing.take_all(), ConnectionLost("the link was closed"))
        self._fail(self._queue.take_all(), ConnectionLost("the link was closed"))
        await self._slots.aclose("the link was closed")
        self._events.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()

    # What a connection tells (the Owner of mbap.client.connection).

    def transaction_ended(self, connection: Connection, ticket: Ticket, transaction: AnyTransaction) -> None:
        """The attempt of *ticket* ended: give its outcome, or try once more."""
        now, error = self._clock(), transaction.error
        self._counts.ended(error)
        self._circuits.ended(ticket.job.unit, error, now, probe=ticket.probe)
        if self._probing is not None and error is not None:
            self._probing.silent(ticket.job)
        ticket.transaction = None
        if error is None:
            ticket.end(transaction.result())
        elif not self._repeat(ticket, error, now):
            ticket.fail(error, self.endpoint.url, sent=transaction.sent)

    def connection_opened(self, connection: Connection) -> None:
        """*connection* was made: send what waits."""
        self._slots.opened(connection)
        self._pump()

    def connection_moved(self, connection: Connection) -> None:
        """Something on *connection* ended: send what waits, after the pause."""
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
            now = self._clock()
            self._fail([one for one in self._queue.take_all() if not self._repeat(one, error, now)], error)
        self._pump()

    # Deciding what is sent next.

    def _pump(self) -> None:
        """Send what can be sent now; see to it that the rest is looked at again in time."""
        if self._closed:
            return
        now = self._clock()
        while (ticket := self._head(now)) is not None:
            connection = self._slots.roomiest(now)
            if connection is None:
                self._slots.want(now)
                break
            ready_at = connection.pacing.ready_for(ticket.job.unit)
            if ready_at > now:
                self._alarm.set(ready_at, now)
                break
            self._send(self._queue.pop(self._slots.absent), connection, now)
        if self._queue:
            self._alarm.set(self._queue.next_expiry, now)

    def _head(self, now: float) -> Ticket | None:
        """The next ticket that may be sent; those that may not end here."""
        for ticket in self._queue.take_expired(now):
            why = NEVER_SILENT if self._slots.babbles(now) else ""
            ticket.fail(cast("ResponseTimeout", ticket.job.overdue(now, why)), self.endpoint.url, sent=False)
        absent = self._slots.absent
        while (first := self._queue.peek(absent)) is not None:
            refusal = self._circuits.unit_refusal(first.job.unit, now)
            if refusal is None or first.background:
                return first
            self._counts.not_asked += 1
            self._queue.pop(absent).fail(refusal, self.endpoint.url, sent=False)
        return None

    def _refusal(self, ticket: Ticket, now: float) -> ModbusError | None:
        """Why *ticket* is not even queued, if it is not."""
        if self._closed:
            return ConnectionLost("the link was closed")
        refusal = ticket.job.overdue(now) or self._slots.refusal(now)
        if refusal is None and not ticket.background:
            refusal = self._circuits.unit_refusal(ticket.job.unit, now)
        return refusal

    def _repeat(self, ticket: Ticket, error: ModbusError, now: float) -> bool:
        """Whether *ticket*, which failed with *error*, is tried once more, after a pause."""
        if self._closed or ticket.future.done() or self._circuits.unit_refusal(ticket.job.unit, now):
            return False
        pause = ticket.job.take_retry(error, now)
        if pause is None:
            return False
        self._counts.retries += 1
        self._pausing.add(ticket, pause)
        return True

    def _resume(self, ticket: Ticket) -> None:
        self._queue.put_back(ticket)
        self._pump()

    def _send(self, ticket: Ticket, connection: Connection, now: float) -> None:
        if connection.read_only and ticket.job.request.writes:
            self._counts.not_asked += 1
            ticket.fail(NotProtected(READ_ONLY), self.endpoint.url, sent=False)
            return
        ticket.probe = self._circuits.admit(ticket.job.unit)
        self._places.busy(connection)
        connection.send(ticket, now)

    def _fail(self, tickets: list[Ticket], error: ModbusError) -> None:
        for ticket in tickets:
            ticket.fail(copy_of(error), self.endpoint.url, sent=False)
