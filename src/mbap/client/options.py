"""How a link treats the device or gateway at its endpoint, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from mbap.client.breaker import Breaker

DEFAULT_BREAKER = Breaker()


class LinkKeywords(TypedDict, total=False):
    """The attributes of `LinkOptions`, as keyword arguments."""

    timeout: float
    retries: int
    slots: int
    outstanding: int
    pause: float
    connect_pause: float
    unit_pause: float
    breaker: Breaker | None
    queue: int


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How to treat the device or gateway at an endpoint; times in seconds.

    Attributes:
        timeout: for one attempt, and for connecting.
        retries: how often a read is repeated; a write never is.
        slots: connections at once.
        outstanding: requests on their way at once over one connection.
        pause: between an answer and the next request.
        connect_pause: between connecting and the first request.
        unit_pause: between an answer of one unit and a request to another.
        breaker: when to leave silent units alone; None never does.
        queue: how many requests may wait; what is more is refused with `NotAsked`.
    """

    timeout: float = 3.0
    retries: int = 0
    slots: int = 1
    outstanding: int = 1
    pause: float = 0.0
    connect_pause: float = 0.0
    unit_pause: float = 0.0
    breaker: Breaker | None = DEFAULT_BREAKER
    queue: int = 1000

    def __post_init__(self) -> None:
        if self.timeout <= 0:
            raise ValueError(f"timeout is more than 0 seconds, not {self.timeout:g}")
        if min(self.pause, self.connect_pause, self.unit_pause) < 0:
            raise ValueError("a pause is 0 seconds or more")
        if self.retries < 0 or self.slots < 1 or self.queue < 1:
            raise ValueError("retries is 0 or more, slots and queue are 1 or more")
        if not 1 <= self.outstanding <= 64:
            raise ValueError(f"outstanding is 1 to 64, not {self.outstanding}")


@dataclass(slots=True)
class LinkCounts:
    """What a link counts, from its beginning.

    Attributes:
        requests: attempts sent, answers: results that came, exceptions: exception responses,
        timeouts: attempts without an answer, protocol_errors: answers that did not fit,
        retries: reads repeated, not_asked: requests refused because of an open breaker or a full queue,
        cancelled: calls nobody waited for any more,
        connects: connections made, reconnects: those after the first, connect_failures: attempts in vain,
        connections_lost: ended by the other side or by an error,
        late_answers: dropped because nobody waited any more, stray_answers: to nothing that was asked.
    """

    requests: int = 0
    answers: int = 0
    exceptions: int = 0
    timeouts: int = 0
    protocol_errors: int = 0
    retries: int = 0
    not_asked: int = 0
    cancelled: int = 0
    connects: int = 0
    connect_failures: int = 0
    connections_lost: int = 0
    late_answers: int = 0
    stray_answers: int = 0


@dataclass(frozen=True, slots=True)
class LinkStatistics:
    """A link at one moment; the counts are from its beginning and of `LinkCounts`.

    Attributes:
        open_connections: how many are open now.
        queued: requests that wait, in_flight: requests on their way.
        resting_units: silent units that are left alone now.
        unreachable: the endpoint itself is left alone, because connecting failed again and again.
    """

    open_connections: int
    queued: int
    in_flight: int
    resting_units: tuple[int, ...]
    unreachable: bool
    requests: int
    answers: int
    exceptions: int
    timeouts: int
    protocol_errors: int
    retries: int
    not_asked: int
    cancelled: int
    connects: int
    connect_failures: int
    connections_lost: int
    late_answers: int
    stray_answers: int

    @property
    def reconnects(self) -> int:
        """How many connections were made after the first."""
        return max(self.connects - 1, 0)
