"""Reads that are alike and wait at the same moment, carried out once for all who asked."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, TypeVar, cast

from mbap.client.job import Job, copy_of
from mbap.client.options import LinkCounts
from mbap.client.queue import Ticket, TicketQueue
from mbap.errors import ModbusError
from mbap.protocol.execute import Priority
from mbap.protocol.pdu import Request

R = TypeVar("R")


class Sharing(Protocol):
    """What it needs of its link."""

    def job(self, request: Request[R], unit: int, *, deadline: float | None = None) -> Job[R]:
        """*request* with the times of the link."""
        ...

    def submit(self, job: Job[Any], priority: Priority = Priority.READ, origin: str = "") -> Ticket:
        """Put *job* into the queue."""
        ...

    def withdraw(self, ticket: Ticket) -> None:
        """Nobody waits for *ticket* any more, or one less does."""
        ...


class Coalescing:
    """Finds out who wants the same; a read that was sent is not shared any more.

    While a write waits nothing is shared: who reads after it must not get what was there before.
    """

    __slots__ = ("_alike", "_counts", "_link", "_queue")

    def __init__(self, link: Sharing, queue: TicketQueue, counts: LinkCounts) -> None:
        self._link = link
        self._queue = queue
        self._counts = counts
        self._alike: dict[tuple[int, Request[Any]], Ticket] = {}

    async def execute(
        self, request: Request[R], unit: int, deadline: float | None, priority: Priority | None, origin: str
    ) -> R:
        """Carry *request* out, or wait for one like it."""
        key = (unit, request)
        ticket = self._shared(key) if deadline is None else None
        if ticket is None:
            job = self._link.job(request, unit, deadline=deadline)
            ticket = self._link.submit(job, Priority.READ if priority is None else priority, origin)
            self._remember(key, ticket)
        outcome = await self._outcome(ticket)
        if isinstance(outcome, ModbusError):
            raise copy_of(outcome) if ticket.sharers else outcome
        return cast("R", outcome)

    def _shared(self, key: tuple[int, Request[Any]]) -> Ticket | None:
        """A read like this one that waits, and which may be shared."""
        ticket = self._alike.get(key)
        if ticket is None or ticket.future.done() or ticket.transaction is not None or self._queue.writing:
            return None
        ticket.sharers += 1
        self._counts.coalesced += 1
        return ticket

    def _remember(self, key: tuple[int, Request[Any]], ticket: Ticket) -> None:
        if ticket.future.done():
            return
        self._alike[key] = ticket
        ticket.future.add_done_callback(lambda _: self._forget(key, ticket))

    def _forget(self, key: tuple[int, Request[Any]], ticket: Ticket) -> None:
        if self._alike.get(key) is ticket:
            del self._alike[key]

    async def _outcome(self, ticket: Ticket) -> object:
        """What *ticket* comes to; who stops waiting leaves the others waiting."""
        try:
            return await asyncio.shield(ticket.future)
        except asyncio.CancelledError:
            self._link.withdraw(ticket)
            raise
