"""What stands before the line of a proxy: patience while it reconnects, and a cache of what was read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar, cast

from mbap.addresses import Table
from mbap.errors import ConnectFailed, ConnectionLost, ModbusError, NotAsked, QueueFull
from mbap.protocol.execute import Executor, Priority, Relay, Relaying
from mbap.protocol.pdu import READS, Request
from mbap.protocol.wire import Bits, Registers

R = TypeVar("R")

AGAIN_AFTER: Final = 0.5
"""Seconds between two attempts while there is no connection."""
SHORTEST: Final = 0.05
"""Seconds between two attempts at least, while a silent unit is left alone."""
LOST: Final = 2
"""A read is sent anew when its connection ends, but not for ever: it may be what ends the connection."""
MOST_KEPT: Final = 64
"""So many answers are kept of one table of one unit; the oldest goes."""

_READS = tuple(READS.values())
_NOT_SENT = (ConnectionLost, NotAsked)


class Patient:
    """An executor that waits for its line while that has no connection, or leaves a silent unit alone.

    What was not sent, and reads whose connection ended, are tried again until their deadline; at once in vain
    when the line will not try within it. A write that may have been sent never is: then it is not known what
    became of it.

    Args:
        deadline: seconds for a request that brings none.

    Attributes:
        waited: how many requests met a line that could not be asked.
    """

    def __init__(
        self, line: Executor, *, deadline: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.waited = 0
        self._line = line
        self._deadline = deadline
        self._clock = clock

    async def execute(
        self,
        request: Request[R],
        unit: int,
        *,
        deadline: float | None = None,
        priority: Priority = Priority.READ,
        origin: str = "",
    ) -> R:
        """Carry *request* out, if need be on a connection that is still to be made.

        Raises:
            ModbusError: one of its kinds.
        """
        left = self._deadline if deadline is None else deadline
        return await self._go_on(None, request, unit, self._clock() + left, priority, origin)

    def relaying(self) -> Relay | None:
        """The way of its line; `again` goes on with what did not end well there."""
        return self._line.relaying() if isinstance(self._line, Relaying) else None

    def again(
        self,
        error: ModbusError,
        request: Request[R],
        unit: int,
        left: float | None,
        priority: Priority,
        origin: str,
    ) -> Callable[[], Awaitable[R]] | None:
        """How to go on with *request*, which ended with *error*, for *left* seconds; None: not at all."""
        left = self._deadline if left is None else left
        if not isinstance(error, _NOT_SENT) or _pause(error) is None:
            return None
        return partial(self._go_on, error, request, unit, self._clock() + left, priority, origin)

    async def _go_on(
        self,
        error: ConnectionLost | NotAsked | None,
        request: Request[R],
        unit: int,
        give_up_at: float,
        priority: Priority,
        origin: str,
    ) -> R:
        """Carry *request* out, of which one attempt ended with *error*, if any did."""
        lost = 0
        while True:
            left = give_up_at - self._clock()
            if error is not None:
                # For a write both say that nothing was sent; otherwise it would be OutcomeUnknown.
                self.waited += not lost
                lost += 1
                pause = _pause(error)
                if pause is None or left <= pause or (lost > LOST and not pause):
                    raise error
                await asyncio.sleep(pause)
                left -= pause
            try:
                return await self._line.execute(
                    request, unit, deadline=left, priority=priority, origin=origin
                )
            except _NOT_SENT as problem:
                error = problem


def _pause(error: ConnectionLost | NotAsked) -> float | None:
    """Seconds until the next attempt after *error*; None: there is none."""
    if isinstance(error, QueueFull):
        return None
    if isinstance(error, NotAsked):
        return max(error.retry_in, SHORTEST)
    return AGAIN_AFTER if isinstance(error, ConnectFailed) else 0.0


@dataclass(slots=True)
class CacheCounts:
    """What a cache did: answers given from it, reads that were on their way already and shared, reads sent,
    answers dropped because there were too many, and answers forgotten because something was written there."""

    hits: int = 0
    shared: int = 0
    misses: int = 0
    dropped: int = 0
    forgotten: int = 0

    def as_json(self) -> dict[str, int]:
        """The counts with names."""
        return asdict(self)


class _Kept(NamedTuple):
    """An answer to a read from address *start* to before *end*, and until when it may be given."""

    start: int
    end: int
    answer: Registers | Bits
    until: float


class _Flight:
    """A read that is on its way, and how many wait for it."""

    __slots__ = ("task", "waiting")

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task = task
        self.waiting = 0


class Cached:
    """An executor that answers reads from what was read a moment ago.

    A read is answered from a larger one, too; reads that are alike and on their way are one. A write forgets
    what it overlaps, before it is sent and after, and nothing that was read meanwhile is kept: who reads
    after a write was answered never gets what was there before. It forgets that of all units, and of holding
    and input registers alike: devices answer under several numbers, and show registers in both tables.

    Args:
        keep: seconds after its answer that a read may be given again.
    """

    def __init__(self, line: Executor, keep: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        if keep <= 0:
            raise ValueError(f"a cache keeps for more than 0 seconds, not {keep:g}")
        self.counts = CacheCounts()
        self._line = line
        self._keep = keep
        self._clock = clock
        self._kept: dict[tuple[int, Table], list[_Kept]] = {}
        self._flights: dict[tuple[int, int, Request[Any]], _Flight] = {}
        self._writes = 0

    async def execute(
        self,
        request: Request[R],
        unit: int,
        *,
        deadline: float | None = None,
        priority: Priority = Priority.READ,
        origin: str = "",
    ) -> R:
        """The answer to *request*, kept or new.

        Raises:
            ModbusError: one of its kinds; errors are not kept.
        """

        def carry_out() -> Any:
            return self._line.execute(request, unit, deadline=deadline, priority=priority, origin=origin)

        if request.writes:
            self._forget(request)
            try:
                return cast("R", await carry_out())
            finally:
                self._forget(request)
        if not isinstance(request, _READS):
            return cast("R", await carry_out())
        found = self._find(request, unit)
        if found is not None:
            self.counts.hits += 1
            return cast("R", found)
        return cast("R", await self._read(request, unit, carry_out))

    def _find(self, request: Request[Any], unit: int) -> Registers | Bits | None:
        table, address, count, _ = request.spans()[0]
        end, now = address + count, self._clock()
        for kept in self._kept.get((unit, table), ()):
            if kept.until > now and kept.start <= address and end <= kept.end:
                whole = (address, end) == (kept.start, kept.end)
                return kept.answer if whole else kept.answer[address - kept.start : end - kept.start]
        return None

    async def _read(self, request: Request[Any], unit: int, carry_out: Callable[[], Any]) -> object:
        """Ask the device, or wait with those who have."""
        key = (unit, self._writes, request)
        flight = self._flights.get(key)
        if flight is None:
            self.counts.misses += 1
            flight = self._flights[key] = _Flight(asyncio.ensure_future(carry_out()))
            flight.task.add_done_callback(lambda task: self._landed(key, task))
        else:
            self.counts.shared += 1
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                flight.task.cancel()
                self._land(key, flight.task)

    def _landed(self, key: tuple[int, int, Request[Any]], task: asyncio.Task[Any]) -> None:
        """Keep the answer, unless something was written since it was asked for."""
        unit, writes, request = key
        self._land(key, task)
        if task.cancelled() or task.exception() is not None or writes != self._writes:
            return
        table, address, count, _ = request.spans()[0]
        now = self._clock()
        newest = _Kept(address, address + count, task.result(), now + self._keep)
        others = [
            one
            for one in self._kept.get((unit, table), ())
            if one.until > now and not (newest.start <= one.start and one.end <= newest.end)
        ]
        self.counts.dropped += max(0, len(others) + 1 - MOST_KEPT)
        self._kept[unit, table] = [newest, *others[: MOST_KEPT - 1]]

    def _land(self, key: tuple[int, int, Request[Any]], task: asyncio.Task[Any]) -> None:
        """Nobody joins *task* any more."""
        flight = self._flights.get(key)
        if flight is not None and flight.task is task:
            del self._flights[key]

    def _forget(self, request: Request[Any]) -> None:
        """Forget what *request* writes to; all there is, when it does not say what that is."""
        self._writes += 1
        spans = [span[:3] for span in request.spans() if span[3]]
        for key, kept in list(self._kept.items()):
            left = [one for one in kept if spans and not any(_hit(key[1], one, *span) for span in spans)]
            self.counts.forgotten += len(kept) - len(left)
            self._kept[key] = left


def _hit(table: Table, kept: _Kept, written: Table, start: int, count: int) -> bool:
    """Whether a write may have changed what is kept."""
    return table.holds_bits == written.holds_bits and kept.start < start + count and start < kept.end
