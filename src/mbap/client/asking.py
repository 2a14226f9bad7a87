"""The direct way of a link: requests whose answers are told by one comparison, without queue or transaction.

It is open on the one connection of a link to a device that needs no pauses and no quirks, while all that is
on its way went this way. Whatever happens otherwise (silence, cancelling, an answer that is another) turns
what is on its way into tickets and transactions, as if they had been sent so.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from mbap.client.alarm import Alarm
from mbap.client.job import DIAGNOSTICS, check_unit
from mbap.client.window import Window
from mbap.protocol.client import ClientSession
from mbap.protocol.direct import SHORTEST_HEAD, pack_header, unpack_head
from mbap.protocol.execute import Waiter
from mbap.protocol.pdu.base import Request
from mbap.protocol.tcp import LONGEST

if TYPE_CHECKING:
    from mbap.client.queue import Ticket


LENGTH_ENDS: Final = 6


class Asked:
    """One request on its way. `Asking.ask` fills it in: an `__init__` would cost as much again for each.

    Attributes:
        future: gets the result, or a ModbusError; of a ticket, its own.
        deadline: of the whole call in seconds from `sent_at`, if it has one. assumed: nobody gave the unit.
        ticket: the call it belongs to, where it came through the queue, or has left the direct way: only then
            it may end with an error.
    """

    __slots__ = ("assumed", "code", "deadline", "future", "request", "sent_at", "ticket", "timeout", "unit")

    request: Request[Any]
    code: int
    unit: int
    timeout: float
    sent_at: float
    future: asyncio.Future[Any]
    deadline: float | None
    assumed: bool
    ticket: Ticket | None


class Asking:
    """What is on its way over one connection on the direct way, and what went over it.

    Attributes:
        asked: what is on its way, by transaction identifier.
        rest: the begin of an answer whose end has not come.
        room: how many may be on their way; none any more on a connection that is to be closed.
        number: the transaction identifier that was used last.
        is_closing: whether the connection is.
        buried: transaction identifiers that a late answer may have.
        waiting: the tickets that wait for room.
        watched: whether somebody wants to know when nothing is on its way any more.
        side_by_side: whether several were on their way at once since none was.
        since: when the first of those on their way was sent. busy: seconds before in which any was.
        answers: so many came. told: of which the session knows. left: requests that went on otherwise.
        bytes_sent: on this way.
        results: those that came, until `give`.
    """

    __slots__ = (
        "_alarm",
        "_clock",
        "_future",
        "_held",
        "_session",
        "_window",
        "_write",
        "answers",
        "asked",
        "buried",
        "busy",
        "bytes_sent",
        "is_closing",
        "left",
        "number",
        "rest",
        "results",
        "room",
        "side_by_side",
        "since",
        "told",
        "waiting",
        "watched",
    )

    def __init__(
        self,
        session: ClientSession,
        window: Window,
        transport: asyncio.Transport,
        alarm: Alarm,
        clock: Callable[[], float],
        waiting: Sequence[object],
        *,
        watched: bool,
    ) -> None:
        self._session = session
        self._window = window
        self._alarm = alarm
        self.buried = session.buried
        self.waiting = waiting
        self.watched = watched
        self.room = self.number = self.bytes_sent = self.answers = self.told = self.left = 0
        self.since = self.busy = 0.0
        self.side_by_side = False
        self.is_closing = transport.is_closing
        self.asked: dict[int, Asked] = {}
        self.rest = b""
        self.results: list[tuple[Waiter, Any]] = []
        self._clock = clock
        self._future: Callable[[], asyncio.Future[Any]] = asyncio.get_running_loop().create_future
        self._held: list[bytes] | None = None
        self._write = transport.write

    @property
    def is_torn(self) -> bool:
        """Whether the begin of a late answer is here, whose end will come before anything else."""
        return bool(self.buried and not self.asked and (self.rest or self._session.framing.partial))

    @property
    def requests(self) -> int:
        """How many were sent on this way."""
        return self.answers + self.left + len(self.asked)

    def ask(
        self,
        request: Request[Any],
        unit: int,
        timeout: float,
        deadline: float | None = None,
        assumed: bool = False,
        ticket: Ticket | None = None,
    ) -> Asked | None:
        """Send *request*, see `Asked` for what is given with it; None where it cannot go this way now.

        Whoever awaits its future gives it up with `DirectCalls.give_up`.

        Raises:
            ValueError: *unit* is not 0 to 255.
        """
        asked, is_closing, code = self.asked, self.is_closing, request.function_code
        if len(asked) >= self.room or is_closing() or (self.buried and self.is_torn):
            return None  # while there is room nothing waits: it would have been sent
        if (code == DIAGNOSTICS and ticket is None) or (deadline is not None and deadline < timeout):
            return None
        number = self.number + 1
        if number > 0xFFFF or self.buried or number in asked:
            number = self._free_from(number)
        pdu = request.encode()
        try:
            data = pack_header(number, 0, len(pdu) + 1, unit) + pdu
        except struct.error:
            check_unit(unit)
            raise
        new_future, clock = self._future, self._clock  # calling a name costs less than calling an attribute
        now = clock()
        one = Asked()
        one.request, one.code, one.unit = request, code, unit
        one.timeout, one.sent_at, one.future = timeout, now, new_future() if ticket is None else ticket.future
        one.deadline, one.assumed, one.ticket = deadline, assumed, ticket
        if asked:
            self.side_by_side = True
        else:
            self.since, self.rest = now, b""  # nothing is owed to us: what is here is no part of an answer
        self.number, asked[number] = number, one
        self.bytes_sent += len(data)
        write = self._write if self._held is None else self._held.append
        write(data)
        if now + timeout < self._alarm.at:
            self._alarm.set(now + timeout, now)
        return one

    def _free_from(self, number: int) -> int:
        """The first transaction identifier from *number* on that tells its answer from any other."""
        number = (number - 1) % 0xFFFF + 1
        while number in self.asked or number in self.buried:
            number = number % 0xFFFF + 1
        return number

    def hold(self) -> None:
        """Keep what is sent from now on until `release`, which may be no more than `room` requests."""
        self._held = self._held or []

    def release(self) -> None:
        """Write what was kept, in one piece: each write is a call to the system."""
        held, self._held = self._held, None
        if held:
            self._write(b"".join(held))

    def take_one(self, data: bytes, now: float) -> bool:
        """Give the result that *data* brings, where that is exactly one answer; else do nothing.

        That of a ticket is for `give`.
        """
        asked = self.asked
        try:
            number, length, unit, code = unpack_head(data)
            one = asked[number]
            if (
                length + 6 != len(data)
                or length > LONGEST
                or unit != one.unit
                or code != one.code
                or self.rest
            ):
                return False
            result = one.request.decode_response(data[7:])
        except Exception:  # noqa: BLE001 - it is looked at again where errors of any kind are told
            return False
        del asked[number]
        self.answers += 1
        if one.ticket is not None:
            self.results.append((one.future, result))
        else:
            try:  # noqa: SIM105 - costs nothing, and `suppress` as much as the rest
                one.future.set_result(result)
            except asyncio.InvalidStateError:
                pass  # nobody waits for it any more
        if self.side_by_side:
            self._beside((unit,), 1, now)
        if not asked:
            self.busy += now - self.since
        return True

    def take(self, data: bytes, now: float) -> bytes:
        """Take the results that *data* brings, for `give`; gives the bytes from the first on that is none."""
        asked, results, at, last, units = self.asked, self.results, 0, -1, set[int]()
        if self.rest:
            data, self.rest = self.rest + data, b""
        before, size, ends_early = len(asked), len(data), False
        last_head = size - SHORTEST_HEAD
        while at <= last_head:
            number, length, unit, code = unpack_head(data, at)
            end = at + 6 + length
            try:
                one = asked[number]
                if unit != one.unit or code != one.code or not 2 <= length <= LONGEST:
                    break
                if end > size:
                    ends_early = True
                    break
                result = one.request.decode_response(data[at + 7 : end])
            except Exception:  # noqa: BLE001 - it is decoded again where errors of any kind are told
                break
            del asked[number]
            results.append((one.future, result))
            at = end
            if unit != last:
                units.add(unit)
                last = unit
        if before > len(asked):
            self._came(units, before - len(asked), now)
        if ends_early or size - at < LENGTH_ENDS:
            self.rest = data[at:]
            return b""
        return data[at:]  # it is none, or its length is here and not looked at yet

    def give(self) -> None:
        """Give the results that came, and let those who got them send what they have together.

        That is done once what waits was sent: a device should not wait for it.
        """
        came, self.results = self.results, []
        wanted = []
        for waiter, result in came:
            if not waiter.done():
                afterwards = waiter.set_result(result)
                if afterwards is not None:
                    wanted.append(afterwards)
        for afterwards in wanted:
            afterwards()

    def _came(self, units: Iterable[int], count: int, now: float) -> None:
        self.answers += count
        if self.side_by_side:
            self._beside(units, count, now)
        if not self.asked:
            self.busy += now - self.since

    def _beside(self, units: Iterable[int], count: int, now: float) -> None:
        """So many answers to *units* came to what was on its way beside others."""
        self._window.answered(units, count, now)
        self.side_by_side = bool(self.asked)

    def earliest(self) -> float:
        """When the first of them is overdue."""
        return min(one.sent_at + one.timeout for one in self.asked.values())

    def give_up(self) -> tuple[list[tuple[int, Asked]], bytes]:
        """All that is on its way, by number, and the begin of an answer: others care for it from now on."""
        self.release()  # others may write next
        self._session.answers += self.answers - self.told
        self.told = self.answers
        asked, rest = [*self.asked.items()], self.rest
        self.left += len(asked)
        self.asked.clear()
        self.rest = b""
        self.side_by_side = False
        return asked, rest
