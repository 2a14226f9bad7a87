"""One TCP connection of a link: moves bytes between an asyncio transport and a session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from mbap.client.alarm import Alarm
from mbap.client.asking import Asking
from mbap.client.directcalls import DirectCalls
from mbap.client.job import Trust
from mbap.client.pacing import Pacing
from mbap.client.queue import Ticket
from mbap.client.window import Window
from mbap.errors import ConnectionLost
from mbap.protocol.client import AnyTransaction, ClientSession, Transaction
from mbap.transport import tcp


class Owner(Protocol):
    """What a connection tells to the link it belongs to."""

    def connection_opened(self, connection: Connection) -> None:
        """It was made."""

    def transaction_ended(self, connection: Connection, ticket: Ticket, transaction: AnyTransaction) -> None:
        """The attempt of *ticket* ended."""

    def connection_moved(self, connection: Connection) -> None:
        """It may have room for another request now, or be of no more use."""

    def connection_closed(self, connection: Connection) -> None:
        """It is over."""


class Connection(asyncio.Protocol):
    """One connection: it knows what is on its way over it.

    Attributes:
        session: the state machine of this connection.
        window: how many requests the device stands at once.
        pacing: when the next request may be sent, by the pauses that the device needs.
        opened_at: when the connection was made.
        closed_here: it was ended on this side.
        direct: the direct way, while it is open; *calls* takes it, where there may be one.
        bytes_received: over it.
        read_only: it is plain, where TLS was asked for first: nothing that writes is sent.
    """

    __slots__ = (
        "_alarm",
        "_answered_well",
        "_asking",
        "_busy",
        "_busy_since",
        "_bytes_sent",
        "_calls",
        "_clock",
        "_closing",
        "_on_way",
        "_owner",
        "_requests",
        "_retired",
        "_side_by_side",
        "_transport",
        "_trust",
        "bytes_received",
        "closed_here",
        "direct",
        "opened_at",
        "pacing",
        "read_only",
        "session",
        "window",
    )

    def __init__(
        self,
        owner: Owner,
        session: ClientSession,
        window: Window,
        pacing: Pacing,
        clock: Callable[[], float],
        calls: DirectCalls | None = None,
    ) -> None:
        self.session = session
        self.window = window
        self.pacing = pacing
        self.opened_at = clock()
        self.read_only = False
        self.bytes_received = self._bytes_sent = self._requests = 0
        self._busy = 0.0
        self._busy_since: float | None = None
        self._owner = owner
        self._clock = clock
        self._trust = Trust(kept=session.on_line)
        self._retired = self._closing = self.closed_here = False
        self._side_by_side = self._answered_well = False
        self._on_way: dict[AnyTransaction, Ticket] = {}
        self._transport: asyncio.Transport | None = None
        self._alarm = Alarm(self._check_deadlines)
        self._calls = calls
        self._asking: Asking | None = None
        self.direct: Asking | None = None

    @property
    def idle(self) -> bool:
        """Nothing is on its way."""
        return not self._on_way and not (self.direct and self.direct.asked)

    @property
    def protected(self) -> bool:
        """Whether it is protected by TLS."""
        return self._transport is not None and self._transport.get_extra_info("tls") is not None

    @property
    def in_flight(self) -> int:
        """How many requests are on their way."""
        return self.session.pending + (len(self.direct.asked) if self.direct else 0)

    @property
    def bytes_sent(self) -> int:
        """Over it."""
        return self._bytes_sent + (self._asking.bytes_sent if self._asking else 0)

    @property
    def requests(self) -> int:
        """How many were sent over it."""
        return self._requests + (self._asking.requests if self._asking else 0)

    @property
    def direct_answers(self) -> int:
        """How many came on the direct way."""
        return self._asking.answers if self._asking else 0

    @property
    def answers(self) -> int:
        """How many came on any way."""
        return self.session.answers + (self._asking.answers - self._asking.told if self._asking else 0)

    def busy_until(self, now: float) -> float:
        """Seconds until *now* in which something was on its way."""
        since = self.direct.since if self.direct and self.direct.asked else self._busy_since
        busy = self._busy + (self._asking.busy if self._asking else 0.0)
        return busy + (0.0 if since is None else now - since)

    @property
    def usable(self) -> bool:
        """Requests may still be sent on it."""
        if self._retired or self._closing or self._trust.lost or self.session.failure is not None:
            return False
        return self._transport is not None and not self._transport.is_closing()

    @property
    def has_room(self) -> bool:
        """It is usable, and one more request may be on its way."""
        if self.session.quarantined or not self.usable:
            return False
        asked = len(self.direct.asked) if self.direct else 0
        return len(self._on_way) + asked < self._room

    @property
    def _room(self) -> int:
        return min(self.session.outstanding, self.window.size)

    def _open_direct(self, asking: Asking, calls: DirectCalls) -> None:
        asking.room = self._room
        asking.number = self.session.last_number
        self.direct = asking
        calls.opened(self, asking)

    def leave_direct(self) -> None:
        """What is on its way on the direct way goes on as tickets do; it is closed until all are done."""
        direct, self.direct = self.direct, None
        if direct is None or self._calls is None:
            return
        self._calls.left(direct)
        self.session.last_number = direct.number
        self._side_by_side = direct.side_by_side
        asked, rest = direct.give_up()
        if asked:
            self._busy_since = direct.since
            self.session.framing.clear()  # what is there came before them
        for number, one in asked:
            ticket = one.ticket = one.ticket or self._calls.ticket_of(one)
            transaction = ticket.transaction = Transaction(one.request, one.unit, one.timeout)
            self._on_way[transaction] = ticket
            self.session.adopt(transaction, number, one.sent_at)
        if rest:
            self.session.receive_data(rest, self._clock())  # no end of an answer, so nothing ends by it

    def send(self, ticket: Ticket, now: float) -> None:
        """Send the request of *ticket*."""
        job = ticket.job
        direct = self.direct
        trusted = self._calls is None or job.unit not in self._calls.silent
        if direct is not None and job.answered and trusted and not ticket.probe:
            timeout = job.attempt_timeout(now)
            if direct.ask(job.request, job.unit, timeout, None, False, ticket) is not None:
                return
        self.leave_direct()
        self._requests += 1
        self._side_by_side |= bool(self._on_way)
        if self._busy_since is None:
            self._busy_since = now
        timeout = job.attempt_timeout(now, self.session.time_on_line(job.request))
        transaction = ticket.transaction = self.session.begin(job.request, job.unit, timeout, job.answered)
        self._on_way[transaction] = ticket
        self.pacing.sent(job.unit, now)
        data = self.session.data_to_send(now)
        self._bytes_sent += len(data)
        cast("asyncio.Transport", self._transport).write(data)
        self._alarm.set(cast("float", transaction.deadline), now)

    def cancel(self, ticket: Ticket) -> None:
        """Nobody waits for *ticket* any more: a late answer to it will be dropped."""
        if self.direct is not None and any(one.ticket is ticket for one in self.direct.asked.values()):
            self.leave_direct()
        if ticket.transaction in self._on_way:
            now = self._clock()
            del self._on_way[ticket.transaction]
            self.session.cancel(ticket.transaction)
            self._arm_for_quarantine(now)
            self._moved(now)

    def retire(self) -> None:
        """Take no further request; close as soon as nothing is on its way."""
        self._retired = True
        if self.direct is not None:
            self.direct.room, self.direct.watched = 0, True
        if self.idle:
            self.close()

    def close(self, reason: str = "the connection was closed here") -> None:
        """Close now; what is on its way ends with `ConnectionLost`."""
        if self._closing:
            return
        self.leave_direct()
        self._closing = self.closed_here = True
        self._ended(self.session.receive_eof(ConnectionLost(reason)), self._clock())
        if self._transport is not None:
            # A peer that reads nothing would keep a closing transport open for ever.
            unsent = self._transport.get_write_buffer_size()
            self._transport.abort() if unsent else self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.opened_at = self._clock()
        self.pacing.opened(self.opened_at)
        if self._calls is not None:
            self._asking = Asking(
                self.session,
                self.window,
                self._transport,
                self._alarm,
                self._clock,
                self._calls.waiting,
                watched=self._calls.places is not None,
            )
            self._open_direct(self._asking, self._calls)
        self._owner.connection_opened(self)

    def data_received(self, data: bytes) -> None:
        clock = self._clock
        now = clock()
        self.bytes_received += len(data)
        direct = self.direct
        if direct is not None and direct.asked:
            rest = b"" if direct.take_one(data, now) else direct.take(data, now)
            if direct.waiting or direct.watched:
                self._answered_directly(direct, rest)
            if direct.results:
                direct.give()
            if not rest:
                return  # where the direct way is open, nobody waits for quiet
            data = rest
            self.leave_direct()
        self.pacing.quiet_since = now
        awaited = self.session.late_awaited
        self._ended(self.session.receive_data(data, now), now)
        if self.session.failure is not None:
            self.close()
        elif self.session.late_awaited != awaited:
            self._arm_for_quarantine(now)
            self._moved(now)

    def _answered_directly(self, direct: Asking, rest: bytes) -> None:
        calls = self._calls
        if calls is not None and calls.waiting:
            calls.go_on(direct)
        if calls is not None and calls.places is not None and self.idle:
            calls.places.idle(self)
        if not rest and self._retired and self.idle:
            self.close()

    def connection_lost(self, problem: Exception | None) -> None:
        self.leave_direct()
        self._closing = True
        error = tcp.connection_lost(problem) if isinstance(problem, OSError) else None
        self._ended(self.session.receive_eof(error), self._clock())
        self._end_forgotten()
        self._alarm.cancel()
        self._owner.connection_closed(self)

    def _ended(self, ended: list[AnyTransaction], now: float) -> None:
        for transaction in ended:
            ticket = self._on_way.pop(transaction)
            if transaction.answered:
                self._trust.ended(transaction.error, torn=self.session.framing.partial > 0)
                self._answered_well = transaction.error is None
            if self._side_by_side:
                self.window.ended(transaction, now)
            self._owner.transaction_ended(self, ticket, transaction)
        if ended:
            self._moved(now)

    def _end_forgotten(self) -> None:
        """A request whose `decode_response` broke ended for the session, and for nobody else."""
        for transaction, ticket in self._on_way.items():
            transaction.end(error=ConnectionLost("reading the answer failed, which closed the connection"))
            self._owner.transaction_ended(self, ticket, transaction)
        self._on_way.clear()

    def _rest(self, now: float) -> None:
        """Nothing is on its way any more."""
        if self._busy_since is not None:
            self._busy += now - self._busy_since
            self._busy_since = None

    def _moved(self, now: float) -> None:
        if self.idle:
            self.pacing.quiet_since = now
            self._rest(now)
            self._side_by_side = False
            if not self.usable:
                self.close()
            elif self._asking and self._calls and self._answered_well and self.session.untouched:
                self._open_direct(self._asking, self._calls)
        self._owner.connection_moved(self)

    def _arm_for_quarantine(self, now: float) -> None:
        if self.session.late_awaited:
            self._alarm.set(cast("float", self.session.next_deadline()), now)

    def _check_deadlines(self) -> None:
        now = self._clock()
        if self.direct is not None and self.direct.asked:
            earliest = self.direct.earliest()
            if earliest > now:
                self._alarm.set(earliest, now)
                return
            self.leave_direct()
        awaited = self.session.late_awaited
        self._ended(self.session.check_deadlines(now), now)
        if self.session.failure is not None:
            self.close()  # a quarantine is over, and its answer did not come
            return
        if self.session.late_awaited < awaited:
            self._moved(now)
        deadline = self.session.next_deadline()
        if deadline is not None:
            self._alarm.set(deadline, now)
