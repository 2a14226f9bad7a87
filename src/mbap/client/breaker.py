"""A breaker: who was silent several times in a row is left alone for a while, then tried once."""

from __future__ import annotations

import os

from mbap.records import Record

_CLOSED = float("-inf")


def chance() -> float:
    """A number from 0 to 1."""
    return int.from_bytes(os.urandom(2), "big") / 0xFFFF


class Breaker(Record):
    """When to leave a silent unit, or an endpoint that cannot be reached, alone.

    Attributes:
        after: so many silences in a row open it.
        first: how long it then stays open, in seconds; twice as long after each probe that fails.
        longest: the most it grows to, in seconds.
        jitter: up to this part of each time is left out by chance, so that not all come back at once.
    """

    after: int = 3
    first: float = 1.0
    longest: float = 60.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.jitter < 1:
            raise ValueError(f"jitter is a part of a time, 0 or more and less than 1, not {self.jitter:g}")
        if self.after < 1 or not 0 < self.first <= self.longest:
            raise ValueError("a breaker opens after 1 silence or more, and 0 < first <= longest")


class Circuit:
    """The state of one breaker: closed, open until a time, or half open with one probe on its way."""

    __slots__ = ("_probing", "_settings", "_until", "silences")

    def __init__(self, settings: Breaker) -> None:
        self._settings = settings
        self._until = _CLOSED
        self._probing = False
        self.silences = 0
        """How many in a row."""

    @property
    def open(self) -> bool:
        """True from the opening until somebody answers."""
        return self.silences >= self._settings.after

    @property
    def until(self) -> float:
        """When the next probe may go out."""
        return self._until

    def blocks(self, now: float) -> bool:
        """True while nothing may go out: it is open, or the one probe is on its way."""
        return self.open and (self._probing or now < self._until)

    def admit(self) -> bool:
        """Something goes out that was not blocked; tells whether it is the probe."""
        self._probing = self.open
        return self._probing

    def wait(self, now: float) -> float:
        """Seconds until the next probe; 0 while one is on its way."""
        return max(self._until - now, 0.0) if self.open else 0.0

    def answered(self) -> None:
        """Somebody is there: an exception response says so as well as a result."""
        self.silences, self._until, self._probing = 0, _CLOSED, False

    def silent(self, now: float) -> None:
        """No answer, again."""
        was_open = self.open
        if was_open and not self._probing:
            return  # one that was sent before it opened says nothing new
        self._probing = False
        self.silences += 1
        if self.open:
            doublings = min(self.silences - self._settings.after, 32)
            wait = min(self._settings.first * 2**doublings, self._settings.longest)
            self._until = now + wait * (1 - self._settings.jitter * chance())

    def withdrawn(self) -> None:
        """The probe ended without telling anything, for example because it was cancelled."""
        self._probing = False
