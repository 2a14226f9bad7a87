"""What waits for a link: a bounded queue by priority, fair among those on whose behalf it is asked."""

from __future__ import annotations

import asyncio
import heapq
import math
from typing import Any, TypeAlias

from mbap.client.job import Job
from mbap.errors import ModbusError
from mbap.protocol.client import AnyTransaction

Outcome: TypeAlias = Any
"""The result of a request, or the ModbusError it ended with."""


class Ticket:
    """One call on its way through a link.

    Attributes:
        future: gets the outcome, an error as its result too: nobody has to fetch it.
        transaction: the attempt on its way, if there is one.
        probe: it is the one that finds out whether a silent unit is back.
        pause: runs while it waits to be tried once more.
    """

    __slots__ = ("future", "job", "key", "origin", "pause", "probe", "transaction")

    def __init__(self, job: Job[Any], origin: str, future: asyncio.Future[Outcome]) -> None:
        self.job = job
        self.origin = origin
        self.future = future
        self.key = (0, 0, 0)
        self.probe = False
        self.transaction: AnyTransaction | None = None
        self.pause: asyncio.TimerHandle | None = None

    def end(self, outcome: Outcome) -> None:
        """Give *outcome* to whoever still waits for it."""
        if not self.future.done():
            self.future.set_result(outcome)

    def fail(self, error: ModbusError, endpoint: str, *, sent: bool) -> None:
        """End it with *error*, which then names its target."""
        self.end(self.job.failure(error, endpoint, sent=sent))

    def __lt__(self, other: Ticket) -> bool:
        return self.key < other.key


class TicketQueue:
    """Tickets by priority; within one, each origin in turn; within one origin, first come first served.

    At most *limit* wait; `push` refuses what is more.

    Attributes:
        refused: how many were.
        next_expiry: no deadline of a waiting ticket is earlier.
    """

    __slots__ = ("_heap", "_last_turn", "_number", "_turn", "limit", "next_expiry", "refused")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.refused = 0
        self.next_expiry = math.inf
        self._heap: list[Ticket] = []
        self._number = 0
        self._turn = 0
        self._last_turn: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, ticket: Ticket, priority: int) -> bool:
        """Add *ticket*; False when too many wait."""
        if len(self._heap) >= self.limit:
            self.refused += 1
            return False
        self.place(ticket, priority)
        self.put_back(ticket)
        return True

    def place(self, ticket: Ticket, priority: int) -> None:
        """Give *ticket* its place, by *priority*, without adding it."""
        if not self._heap:
            self._last_turn.clear()
        turn = max(self._turn, self._last_turn.get(ticket.origin, -1) + 1)
        self._last_turn[ticket.origin] = turn
        self._number += 1
        ticket.key = (priority, turn, self._number)

    def put_back(self, ticket: Ticket) -> None:
        """Add *ticket* for another attempt: it keeps its place."""
        heapq.heappush(self._heap, ticket)
        self.next_expiry = min(self.next_expiry, ticket.job.give_up_at)

    def peek(self) -> Ticket | None:
        """The one whose turn it is."""
        return self._heap[0] if self._heap else None

    def pop(self) -> Ticket:
        """Take out the one whose turn it is."""
        ticket = heapq.heappop(self._heap)
        self._turn = ticket.key[1]
        return ticket

    def remove(self, ticket: Ticket) -> bool:
        """Take out *ticket*; False when it does not wait here."""
        if ticket not in self._heap:
            return False
        self._heap.remove(ticket)
        heapq.heapify(self._heap)
        return True

    def take_expired(self, now: float) -> list[Ticket]:
        """Take out every ticket whose deadline has passed."""
        if now < self.next_expiry:
            return []
        expired = [ticket for ticket in self._heap if ticket.job.give_up_at <= now]
        self._heap = [ticket for ticket in self._heap if ticket.job.give_up_at > now]
        heapq.heapify(self._heap)
        self.next_expiry = min((ticket.job.give_up_at for ticket in self._heap), default=math.inf)
        return expired

    def take_all(self) -> list[Ticket]:
        """Take out all, in order."""
        tickets, self._heap = sorted(self._heap), []
        self.next_expiry = math.inf
        return tickets
