"""The asynchronous client: a link of its own, with the operations on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, TypeVar, cast

from mbap.client.link import Link
from mbap.client.operations import AsyncOperations
from mbap.client.queue import Ticket
from mbap.client.typed import Answer, Given, reading, writing
from mbap.errors import ModbusError
from mbap.protocol.execute import Priority
from mbap.protocol.pdu import Request
from mbap.transport.endpoint import parse_endpoint

R = TypeVar("R")

WINDOW = 256
"""So many requests of one `execute_many` wait in the queue of the link at most."""


class AsyncUnit(AsyncOperations):
    """One unit on the connection of a client."""

    __slots__ = ("_assumed", "_link", "_timeout", "number")

    def __init__(self, link: Link, number: int, *, timeout: float, assumed: bool = False) -> None:
        if not 0 <= number <= 255:
            raise ValueError(f"unit is 0 to 255, not {number}")
        if timeout <= 0:
            raise ValueError(f"timeout is more than 0 seconds, not {timeout:g}")
        self._link = link
        self._timeout = timeout
        self._assumed = assumed
        self.number = number

    async def execute(self, request: Request[R], *, deadline: float | None = None) -> R:
        """Carry out *request* and give its result.

        *deadline* bounds the whole call, in seconds from now: waiting for earlier calls, connecting,
        attempts. Cancelling is safe: nobody gets the answer of a request that was given up.

        Raises:
            ModbusError: one of its kinds, see `mbap.errors`.
        """
        outcome = await self._link.outcome(self._submit(request, deadline))
        if isinstance(outcome, ModbusError):
            raise outcome
        return cast("R", outcome)

    async def execute_many(
        self, requests: Sequence[Request[R]], *, deadline: float | None = None
    ) -> list[R | ModbusError]:
        """Carry out *requests*, as many at once as `outstanding` says; results or errors in their order.

        *deadline* bounds all of them together, in seconds from now.
        """
        tickets: list[Ticket] = []
        try:
            for index, request in enumerate(requests):
                if index >= WINDOW:
                    await self._link.outcome(tickets[index - WINDOW])
                tickets.append(self._submit(request, deadline))
            return [cast("R | ModbusError", await self._link.outcome(ticket)) for ticket in tickets]
        finally:
            for ticket in reversed(tickets):  # those that wait first: none may be sent instead of another
                if not ticket.future.done():
                    self._link.withdraw(ticket)

    def unit(self, number: int, *, timeout: float | None = None) -> AsyncUnit:
        """Another unit on the same connection, with a timeout of its own if given."""
        return AsyncUnit(self._link, number, timeout=self._timeout if timeout is None else timeout)

    async def read(self, item: str, *, word_order: str = "") -> Answer:
        """The value of *item*: `"40108:float32"`, `"hr10.3"`, `"co7"`; a list of them for `"hr0..9"`.

        None where the device says "no value". *word_order* is ABCD, CDAB, BADC or DCBA, or their names.

        Raises:
            ValueError: *item* cannot be understood; the sentence says how to write it.
            ModbusError: one of its kinds.
        """
        plan = reading(item, word_order)
        return plan.answer([await self.execute(request) for request in plan.requests])

    async def write(self, item: str, value: Given, *, word_order: str = "") -> None:
        """Write *value* to *item*: `write("40108:float32", 1.5)`, `write("co3", True)`.

        One bit of a register, `"hr10.3"`, is changed in the device by function code 22.

        Raises:
            ValueError: *item* or *value* cannot be understood, or *item* cannot be written.
            ModbusError: one of its kinds; `OutcomeUnknown` when nobody can say whether it was written.
        """
        await self.execute(writing(item, value, word_order).request)

    def _submit(self, request: Request[Any], deadline: float | None) -> Ticket:
        job = self._link.job(
            request, self.number, deadline=deadline, timeout=self._timeout, unit_assumed=self._assumed
        )
        return self._link.submit(job, Priority.WRITE if request.writes else Priority.READ)

    def _execute(self, request: Request[Any]) -> object:
        return self.execute(request)


class AsyncClient(AsyncUnit):
    """An asynchronous Modbus client: `async with mbap.AsyncClient("tcp://192.168.1.100", unit=6) as plc: ...`

    Connects on entry or at the first call, and anew at the next call after the connection was lost. Many
    tasks may share it: their calls wait in one queue, writes first.

    Args:
        url: `tcp://host:port`; a bare host will do, and `#5` at the end is the unit.
        unit: the unit that calls go to; 1 where neither this nor the URL says.
        timeout: seconds for one attempt, and for connecting.
        retries: how often a read is repeated after silence or a lost connection. A write never is.
        outstanding: how many requests may be on their way at once; many devices take only 1.

    Raises:
        ValueError: an argument is wrong.
        ConnectFailed: on entry, when no connection could be made.
    """

    __slots__ = ()

    def __init__(
        self,
        url: str,
        *,
        unit: int | None = None,
        timeout: float = 3.0,
        retries: int = 0,
        outstanding: int = 1,
    ) -> None:
        endpoint = parse_endpoint(url)
        number = endpoint.unit if unit is None else unit
        link = Link(endpoint, timeout=timeout, retries=retries, outstanding=outstanding, breaker=None)
        super().__init__(link, 1 if number is None else number, timeout=timeout, assumed=number is None)

    async def __aenter__(self) -> Self:
        await self._link.connect()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection, for good; what is on its way ends with `ConnectionLost`."""
        await self._link.aclose()
