"""What the page is handed: the plant as it is known while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mbap.collect.device import DeviceStatistics, PolledDevice
from mbap.collect.stream import Latest
from mbap.sinks.base import Store


def utc_now() -> int:
    """UTC in microseconds since 1970, by the machine's clock."""
    return time.time_ns() // 1000


@dataclass(slots=True)
class Plant:
    """A running site, seen from the page. Whoever runs it may replace *devices* at any time.

    Attributes:
        name: what stands at the top of the page.
        devices: the page notices another sequence within a second and shows the new devices.
        latest: the newest value of every point.
        store: history; None: the page shows no trends.
        statistics: communication counters by the device's name; called once in two seconds at most.
        health: `ready` (bool) says whether /readyz answers 200; `problems` (list of sentences) are shown on
            top of every page; anything else is passed on to /readyz and /api/v1/site.
        now: UTC in microseconds, by the clock that stamps the readings.
    """

    name: str
    devices: Sequence[PolledDevice]
    latest: Latest
    store: Store | None
    statistics: Callable[[], Mapping[str, DeviceStatistics]]
    health: Callable[[], Mapping[str, object]]
    now: Callable[[], int] = utc_now
