"""What a gateway counts: each unit's requests and how they ended, each line's waiting times."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import asdict, dataclass
from typing import Final

_SHORTEST, _STEP, _STEPS = 0.0001, 1.25, 60
BOUNDS: Final = tuple(_SHORTEST * _STEP**i for i in range(_STEPS))
"""Upper bounds of the classes of times, in seconds: from 0.1 ms to about a minute, a quarter apart."""


@dataclass(slots=True)
class UnitTraffic:
    """One unit behind a gateway, since the gateway was made.

    Attributes:
        requests: that clients sent for it.
        answers: results. exceptions: exception responses of the device.
        failures: answered with 0B: no answer, a wrong one, no connection, or it was left alone as silent.
        busy: answered with 06, because too many waited.
        denied: answered with 01, because they are not allowed.
        cancelled: those whose client left.
        doubtful: writes of which nobody knows whether they were carried out; they are among the failures.
        last_failure: why the last one failed, in words.
    """

    requests: int = 0
    answers: int = 0
    exceptions: int = 0
    failures: int = 0
    busy: int = 0
    denied: int = 0
    cancelled: int = 0
    doubtful: int = 0
    last_failure: str = ""

    def as_json(self) -> dict[str, object]:
        """The counts with names."""
        return asdict(self)


class Latencies:
    """How long requests took: counted in classes, so that it needs the same room for ever."""

    __slots__ = ("_counts", "count", "total")

    def __init__(self) -> None:
        self._counts = [0] * (_STEPS + 1)
        self.count = 0
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """One more took so long."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self.count += 1
        self.total += seconds

    def percentile(self, part: float) -> float:
        """Seconds within which *part* (0 to 1) of them were done; exact to a quarter. 0 where none was."""
        wanted, seen = part * self.count, 0
        for bound, count in zip((*BOUNDS, BOUNDS[-1] * _STEP), self._counts, strict=True):
            seen += count
            if count and seen >= wanted:
                return bound
        return 0.0


class Traffic:
    """Everything that passed through one or more gateways, by the name of the line and the unit behind."""

    def __init__(self) -> None:
        self.units: dict[tuple[str, int], UnitTraffic] = {}
        self.lines: dict[str, Latencies] = {}
        self.unrouted = 0
        """Requests for units without a route, answered with 0A."""
        self.broadcasts = 0
        """Writes to all units."""

    def unit(self, line: str, unit: int) -> UnitTraffic:
        """The counts of *unit* on *line*."""
        found = self.units.get((line, unit))
        if found is None:
            found = self.units[line, unit] = UnitTraffic()
        return found

    def line(self, line: str) -> Latencies:
        """The times of *line*."""
        found = self.lines.get(line)
        if found is None:
            found = self.lines[line] = Latencies()
        return found

    def keep(self, lines: set[str]) -> None:
        """Forget every line that is not among *lines*."""
        self.units = {key: traffic for key, traffic in self.units.items() if key[0] in lines}
        self.lines = {line: times for line, times in self.lines.items() if line in lines}
