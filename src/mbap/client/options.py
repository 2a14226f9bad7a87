"""How a link treats the device or gateway at its endpoint, and what it counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, cast

from mbap.client.breaker import Breaker
from mbap.client.events import LinkState
from mbap.client.quirks import NO_QUIRKS, Quirks
from mbap.client.timing import LINK_KINDS, LinkKind, LinkName, link_kind
from mbap.errors import ExceptionResponse, ModbusError, ProtocolError, ResponseTimeout
from mbap.records import Record, fresh

DEFAULT_BREAKER = LINK_KINDS["lan"].breaker
DEFAULT_BACKOFF = LINK_KINDS["lan"].backoff
RETRY_PAUSES = (1.0, 2.0, 4.0)
JITTER = 0.25
"""A pause before a retry is longer or shorter by up to this part of it."""


class LinkKeywords(TypedDict, total=False):
    """The attributes of `LinkOptions`, as keyword arguments."""

    timeout: float | None
    link: LinkName
    retries: int
    retry_pauses: tuple[float, ...]
    slots: int
    outstanding: int
    pause: float
    connect_pause: float
    unit_pause: float
    quarantine: float | None
    breaker: Breaker | None
    backoff: Breaker | None
    queue: int
    quirks: Quirks
    unit_quirks: Mapping[int, Quirks]


class LinkOptions(Record):
    """How to treat the device or gateway at an endpoint; times in seconds.

    Attributes:
        timeout: for one attempt, and for connecting; None leaves it to *link*.
        link: the way there: "lan", "wan" or "satellite" have a timeout of 3, 10 or 40 s; the times of
            breaker, back-off and of what is sent and not acknowledged grow with it.
        retries: how often a read is repeated, and what a busy device refused; another write never is.
        retry_pauses: before the first retry, the second and so on; the last holds for all further ones. Each
            is longer or shorter by up to a quarter, by chance.
        slots: connections at once.
        outstanding: requests on their way at once over one connection, until the device proves unable.
        pause: between the last byte of an answer and the next request.
        connect_pause: between connecting and the first request.
        unit_pause: between the last byte of one unit and a request to another.
        quarantine: where only their order tells answers apart, how long after its deadline the answer to a
            request that was given up is waited for, before the connection is made anew; None is as long as
            the timeout, 0 makes a new one at once.
        breaker: when to leave silent units alone; None never does.
        backoff: when to leave an endpoint alone that cannot be connected; None never does.
        queue: how many requests may wait; what is more is refused with `NotAsked`.
        quirks: how the device breaks the rules.
        unit_quirks: where the units behind the endpoint differ, those of a unit, instead of the ones in
            *quirks*; what is of the connection stands in *quirks* alone.
    """

    timeout: float | None = None
    link: LinkName = "lan"
    retries: int = 0
    retry_pauses: tuple[float, ...] = RETRY_PAUSES
    slots: int = 1
    outstanding: int = 1
    pause: float = 0.0
    connect_pause: float = 0.0
    unit_pause: float = 0.0
    quarantine: float | None = None
    breaker: Breaker | None = DEFAULT_BREAKER
    backoff: Breaker | None = DEFAULT_BACKOFF
    queue: int = 1000
    quirks: Quirks = NO_QUIRKS
    unit_quirks: Mapping[int, Quirks] = fresh(dict[int, Quirks])

    def __post_init__(self) -> None:
        self._take_from(link_kind(self.link))
        if self.attempt_timeout <= 0:
            raise ValueError(f"timeout is more than 0 seconds, not {self.attempt_timeout:g}")
        if min(self.pause, self.connect_pause, self.unit_pause, self.quarantine or 0.0) < 0:
            raise ValueError("a pause is 0 seconds or more")
        if self.retries < 0 or self.slots < 1 or self.queue < 1:
            raise ValueError("retries is 0 or more, slots and queue are 1 or more")
        if not self.retry_pauses or min(self.retry_pauses) < 0:
            raise ValueError("retry_pauses are one or more pauses, each 0 seconds or more")
        if not 1 <= self.outstanding <= 64:
            raise ValueError(f"outstanding is 1 to 64, not {self.outstanding}")
        for unit, quirks in self.unit_quirks.items():
            if strange := quirks.of_connection().said():
                raise ValueError(f"unit {unit}: {next(iter(strange))} is of the connection, so of its quirks")

    def __hash__(self) -> int:
        return hash(self._values()[:-1])  # a mapping has none

    def _take_from(self, kind: LinkKind) -> None:
        if self.timeout is None:
            object.__setattr__(self, "timeout", kind.timeout)
        if self.breaker is DEFAULT_BREAKER:
            object.__setattr__(self, "breaker", kind.breaker)
        if self.backoff is DEFAULT_BACKOFF:
            object.__setattr__(self, "backoff", kind.backoff)

    @property
    def attempt_timeout(self) -> float:
        """`timeout`, which is known by now."""
        return cast("float", self.timeout)

    @property
    def plain(self) -> bool:
        """Whether the device needs neither pauses nor quirks, and has one connection."""
        paced = self.pause or self.unit_pause or self.connect_pause
        return not paced and self.slots == 1 and self.quirks == NO_QUIRKS and not self.unit_quirks

    @property
    def user_timeout(self) -> float:
        """What is sent and not acknowledged for so long ends the connection."""
        return max(link_kind(self.link).user_timeout, self.attempt_timeout)

    @property
    def allowance(self) -> tuple[float, float]:
        """How long a call may take with all its attempts: so many timeouts, and so many seconds beside.

        An attempt may have to connect, and to wait for a quarantine, each as long as itself.
        """
        attempts = self.retries + 1
        pauses = self.connect_pause + max(self.pause, self.unit_pause) + (self.quarantine or 0.0)
        last = len(self.retry_pauses) - 1
        between = sum(self.retry_pauses[min(i, last)] for i in range(min(self.retries, 1000)))
        return 3.0 * attempts, attempts * pauses + between * (1 + JITTER)


class LinkCounts(Record, frozen=False):
    """What a link counts, from its beginning.

    Attributes:
        requests: attempts sent, answers: results that came, exceptions: exception responses,
        timeouts: attempts without an answer, protocol_errors: answers that did not fit,
        retries: reads repeated, not_asked: requests refused because of an open breaker or a full queue,
        cancelled: calls nobody waited for any more,
        broadcasts: requests sent that nobody answers,
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
    broadcasts: int = 0
    connects: int = 0
    connect_failures: int = 0
    connections_lost: int = 0
    late_answers: int = 0
    stray_answers: int = 0

    def ended(self, error: ModbusError | None) -> None:
        """An attempt ended, with *error* or with a result."""
        if error is None:
            self.answers += 1
        elif isinstance(error, ExceptionResponse):
            self.exceptions += 1
        elif isinstance(error, ResponseTimeout):
            self.timeouts += 1
        elif isinstance(error, ProtocolError):
            self.protocol_errors += 1


class LinkStatistics(Record):
    """A link at one moment; the counts are from its beginning and of `LinkCounts`.

    Attributes:
        open_connections: how many are open now.
        queued: requests that wait, in_flight: requests on their way.
        resting_units: silent units that are left alone now.
        unreachable: the endpoint itself is left alone, because connecting failed again and again.
        state: of the link. window: how many requests may be on their way at once over one connection.
        quirks: how often each quirk was needed.
    """

    open_connections: int
    queued: int
    in_flight: int
    resting_units: tuple[int, ...]
    unreachable: bool
    state: LinkState
    window: int
    quirks: Mapping[str, int]
    requests: int
    answers: int
    exceptions: int
    timeouts: int
    protocol_errors: int
    retries: int
    not_asked: int
    cancelled: int
    broadcasts: int
    connects: int
    connect_failures: int
    connections_lost: int
    late_answers: int
    stray_answers: int

    @property
    def reconnects(self) -> int:
        """How many connections were made after the first."""
        return max(self.connects - 1, 0)
