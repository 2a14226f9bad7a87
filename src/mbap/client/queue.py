"""What waits for a link: a bounded queue by priority, fair among those on whose behalf it is asked."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Container
from typing import Any, Final, TypeAlias

from mbap.client.job import Job
from mbap.errors import ModbusError, QueueFull
from mbap.protocol.client import AnyTransaction
from mbap.protocol.execute import Waiter

Outcome: TypeAlias = Any
"""The result of a request, or the ModbusError it ended with."""


class Ticket:
    """One call on its way through a link.

    Attributes:
        future: gets the outcome, an error as its result too: nobody has to fetch it. Another `Waiter` where
            nobody awaits it.
        transaction: the attempt on its way, if there is one.
        probe: it is the one that finds out whether a silent unit is back.
        pause: runs while it waits to be tried once more.
        background: nobody waits for it but the search for silent units, which asks past the breaker.
        sharers: how many wait for it besides the first.
    """

    __slots__ = ("background", "future", "job", "key", "origin", "pause", "probe", "sharers", "transaction")

    def __init__(self, job: Job[Any], origin: str, future: Waiter) -> None:
        self.job = job
        self.origin = origin
        self.future: asyncio.Future[Outcome] = future  # type: ignore[assignment]  # as who awaits it knows
        self.key = (0, 0, 0)
        self.probe = self.background = False
        self.sharers = 0
        self.transaction: AnyTransaction | None = None
        self.pause: asyncio.TimerHandle | None = None

    def end(self, outcome: Outcome) -> None:
        """Give *outcome* to whoever still waits for it."""
        if not self.future.done():
            waiter: Waiter = self.future
            afterwards = waiter.set_result(outcome)
            if afterwards is not None:
                afterwards()

    def fail(self, error: ModbusError, endpoint: str, *, sent: bool) -> None:
        """End it with *error*, which then names its target."""
        self.end(self.job.failure(error, endpoint, sent=sent))


_NONE: Final = ((0, 0, 0), None)


class TicketQueue:
    """Tickets by priority; within one, each origin in turn; within one origin, first come first served.

    After *patience* in a row that went before others of lower priority, one of those is next: whoever only
    writes does not keep all the others from reading.

    At most *limit* wait, and at most *limit_per_origin* of one origin; `push` refuses what is more. What an
    origin with a name has asked for first is never overtaken by what it asked for later: a write takes the
    reads before it along.

    Attributes:
        tickets: those that wait with their keys, as a heap. Always the same list: who looks often keeps it.
        refused: how many were.
        next_expiry: no deadline of a waiting ticket is earlier.
    """

    __slots__ = (
        "_by_priority",
        "_last_turn",
        "_number",
        "_overtaken",
        "_patient",
        "_turn",
        "_waiting",
        "limit",
        "limit_per_origin",
        "next_expiry",
        "patience",
        "refused",
        "tickets",
    )

    def __init__(self, limit: int, limit_per_origin: int | None = None, patience: float = math.inf) -> None:
        self.limit = limit
        self.patience = patience
        self._patient = patience < math.inf
        self.limit_per_origin = limit_per_origin
        self.refused = 0
        self.next_expiry = math.inf
        self.tickets: list[tuple[tuple[int, int, int], Ticket]] = []  # a number of its own ends each key
        self._number = 0
        self._turn = 0
        self._last_turn: dict[str, int] = {}
        self._waiting: dict[str, int] = {}
        self._by_priority: dict[int, int] = {}
        self._overtaken = 0

    def __len__(self) -> int:
        return len(self.tickets)

    def push(self, ticket: Ticket, priority: int) -> bool:
        """Add *ticket*; False when too many wait."""
        if self.full_for(ticket.origin):
            self.refused += 1
            return False
        self.place(ticket, priority)
        self.put_back(ticket)
        return True

    def place(self, ticket: Ticket, priority: int) -> None:
        """Give *ticket* its place, by *priority*, without adding it."""
        origin, turns = ticket.origin, self._last_turn
        if not self.tickets:
            turns.clear()
        elif origin and origin in self._waiting:
            self._hurry(origin, priority)
        if len(turns) > 2 * self.limit:
            self._forget_turns()
            turns = self._last_turn
        turn = turns.get(origin, -1) + 1
        if turn < self._turn:
            turn = self._turn
        turns[origin] = turn
        self._number += 1
        ticket.key = (priority, turn, self._number)

    @property
    def writing(self) -> bool:
        """Whether a write waits."""
        return any(ticket.job.request.writes for _, ticket in self.tickets)

    def full_for(self, origin: str) -> bool:
        """Whether one more of *origin* would be too many."""
        most = self.limit_per_origin
        return len(self.tickets) >= self.limit or (most is not None and self._waiting.get(origin, 0) >= most)

    def refusal(self, origin: str) -> QueueFull:
        """Why no more of *origin* is taken."""
        if len(self.tickets) >= self.limit:
            return QueueFull(f"{self.limit} requests wait for this connection already")
        return QueueFull(f"{self.limit_per_origin} requests of {origin} wait for this connection already")

    def put_back(self, ticket: Ticket) -> None:
        """Add *ticket* for another attempt: it keeps its place."""
        heapq.heappush(self.tickets, (ticket.key, ticket))
        if ticket.origin or self.limit_per_origin is not None:
            self._waiting[ticket.origin] = self._waiting.get(ticket.origin, 0) + 1
        if self._patient:
            priority = ticket.key[0]
            self._by_priority[priority] = self._by_priority.get(priority, 0) + 1
        if ticket.job.give_up_at < self.next_expiry:
            self.next_expiry = ticket.job.give_up_at

    def peek(self, absent: Container[int] = ()) -> Ticket | None:
        """The one whose turn it is, of those for a unit that is not *absent*."""
        if not absent and self._overtaken < self.patience:
            return self.tickets[0][1] if self.tickets else None
        first = self._first()
        if first is None or first.job.unit not in absent:
            return first
        return min((one for one in self.tickets if one[1].job.unit not in absent), default=_NONE)[1]

    def _first(self) -> Ticket | None:
        if self._overtaken >= self.patience and len(self._by_priority) > 1:
            first = self.tickets[0][0][0]
            return min((one for one in self.tickets if one[0][0] != first), key=lambda one: one[0][1:])[1]
        return self.tickets[0][1] if self.tickets else None

    def pop(self, absent: Container[int] = ()) -> Ticket:
        """Take out the one whose turn it is, as `peek` gives it."""
        if absent or self._overtaken >= self.patience:
            chosen = self.peek(absent)
            if chosen is not None and chosen is not self.tickets[0][1]:
                return self._taken_out_of_order(chosen)
        key, ticket = heapq.heappop(self.tickets)
        if self._patient:
            self._overtaken = self._overtaken + 1 if len(self._by_priority) > 1 else 0
            _less(self._by_priority, key[0])
        if ticket.origin or self.limit_per_origin is not None:
            _less(self._waiting, ticket.origin)
        self._turn = key[1]
        return ticket

    def _taken_out_of_order(self, chosen: Ticket) -> Ticket:
        """*chosen*: those before it have overtaken others for too long, or their units are absent."""
        if self._overtaken >= self.patience:
            self._overtaken = 0
            self._turn = chosen.key[1]
        self.remove(chosen)
        return chosen

    def remove(self, ticket: Ticket) -> bool:
        """Take out *ticket*; False when it does not wait here."""
        entry = (ticket.key, ticket)
        if entry not in self.tickets:
            return False
        self.tickets.remove(entry)
        heapq.heapify(self.tickets)
        self._left(ticket)
        return True

    def take_expired(self, now: float) -> list[Ticket]:
        """Take out every ticket whose deadline has passed."""
        if now < self.next_expiry:
            return []
        expired = [ticket for _, ticket in self.tickets if ticket.job.give_up_at <= now]
        for ticket in expired:
            self._left(ticket)
        self.tickets[:] = [entry for entry in self.tickets if entry[1].job.give_up_at > now]
        heapq.heapify(self.tickets)
        self.next_expiry = min((ticket.job.give_up_at for _, ticket in self.tickets), default=math.inf)
        return expired

    def take_all(self) -> list[Ticket]:
        """Take out all, in order."""
        tickets = [ticket for _, ticket in sorted(self.tickets)]
        self.tickets.clear()
        self._waiting.clear()
        self._by_priority.clear()
        self.next_expiry = math.inf
        return tickets

    def _left(self, ticket: Ticket) -> None:
        if ticket.origin or self.limit_per_origin is not None:
            _less(self._waiting, ticket.origin)
        if self._patient:
            _less(self._by_priority, ticket.key[0])

    def _hurry(self, origin: str, priority: int) -> None:
        """What *origin* waits for comes no later than what is of *priority*."""
        hurried = False
        for at, (key, ticket) in enumerate(self.tickets):
            if ticket.origin == origin and key[0] > priority:
                if self._patient:
                    _less(self._by_priority, key[0])
                    self._by_priority[priority] = self._by_priority.get(priority, 0) + 1
                ticket.key = (priority, key[1], key[2])
                self.tickets[at] = (ticket.key, ticket)
                hurried = True
        if hurried:
            heapq.heapify(self.tickets)

    def _forget_turns(self) -> None:
        """Only of those who wait: who comes back later gets the turn of then."""
        self._last_turn = {
            origin: self._last_turn[origin] for origin in self._waiting if origin in self._last_turn
        }


def _less(counts: dict[Any, int], key: object) -> None:
    """One less of *key*; what is none is forgotten."""
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
