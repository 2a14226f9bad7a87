"""A plant without devices: every value is a function of the time, in the latest values and in history."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence

from mbap.addresses import Table
from mbap.collect.device import DeviceStatistics, PolledDevice
from mbap.collect.readings import Quality, Readings, Value
from mbap.collect.registermap import Kind, Point, Profile
from mbap.collect.stream import Latest
from mbap.dashboard.plant import Plant
from mbap.sinks.base import Sample, Series, StoreError, StoreStatistics, Trend
from mbap.values import Encoding

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

FLOAT = Encoding("float32")
WORD = Encoding("uint16")

METER = Profile(
    "meter",
    "Three-phase meter",
    (
        *(
            Point(f"voltage_l{n}", Table.INPUT_REGISTERS, 2 * n, FLOAT, "V", f"Voltage L{n}-N", "fast")
            for n in (1, 2, 3)
        ),
        *(
            Point(f"current_l{n}", Table.INPUT_REGISTERS, 4 + 2 * n, FLOAT, "A", f"Current L{n}", "fast")
            for n in (1, 2, 3)
        ),
        Point("power", Table.INPUT_REGISTERS, 52, FLOAT, "W", "Total power", "fast", key=True),
        Point("power_factor", Table.INPUT_REGISTERS, 62, FLOAT, "", "Power factor", "fast", low=-1, high=1),
        Point("frequency", Table.INPUT_REGISTERS, 70, FLOAT, "Hz", "Frequency", "fast", key=True),
        Point(
            "energy",
            Table.INPUT_REGISTERS,
            72,
            FLOAT,
            "kWh",
            "Imported energy",
            "slow",
            Kind.COUNTER,
            key=True,
        ),
    ),
    manufacturer="Example Instruments",
)
PUMP = Profile(
    "pump",
    "Pump drive",
    (
        Point(
            "state",
            Table.HOLDING_REGISTERS,
            0,
            WORD,
            "",
            "State of the drive",
            "fast",
            Kind.STATE,
            {0: "stopped", 1: "starting", 2: "running", 3: "fault"},
            key=True,
        ),
        Point("speed", Table.HOLDING_REGISTERS, 1, WORD, "1/min", "Speed", "fast", key=True),
        Point("flow", Table.HOLDING_REGISTERS, 2, FLOAT, "m³/h", "Flow", "fast", key=True),
        Point(
            "warnings",
            Table.HOLDING_REGISTERS,
            4,
            WORD,
            "",
            "Warnings",
            "slow",
            Kind.BITS,
            {0: "overtemperature", 1: "dry run", 2: "vibration", 3: "service due"},
        ),
        Point("enabled", Table.COILS, 0, None, "", "Released by the controller", "slow"),
    ),
)
LABELS = {
    "main": {"area": "Electrical room", "installation": "Supply"},
    "hall": {"area": "Electrical room", "installation": "Supply"},
    "pump": {"area": "Pump house", "installation": "Circulation"},
    "spare": {"area": "Pump house", "installation": "Circulation"},
}


def device(name: str, title: str, profile: Profile, unit: int = 1) -> PolledDevice:
    """A device of the plant, polled every 500 ms and every 5 s."""
    periods = {"fast": 0.5, "slow": 5.0}
    return PolledDevice(name, title, profile, unit, "line", LABELS.get(name, {}), periods)


def devices(extra: int = 0) -> list[PolledDevice]:
    """Two meters, a pump and one that does not answer; *extra* more meters."""
    return [
        device("main", "Main meter", METER),
        device("hall", "Hall meter", METER, 2),
        device("pump", "Circulation pump", PUMP, 3),
        device("spare", "Spare pump", PUMP, 4),
        *(device(f"meter_{n}", f"Meter {n}", METER, 10 + n) for n in range(1, extra + 1)),
    ]


def value_at(series: Series, time: int) -> Value:
    """The value that the plant has at *time*."""
    seed = zlib.crc32(repr(tuple(series)).encode()) % 1000 / 1000
    seconds = time / SECOND
    slow = math.sin(seconds / 3600 * 2 * math.pi / 6 + seed * 6)
    quick = math.sin(seconds / 7 + seed * 40) + 0.4 * math.sin(seconds * 1.7 + seed * 9)
    return _shaped(series.point, slow, quick, seconds)


def _shaped(point: str, slow: float, quick: float, seconds: float) -> Value:
    numbers: dict[str, float] = {
        "voltage": 230 + 2.5 * slow + 0.6 * quick,
        "current": 12 + 6 * slow + 0.7 * quick,
        "power": 8200 + 4000 * slow + 260 * quick,
        "frequency": 50 + 0.01 * slow + 0.006 * quick,
        "flow": 22 + 6 * slow + 0.5 * quick,
    }
    whole: dict[str, Value] = {
        "state": 2 if seconds % 900 > 60 else int(seconds % 900 // 30),
        "speed": round(1450 + 200 * slow + 9 * quick),
        "warnings": 8 if seconds % 60 < 40 else 10,
        "enabled": seconds % 120 < 100,
        "energy": round(1000 + seconds % (400 * 86400) / 450, 2),
        "power_factor": round(0.95 + 0.03 * slow, 3),
    }
    if point.startswith("comm_"):
        return seconds % (400 * 86400) * 4 if point == "comm_requests" else 4 + 2 * abs(quick)
    return whole[point] if point in whole else numbers[point.partition("_")[0]]


class FakeStore:
    """Implements `Store` by computing: history has no beginning, and a gap of 20 minutes every 6 hours.

    Attributes:
        gap: where one of the gaps begins: two hours ago.
    """

    STEPS = (0, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR, DAY)
    PERIOD = SECOND // 2

    def __init__(self, now: int) -> None:
        self.gap = now - 2 * HOUR
        self.failing: str | None = None
        self.asked: list[tuple[int, int, int]] = []
        self.written: list[Readings] = []

    def in_gap(self, time: int) -> bool:
        """True where nothing was read."""
        return (time - self.gap) % (6 * HOUR) < 20 * MINUTE

    def trends(self, series: Sequence[Series], start: int, end: int, steps: int) -> list[Trend]:
        if self.failing:
            raise StoreError(self.failing)
        self.asked.append((start, end, steps))
        step = next((s for s in self.STEPS if (end - start) / (s or self.PERIOD) <= steps * 1.5), DAY)
        return [self._trend(one, start, end, step) for one in series]

    def _trend(self, series: Series, start: int, end: int, step: int) -> Trend:
        width = step or self.PERIOD
        times = range(start - start % width, end, width)
        rows = [self._row(series, time, step) for time in times if step or not self.in_gap(time)]
        bad = [0 if row[1] is not None else 7 for row in rows]
        kept = [time for time in times if step or not self.in_gap(time)]
        return Trend(
            series, step, kept, [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], bad
        )

    def _row(self, series: Series, time: int, step: int) -> tuple[float | None, float | None, float | None]:
        if self.in_gap(time):
            return (None, None, None)
        values = [float(value_at(series, time + step * part // 4)) for part in range(4 if step else 1)]
        return (min(values), sum(values) / len(values), max(values))

    def write(self, batch: Sequence[Readings]) -> None:
        self.written += batch

    def series(self) -> list[Series]:
        return [Series(one.name, point.name) for one in devices() for point in one.profile.points]

    def samples(self, series: Series, start: int, end: int) -> Iterator[Sample]:
        for time in range(start, end, self.PERIOD):
            yield Sample(time, value_at(series, time), Quality.GOOD)

    def latest(self) -> dict[Series, Sample]:
        return {}

    def statistics(self) -> StoreStatistics:
        return StoreStatistics(len(self.series()), 0, None, None, 0)

    def prune(self, now: int) -> int:
        return 0

    def close(self) -> None:
        return


class FakePlant:
    """The plant and its time: `step(now)` is one round of polling."""

    def __init__(self, now: int, polled: Sequence[PolledDevice] | None = None) -> None:
        self.now = now
        self.started = now
        self.store = FakeStore(now)
        self.latest = Latest()
        self.problems: list[str] = []
        self.ready = True
        self.silent = {"spare"}
        self.plant = Plant(
            name="Waterworks North",
            devices=devices() if polled is None else polled,
            latest=self.latest,
            store=self.store,
            statistics=self.statistics,
            health=lambda: {"ready": self.ready, "problems": self.problems, "stored": 12},
            now=lambda: self.now,
        )

    def step(self, now: int) -> None:
        """Everything is read at *now*."""
        self.now = now
        for one in self.plant.devices:
            for group in ("fast", "slow"):
                self.latest.update(self._readings(one, group))

    def _readings(self, one: PolledDevice, group: str) -> Readings:
        names = tuple(point.name for point in one.profile.points if point.group == group)
        if one.name in self.silent:
            return Readings(one.name, self.now, names, [None] * len(names), [Quality.TIMEOUT] * len(names))
        return Readings(one.name, self.now, names, [value_at(Series(one.name, n), self.now) for n in names])

    def statistics(self) -> Mapping[str, DeviceStatistics]:
        """Every device answers well but the silent ones."""
        return {one.name: self._statistics(one.name) for one in self.plant.devices}

    def _statistics(self, name: str) -> DeviceStatistics:
        asked = 1000 + (self.now - self.started) * 4 // SECOND
        if name in self.silent:
            return DeviceStatistics(asked, 0, asked - 3, {11: 3}, reconnects=2, not_asked=40, state="failing")
        return DeviceStatistics(
            requests=asked,
            answers=asked - 2,
            timeouts=1,
            exceptions={2: 1} if name == "hall" else {},
            reconnects=1,
            latency_p50_ms=3.2,
            latency_p99_ms=9.7,
            lateness_p99_ms=1.4,
            quirks={"answer_unit": 5},
            last_answer=self.now,
            state="degraded" if name == "hall" else "ok",
        )
