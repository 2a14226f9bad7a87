"""The site's time: UTC that never goes backwards, whatever the machine's clock does.

A small computer without a battery begins in 1970 or on the day it was switched off, and learns the time
later; an operator or NTP may move a clock at any moment. What is stored must be neither overwritten nor
reordered by that, so readings are not stamped with the wall clock but with a timeline that runs on the
monotonic clock and follows the wall clock by these rules:

- the wall clock is ahead by a second or more: adopted at once, counted as a jump;
- it differs by less: followed slowly, never faster than `SLEW` of the elapsed time;
- it is behind by a second or more: the timeline runs on, slower by `SLEW` from the first stamp on, and its
  times are uncertain until the wall clock has caught up;
- it shows a date before the release of this program or absurdly far behind it: not followed at all.

The timeline begins after *floor*, the newest time that is stored.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)

SECOND = 1_000_000
RELEASED = 1_735_689_600 * SECOND
"""2025-01-01: no machine that runs this program has an earlier date."""
HORIZON = 50 * 365 * 86_400 * SECOND
"""A date that is further than this behind the release is a broken clock, too."""
SLEW = 0.1
"""How much slower or faster than real time the timeline may run to follow a small difference."""


class SiteClock:
    """Stamps what was measured at a monotonic time with UTC.

    Args:
        monotonic: seconds that never jump; public, because everything that measures durations uses the same.
        wall: seconds since 1970, as the machine believes.
        floor: UTC microseconds of the newest stored sample; no stamp is at or before it.
        built: UTC microseconds before which the wall clock is not believed.

    Attributes:
        jumps: how often the wall clock was ahead by a second or more, after it had once been right.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        floor: int | None = None,
        built: int = RELEASED,
    ) -> None:
        self.monotonic = monotonic
        self.jumps = 0
        self._wall = wall
        self._built = built
        self._last = built
        self._warned = self._stamped = False
        self.begin_after(built if floor is None else floor)

    def begin_after(self, floor: int) -> None:
        """Begin anew after *floor*, UTC microseconds; only before the first stamp."""
        self._last = max(floor, self._last)
        self._seen = _micro(self.monotonic())
        self._offset = self._target = self._last + 1 - self._seen
        self._certain = self._settled = False
        self._follow(first=True)

    @property
    def settled(self) -> bool:
        """True once the wall clock has been plausible; before that, hold back what can wait."""
        return self._settled

    @property
    def certain(self) -> bool:
        """True while the timeline is where the wall clock is."""
        return self._certain

    @property
    def ahead(self) -> float:
        """Seconds by which the timeline is ahead of the wall clock, as last seen."""
        return (self._offset - self._target) / SECOND

    def check(self) -> bool:
        """Look at the wall clock now; gives `settled`, and logs the first time that it is not."""
        self._follow()
        if not (self._settled or self._warned):
            self._warned = True
            _log.warning(
                "the machine's clock says %s, which is before what is stored or what can be: "
                "readings are held back until it is right",
                time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self._wall())),
            )
        return self._settled

    def stamp(self, at: float | None = None) -> tuple[int, bool]:
        """UTC microseconds of the monotonic time *at* (None: now), and whether that is certain.

        Always later than what the call before gave, and than the floor: no two samples share a time.
        """
        self._follow()
        self._stamped = True
        self._last = max(self.estimate(at), self._last + 1)
        return self._last, self._certain

    def estimate(self, at: float | None = None) -> int:
        """What `stamp` would give, without a promise: later stamps may be earlier."""
        return _micro(self.monotonic() if at is None else at) + self._offset

    def _follow(self, *, first: bool = False) -> None:
        """Move the offset of the timeline towards the wall clock, as far as the rules allow."""
        now, wall = _micro(self.monotonic()), _micro(self._wall())
        elapsed, self._seen = max(0, now - self._seen), max(now, self._seen)
        self._target = wall - self._seen
        error = self._target - self._offset
        if not self._built <= wall < self._built + HORIZON:
            self._judge(certain=False, error=error)
        elif error >= SECOND:
            self._offset = self._target
            self.jumps += self._settled
            self._judge(certain=True, error=error, say=not first)
        else:
            # Slowed down before the first stamp, readings that were held back would end up before the floor.
            step = int(elapsed * SLEW) if self._stamped or error > -SECOND else 0
            self._offset += max(-step, min(step, error))
            self._judge(certain=error > -SECOND, error=error)

    def _judge(self, *, certain: bool, error: int, say: bool = False) -> None:
        """Take the verdict on the wall clock, and log when it changes or when time jumped."""
        if say:
            _log.warning("the machine's clock went forward by %.1f s; readings follow it", error / SECOND)
        elif self._certain and not certain:
            _log.warning(
                "the machine's clock is %.1f s behind the readings so far; "
                "readings go on without it and are marked until it has caught up",
                -error / SECOND,
            )
        self._certain = certain
        self._settled = self._settled or certain


def _micro(seconds: float) -> int:
    return int(seconds * SECOND)
