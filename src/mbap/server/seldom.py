"""Log entries that strangers can cause, kept few."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

EVERY = 60.0


class Seldom:
    """Logs each kind of event once in *every* seconds, with how often it was left out in between.

    Kinds are few, and named in the program.
    """

    def __init__(
        self, log: logging.Logger, every: float = EVERY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log, self._every, self._clock = log, every, clock
        self._next: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def warn(self, kind: str, message: str, *arguments: object) -> None:
        """Log *message*, unless one of this *kind* was logged lately."""
        now = self._clock()
        if now < self._next.get(kind, now):
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return
        self._next[kind] = now + self._every
        left_out = self._left_out.pop(kind, 0)
        if left_out:
            message, arguments = message + " (and %d more)", (*arguments, left_out)
        self._log.warning(message, *arguments)
