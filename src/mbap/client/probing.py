"""Finding out in the background whether silent units are back, in a bounded part of the line's time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from mbap.client.circuits import Circuits
from mbap.client.job import Job
from mbap.client.options import LinkOptions
from mbap.client.queue import Ticket
from mbap.protocol.execute import Priority
from mbap.protocol.pdu import ReadHoldingRegisters, Request

ORIGIN: Final = "probe"
_ANYTHING: Final = ReadHoldingRegisters(0, 1)
"""What a unit is asked that was only written to: an exception says as well that it is there."""

Put = Callable[[Ticket, Priority], None]


class Probing:
    """Asks the silent units of one link, one at a time, what they did not answer.

    Args:
        options: of the link; `probing` says which part of its time may be used.
        circuits: who is silent.
        put: puts a ticket into the queue; one in the background goes past the breakers.
        reserve: for how many seconds a line is of no use after nobody has answered.
    """

    __slots__ = (
        "_asked",
        "_circuits",
        "_clock",
        "_free_at",
        "_options",
        "_put",
        "_questions",
        "_reserve",
        "_timer",
    )

    def __init__(
        self,
        options: LinkOptions,
        circuits: Circuits,
        clock: Callable[[], float],
        put: Put,
        reserve: Callable[[], float],
    ) -> None:
        self._options = options
        self._circuits = circuits
        self._clock = clock
        self._put = put
        self._reserve = reserve
        self._questions: dict[int, Request[Any]] = {}
        self._free_at = 0.0
        self._asked: Ticket | None = None
        self._timer: asyncio.TimerHandle | None = None

    def silent(self, job: Job[Any]) -> None:
        """*job* was not answered: see to it that its unit is asked again, once it is left alone."""
        if not job.request.writes:
            self._questions[job.unit] = job.request
        self._look()

    def close(self) -> None:
        """Ask nobody any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        """Have a timer for the next unit that may be asked, if any may."""
        due = self._circuits.next_due()
        if due is None or self._asked is not None or self._timer is not None:
            return
        delay = max(due[1], self._free_at) - self._clock()
        self._timer = asyncio.get_running_loop().call_later(max(delay, 0.001), self._probe)

    def _probe(self) -> None:
        self._timer = None
        due = self._circuits.next_due()
        if due is None:
            return
        unit = due[0]
        options = replace(self._options, retries=0, units={})
        timeout = self._options.of(unit).attempt_timeout
        job = Job(self._questions.get(unit, _ANYTHING), unit, options, timeout=timeout, now=self._clock())
        began = self._clock()
        ticket = Ticket(job, ORIGIN, asyncio.get_running_loop().create_future())
        ticket.background = True
        self._asked = ticket
        self._put(ticket, Priority.READ)
        ticket.future.add_done_callback(lambda _: self._ended(unit, timeout, began))

    def _ended(self, unit: int, timeout: float, began: float) -> None:
        """It answered or not: nobody is asked until what that took is a small enough part of the time."""
        now = self._clock()
        self._asked = None
        spent = min(now - began, timeout)
        if unit in self._circuits.resting:
            spent += self._reserve()
        else:
            self._questions.pop(unit, None)
        self._free_at = now + spent * (1 / self._options.probing - 1)
        self._look()
