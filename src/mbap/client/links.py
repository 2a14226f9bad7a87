"""Links by endpoint, and the budget of open connections that they share."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Self, Unpack

from mbap.client.connection import Connection
from mbap.client.link import Link
from mbap.client.options import LinkKeywords, LinkOptions
from mbap.client.slots import Dial
from mbap.transport.endpoint import parse_endpoint

SILENT_SHARE = 4
"""One of so many places is for devices that did not answer when they last were asked."""
SOON = 0.25
"""Seconds within which a connection that was let go is expected to be closed."""


@dataclass(frozen=True, slots=True)
class PlacesStatistics:
    """The budget at one moment.

    Attributes:
        limit: how many connections may be open, taken: how many are open or being made.
        waiting: links that wait for a place.
        closed_idle: idle connections closed for others, closed_busy: busy ones whose turn was over.
        silent: how many of those taken are held by devices that did not answer when they last were asked.
    """

    limit: int
    taken: int
    waiting: int
    closed_idle: int
    closed_busy: int
    silent: int = 0


class Door:
    """The way of one link to the places.

    Attributes:
        held: how many places it has.
        silent: its device did not answer when it last was asked, or could not be reached.
    """

    __slots__ = ("_places", "held", "silent")

    def __init__(self, places: Places) -> None:
        self._places = places
        self.held = 0
        self.silent = False

    async def take(self) -> None:
        """Wait for a place."""
        await self._places.take(self)

    def give_back(self, connection: Connection | None) -> None:
        """A place is free again; None: no connection could be made."""
        if connection is None:
            self._places.judge(self, silent=True)
        self._places.give_back(self, connection)

    def opened(self, connection: Connection) -> None:
        """A place was used for *connection*."""
        self._places.opened(self, connection)

    def busy(self, connection: Connection) -> None:
        """Something is on its way over *connection*."""
        self._places.busy(connection)

    def idle(self, connection: Connection) -> None:
        """What was on its way over *connection* has ended."""
        self._places.asked(self, connection)
        self._places.idle(self, connection)


class _Waiting(NamedTuple):
    number: int
    place: asyncio.Future[None]
    door: Door


class Places:
    """At most *limit* open connections among many links; who needs one waits in order.

    An idle connection is closed for whoever waits, the longest idle one first, once it was idle for *linger*
    seconds: a poller's next read comes at once after the last. One that is never idle may stay for *turn*
    seconds while others wait.

    A device that does not answer holds its place until the timeout. So those that did not answer when they
    last were asked have a share of the places, and wait for one of these; the rest is for the others.
    """

    def __init__(
        self,
        limit: int,
        *,
        linger: float = 0.05,
        turn: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if limit < 1:
            raise ValueError(f"at least 1 connection has to be open at once, not {limit}")
        self._limit = limit
        self._share = max(limit // SILENT_SHARE, 1)
        self._linger = linger
        self._turn = turn
        self._clock = clock
        self._taken = self._silent = self._asked_for = 0
        self._waiting: deque[_Waiting] = deque()
        self._silent_waiting: deque[_Waiting] = deque()
        self._idle: OrderedDict[Connection, float] = OrderedDict()
        self._silent_idle: dict[Connection, float] = {}
        self._busy: dict[Connection, None] = {}
        self._leaving: dict[Connection, float] = {}
        self._answers: dict[Connection, int] = {}
        self._doors: dict[Connection, Door] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed_idle = self._closed_busy = 0

    def statistics(self) -> PlacesStatistics:
        """The budget at this moment."""
        waiting = len(self._waiting) + len(self._silent_waiting)
        return PlacesStatistics(
            self._limit, self._taken, waiting, self._closed_idle, self._closed_busy, self._silent
        )

    async def take(self, door: Door) -> None:
        """Wait for a place for *door*, in order."""
        if self._taken < self._limit and not (door.silent and self._silent >= self._share):
            self._hold(door)
            return
        self._asked_for += 1
        waiting = _Waiting(self._asked_for, asyncio.get_running_loop().create_future(), door)
        queue = self._silent_waiting if door.silent else self._waiting
        queue.append(waiting)
        self._make_room()
        try:
            await waiting.place
        except asyncio.CancelledError:
            if waiting in queue:
                queue.remove(waiting)
            elif not waiting.place.cancelled():
                self.give_back(door, None)
            raise

    def give_back(self, door: Door, connection: Connection | None) -> None:
        """A place of *door* is free again: the first who waits gets it."""
        if connection is not None:
            self._idle.pop(connection, None)
            self._silent_idle.pop(connection, None)
            self._busy.pop(connection, None)
            self._leaving.pop(connection, None)
            self._answers.pop(connection, None)
            self._doors.pop(connection, None)
        self._taken -= 1
        door.held -= 1
        self._silent -= door.silent
        self._admit()

    def opened(self, door: Door, connection: Connection) -> None:
        """A place of *door* was used for *connection*."""
        self._doors[connection] = door
        self._answers[connection] = connection.answers
        self._rest(door, connection)

    def busy(self, connection: Connection) -> None:
        """Something is on its way over *connection*."""
        self._idle.pop(connection, None)
        self._silent_idle.pop(connection, None)
        self._busy.setdefault(connection)

    def idle(self, door: Door, connection: Connection) -> None:
        """*connection* of *door* could be closed."""
        self._busy.pop(connection, None)
        if connection not in self._leaving:
            self._rest(door, connection)

    def asked(self, door: Door, connection: Connection) -> None:
        """What was on its way over *connection* of *door* has ended: with an answer, or without any."""
        answers = connection.answers
        if answers != self._answers.get(connection):
            self._answers[connection] = answers
            self.judge(door, silent=False)
        elif connection in self._busy or connection in self._leaving:
            self.judge(door, silent=True)

    def judge(self, door: Door, *, silent: bool) -> None:
        """Count what *door* holds as held by one that is *silent*, or by one that answers."""
        if door.silent != silent:
            door.silent = silent
            self._silent += door.held if silent else -door.held
            self._admit()

    def _rest(self, door: Door, connection: Connection) -> None:
        """*connection* is idle from now on, and stays for *linger* seconds at the least."""
        now = self._idle[connection] = self._clock()
        self._idle.move_to_end(connection)
        if door.silent:
            self._silent_idle.pop(connection, None)
            self._silent_idle[connection] = now
        self._make_room()

    def _hold(self, door: Door) -> None:
        self._taken += 1
        door.held += 1
        self._silent += door.silent

    def _admit(self) -> None:
        """Give free places to those who wait, in the order in which they came."""
        while self._taken < self._limit and (queue := self._first()):
            waiting = queue.popleft()
            if not waiting.place.done():  # it may have been cancelled just now
                self._hold(waiting.door)
                waiting.place.set_result(None)

    def _first(self) -> deque[_Waiting] | None:
        """In which queue the first one waits who may have a place."""
        silent = self._silent_waiting if self._silent < self._share else None
        if not self._waiting or not silent:
            return self._waiting or silent
        return self._waiting if self._waiting[0].number < silent[0].number else silent

    def _make_room(self) -> None:
        """Let as many connections go as there are who wait, and look again when the next may."""
        if not (self._waiting or self._silent_waiting):
            return
        now = self._clock()
        if self._silent_waiting:
            self._close_silent_ones(now)
        needed = self._needed(now)
        if not needed:
            return
        longest = [one for one, since in islice(self._idle.items(), needed) if now - since >= self._linger]
        for connection in longest:
            self._closed_idle += 1
            self._let_go(connection, now)
        over = (one for one in self._busy if now - one.opened_at >= self._turn)
        for connection in list(islice(over, self._needed(now))):
            self._closed_busy += 1
            self._let_go(connection, now)
        if self._needed(now):
            self._look_again(now)

    def _close_silent_ones(self, now: float) -> None:
        """For a silent device that waits only another silent one can make room."""
        leaving = sum(self._doors[connection].silent for connection in self._leaving)
        needed = len(self._silent_waiting) - leaving if self._silent >= self._share else 0
        for connection, since in list(islice(self._silent_idle.items(), max(needed, 0))):
            if now - since >= self._linger:
                self._closed_idle += 1
                self._let_go(connection, now)
            else:
                self._look_again_at(since + self._linger, now)
                return

    def _needed(self, now: float) -> int:
        """So many connections have to go that are not about to."""
        free_to_silent = max(self._share - self._silent, 0)
        wanted = len(self._waiting) + min(len(self._silent_waiting), free_to_silent)
        about_to = sum(now - since < SOON for since in self._leaving.values())
        return max(wanted - about_to, 0)

    def _let_go(self, connection: Connection, now: float) -> None:
        self._idle.pop(connection, None)
        self._silent_idle.pop(connection, None)
        self._busy.pop(connection, None)
        self._leaving[connection] = now
        connection.retire()

    def _look_again(self, now: float) -> None:
        times = [since + self._linger for since in list(self._idle.values())[:1]]
        times += [connection.opened_at + self._turn for connection in self._busy]
        times += [since + SOON for since in self._leaving.values() if now - since < SOON]
        if times:
            self._look_again_at(min(times), now)

    def _look_again_at(self, at: float, now: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(max(at - now, 0.001), self._looked_again)

    def _looked_again(self) -> None:
        self._timer = None
        self._make_room()


class Links:
    """The links of a site, one for each endpoint, with a budget of open connections.

    Args:
        max_open: so many connections are open at once at most; idle ones are closed and made anew in turn.
    """

    def __init__(
        self, *, max_open: int = 50, clock: Callable[[], float] = time.monotonic, dial: Dial | None = None
    ) -> None:
        self._places = Places(max_open, clock=clock)
        self._clock = clock
        self._dial = dial
        self._links: dict[str, Link] = {}

    def link(self, url: str, **options: Unpack[LinkKeywords]) -> Link:
        """The link to the endpoint of *url*: made at the first call, shared by all who ask for it.

        Raises:
            ValueError: an argument is wrong, or the link is there already with other options.
        """
        endpoint = parse_endpoint(url)
        link = self._links.get(endpoint.url)
        if link is None:
            link = self._links[endpoint.url] = Link(
                endpoint, clock=self._clock, dial=self._dial, places=Door(self._places), **options
            )
        elif link.options != LinkOptions(**options):
            raise ValueError(f"{endpoint.url} is there already with other options: one endpoint is one link")
        return link

    def __iter__(self) -> Iterator[Link]:
        return iter(self._links.values())

    def __len__(self) -> int:
        return len(self._links)

    def statistics(self) -> PlacesStatistics:
        """The budget at this moment; each link has statistics of its own."""
        return self._places.statistics()

    async def discard(self, link: Link) -> None:
        """Close *link* and forget it: a later `link()` makes a new one."""
        self._links.pop(link.endpoint.url, None)
        await link.aclose()

    async def aclose(self) -> None:
        """Close every link."""
        while self._links:
            await self.discard(next(iter(self._links.values())))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()
