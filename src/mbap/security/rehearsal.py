"""What would have been told about recorded traffic: learn from its beginning, judge the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from mbap.protocol.exchanges import Exchange
from mbap.records import Record
from mbap.security.alerts import Alert, Alerts
from mbap.security.anomaly import Anomaly, AnomalyOptions

MICROSECONDS: Final = 1e6


class RecordedTime:
    """The clock of a recording: it stands at the latest request, and never goes back."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def reach(self, time: int) -> None:
        """Go on to the UTC microseconds *time*."""
        self.now = max(self.now, time / MICROSECONDS)


class Rehearsed(Record):
    """What came of a recording.

    Attributes:
        learned, judged: exchanges.
        unusual: those judged that had at least one alarm, whether it was the first of its key or not.
        alerts: each once, with how often it came.
    """

    learned: int
    judged: int
    unusual: int
    alerts: tuple[Alert, ...]


Verdicts = Iterator[tuple[Exchange, bool]]


def verdicts(exchanges: Iterable[Exchange], options: AnomalyOptions, alerts: Alerts) -> Verdicts:
    """Each exchange after the time to learn, and whether there was an alarm about it."""
    clock = RecordedTime()
    anomaly = Anomaly(alerts, options, clock)
    for exchange in exchanges:
        clock.reach(exchange.time)
        before = _told(alerts)
        anomaly.saw(exchange)
        if not anomaly.learning:
            yield exchange, _told(alerts) > before


def rehearse(
    exchanges: Iterable[Exchange], learn_for: float, tell: Callable[[Alert], None] | None = None
) -> Rehearsed:
    """Learn from the first *learn_for* seconds of *exchanges* and judge what follows."""
    alerts = Alerts(tell)
    counted = _Counted(exchanges)
    judged = unusual = 0
    for _, alarm in verdicts(counted, AnomalyOptions(learn_for=learn_for), alerts):
        judged += 1
        unusual += alarm
    return Rehearsed(counted.count - judged, judged, unusual, tuple(alerts.items()))


class _Counted:
    def __init__(self, exchanges: Iterable[Exchange]) -> None:
        self._exchanges = exchanges
        self.count = 0

    def __iter__(self) -> Iterator[Exchange]:
        for exchange in self._exchanges:
            self.count += 1
            yield exchange


def _told(alerts: Alerts) -> int:
    return alerts.raised + alerts.repeated + alerts.overflowed
