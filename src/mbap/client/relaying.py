"""Requests that a link carries out for others: who waits is told, and no task is needed for that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mbap.client.asking import Asked
from mbap.client.directcalls import DirectCalls
from mbap.client.job import Job
from mbap.client.observed import Observed
from mbap.client.options import LinkOptions
from mbap.client.queue import Ticket
from mbap.errors import ModbusError
from mbap.protocol.execute import Priority, Relay, Waiter
from mbap.protocol.pdu import Request
from mbap.protocol.tcp import TcpFraming
from mbap.transport.endpoint import Endpoint

R = TypeVar("R")


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


class Shared(Observed):
    """What a link offers to those who share it; a `Link` fills in its parts."""

    __slots__ = ("_by_unit", "_clock", "_relays", "endpoint", "options")

    _by_unit: Mapping[int, LinkOptions]
    _clock: Callable[[], float]
    _relays: Relays
    endpoint: Endpoint
    options: LinkOptions

    def relaying(self) -> Relay | None:
        """Takes requests for whoever waits for their outcomes; None where the device needs more care."""
        plain = self.options.plain and not self.endpoint.datagrams
        return self._relays if plain and type(self.endpoint.framing()) is TcpFraming else None

    def refusal(self, request: Request[Any], unit: int) -> ModbusError | None:
        """What *request* ends with, where *unit* is left alone now; None: whoever executes it finds out."""
        error = self._circuits.unit_refusal(unit, self._clock())
        if error is None:
            return None
        self._counts.not_asked += 1
        return self.job(request, unit).failure(error, self.endpoint.url, sent=False)

    def job(
        self,
        request: Request[R],
        unit: int,
        *,
        deadline: float | None = None,
        timeout: float | None = None,
        unit_assumed: bool = False,
        answered: bool = True,
    ) -> Job[R]:
        """*request* with the times of this link, to `submit`."""
        return Job(
            request,
            unit,
            self._by_unit.get(unit, self.options) if self._by_unit else self.options,
            timeout=timeout,
            now=self._clock(),
            deadline=deadline,
            unit_assumed=unit_assumed,
            answered=answered,
        )
