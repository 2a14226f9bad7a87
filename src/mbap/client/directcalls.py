"""The calls of a link that take the direct way of its connection: past its queue, where nothing waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mbap.client.asking import Asked, Asking
from mbap.client.circuits import Circuits
from mbap.client.job import Job
from mbap.client.options import LinkCounts, LinkOptions
from mbap.client.queue import Ticket, TicketQueue
from mbap.protocol.execute import Priority

if TYPE_CHECKING:
    from mbap.client.connection import Connection
    from mbap.client.slots import Places


class DirectCalls:
    """What a link and its one connection share where the device needs neither pauses nor quirks.

    *pump* sends what waits, *withdraw* gives up a ticket.

    Attributes:
        way: the direct way, while it is open; None where connections are counted: by the queue alone there.
        waiting: the tickets that wait.
        places: who counts connections; None where nobody does.
    """

    __slots__ = (
        "_allowance",
        "_circuits",
        "_connection",
        "_counts",
        "_options",
        "_pump",
        "_queue",
        "_withdraw",
        "places",
        "waiting",
        "way",
    )

    def __init__(
        self,
        options: LinkOptions,
        circuits: Circuits,
        counts: LinkCounts,
        queue: TicketQueue,
        places: Places | None,
        pump: Callable[[], None],
        withdraw: Callable[[Ticket], None],
    ) -> None:
        self._options = options
        self._allowance = options.allowance
        self._circuits = circuits
        self._counts = counts
        self._queue = queue
        self.places = places
        self._pump = pump
        self._withdraw = withdraw
        self._connection: Connection | None = None
        self.way: Asking | None = None
        self.waiting = queue.tickets

    @contextmanager
    def in_one_write(self) -> Iterator[None]:
        """What is sent within goes out in one piece at its end; nothing may be awaited."""
        direct = self.way
        if direct is None:
            yield
            return
        direct.hold()
        try:
            yield
        finally:
            direct.release()

    def give_up(self, one: Asked) -> None:
        """Nobody waits for *one* any more."""
        if one.ticket is None and not one.request.writes and self._connection is not None:
            self._connection.leave_direct()
        if one.ticket is not None:
            self._withdraw(one.ticket)
        else:
            self._counts.cancelled += 1  # a write that was sent is finished

    # What the connection tells.

    def opened(self, connection: Connection, way: Asking) -> None:
        """The direct way of *connection* is open, which was made in place of any other."""
        self._connection = connection
        if self.places is None:
            self.way = way

    def left(self, way: Asking) -> None:
        """It is closed."""
        if self.way is way:
            self.way = None

    @property
    def may_open(self) -> bool:
        """Whether the direct way may open: it stays so while it is, as nothing else is sent then."""
        return self._circuits.calm

    def go_on(self, way: Asking) -> None:
        """There is room: send what waits, in one piece."""
        way.hold()
        try:
            self._pump()
        finally:
            way.release()

    def ticket_of(self, one: Asked) -> Ticket:
        """The call of *one*, which leaves the direct way, as if it had waited in the queue."""
        job = Job(
            one.request,
            one.unit,
            self._options,
            timeout=one.timeout,
            now=one.sent_at,
            deadline=one.deadline,
            unit_assumed=one.assumed,
        )
        job.bound(one.sent_at, 0, self._allowance)
        ticket = Ticket(job, "", one.future)
        self._queue.place(ticket, Priority.WRITE if one.request.writes else Priority.READ)
        return ticket
