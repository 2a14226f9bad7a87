"""How the communication with one device is going: counted cheaply, summed up when somebody asks."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from mbap.collect.device import DeviceStatistics, State
from mbap.collect.readings import Quality, Value
from mbap.errors import (
    ConnectionLost,
    ExceptionCode,
    ExceptionResponse,
    ModbusError,
    NotAsked,
    ResponseTimeout,
)

POINTS = (
    "comm_requests",
    "comm_timeouts",
    "comm_exceptions",
    "comm_errors",
    "comm_reconnects",
    "comm_latency_p50_ms",
    "comm_latency_p99_ms",
    "comm_lateness_ms",
    "comm_overruns",
)
"""The points under which a device's counters are published, and kept as history."""

RECENT = 64
_BEHIND_GATEWAY = (
    ExceptionCode.GATEWAY_PATH_UNAVAILABLE,
    ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND,
)
_OUTCOMES = 16
_SILENT_OUTCOMES = 3


class LinkCounters(Protocol):
    """What a link counts, as far as it is wanted here."""

    @property
    def reconnects(self) -> int:
        """How often the connection was made again."""
        ...


@runtime_checkable
class Counting(Protocol):
    """An executor that counts its connections."""

    def statistics(self) -> LinkCounters:
        """The counts so far."""
        ...


@runtime_checkable
class Forgiving(Protocol):
    """An executor that forgives devices what their quirks say, and counts that."""

    def quirks_used(self, unit: int) -> Mapping[str, int]:
        """How often each quirk of *unit*, and of the connection, was needed."""
        ...


@runtime_checkable
class Reconnecting(Protocol):
    """An executor that tells without further ado how often its connection was made again."""

    @property
    def reconnects(self) -> int:
        """How often."""
        ...


def is_silence(error: ModbusError) -> bool:
    """True when *error* means that nobody was there, so that it is better asked less often."""
    if isinstance(error, ExceptionResponse):
        return error.code in _BEHIND_GATEWAY
    return isinstance(error, ResponseTimeout | ConnectionLost)


def quality_of(error: ModbusError) -> Quality:
    """The quality of values that could not be read because of *error*."""
    if isinstance(error, ExceptionResponse):
        return Quality.exception(error.code)
    if isinstance(error, ConnectionLost):
        return Quality.CONNECTION
    return Quality.TIMEOUT if isinstance(error, ResponseTimeout) else Quality.PROTOCOL


class Recent:
    """The newest durations up to a limit, in seconds, for quantiles of the recent past."""

    __slots__ = ("_limit", "_next", "_seconds", "_sorted")

    def __init__(self, limit: int = RECENT) -> None:
        self._limit = limit
        self._next = 0
        self._seconds = array("f")
        self._sorted: array[float] | None = None  # kept for the next question, so as small as what it is from

    def __len__(self) -> int:
        return len(self._seconds)

    def record(self, seconds: float) -> None:
        """Take one in; beyond the limit it replaces the oldest."""
        if len(self._seconds) < self._limit:
            self._seconds.append(seconds)
        else:
            self._seconds[self._next] = seconds
            self._next = (self._next + 1) % self._limit
        self._sorted = None

    def quantile_ms(self, share: float) -> float | None:
        """The duration in milliseconds that *share* of them do not exceed; None when there are none."""
        if self._sorted is None:
            self._sorted = array("f", sorted(self._seconds))
        if not self._sorted:
            return None
        position = min(len(self._sorted) - 1, int(share * len(self._sorted)))
        return round(self._sorted[position] * 1000, 3)


class Counters:
    """The running counts of one device; see `DeviceStatistics` for what each means."""

    __slots__ = (
        "_bad",
        "_seen",
        "_silent",
        "answers",
        "connection_failures",
        "exceptions",
        "failure",
        "last_answer",
        "last_failure",
        "latency",
        "lateness",
        "not_asked",
        "points",
        "protocol_errors",
        "requests",
        "timeouts",
    )

    def __init__(self) -> None:
        self.requests = self.answers = self.points = 0
        self.timeouts = self.protocol_errors = self.connection_failures = self.not_asked = 0
        self.exceptions: dict[int, int] = {}
        self.latency, self.lateness = Recent(), Recent()
        self.last_answer: int | None = None
        self.failure = self.last_failure = Quality.TIMEOUT
        self._bad = self._silent = self._seen = 0

    def answered(self, seconds: float, points: int) -> None:
        """A request gave the values of *points* after *seconds*."""
        self.requests += 1
        self.answers += 1
        self.points += points
        self.latency.record(seconds)
        self._outcome(bad=False, silent=False)

    def failed(self, error: ModbusError) -> Quality:
        """A request ended with *error*; gives the quality of the values that it should have given."""
        silent = is_silence(error)
        self._outcome(bad=True, silent=silent)
        if isinstance(error, NotAsked):
            self.not_asked += 1
            if isinstance(error.__cause__, ModbusError):  # what others on the same link met
                self.failure = quality_of(error.__cause__)
            self.last_failure = self.failure
            return self.failure
        self.requests += 1
        quality = self.last_failure = quality_of(error)
        if isinstance(error, ExceptionResponse):
            self.exceptions[error.code] = self.exceptions.get(error.code, 0) + 1
        elif quality == Quality.CONNECTION:
            self.connection_failures += 1
        elif quality == Quality.TIMEOUT:
            self.timeouts += 1
        else:
            self.protocol_errors += 1
        if silent:
            self.failure = quality
        return quality

    @property
    def state(self) -> State:
        """In one word, from the recent outcomes."""
        if not self._seen:
            return "unknown"
        needed = (1 << min(self._seen, _SILENT_OUTCOMES)) - 1
        if self._silent & needed == needed:
            return "failing"
        return "degraded" if self._bad else "ok"

    @property
    def trouble(self) -> Quality | None:
        """Why there are no values, if the recent requests gave none; None too when there were few so far."""
        if self._seen < _SILENT_OUTCOMES:
            return None
        everything = (1 << self._seen) - 1
        in_vain = self.state == "failing" or self._bad == everything
        return self.last_failure if in_vain else None

    def statistics(self, reconnects: int, overruns: int, quirks: Mapping[str, int]) -> DeviceStatistics:
        """All of it, as of now, with what others count."""
        return DeviceStatistics(
            requests=self.requests,
            answers=self.answers,
            timeouts=self.timeouts,
            exceptions=dict(self.exceptions),
            protocol_errors=self.protocol_errors,
            connection_failures=self.connection_failures,
            not_asked=self.not_asked,
            reconnects=reconnects,
            latency_p50_ms=self.latency.quantile_ms(0.5),
            latency_p99_ms=self.latency.quantile_ms(0.99),
            lateness_p99_ms=self.lateness.quantile_ms(0.99),
            overruns=overruns,
            quirks=quirks,
            last_answer=self.last_answer,
            state=self.state,
        )

    def values(self, reconnects: int, overruns: int) -> tuple[Value | None, ...]:
        """The values of `POINTS`, in that order."""
        return (
            self.requests,
            self.timeouts,
            sum(self.exceptions.values()),
            self.requests - self.answers,
            reconnects,
            self.latency.quantile_ms(0.5),
            self.latency.quantile_ms(0.99),
            self.lateness.quantile_ms(0.99),
            overruns,
        )

    def _outcome(self, *, bad: bool, silent: bool) -> None:
        mask = (1 << _OUTCOMES) - 1
        self._bad = (self._bad << 1 | bad) & mask
        self._silent = (self._silent << 1 | silent) & mask
        self._seen = min(self._seen + 1, _OUTCOMES)
