"""How fast connections come in: a flood is closed before it costs anything, and clients come in beside it."""

from __future__ import annotations

from math import inf
from typing import Final

from mbap.server.networks import address_of

WINDOW: Final = 20.0
"""A rate is one over so many seconds: that many at once do no harm."""
PATIENCE: Final = 1.0
"""Seconds for which one that comes too fast is kept waiting; one that had to wait for longer is closed."""
KNOWN: Final = 10
"""Addresses that were answered before may come so many times as fast as others."""
SHARE: Final = 2
"""One address takes one part in so many of the rate, once the first burst is over."""
QUIET: Final = 60.0
"""An address that did not come for so many seconds comes for the first time."""
MOST_KNOWN, MOST_RECENT = 1_024, 4_096
"""Addresses that are remembered; of more, those that came longest ago are forgotten."""


class Budget:
    """So many a second, and *burst* at once: as many as a second's, unless told."""

    __slots__ = ("_burst", "_left", "_rate", "_since")

    def __init__(self, rate: float, burst: float | None = None) -> None:
        self._rate = rate
        self._burst = self._left = max(rate if burst is None else burst, 1.0)
        self._since: float | None = None

    def take(self, now: float, patience: float = inf) -> float | None:
        """Take one; gives how many seconds to wait before it is used.

        None where that were more than *patience*: then none is taken.
        """
        if self._since is not None:
            self._left = min(self._left + (now - self._since) * self._rate, self._burst)
        self._since = now
        wait = max(1.0 - self._left, 0.0) / self._rate
        if wait > patience:
            return None
        self._left -= 1.0
        return wait


class Arrivals:
    """Says of each connection when it is let in.

    There are three budgets: for addresses that were answered before, for those that come for the first time,
    and for all the others. A flood uses up the last one: it comes again and again, and never asks anything.
    Whoever has asked before, or was away for a minute, does not stand in line with it.

    Args:
        rate: how many a second may come of each of the last two; None: there is no limit.
    """

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._known: dict[str, Budget] = {}
        self._recent: dict[str, tuple[Budget, float]] = {}
        if rate is not None:
            self._of_known = _over_a_while(rate * KNOWN)
            self._of_new, self._of_others = _over_a_while(rate), _over_a_while(rate)

    def knows(self, address: str) -> bool:
        """Whether somebody at *address* was answered before."""
        return _source(address) in self._known

    def remember(self, address: str) -> None:
        """Somebody at *address* was answered."""
        source = _source(address)
        if self._rate is None or source in self._known:
            return
        if len(self._known) >= MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[source] = _share_of(self._rate * KNOWN)

    def wait(self, address: str, now: float) -> float | None:
        """For how many seconds one from *address* waits before it is let in; None: it is not."""
        if self._rate is None:
            return 0.0
        source = _source(address)
        own, shared = self._budgets(source, now, self._rate)
        for_itself = own.take(now, PATIENCE)
        for_all = None if for_itself is None else shared.take(now, PATIENCE)
        return None if for_itself is None or for_all is None else max(for_itself, for_all)

    def _budgets(self, source: str, now: float, rate: float) -> tuple[Budget, Budget]:
        """That of the address, and that which it shares with its like."""
        if source in self._known:
            own = self._known[source] = self._known.pop(source)  # the last one to be forgotten
            return own, self._of_known
        own, last = self._recent.pop(source, (_share_of(rate), -inf))
        if len(self._recent) >= MOST_RECENT:
            del self._recent[next(iter(self._recent))]
        self._recent[source] = own, now
        return own, self._of_others if now - last < QUIET else self._of_new


def _over_a_while(rate: float) -> Budget:
    return Budget(rate, rate * WINDOW)


def _share_of(rate: float) -> Budget:
    """What one address may: all at once, and then a part."""
    return Budget(rate / SHARE, rate * WINDOW)


def _source(address: str) -> str:
    """Who *address* is counted as: of IPv6, where a host has as many as it likes, its whole network."""
    if ":" not in address:
        return address
    known = address_of(address)
    if known is None or known.version == 4 or known.is_link_local:
        return str(known)
    return f"{int(known) >> 64:x}::/64"
