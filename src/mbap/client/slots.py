"""The connections of one link: made when they are wanted, and never more than its slots."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Container
from typing import Protocol

from mbap.client.circuits import Circuits
from mbap.client.connection import Connection, Owner
from mbap.client.directcalls import DirectCalls
from mbap.client.events import Events, LinkState
from mbap.client.job import BABBLE
from mbap.client.options import LinkCounts, LinkOptions
from mbap.client.pacing import Pacing
from mbap.client.sessions import Sessions
from mbap.errors import CertificateRefused, ConnectFailed, ModbusError
from mbap.protocol.client import ClientSession
from mbap.protocol.tcp import TcpFraming
from mbap.transport.endpoint import Endpoint

Dial = Callable[[Callable[[], asyncio.Protocol], Endpoint, float], Awaitable[None]]
"""What connects a protocol to an endpoint within a time."""

SPARE_PAUSE = 60.0
"""A device that refuses one more connection beside an open one is not asked for it again for so long."""


class Places(Protocol):
    """Who says how many connections may be open at once, as `mbap.client.links` does."""

    async def take(self) -> None:
        """Wait for a place."""

    def give_back(self, connection: Connection | None) -> None:
        """A place is free again."""

    def opened(self, connection: Connection) -> None:
        """A place was used for *connection*."""

    def busy(self, connection: Connection) -> None:
        """Something is on its way over it."""

    def idle(self, connection: Connection) -> None:
        """It could be closed."""


class NoLimit:
    """Places without end."""

    __slots__ = ()

    async def take(self) -> None:
        """A place, at once."""

    def give_back(self, connection: Connection | None) -> None:
        """Nobody waits for it."""

    def opened(self, connection: Connection) -> None:
        """It may stay."""

    def busy(self, connection: Connection) -> None:
        """It may stay."""

    def idle(self, connection: Connection) -> None:
        """It may stay."""


NO_LIMIT = NoLimit()


class LinkOwner(Owner, Protocol):
    """What the slots tell to their link."""

    def connecting_ended(self, error: ModbusError | None) -> None:
        """A connection was made; or it was not, and what waits cannot be carried out."""


class Slots:
    """Makes, finds and closes the connections of *link*."""

    __slots__ = (
        "_calls",
        "_circuits",
        "_clock",
        "_counts",
        "_dial",
        "_emptied",
        "_endpoint",
        "_events",
        "_link",
        "_no_spare_until",
        "_opening",
        "_options",
        "_places",
        "_sessions",
        "connections",
    )

    def __init__(
        self,
        link: LinkOwner,
        endpoint: Endpoint,
        options: LinkOptions,
        circuits: Circuits,
        counts: LinkCounts,
        sessions: Sessions,
        events: Events,
        *,
        clock: Callable[[], float],
        dial: Dial,
        places: Places,
        calls: DirectCalls,
    ) -> None:
        self.connections: list[Connection] = []
        self._link = link
        self._endpoint = endpoint
        self._options = options
        self._circuits = circuits
        self._counts = counts
        self._sessions = sessions
        self._events = events
        self._clock = clock
        self._dial = dial
        self._places = places
        self._calls = calls
        self._no_spare_until = -math.inf
        self._opening: asyncio.Task[ModbusError | None] | None = None
        self._emptied: asyncio.Event | None = None

    def refusal(self, now: float) -> ModbusError | None:
        """Why there is no connection and none is tried now, if it is so."""
        if self.connections or self._opening is not None:
            return None
        return self._circuits.endpoint_refusal(now)

    def roomiest(self, now: float) -> Connection | None:
        """The connection that can take a request first, if any can."""
        longest = self._options.quirks.reconnect_idle
        if longest is not None:
            self._retire_idle(now, longest)
        free = [connection for connection in self.connections if connection.has_room]
        return min(free, key=lambda connection: connection.pacing.ready_at, default=None)

    @property
    def absent(self) -> Container[int]:
        """The units of a serial line that are not asked now: late answers of theirs may come."""
        if self._endpoint.line is None or not self.connections:
            return ()
        return self.connections[0].session.absent

    def babbles(self, now: float) -> bool:
        """Whether it is a serial line on which something is heard that was not asked for."""
        return self._endpoint.line is not None and any(
            connection.idle and now - connection.pacing.quiet_since < BABBLE
            for connection in self.connections
        )

    def reserve(self) -> float:
        """How long a connection is of no use after a silence: until a late answer cannot come any more."""
        if self._options.quarantine is not None:
            return self._options.quarantine
        sessions = [connection.session for connection in self.connections]
        blocked = any(session.in_order and not session.on_line for session in sessions)
        return self._options.attempt_timeout if blocked else 0.0

    def want(self, now: float) -> None:
        """Make one more connection, if a slot is left and the device is not known to refuse it."""
        spare = bool(self.connections)
        most = self._options.slots if self._endpoint.line is None else 1
        if len(self.connections) < most and not (spare and now < self._no_spare_until):
            self.open()

    def open(self) -> asyncio.Task[ModbusError | None]:
        """Make a connection; the task gives the error instead of raising it."""
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open())
        return self._opening

    def opened(self, connection: Connection) -> None:
        """*connection* is there."""
        self._counts.connects += 1
        self._circuits.connected()
        self._tell(LinkState.UP)
        connection.read_only = self._endpoint.falls_back and not connection.protected
        self.connections.append(connection)
        self._places.opened(connection)

    def closed(self, connection: Connection) -> None:
        """*connection* is over."""
        self.connections.remove(connection)
        self._counts.connections_lost += not connection.closed_here
        _add(self._counts, connection, self._clock())
        self._sessions.ended(connection.session)
        failure = connection.session.failure
        if isinstance(failure, CertificateRefused):
            self._circuits.refused_late(failure, self._clock())
        if not self.connections:
            self._tell_down(str(failure or ""))
        self._places.give_back(connection)
        if self._emptied is not None and not self.connections:
            self._emptied.set()

    def counted(self) -> LinkCounts:
        """What the link has counted, with what its open connections have."""
        from dataclasses import replace

        counts = replace(self._counts)
        for connection in self.connections:
            _add(counts, connection, self._clock())
        return counts

    async def aclose(self, reason: str) -> None:
        """Close all connections; returns when their sockets are closed."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self.connections:
            self._emptied = asyncio.Event()
            for connection in list(self.connections):
                connection.close(reason)
            await self._emptied.wait()

    async def _open(self) -> ModbusError | None:
        error: ModbusError | None = None
        try:
            await self._places.take()
            error = await self._try_to_open()
        finally:
            self._opening = None
        self._link.connecting_ended(error)
        return error

    def _direct_for(self, session: ClientSession) -> bool:
        """Whether requests need no second look on their way: what may be read-only needs one."""
        plain = self._options.plain and type(session.framing) is TcpFraming
        return plain and not self._endpoint.falls_back

    async def _try_to_open(self) -> ModbusError | None:
        session = self._sessions.new()
        line = self._endpoint.line
        silence = 0.0 if line is None else line.silence
        connection = Connection(
            self._link,
            session,
            self._sessions.window,
            Pacing(self._options, self._clock(), silence),
            self._clock,
            self._calls if self._direct_for(session) else None,
        )
        self._circuits.admit_connecting()
        if not self.connections:
            self._tell(LinkState.CONNECTING)
        try:
            await self._dial(lambda: connection, self._endpoint, self._options.attempt_timeout)
        except ConnectFailed as error:
            self._places.give_back(None)
            self._failed(error)
            return error
        except BaseException:
            self._places.give_back(None)
            self._circuits.connecting_withdrawn()
            if not self.connections:
                self._tell(LinkState.DOWN, "connecting was given up")
            raise
        return None

    def _failed(self, error: ConnectFailed) -> None:
        self._counts.connect_failures += 1
        if self.connections:
            self._no_spare_until = self._clock() + SPARE_PAUSE
        else:
            self._circuits.connect_failed(error, self._clock())
            self._tell_down(error.reason)

    def _tell_down(self, reason: str) -> None:
        self._tell(LinkState.DOWN, reason)
        wait = self._circuits.backing_off(self._clock())
        if wait:
            self._tell(LinkState.BACKING_OFF, reason, wait)

    def _retire_idle(self, now: float, longest: float) -> None:
        for connection in list(self.connections):
            if connection.idle and connection.usable and now - connection.pacing.quiet_since > longest:
                self._sessions.leeway.used("reconnect_idle")
                connection.retire()

    def _tell(self, state: LinkState, reason: str = "", retry_in: float = 0.0) -> None:
        if self._events.change(state, reason, retry_in):
            asyncio.get_running_loop().call_soon(self._events.deliver)


def _add(counts: LinkCounts, connection: Connection, now: float) -> None:
    """Add what was counted on *connection*."""
    counts.late_answers += connection.session.late
    counts.stray_answers += connection.session.unmatched
    counts.requests += connection.requests
    counts.answers += connection.direct_answers
    counts.bytes_sent += connection.bytes_sent
    counts.bytes_received += connection.bytes_received
    counts.busy += connection.busy_until(now)
