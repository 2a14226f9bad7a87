"""Calls of a link that pause before they are tried once more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mbap.client.queue import Ticket


class Pausing:
    """Tickets that wait for their next attempt; *resume* is called with each when its pause is over."""

    __slots__ = ("_resume", "_tickets")

    def __init__(self, resume: Callable[[Ticket], None]) -> None:
        self._resume = resume
        self._tickets: dict[Ticket, None] = {}

    def __len__(self) -> int:
        return len(self._tickets)

    def add(self, ticket: Ticket, seconds: float) -> None:
        """Let *ticket* pause."""
        self._tickets[ticket] = None
        ticket.pause = asyncio.get_running_loop().call_later(seconds, self._over, ticket)

    def remove(self, ticket: Ticket) -> bool:
        """End the pause of *ticket* without resuming it; False when it does not pause."""
        if ticket not in self._tickets:
            return False
        del self._tickets[ticket]
        if ticket.pause is not None:
            ticket.pause.cancel()
        return True

    def take_all(self) -> list[Ticket]:
        """End every pause; gives who paused."""
        tickets = list(self._tickets)
        for ticket in tickets:
            self.remove(ticket)
        return tickets

    def _over(self, ticket: Ticket) -> None:
        del self._tickets[ticket]
        ticket.pause = None
        self._resume(ticket)
