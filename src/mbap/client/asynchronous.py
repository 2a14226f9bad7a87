"""The asynchronous client: a link of its own, with the operations on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast, overload

from mbap.client.dialogue import Dialogue, carry_out_async
from mbap.client.events import EventStream, LinkState, OnEvent
from mbap.client.link import Link
from mbap.client.operations import AsyncOperations
from mbap.client.options import RETRY_PAUSES
from mbap.client.queue import Ticket
from mbap.client.quirks import NO_QUIRKS, Quirks
from mbap.client.timing import LinkName
from mbap.errors import ModbusError
from mbap.protocol.execute import Priority, RequestFor
from mbap.protocol.pdu import Request
from mbap.transport.endpoint import parse_endpoint

if TYPE_CHECKING:
    from mbap.client.typed import Answer, Given
    from mbap.protocol.pdu import DeviceIdentification
    from mbap.transport.tls import TLS

R = TypeVar("R")

WINDOW = 256
"""So many requests of one `execute_many` wait in the queue of the link at most."""


def _left(
    requests: Sequence[Request[R]], deadline: float | None
) -> Iterator[tuple[Request[R], float | None]]:
    """Each request with what is left of *deadline* when its turn comes."""
    end = None if deadline is None else time.monotonic() + deadline
    for request in requests:
        yield request, None if end is None else end - time.monotonic()


class AsyncUnit(AsyncOperations):
    """One unit on the connection of a client."""

    __slots__ = ("_assumed", "_direct", "_link", "_timeout", "number")

    def __init__(self, link: Link, number: int, *, timeout: float, assumed: bool = False) -> None:
        if not 0 <= number <= 255:
            raise ValueError(f"unit is 0 to 255, not {number}")
        if timeout <= 0:
            raise ValueError(f"timeout is more than 0 seconds, not {timeout:g}")
        self._link = link
        self._direct = link._direct
        self._timeout = timeout
        self._assumed = assumed
        self.number = number

    async def execute(self, request: Request[R], *, deadline: float | None = None) -> R:
        """Carry out *request* and give its result.

        *deadline* bounds the whole call, in seconds from now: waiting for earlier calls, connecting,
        attempts and the pauses between them. Without one it has as long as all its attempts need, after
        those that wait already. Cancelling is safe: nobody gets the answer of a request that was given up.

        Raises:
            ModbusError: one of its kinds, see `mbap.errors`.
        """
        way = self._direct.way
        if way is not None and (one := way.ask(request, self.number, self._timeout, deadline, self._assumed)):
            try:
                result: R = await one.future
            except asyncio.CancelledError:
                self._direct.give_up(one)
                raise
            if one.ticket is not None and isinstance(result, ModbusError):
                raise result  # nothing that was answered directly is an error
            return result
        if self._link.leeway.rewrites:
            parts = self._link.in_parts(request, self.number)
            if parts is not None:
                return await self.carry_out(parts.dialogue(), deadline=deadline)
        outcome = await self._link.outcome(self._submit(request, deadline))
        if isinstance(outcome, ModbusError):
            raise outcome
        return cast("R", outcome)

    @overload
    async def execute_many(
        self, requests: Sequence[Request[R]], *, deadline: float | None = None
    ) -> list[R | ModbusError]: ...
    @overload
    async def execute_many(
        self, requests: Sequence[RequestFor[object]], *, deadline: float | None = None
    ) -> list[object]: ...
    async def execute_many(
        self, requests: Sequence[RequestFor[object]], *, deadline: float | None = None
    ) -> list[R | ModbusError] | list[object]:
        """Carry out *requests*, as many at once as `outstanding` says; results or errors in their order.

        They may be of different classes. *deadline* bounds all of them together, in seconds from now.
        """
        requests = cast("Sequence[Request[Any]]", requests)
        if self._link.leeway.rewrites:
            return [
                cast("R | ModbusError", await self._outcome(request, left))
                for request, left in _left(requests, deadline)
            ]
        tickets: list[Ticket] = []
        try:
            waiting = _left(requests, deadline)
            with self._direct.in_one_write():
                for request, left in islice(waiting, WINDOW):
                    tickets.append(self._submit(request, left))
            for index, (request, left) in enumerate(waiting):
                await self._link.outcome(tickets[index])
                tickets.append(self._submit(request, left))
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
        from mbap.client.typed import reading

        return await self.carry_out(reading(item, word_order).dialogue(self._link.leeway.at(self.number)))

    async def write(self, item: str, value: Given, *, word_order: str = "") -> None:
        """Write *value* to *item*: `write("40108:float32", 1.5)`, `write("co3", True)`.

        One bit of a register, `"hr10.3"`, is changed in the device by function code 22.

        Raises:
            ValueError: *item* or *value* cannot be understood, or *item* cannot be written.
            ModbusError: one of its kinds; `OutcomeUnknown` when nobody can say whether it was written.
        """
        from mbap.client.typed import writing

        await self.execute(writing(item, value, word_order).request)

    async def read_device_identification(self, code: int = 1, object_id: int = 0) -> DeviceIdentification:
        """Who the device is, with what does not fit into one answer (function code 43, type 14).

        *code* is 1 for the basic objects, 2 for the regular, 3 for all, 4 for *object_id* alone; otherwise
        *object_id* is the first. `ReadDeviceIdCode` and `ObjectId` have names for them.

        Raises:
            ModbusError: one of its kinds.
        """
        from mbap.client.identification import identification

        return await self.carry_out(identification(code, object_id))

    async def carry_out(self, dialogue: Dialogue[R], *, deadline: float | None = None) -> R:
        """What *dialogue* returns, a generator of requests; *deadline* bounds all of them together."""
        give_up_at = None if deadline is None else time.monotonic() + deadline

        def one(request: Request[Any]) -> Awaitable[Any]:
            left = None if give_up_at is None else give_up_at - time.monotonic()
            return self.execute(request, deadline=left)

        return await carry_out_async(dialogue, one)

    async def _outcome(self, request: Request[R], deadline: float | None) -> object:
        try:
            return await self.execute(request, deadline=deadline)
        except ModbusError as error:
            return error

    def _submit(self, request: Request[Any], deadline: float | None) -> Ticket:
        job = self._link.job(
            request, self.number, deadline=deadline, timeout=self._timeout, unit_assumed=self._assumed
        )
        return self._link.submit(job, Priority.WRITE if request.writes else Priority.READ)

    _execute = execute


class AsyncClient(AsyncUnit):
    """An asynchronous Modbus client: `async with mbap.AsyncClient("tcp://192.168.1.100", unit=6) as plc: ...`

    Connects on entry or at the first call, and anew at the next call after the connection was lost. Many
    tasks may share it: their calls wait in one queue, writes first.

    Args:
        url: `tcp://host:port`; a bare host will do, and `#5` at the end is the unit. `rtu+tcp://`,
            `ascii+tcp://`, `udp://` and `tls://` (port 802) work too; `?source=ADDRESS` says from which
            address of this machine.
            `rtu:///dev/ttyUSB0?baudrate=9600&parity=N` is a serial line, `ascii://` as well.
        unit: the unit that calls go to; 1 where neither this nor the URL says.
        timeout: seconds for one attempt, and for connecting; None leaves it to *link*.
        link: "lan", "wan" or "satellite": a timeout of 3, 10 or 40 s, and other times that grow with it.
        retries: how often a read is repeated after silence or a lost connection, and anything that a busy
            device refused. Another write never is.
        retry_pauses: seconds before the first, second... retry, each a quarter longer or shorter by chance.
        outstanding: how many requests may be on their way at once; many devices take only 1.
        pause: seconds between the last byte of an answer and the next request.
        connect_pause: seconds between connecting and the first request.
        unit_pause: seconds between the last byte of one unit and a request to another.
        quirks: how the device breaks the rules: `Quirks(transaction="zero")`.
        tls: who we are and whom we trust; `tls://` needs it.
        on_event: called with a `LinkEvent` when the connection is made, lost and so on.

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
        timeout: float | None = None,
        link: LinkName = "lan",
        retries: int = 0,
        retry_pauses: Sequence[float] = RETRY_PAUSES,
        outstanding: int = 1,
        pause: float = 0.0,
        connect_pause: float = 0.0,
        unit_pause: float = 0.0,
        quirks: Quirks | None = None,
        tls: TLS | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        endpoint = parse_endpoint(url)
        number = endpoint.unit if unit is None else unit
        own = Link(
            endpoint,
            on_event=on_event,
            timeout=timeout,
            link=link,
            retries=retries,
            retry_pauses=tuple(retry_pauses),
            outstanding=outstanding,
            pause=pause,
            connect_pause=connect_pause,
            unit_pause=unit_pause,
            breaker=None,
            quirks=quirks or NO_QUIRKS,
            tls=tls,
        )
        super().__init__(
            own,
            1 if number is None else number,
            timeout=own.options.attempt_timeout,
            assumed=number is None,
        )

    async def __aenter__(self) -> Self:
        await self._link.connect()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()

    async def broadcast(self, request: Request[Any], *, deadline: float | None = None) -> None:
        """Send a write to every unit behind the connection: to unit 0, and nobody answers.

        It returns when the write was sent; nobody knows who carried it out.

        Raises:
            ValueError: *request* does not only write.
            OutcomeUnknown: the connection ended while it was sent.
            ModbusError: it could not be sent.
        """
        await self._link.broadcast(request, deadline=deadline)

    def events(self) -> EventStream:
        """What happens to the connection from now on: `async for event in plc.events(): ...`"""
        return self._link.events()

    @property
    def state(self) -> LinkState:
        """Whether there is a connection."""
        return self._link.state

    @property
    def quirks_used(self) -> Mapping[str, int]:
        """How often each of the quirks was needed."""
        return self._link.statistics().quirks

    async def aclose(self) -> None:
        """Close the connection, for good; what is on its way ends with `ConnectionLost`."""
        await self._link.aclose()
