"""Puts the site's time on what was read and publishes it; holds it back while nobody knows the time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mbap.collect.clock import SiteClock
from mbap.collect.readings import Quality, Readings, Value
from mbap.collect.stream import Stream

HELD = 5000
"""So many readings are held back at most; beyond that the oldest go out, marked."""
PATIENCE = 600.0
"""Seconds after which nothing is held back any more."""
AT_ONCE = 200
"""So many held readings are published before the others in the event loop have their turn."""


class _Held(NamedTuple):
    at: float
    device: str
    points: tuple[str, ...]
    values: Sequence[Value | None]
    qualities: Sequence[Quality] | None


class Stamping:
    """The one way from the poller to the stream.

    Args:
        preview: called with readings that are held back, marked `Quality.CLOCK`, so that a page can show
            what nobody can store yet.

    Attributes:
        now: gives the monotonic time that `publish` wants.
        marked: how many readings were published with an uncertain time.
    """

    def __init__(
        self,
        stream: Stream[Readings],
        clock: SiteClock,
        preview: Callable[[Readings], None] | None = None,
    ) -> None:
        self.marked = 0
        self.now = clock.monotonic
        self._stream = stream
        self._clock = clock
        self._preview = preview
        self._until = clock.monotonic() + PATIENCE
        self._waiting: deque[_Held] = deque()
        self._releasing = False

    @property
    def held(self) -> int:
        """How many readings wait for the right time."""
        return len(self._waiting)

    def publish(
        self,
        at: float,
        device: str,
        points: tuple[str, ...],
        values: Sequence[Value | None],
        qualities: Sequence[Quality] | None,
    ) -> int:
        """Publish what was read at the monotonic time *at*, or hold it back; gives its time if known."""
        if self._waiting or not self._clock.settled:
            return self._hold(_Held(at, device, points, values, qualities))
        return self._out(at, device, points, values, qualities)

    def close(self) -> None:
        """Publish whatever is held back: nothing that was read may be lost."""
        while self._waiting:
            self._release_one()

    def _hold(self, held: _Held) -> int:
        self._waiting.append(held)
        time = self._clock.estimate(held.at)
        if self._preview is not None and not self._clock.settled:
            marked = _marked(held.qualities, len(held.points))
            self._preview(Readings(held.device, time, held.points, held.values, marked))
        if len(self._waiting) > HELD:
            self._release_one()
        if self._clock.check() or self._clock.monotonic() >= self._until:
            self._release()
        return time

    def _release(self) -> None:
        """Publish what is held, in pieces, until nothing is left; begun once."""
        if not self._releasing:
            self._releasing = True
            self._release_some()

    def _release_some(self) -> None:
        for _ in range(min(AT_ONCE, len(self._waiting))):
            self._release_one()
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._release_some)
        else:
            self._releasing = False

    def _release_one(self) -> None:
        self._out(*self._waiting.popleft())

    def _out(
        self,
        at: float,
        device: str,
        points: tuple[str, ...],
        values: Sequence[Value | None],
        qualities: Sequence[Quality] | None,
    ) -> int:
        time, certain = self._clock.stamp(at)
        if not certain:
            self.marked += 1
            qualities = _marked(qualities, len(points))
        self._stream.publish(Readings(device, time, points, values, qualities))
        return time


def _marked(qualities: Sequence[Quality] | None, count: int) -> Sequence[Quality]:
    """*qualities* with CLOCK in place of GOOD."""
    if qualities is None:
        return (Quality.CLOCK,) * count
    return tuple(Quality.CLOCK if quality == Quality.GOOD else quality for quality in qualities)
