"""Requests that a link carries out for others: who waits is told, and no task is needed for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mbap.client.asking import Asked
from mbap.client.directcalls import DirectCalls
from mbap.client.job import Job
from mbap.client.options import LinkOptions
from mbap.client.queue import Ticket
from mbap.protocol.execute import Priority, Waiter
from mbap.protocol.pdu import Request


class Relays:
    """How a link with a direct way takes requests whose outcome a `Waiter` gets.

    *put* puts a ticket into the queue, or ends it; *withdraw* gives one up.
    """

    __slots__ = ("_clock", "_direct", "_options", "_put", "_timeout", "_withdraw")

    def __init__(
        self,
        direct: DirectCalls,
        options: LinkOptions,
        clock: Callable[[], float],
        put: Callable[[Ticket, Priority], None],
        withdraw: Callable[[Ticket], None],
    ) -> None:
        self._direct = direct
        self._options = options
        self._timeout = options.attempt_timeout
        self._clock = clock
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
        now = self._clock()
        job: Job[Any] = Job(request, unit, self._options, now=now, timeout=self._timeout, deadline=deadline)
        ticket = Ticket(job, origin, waiter)
        if not self._direct.put(ticket, priority, now):
            self._put(ticket, priority)
        return ticket

    def give_up(self, asked: Asked | Ticket) -> None:
        """Nobody waits for *asked* any more."""
        if isinstance(asked, Asked):
            self._direct.give_up(asked)
        else:
            self._withdraw(asked)
