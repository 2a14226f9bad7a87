"""The calls of a link that take the direct way of its connection: past its queue, where nothing waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mbap.client.alarm import Alarm
from mbap.client.asking import Asked, Asking
from mbap.client.circuits import Circuits
from mbap.client.job import Job
from mbap.client.options import LinkCounts, LinkOptions
from mbap.client.pausing import Pausing
from mbap.client.queue import Ticket, TicketQueue
from mbap.protocol.execute import Priority

if TYPE_CHECKING:
    from mbap.client.connection import Connection
    from mbap.client.slots import Places


class DirectCalls:
    """What a link and its one connection share where the device needs neither pauses nor quirks.

    *pump* sends what waits, *withdraw* gives up a ticket.

    Attributes:
        way: the direct way, while it is open to calls that look at nothing else; None where connections are
            counted, or a unit was silent: by the queue alone there.
        waiting: the tickets that wait. silent: the units that did not answer last.
        places: who counts connections; None where nobody does.
    """

    __slots__ = (
        "_alarm",
        "_allowance",
        "_circuits",
        "_clock",
        "_connection",
        "_counts",
        "_options",
        "_pausing",
        "_pump",
        "_queue",
        "_withdraw",
        "places",
        "silent",
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
        clock: Callable[[], float],
        pausing: Pausing,
        alarm: Alarm,
        pump: Callable[[], None],
        withdraw: Callable[[Ticket], None],
    ) -> None:
        self._options = options
        self._allowance = options.allowance
        self._circuits = circuits
        self.silent = circuits.silent
        self._counts = counts
        self._queue = queue
        self.places = places
        self._clock = clock
        self._pausing = pausing
        self._alarm = alarm
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
        if self.places is None and self._circuits.calm:
            self.way = way

    def left(self, way: Asking) -> None:
        """It is closed."""
        if self.way is way:
            self.way = None

    def go_on(self, way: Asking) -> None:
        """There is room: send what waits, in one piece; what is not for the direct way goes as ever."""
        queue, now = self._queue, self._clock()
        if now >= queue.next_expiry or self._connection is None or not _is_open(way):
            self._pump()
            return
        way.hold()
        try:
            while len(way.asked) < way.room and (ticket := queue.peek()) is not None:
                if ticket.job.unit in self.silent or not ticket.job.answered:
                    self._pump()
                    break
                self._send(queue.pop(), self._connection, way, now)
        finally:
            way.release()

    def put(self, ticket: Ticket, priority: Priority, now: float) -> bool:
        """Send *ticket*, or let it wait, as far as the direct way decides that; False: nothing was done."""
        connection, job, queue = self._connection, ticket.job, self._queue
        if connection is None or (way := connection.direct) is None or job.unit in self.silent:
            return False
        waits = len(way.asked) >= way.room
        if queue.full_for(ticket.origin) or not _is_open(way) or (self.waiting and not waits):
            return False
        if job.deadline is None:
            job.bound(now, len(queue) + len(self._pausing), self._allowance)
        if now >= job.give_up_at:
            return False
        queue.place(ticket, priority)
        if waits:
            queue.put_back(ticket)
            self._alarm.set(queue.next_expiry, now)
        else:
            self._send(ticket, connection, way, now)
        return True

    def _send(self, ticket: Ticket, connection: Connection, way: Asking, now: float) -> None:
        job = ticket.job
        timeout = job.timeout  # and no longer than its deadline: `attempt_timeout`, without the calls
        if timeout > job.give_up_at - now:
            timeout = job.give_up_at - now
        if self.places is not None:
            self.places.busy(connection)
        way.ask(job.request, job.unit, timeout, None, False, ticket)

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


def _is_open(way: Asking) -> bool:
    """Whether more may be sent so: not where the connection is to be closed, or a late answer is torn."""
    return way.room > 0 and not way.is_closing() and not (way.buried and way.is_torn)
