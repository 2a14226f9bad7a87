"""When the next request may be sent over one connection, by the pauses that its device needs."""

from __future__ import annotations

from mbap.client.options import LinkOptions


class Pacing:
    """What was sent and heard last over one connection, and how long the next request waits for it.

    Attributes:
        quiet_since: when the last byte came, or the last request ended.
        ready_at: no request is sent before.
    """

    __slots__ = ("_last_unit", "_options", "_silence", "quiet_since", "ready_at")

    def __init__(self, options: LinkOptions, now: float, silence: float = 0.0) -> None:
        """*silence* is how many seconds a serial line has to be silent before anything is sent."""
        self._options = options
        self._silence = silence
        self._last_unit: int | None = None
        self.opened(now)

    def opened(self, now: float) -> None:
        """The connection was made."""
        self.quiet_since = now
        self.ready_at = now + self._options.connect_pause

    def sent(self, unit: int, now: float) -> None:
        """A request to *unit* was sent."""
        self._last_unit = unit
        self.ready_at = now + (0.0 if self._options.units else self._options.pause)

    def ready_for(self, unit: int) -> float:
        """When a request to *unit* may be sent: its pause begins at the last byte."""
        if self._last_unit is None:
            return max(self.ready_at, self.quiet_since + self._silence)
        options = self._options
        pause = options.pause
        if options.units and (own := options.units.get(unit)) is not None and own.pause is not None:
            pause = own.pause
        if self._last_unit != unit and options.unit_pause > pause:
            pause = options.unit_pause
        pause = max(pause, self._silence)
        return max(self.ready_at, self.quiet_since + pause) if pause else self.ready_at
