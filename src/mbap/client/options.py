"""How a link treats the device or gateway at its endpoint, and what it counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict, cast

from mbap.client.breaker import Breaker
from mbap.client.events import LinkState
from mbap.client.quirks import NO_QUIRKS, Quirks
from mbap.client.timing import LINK_KINDS, LinkKind, LinkName, link_kind
from mbap.errors import ExceptionResponse, ModbusError, ProtocolError, ResponseTimeout, TrustMissing
from mbap.records import Record, fresh

if TYPE_CHECKING:
    from mbap.transport.endpoint import Endpoint
    from mbap.transport.line import LineSettings
    from mbap.transport.tls import TLS

DEFAULT_BREAKER = LINK_KINDS["lan"].breaker
DEFAULT_BACKOFF = LINK_KINDS["lan"].backoff
RETRY_PAUSES = (1.0, 2.0, 4.0)
_LONGEST_ON_LINE = 513
"""The characters of the longest frame: one in ASCII."""
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
    queue_per_origin: int | None
    patience: float
    probing: float
    coalesce: bool
    quirks: Quirks
    tls: TLS | None
    unit_quirks: Mapping[int, Quirks]
    units: Mapping[int, UnitOptions]


class UnitOptions(Record):
    """What is different for one unit of several behind an endpoint; None is as for the others. Seconds.

    Attributes:
        timeout: for one attempt. retries: how often a read is repeated.
        pause: between the last byte of whatever was heard before and a request to it.
        quirks: instead of the others' `quirks` and `unit_quirks`; none that is of the connection.
    """

    timeout: float | None = None
    retries: int | None = None
    pause: float | None = None
    quirks: Quirks | None = None

    def __post_init__(self) -> None:
        if self.timeout is not None and self.timeout <= 0:
            raise ValueError(f"timeout is more than 0 seconds, not {self.timeout:g}")
        if (self.pause or 0.0) < 0 or (self.retries or 0) < 0:
            raise ValueError("pause and retries are 0 or more")
        if self.quirks is not None and (strange := self.quirks.of_connection().said()):
            raise ValueError(f"{next(iter(strange))} is of the connection, so of its quirks")


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
            the timeout, 0 makes a new one at once. On a serial line that unit alone is not asked meanwhile,
            and the port is not opened anew.
        breaker: when to leave silent units alone; None never does.
        backoff: when to leave an endpoint alone that cannot be connected; None never does.
        queue: how many requests may wait; what is more is refused with `QueueFull`.
        queue_per_origin: how many of them on behalf of one origin; None: as many as there may be.
        patience: so many requests in a row go before others of lower priority, then one of those is next.
        probing: which part of its time the line may be used to find out, in the background, whether silent
            units are back; who asks for one meanwhile is refused at once. 0: there is no such search, and
            the next who asks after the breaker's time finds out.
        coalesce: reads that are alike and wait at the same moment are carried out once, for all.
        quirks: how the device breaks the rules.
        tls: who we are and whom we trust, for `tls://`.
        unit_quirks: where the units behind the endpoint differ, those of a unit, instead of the ones in
            *quirks*; what is of the connection stands in *quirks* alone.
        units: what else is different for single units; quirks that stand there come before `unit_quirks`.
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
    queue_per_origin: int | None = None
    patience: float = math.inf
    probing: float = 0.0
    coalesce: bool = False
    quirks: Quirks = NO_QUIRKS
    tls: TLS | None = None
    unit_quirks: Mapping[int, Quirks] = fresh(dict[int, Quirks])
    units: Mapping[int, UnitOptions] = fresh(dict[int, UnitOptions])

    def __post_init__(self) -> None:
        self._take_from(link_kind(self.link))
        if self.attempt_timeout <= 0:
            raise ValueError(f"timeout is more than 0 seconds, not {self.attempt_timeout:g}")
        self._check_queue()
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

    def _check_queue(self) -> None:
        if not 0 <= self.probing < 1:
            raise ValueError(
                f"probing is a part of the line's time, 0 or more and less than 1, not {self.probing:g}"
            )
        if self.queue_per_origin is not None and self.queue_per_origin < 1:
            raise ValueError("queue_per_origin is 1 or more, or None")
        if self.patience < 1:
            raise ValueError(f"patience is 1 request or more, not {self.patience:g}")

    def __hash__(self) -> int:
        return hash(self._values()[:-2])  # a mapping has none

    def _take_from(self, kind: LinkKind) -> None:
        if self.timeout is None:
            object.__setattr__(self, "timeout", kind.timeout)
        if self.breaker is DEFAULT_BREAKER:
            object.__setattr__(self, "breaker", kind.breaker)
        if self.backoff is DEFAULT_BACKOFF:
            object.__setattr__(self, "backoff", kind.backoff)

    def checked_for(self, endpoint: Endpoint) -> LinkOptions:
        """These; raises `ValueError` where `tls` and the kind of *endpoint* do not go together."""
        if endpoint.secure and self.tls is None:
            raise TrustMissing(endpoint.url)
        if self.tls is not None and not endpoint.secure:
            raise ValueError(f"{endpoint.url} is not protected: TLS goes with tls://, on port 802")
        return self

    def of(self, unit: int) -> LinkOptions:
        """How *unit* is treated."""
        own = self.units.get(unit)
        if own is None:
            return self
        from dataclasses import replace

        return replace(
            self,
            units={},
            unit_quirks=self.quirks_by_unit,
            timeout=self.timeout if own.timeout is None else own.timeout,
            retries=self.retries if own.retries is None else own.retries,
        )

    @property
    def quirks_by_unit(self) -> Mapping[int, Quirks]:
        """Those of each unit that has any of its own."""
        own = {unit: one.quirks for unit, one in self.units.items() if one.quirks is not None}
        return {**self.unit_quirks, **own}

    @property
    def attempt_timeout(self) -> float:
        """`timeout`, which is known by now."""
        return cast("float", self.timeout)

    @property
    def plain(self) -> bool:
        """Whether the device needs neither pauses nor quirks, has one connection, and all units are alike."""
        paced = self.pause or self.unit_pause or self.connect_pause
        special = self.unit_quirks or self.units or self.coalesce
        return not paced and not special and self.slots == 1 and self.quirks == NO_QUIRKS

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

    def longest_allowance_on(self, line: LineSettings | None) -> tuple[float, float]:
        """As `allowance_on`, for whichever unit takes longest."""
        allowances = [self.allowance_on(line), *(self.of(unit).allowance_on(line) for unit in self.units)]
        return max(one[0] for one in allowances), max(one[1] for one in allowances)

    def allowance_on(self, line: LineSettings | None) -> tuple[float, float]:
        """As `allowance`, with the time that the longest messages take on *line*, and a quarantine after."""
        timeouts, seconds = self.allowance
        longest = 0.0 if line is None else line.time_of(2 * _LONGEST_ON_LINE)
        return timeouts, seconds + 2 * (self.retries + 1) * longest


class LinkCounts(Record, frozen=False):
    """What a link counts, from its beginning.

    Attributes:
        requests: attempts sent, answers: results that came, exceptions: exception responses,
        timeouts: attempts without an answer, protocol_errors: answers that did not fit,
        retries: reads repeated, not_asked: requests refused because of an open breaker or a full queue,
        cancelled: calls nobody waited for any more, coalesced: reads that others were carried out for, too,
        queue_full: those not asked because too many waited, probes: of silent units in the background,
        broadcasts: requests sent that nobody answers,
        connects: connections made, reconnects: those after the first, connect_failures: attempts in vain,
        connections_lost: ended by the other side or by an error,
        late_answers: dropped because nobody waited any more, stray_answers: to nothing that was asked,
        bytes_sent, bytes_received: with their framing, busy: seconds in which something was on its way.
    """

    requests: int = 0
    answers: int = 0
    exceptions: int = 0
    timeouts: int = 0
    protocol_errors: int = 0
    retries: int = 0
    not_asked: int = 0
    cancelled: int = 0
    coalesced: int = 0
    queue_full: int = 0
    probes: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    busy: float = 0.0
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
    coalesced: int
    queue_full: int
    probes: int
    bytes_sent: int
    bytes_received: int
    busy: float
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
