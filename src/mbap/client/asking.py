"""The direct way of a link: requests whose answers are told by one comparison, without queue or transaction.

It is open on the one connection of a link to a device that needs no pauses and no quirks, while all that is
on its way went this way. Whatever happens otherwise (silence, cancelling, an answer that is another) turns
what is on its way into tickets and transactions, as if they had been sent so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mbap.protocol.client import ClientSession
from mbap.protocol.direct import SHORTEST_HEAD, pack_header, unpack_head
from mbap.protocol.execute import Waiter
from mbap.protocol.pdu.base import Request
from mbap.protocol.tcp import LONGEST

if TYPE_CHECKING:
    from mbap.client.queue import Ticket


LENGTH_ENDS: Final = 6


class Asked:
    """One request on its way.

    Attributes:
        future: gets the result, or a ModbusError; of a ticket, its own.
        deadline: of the whole call in seconds from `sent_at`, if it has one. assumed: nobody gave the unit.
        ticket: the call it belongs to, where it came through the queue, or has left the direct way.
    """

    __slots__ = ("assumed", "code", "deadline", "future", "request", "sent_at", "ticket", "timeout", "unit")

    def __init__(
        self,
        request: Request[Any],
        unit: int,
        timeout: float,
        sent_at: float,
        future: asyncio.Future[Any],
        deadline: float | None = None,
        assumed: bool = False,
        ticket: Ticket | None = None,
    ) -> None:
        self.request = request
        self.code = request.function_code
        self.unit = unit
        self.timeout = timeout
        self.sent_at = sent_at
        self.future = future
        self.deadline = deadline
        self.assumed = assumed
        self.ticket = ticket


class Asking:
    """What is on its way over one connection on the direct way.

    Attributes:
        asked: it, by transaction identifier.
        rest: the begin of an answer whose end has not come.
        units: those whose answers came last.
        room: how many may be on their way; none any more on a connection that is to be closed.
        number: the transaction identifier that was used last.
        is_closing: whether the connection is.
        buried: transaction identifiers that a late answer may have.
        bytes_sent: on this way.
    """

    __slots__ = (
        "_came",
        "_held",
        "_session",
        "_write",
        "asked",
        "buried",
        "bytes_sent",
        "future",
        "is_closing",
        "number",
        "rest",
        "room",
        "units",
    )

    def __init__(self, session: ClientSession, transport: asyncio.Transport) -> None:
        self._session = session
        self.buried = session.buried
        self.room = self.number = self.bytes_sent = 0
        self.is_closing = transport.is_closing
        self.asked: dict[int, Asked] = {}
        self._came: list[tuple[Waiter, Any]] = []
        self.rest = b""
        self.units: set[int] = set()
        self.future: Callable[[], asyncio.Future[Any]] = asyncio.get_running_loop().create_future
        self._write = transport.write
        self._held: list[bytes] | None = None

    @property
    def is_torn(self) -> bool:
        """Whether the begin of a late answer is here, whose end will come before anything else."""
        return bool(self.buried and not self.asked and (self.rest or self._session.framing.partial))

    def send(self, one: Asked) -> None:
        """Send the request of *one*."""
        if not self.asked:
            self.rest = b""  # nothing is owed to us: what is here is no part of an answer
        number = self.number % 0xFFFF + 1
        while number in self.asked or number in self.buried:
            number = number % 0xFFFF + 1
        pdu = one.request.encode()
        self.number = number
        self.asked[number] = one
        data = pack_header(number, 0, len(pdu) + 1, one.unit) + pdu
        self.bytes_sent += len(data)
        if self._held is None:
            self._write(data)
        else:
            self._held.append(data)

    def hold(self) -> None:
        """Keep what is sent from now on until `release`, which may be no more than `room` requests."""
        self._held = self._held or []

    def release(self) -> None:
        """Write what was kept, in one piece: each write is a call to the system."""
        held, self._held = self._held, None
        if held:
            self._write(b"".join(held))

    def take(self, data: bytes) -> tuple[int, bytes]:
        """Take the results that *data* brings: how many, and the bytes from the first on that is none.

        Those of tickets are given by `give`, once what waits was sent: a device should not wait for that.
        """
        asked, at, given = self.asked, 0, 0
        if self.rest:
            data, self.rest = self.rest + data, b""
        size, units, last = len(data), self.units, -1
        units.clear()
        while size - at >= SHORTEST_HEAD:
            number, protocol, length, unit, code = unpack_head(data, at)
            end = at + 6 + length
            one = asked.get(number)
            if one is None or protocol or unit != one.unit or code != one.code or not 2 <= length <= LONGEST:
                return given, data[at:]
            if end > size:
                break
            try:
                result = one.request.decode_response(data[at + 7 : end])
            except Exception:  # noqa: BLE001 - it is decoded again where errors of any kind are told
                return given, data[at:]
            del asked[number]
            if one.ticket is not None:
                self._came.append((one.future, result))
            elif not one.future.done():
                one.future.set_result(result)
            if unit != last:
                units.add(unit)
                last = unit
            at = end
            given += 1
        if SHORTEST_HEAD > size - at >= LENGTH_ENDS:
            return given, data[at:]  # its length is here and not looked at yet
        self.rest = data[at:]
        return given, b""

    def give(self) -> None:
        """Give the results that came, and let those who got them send what they have together."""
        came, self._came = self._came, []
        wanted = []
        for waiter, result in came:
            if not waiter.done():
                afterwards = waiter.set_result(result)
                if afterwards is not None:
                    wanted.append(afterwards)
        for afterwards in wanted:
            afterwards()

    def earliest(self) -> float:
        """When the first of them is overdue."""
        return min(one.sent_at + one.timeout for one in self.asked.values())

    def give_up(self) -> tuple[list[tuple[int, Asked]], bytes]:
        """All that is on its way, by number, and the begin of an answer: others care for it from now on."""
        self.release()  # others may write next
        asked, rest = [*self.asked.items()], self.rest
        self.asked.clear()
        self.rest = b""
        return asked, rest
