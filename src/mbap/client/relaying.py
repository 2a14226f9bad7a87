"""Requests that a link carries out for others: who waits is told, and no task is needed for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from mbap.client.asking import Asked
from mbap.client.directcalls import DirectCalls
from mbap.client.job import Job
from mbap.client.queue import Ticket
from mbap.protocol.execute import Priority, Waiter
from mbap.protocol.pdu import Request


class JobMaker(Protocol):
    """Makes jobs with the times of a link."""

    def __call__(self, request: Request[Any], unit: int, *, deadline: float | None = None) -> Job[Any]:
        """*request* as a job."""
        ...


class Relays:
    """How a link with a direct way takes requests whose outcome a `Waiter` gets.

    *put* puts a ticket into the queue, or ends it; *withdraw* gives one up.
    """

    __slots__ = ("_direct", "_job", "_put", "_withdraw")

    def __init__(
        self,
        direct: DirectCalls,
        job: JobMaker,
        put: Callable[[Ticket, Priority], None],
        withdraw: Callable[[Ticket], None],
    ) -> None:
        self._direct = direct
        self._job = job
        self._put = put
        self._withdraw = withdraw

    def relay(
        self,
        request: Request[Any],
        unit: int,
        waiter: Waiter,
        deadline: float | None,
        priority: Priority,
        origin: str,
    ) -> Asked | Ticket:
        """Carry *request* out for *waiter*; gives what `give_up` takes."""
        ticket = Ticket(self._job(request, unit, deadline=deadline), origin, waiter)
        if not self._direct.put(ticket, priority):
            self._put(ticket, priority)
        return ticket

    def give_up(self, asked: Asked | Ticket) -> None:
        """Nobody waits for *asked* any more."""
        if isinstance(asked, Asked):
            self._direct.give_up(asked)
        else:
            self._withdraw(asked)
