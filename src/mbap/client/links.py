"""Links by endpoint, and the budget of open connections that they share."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self, Unpack

from mbap.client.connection import Connection
from mbap.client.link import Link
from mbap.client.options import LinkKeywords, LinkOptions
from mbap.client.slots import Dial
from mbap.transport.endpoint import parse_endpoint


@dataclass(frozen=True, slots=True)
class PlacesStatistics:
    """The budget at one moment.

    Attributes:
        limit: how many connections may be open, taken: how many are open or being made.
        waiting: links that wait for a place.
        closed_idle: idle connections closed for others, closed_busy: busy ones whose turn was over.
    """

    limit: int
    taken: int
    waiting: int
    closed_idle: int
    closed_busy: int


class Places:
    """At most *limit* open connections among many links; who needs one waits in order.

    An idle connection is closed for whoever waits, the longest idle one first, once it was idle for *linger*
    seconds: a poller's next read comes at once after the last. One that is never idle may stay for *turn*
    seconds while others wait.
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
        self._linger = linger
        self._turn = turn
        self._clock = clock
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._idle: OrderedDict[Connection, float] = OrderedDict()
        self._busy: dict[Connection, None] = {}
        self._leaving: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed_idle = self._closed_busy = 0

    def statistics(self) -> PlacesStatistics:
        """The budget at this moment."""
        return PlacesStatistics(
            self._limit, self._taken, len(self._waiting), self._closed_idle, self._closed_busy
        )

    async def take(self) -> None:
        """Wait for a place, in order."""
        if self._taken < self._limit:
            self._taken += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._make_room()
        try:
            await place
        except asyncio.CancelledError:
            if place in self._waiting:
                self._waiting.remove(place)
            elif not place.cancelled():
                self.give_back(None)
            raise

    def give_back(self, connection: Connection | None) -> None:
        """A place is free again: the first who waits gets it."""
        if connection is not None:
            self._idle.pop(connection, None)
            self._busy.pop(connection, None)
            self._leaving.discard(connection)
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():  # it may have been cancelled just now
                place.set_result(None)
                return
        self._taken -= 1

    def opened(self, connection: Connection) -> None:
        """A place was used for *connection*."""
        self.idle(connection)

    def busy(self, connection: Connection) -> None:
        """Something is on its way over *connection*."""
        self._idle.pop(connection, None)
        self._busy.setdefault(connection)

    def idle(self, connection: Connection) -> None:
        """*connection* could be closed."""
        self._busy.pop(connection, None)
        if connection not in self._leaving:
            self._idle[connection] = self._clock()
            self._idle.move_to_end(connection)
            self._make_room()

    def _make_room(self) -> None:
        """Let as many connections go as there are who wait, and look again when the next may."""
        if not self._needed:
            return
        now = self._clock()
        for connection, since in list(self._idle.items()):
            if now - since < self._linger or not self._needed:
                break
            self._closed_idle += 1
            self._let_go(connection)
        for connection in [one for one in self._busy if now - one.opened_at >= self._turn][: self._needed]:
            self._closed_busy += 1
            self._let_go(connection)
        if self._needed:
            self._look_again(now)

    @property
    def _needed(self) -> int:
        return max(len(self._waiting) - len(self._leaving), 0)

    def _let_go(self, connection: Connection) -> None:
        self._idle.pop(connection, None)
        self._busy.pop(connection, None)
        self._leaving.add(connection)
        connection.retire()

    def _look_again(self, now: float) -> None:
        if self._timer is not None:
            return
        times = [since + self._linger for since in list(self._idle.values())[:1]]
        times += [connection.opened_at + self._turn for connection in self._busy]
        if times:
            delay = max(min(times) - now, 0.001)
            self._timer = asyncio.get_running_loop().call_later(delay, self._looked_again)

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
                endpoint, clock=self._clock, dial=self._dial, places=self._places, **options
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
