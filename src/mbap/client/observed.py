"""What can be seen of a link from outside: its state, its counts, the quirks at work."""

from __future__ import annotations

from collections.abc import Mapping

from mbap.client.circuits import Circuits
from mbap.client.events import Events, EventStream, LinkState
from mbap.client.leeway import Leeway
from mbap.client.options import LinkCounts, LinkStatistics
from mbap.client.pausing import Pausing
from mbap.client.queue import TicketQueue
from mbap.client.sessions import Sessions
from mbap.client.slots import Slots


class Observed:
    """What a link shows; a `Link` fills in its parts."""

    __slots__ = ("_circuits", "_counts", "_events", "_pausing", "_queue", "_sessions", "_slots")

    _circuits: Circuits
    _counts: LinkCounts
    _events: Events
    _pausing: Pausing
    _queue: TicketQueue
    _sessions: Sessions
    _slots: Slots

    @property
    def reconnects(self) -> int:
        """How many connections were made after the first."""
        return max(self._counts.connects - 1, 0)

    @property
    def state(self) -> LinkState:
        """Whether there is a connection."""
        return self._events.state

    @property
    def leeway(self) -> Leeway:
        """The quirks at work."""
        return self._sessions.leeway

    def events(self) -> EventStream:
        """The changes of state from now on: `async for event in link.events(): ...`, until it is closed."""
        return self._events.stream()

    def statistics(self) -> LinkStatistics:
        """The link at this moment."""
        from dataclasses import asdict

        return LinkStatistics(
            open_connections=len(self._slots.connections),
            queued=len(self._queue) + len(self._pausing),
            in_flight=sum(connection.in_flight for connection in self._slots.connections),
            resting_units=self._circuits.resting,
            unreachable=self._circuits.unreachable,
            state=self._events.state,
            window=self._sessions.window.size,
            quirks=self._sessions.leeway.counts,
            **asdict(self._slots.counted()),
        )

    def quirks_used(self, unit: int) -> Mapping[str, int]:
        """How often each of the quirks of *unit* was needed, and of the connection that others share."""
        return self._sessions.leeway.counts_of(unit)
