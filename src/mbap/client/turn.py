"""Whose turn it is among the threads that share a client: one at a time, and no interruption loses a turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar, TypeVarTuple

R = TypeVar("R")
S = TypeVar("S")
Given = TypeVarTuple("Given")

LOOK_AGAIN: Final = 0.5
"""Who waits looks by itself so often, in seconds: an interruption may have cost it its call."""
_TURN: Final = "turn"


class Visit:
    """One thread that wants the turn.

    Attributes:
        urgency: smaller goes first.
        jobs: how much it has to do.
        thread: which one it is.
        awake_until: it waits no more if it has not looked again by then.
    """

    __slots__ = ("awake_until", "bell", "jobs", "thread", "urgency")

    def __init__(self, urgency: int, jobs: int = 0) -> None:
        self.urgency = urgency
        self.jobs = jobs
        self.thread = threading.get_ident()
        self.awake_until = 0.0
        self.bell: threading.Lock | None = None


class _Own(threading.local):
    """What a thread comes with again and again, where it need not wait."""

    def __init__(self) -> None:
        self.visit = Visit(0)


class Turn:
    """Held by one thread at a time; then by the most urgent of those that wait, in their order.

    Ctrl-C may come between any two steps. So the turn is one entry of a dictionary: it is there, or not.
    """

    __slots__ = ("_holder", "_own", "_waiting")

    def __init__(self) -> None:
        self._holder: dict[str, Visit] = {}
        self._waiting: dict[Visit, None] = {}
        self._own = _Own()

    @property
    def is_mine(self) -> bool:
        """Whether this thread has it."""
        holder = self._holder.get(_TURN)
        return holder is not None and holder.thread == threading.get_ident()

    @property
    def ahead(self) -> int:
        """How much those who have it, or wait for it, have to do."""
        return sum(visit.jobs for visit in [*self._holder.values(), *self._waiting])

    def hold(self, visit: Visit, patience: Callable[[], float], act: Callable[[], None]) -> bool:
        """Wait for the turn, *act*, and let the next one in; False when it did not come.

        *patience* is only asked where others are there: for how many seconds to wait.
        """
        try:
            free = not self._waiting and self._holder.setdefault(_TURN, visit) is visit
            if not free and not self._wait(visit, time.monotonic() + patience()):
                return False
            act()
        finally:
            # Python looks for an interruption when a call ends or begins, and there is none up to the `del`.
            if _TURN in self._holder and self._holder[_TURN] is visit:
                del self._holder[_TURN]
            if self._waiting:
                self._ring()
        return True

    def at_once(self, jobs: int, otherwise: S, act: Callable[[*Given], R], *given: *Given) -> R | S:
        """What *act* gives, and let the next one in; *otherwise* where another has the turn or waits."""
        holder = self._holder
        if self._waiting or holder:
            return otherwise
        visit = self._own.visit
        visit.jobs = jobs
        try:
            return act(*given) if holder.setdefault(_TURN, visit) is visit else otherwise
        finally:
            # As in `hold`.
            if _TURN in holder and holder[_TURN] is visit:
                del holder[_TURN]
            if self._waiting:
                self._ring()

    def _wait(self, visit: Visit, until: float) -> bool:
        bell = visit.bell = threading.Lock()
        bell.acquire()
        try:
            while True:
                now = time.monotonic()
                visit.awake_until = now + 3 * LOOK_AGAIN
                self._waiting[visit] = None
                if self._first(now) is visit and self._holder.setdefault(_TURN, visit) is visit:
                    return True
                if now >= until:
                    return False
                bell.acquire(timeout=min(until - now, LOOK_AGAIN))
        finally:
            self._waiting.pop(visit, None)

    def _first(self, now: float) -> Visit | None:
        """Whose turn is next."""
        for visit in list(self._waiting):
            if visit.awake_until < now:
                self._waiting.pop(visit, None)
        return min(list(self._waiting), key=lambda visit: visit.urgency, default=None)

    def _ring(self) -> None:
        first = self._first(time.monotonic())
        if first is not None and first.bell is not None:
            with suppress(RuntimeError):  # it rings already
                first.bell.release()
