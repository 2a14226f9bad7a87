"""The calls of a link that take the direct way of its connection: past its queue, where nothing waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mbap.client.alarm import Alarm
from mbap.client.asking import Asked, Asking
from mbap.client.circuits import Circuits
from mbap.client.job import DIAGNOSTICS, Job
from mbap.client.options import LinkCounts, LinkOptions
from mbap.client.pausing import Pausing
from mbap.client.queue import Ticket, TicketQueue
from mbap.protocol.execute import Priority
from mbap.protocol.pdu import Request

if TYPE_CHECKING:
    from mbap.client.connection import Connection
    from mbap.client.slots import Places


class DirectCalls:
    """What a link and its one connection share where the device needs neither pauses nor quirks.

    *places* is None where nobody counts connections; *pump* sends what waits, *withdraw* gives up a ticket.
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
        "_places",
        "_pump",
        "_queue",
        "_withdraw",
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
        self._counts = counts
        self._queue = queue
        self._places = places
        self._clock = clock
        self._pausing = pausing
        self._alarm = alarm
        self._pump = pump
        self._withdraw = withdraw
        self._connection: Connection | None = None

    def begin(
        self, request: Request[Any], unit: int, timeout: float, deadline: float | None, *, assumed: bool
    ) -> Asked | None:
        """*request* on its way to *unit*, where the direct way is open; None: nothing was done.

        Whoever awaits its future gives it up with `give_up`.
        """
        connection = self._connection
        if connection is None or (direct := connection.direct) is None or not self._circuits.calm:
            return None
        if len(direct.asked) >= direct.room or direct.is_closing():
            return None  # while there is room nothing waits: it would have been sent
        if request.function_code == DIAGNOSTICS or not 0 <= unit <= 255 or (direct.buried and direct.is_torn):
            return None
        if deadline is not None and deadline < timeout:
            return None
        one = Asked(request, unit, timeout, self._clock(), direct.future(), deadline, assumed)
        self._counts.requests += 1
        if self._places is not None:
            self._places.busy(connection)
        connection.ask(one, direct)
        return one

    @contextmanager
    def in_one_write(self) -> Iterator[None]:
        """What is sent within goes out in one piece at its end; nothing may be awaited."""
        direct = self._connection.direct if self._connection is not None else None
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

    def made(self, connection: Connection) -> None:
        """*connection* was made, in place of any other."""
        self._connection = connection

    def trusts(self, unit: int) -> bool:
        """Whether *unit* answered last, so that its answers change nothing."""
        return self._circuits.trusts(unit)

    def answered(self, connection: Connection, count: int) -> None:
        """So many requests on the direct way were answered: send what waits."""
        self._counts.answers += count
        if self._queue:
            self._send_waiting(connection)
        if self._places is not None and connection.idle:
            self._places.idle(connection)

    def put(self, ticket: Ticket, priority: Priority, now: float) -> bool:
        """Send *ticket*, or let it wait, as far as the direct way decides that; False: nothing was done."""
        connection, job, queue = self._connection, ticket.job, self._queue
        if connection is None or (direct := connection.direct) is None or not self._circuits.trusts(job.unit):
            return False
        waits = len(direct.asked) >= direct.room
        if queue.full_for(ticket.origin) or not _is_open(direct) or (queue and not waits):
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
            self._send(ticket, connection, direct, now)
        return True

    def _send_waiting(self, connection: Connection) -> None:
        """Send what waits, in one write, as the direct way allows; what is not for it goes as ever."""
        direct, queue, now = connection.direct, self._queue, self._clock()
        if direct is None or now >= queue.next_expiry or not _is_open(direct):
            self._pump()
            return
        if direct.room > 1:
            direct.hold()
        while len(direct.asked) < direct.room and (ticket := queue.peek()) is not None:
            if not self._circuits.trusts(ticket.job.unit):
                direct.release()
                self._pump()
                return
            self._send(queue.pop(), connection, direct, now)
        if direct.room > 1:
            direct.release()

    def _send(self, ticket: Ticket, connection: Connection, direct: Asking, now: float) -> None:
        job = ticket.job
        self._counts.requests += 1
        if self._places is not None:
            self._places.busy(connection)
        timeout = job.timeout  # and no longer than its deadline: `attempt_timeout`, without the calls
        if timeout > job.give_up_at - now:
            timeout = job.give_up_at - now
        asked = Asked(job.request, job.unit, timeout, now, ticket.future, job.deadline, False, ticket)
        connection.ask(asked, direct)

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


def _is_open(direct: Asking) -> bool:
    """Whether more may be sent so: not where the connection is to be closed, or a late answer is torn."""
    return direct.room > 0 and not direct.is_closing() and not (direct.buried and direct.is_torn)
