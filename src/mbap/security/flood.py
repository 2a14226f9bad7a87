"""No more lines of one sort in a minute than a reader can use: the rest is counted, and that is written."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from mbap.records import replace
from mbap.security.events import Event

WINDOW: Final = 60.0
MOST_SORTS: Final = 4_096
_LIMITED: Final = frozenset({"deny", "malformed", "auth_fail", "fallback", "session_open", "session_close"})
"""What a stranger can cause at will. What is allowed and wanted in the trail is not left out."""

_Sort = tuple[object, ...]


class _Window:
    __slots__ = ("began", "last", "seen", "suppressed")

    def __init__(self, began: float) -> None:
        self.began = began
        self.seen = 0
        self.suppressed = 0
        self.last: Event | None = None


class Flood:
    """Lets *limit* events a minute of one sort (kind, rule, source, unit, function) pass, and counts others.

    Attributes:
        suppressed: how many were counted instead of written, since the start.
    """

    def __init__(self, limit: int = 60, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._windows: dict[_Sort, _Window] = {}
        self.suppressed = 0

    def admits(self, event: Event) -> bool:
        """Whether *event* is to be written."""
        if event.kind not in _LIMITED or not self._limit or event.details.get("suppressed"):
            return True  # the last of these is a count itself
        window = self._window(event)
        window.seen += 1
        if window.seen <= self._limit:
            return True
        window.last = event
        window.suppressed += 1
        self.suppressed += 1
        return False

    def due(self, *, all_of_them: bool = False) -> list[Event]:
        """One event for each sort whose minute is over, with the count of those left out."""
        now = self._clock()
        over = [
            sort for sort, one in self._windows.items() if all_of_them or not 0 <= now - one.began < WINDOW
        ]
        ended = [self._windows.pop(sort) for sort in over]
        return [
            replace(one.last, details={**one.last.details, "count": one.suppressed, "suppressed": True})
            for one in ended
            if one.last is not None
        ]

    def _window(self, event: Event) -> _Window:
        sort = _sort(event)
        if sort not in self._windows and len(self._windows) >= MOST_SORTS:
            sort = (event.kind, "others")
        return self._windows.setdefault(sort, _Window(self._clock()))


def _sort(event: Event) -> _Sort:
    details = event.details
    source = event.peer.address if event.peer else ""
    return (event.kind, details.get("rule"), source, details.get("unit"), details.get("func"))
