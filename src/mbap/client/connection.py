"""One TCP connection of a link: moves bytes between an asyncio transport and a session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from mbap.client.alarm import Alarm
from mbap.client.job import Trust
from mbap.client.pacing import Pacing
from mbap.client.queue import Ticket
from mbap.client.window import Window
from mbap.errors import ConnectionLost
from mbap.protocol.client import AnyTransaction, ClientSession
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
    """

    __slots__ = (
        "_alarm",
        "_clock",
        "_closing",
        "_on_way",
        "_owner",
        "_retired",
        "_side_by_side",
        "_transport",
        "_trust",
        "closed_here",
        "opened_at",
        "pacing",
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
    ) -> None:
        self.session = session
        self.window = window
        self.pacing = pacing
        self.opened_at = clock()
        self._owner = owner
        self._clock = clock
        self._trust = Trust()
        self._retired = self._closing = self.closed_here = self._side_by_side = False
        self._on_way: dict[AnyTransaction, Ticket] = {}
        self._transport: asyncio.Transport | None = None
        self._alarm = Alarm(self._check_deadlines)

    @property
    def idle(self) -> bool:
        """Nothing is on its way."""
        return not self._on_way

    @property
    def usable(self) -> bool:
        """Requests may still be sent on it."""
        if self._retired or self._closing or self._trust.lost:
            return False
        return self._transport is not None and not self._transport.is_closing()

    @property
    def has_room(self) -> bool:
        """It is usable, and one more request may be on its way."""
        if self.session.quarantined or not self.usable:
            return False
        return len(self._on_way) < min(self.session.outstanding, self.window.size)

    def send(self, ticket: Ticket, now: float) -> None:
        """Send the request of *ticket*."""
        job = ticket.job
        self._side_by_side |= bool(self._on_way)
        transaction = ticket.transaction = self.session.begin(
            job.request, job.unit, job.attempt_timeout(now), job.answered
        )
        self._on_way[transaction] = ticket
        self.pacing.sent(job.unit, now)
        cast("asyncio.Transport", self._transport).write(self.session.data_to_send(now))
        self._alarm.set(cast("float", transaction.deadline), now)

    def cancel(self, ticket: Ticket) -> None:
        """Nobody waits for *ticket* any more: a late answer to it will be dropped."""
        if ticket.transaction in self._on_way:
            now = self._clock()
            del self._on_way[ticket.transaction]
            self.session.cancel(ticket.transaction)
            self._arm_for_quarantine(now)
            self._moved(now)

    def retire(self) -> None:
        """Take no further request; close as soon as nothing is on its way."""
        self._retired = True
        if self.idle:
            self.close()

    def close(self, reason: str = "the connection was closed here") -> None:
        """Close now; what is on its way ends with `ConnectionLost`."""
        if self._closing:
            return
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
        self._owner.connection_opened(self)

    def data_received(self, data: bytes) -> None:
        now = self.pacing.quiet_since = self._clock()
        quarantined = self.session.quarantined
        self._ended(self.session.receive_data(data, now), now)
        if self.session.failure is not None:
            self.close()
        elif quarantined and not self.session.quarantined:
            self._moved(now)

    def connection_lost(self, problem: Exception | None) -> None:
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

    def _moved(self, now: float) -> None:
        if self.idle:
            self.pacing.quiet_since = now
            self._side_by_side = False
            if not self.usable:
                self.close()
        self._owner.connection_moved(self)

    def _arm_for_quarantine(self, now: float) -> None:
        if self.session.quarantined:
            self._alarm.set(cast("float", self.session.next_deadline()), now)

    def _check_deadlines(self) -> None:
        now = self._clock()
        self._ended(self.session.check_deadlines(now), now)
        if self.session.failure is not None:
            self.close()  # a quarantine is over, and its answer did not come
            return
        deadline = self.session.next_deadline()
        if deadline is not None:
            self._alarm.set(deadline, now)
