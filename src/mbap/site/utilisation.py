"""How much of its time a line is used; pure."""

from __future__ import annotations

from mbap.client.options import LinkStatistics
from mbap.transport.endpoint import Endpoint


class Utilisation:
    """Of a serial line, bytes and the silences around frames as a part of what its speed allows; of other
    endpoints, the part of the time in which something is on its way, of all its connections.

    Attributes:
        now: from 0 to 1, between the last two samples.
    """

    __slots__ = ("_line", "_slots", "_used", "_when", "now")

    def __init__(self, endpoint: Endpoint, slots: int) -> None:
        self._line = endpoint.line
        self._slots = slots
        self._used: float | None = None
        self._when = 0.0
        self.now = 0.0

    def used(self, counts: LinkStatistics) -> float:
        """Seconds of line time since the beginning."""
        if self._line is None:
            return counts.busy / self._slots
        frames = counts.requests + counts.answers + counts.exceptions
        characters = counts.bytes_sent + counts.bytes_received
        return characters * self._line.character + frames * self._line.silence

    def sample(self, counts: LinkStatistics, now: float) -> None:
        """What the link has counted until *now*."""
        used = self.used(counts)
        if self._used is not None and now > self._when:
            self.now = min(max((used - self._used) / (now - self._when), 0.0), 1.0)
        self._used, self._when = used, now
