"""What the collector polls, and how that is going."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mbap.collect.registermap import Profile

DEFAULT_PERIOD = 5.0
"""Seconds between two reads of a group for which nobody said another period."""

State = Literal["ok", "degraded", "failing", "unknown"]


@dataclass(frozen=True, slots=True)
class PolledDevice:
    """One device of a site.

    Attributes:
        name: `[a-z][a-z0-9_]*`, stable for ever: history is kept under `name.point`.
        title: what people call it; the page shows this.
        profile: its register map; equal devices share one object, and with it the plan of their reads.
        connection: the name of the connection that leads to it.
        labels: where it belongs: site, area, installation, ...
        periods: seconds between two reads, by the group of its points.
    """

    name: str
    title: str
    profile: Profile
    unit: int = 1
    connection: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    periods: Mapping[str, float] = field(default_factory=dict)

    def period(self, group: str) -> float:
        """Seconds between two reads of *group*: its own, else that of `default`, else `DEFAULT_PERIOD`."""
        period = self.periods.get(group)
        return self.periods.get("default", DEFAULT_PERIOD) if period is None else period


@dataclass(frozen=True, slots=True)
class DeviceStatistics:
    """How the communication with one device is going; counts are since the start of the collector.

    Attributes:
        requests: asked for; each of them ended as one of the following.
        answers: with values.
        timeouts: nothing came in time.
        exceptions: refused by the device, by exception code.
        protocol_errors: answered with what does not fit.
        connection_failures: the connection could not be made, or ended.
        not_asked: not counted in requests: the device was silent before and is left alone for a while.
        reconnects: how often its connection was made again; devices on one connection share this.
        latency_p50_ms, latency_p99_ms: from asking to the answer, waiting for the line included, of the
            recent answers; None before the first.
        lateness_p99_ms: how much later than planned the recent reads began.
        overruns: reads left out because the one before was still running, or the collector was held up.
        quirks: how often each quirk of the device was needed; those of a connection are of all devices on it.
        last_answer: UTC microseconds.
        state: `ok` when all of the recent requests gave values, `failing` when the last ones met silence,
            `degraded` in between, `unknown` before the first.
    """

    requests: int = 0
    answers: int = 0
    timeouts: int = 0
    exceptions: Mapping[int, int] = field(default_factory=dict)
    protocol_errors: int = 0
    connection_failures: int = 0
    not_asked: int = 0
    reconnects: int = 0
    latency_p50_ms: float | None = None
    latency_p99_ms: float | None = None
    lateness_p99_ms: float | None = None
    overruns: int = 0
    quirks: Mapping[str, int] = field(default_factory=dict)
    last_answer: int | None = None
    state: State = "unknown"

    @property
    def errors(self) -> int:
        """Requests that gave no values, whatever the reason."""
        return self.requests - self.answers
