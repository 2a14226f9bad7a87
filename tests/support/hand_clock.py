"""A clock that is moved by hand."""

from __future__ import annotations


class HandClock:
    """Call it for the time; set `now` to move it."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
