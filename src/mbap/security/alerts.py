"""What is unusual: one alert for each thing that was not seen before, and how often it came since."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mbap.records import Record, fresh, replace
from mbap.security.metrics import GAUGE, Metric

MOST_ALERTS: Final = 1_000
MOST_ACCEPTED: Final = 200
"""So many are shown as accepted; what was accepted is learned, and stays so."""
MOST_SHOWN: Final = 16
"""So many new values of one alert are listed, and learned when it is accepted."""
OVERFLOW: Final = "overflow"

Fact = list[str | int]
"""What is learned where an alert is accepted: its kind and its parts."""


class Unusual(Record):
    """Something that was not learned, or not expected.

    Attributes:
        kind: what it is about: client, pair, unit, function, address, exception, value, rate, period, ...
        parts: what tells it from others of its kind.
        severity: `high`, `medium` or `low`.
        learned: what is known instead.
        seen: the new value.
        text: a whole sentence.
        fact: what to learn when somebody accepts it; empty where nothing can be.
    """

    kind: str
    parts: tuple[str | int, ...]
    severity: str
    learned: str
    seen: str
    text: str
    fact: Fact = fresh(list)

    @property
    def key(self) -> str:
        """One for each alert: the kind and the parts in one line."""
        return " ".join([self.kind, *("_".join(str(part).split()) or "-" for part in self.parts)])


class Alert(Record):
    """One alert.

    Attributes:
        id: eight characters that stand for the key.
        first, last: when it was first and last seen, in UTC microseconds.
        count: how often it was seen.
        learned: what is known instead.
        seen: the new values, the first so many of them.
        text: a whole sentence, about the first.
        facts: what is learned where somebody accepts it: what *seen* says.
        accepted: somebody said that it is right so.
    """

    id: str
    key: str
    kind: str
    severity: str
    first: int
    last: int
    count: int
    learned: str
    seen: str
    text: str
    facts: list[Fact] = fresh(list)
    accepted: bool = False

    def as_json(self) -> dict[str, object]:
        """All of it, with names."""
        return {name: getattr(self, name) for name in self.__match_args__}


def alert_from(data: Mapping[str, object]) -> Alert:
    """The alert that `as_json` gave.

    Raises:
        ValueError: it is none.
    """
    try:
        return Alert(**{name: data[name] for name in Alert.__match_args__})  # type: ignore[arg-type]
    except KeyError as error:
        raise ValueError(f"an alert without {error}") from None


class Alerts:
    """Keeps alerts: the first of a key is told, those after it are counted.

    Args:
        tell: gets each new alert.
        most: so many are kept; what is beyond is counted together, under one key.

    Attributes:
        changed: whether anything is new since it was set to False.
    """

    def __init__(self, tell: Callable[[Alert], None] | None = None, most: int = MOST_ALERTS) -> None:
        self._tell = tell
        self._most = most
        self._alerts: dict[str, Alert] = {}
        self.raised = self.repeated = self.overflowed = 0
        self.changed = False

    def add(self, unusual: Unusual, time: int) -> bool:
        """Note *unusual*, seen at *time*; True when it is the first of its key."""
        key = unusual.key
        known = self._alerts.get(key)
        if known is not None and not known.accepted:
            self._again(known, unusual, time)
            return False
        if known is None and len(self._alerts) >= self._most and key != OVERFLOW:
            self.overflowed += 1
            self.add(_too_many(self._most), time)
            return False
        self._first(key, unusual, time)
        return True

    def accept(self, key: str) -> Alert | None:
        """Mark the alert of *key* as right so; gives it, or None where there is none."""
        known = self._alerts.get(key)
        if known is None:
            return None
        self._alerts[key] = replace(known, accepted=True)
        accepted = [one.key for one in self.items() if one.accepted]
        for oldest in accepted[:-MOST_ACCEPTED]:
            del self._alerts[oldest]
        self.changed = True
        return known

    def has(self, key: str) -> bool:
        """Whether there is an alert of *key*."""
        return key in self._alerts

    def find(self, word: str) -> Alert | None:
        """The alert whose id or key is *word*."""
        return next((one for one in self._alerts.values() if word in (one.id, one.key)), None)

    def items(self) -> list[Alert]:
        """All of them, in the order in which they were first seen."""
        return sorted(self._alerts.values(), key=lambda one: one.first)

    def restore(self, alerts: Sequence[Alert]) -> None:
        """Begin with *alerts*, as they were kept."""
        self._alerts = {one.key: one for one in alerts[: self._most]}

    def metrics(self) -> dict[str, Metric]:
        """What it has counted."""
        waiting = [one for one in self._alerts.values() if not one.accepted]
        high = sum(one.severity == "high" for one in waiting)
        return {
            "alerts": Metric(self.raised, "Alerts of something not seen before."),
            "alerts_repeated": Metric(self.repeated, "Times that something came again after its alert."),
            "alerts_overflow": Metric(
                self.overflowed, "Alerts counted together because there were too many."
            ),
            "alerts_open": Metric(len(waiting), "Alerts that nobody has accepted.", GAUGE),
            "alerts_open_high": Metric(high, "Those of them with severity high.", GAUGE),
        }

    def _first(self, key: str, unusual: Unusual, time: int) -> None:
        alert = Alert(
            hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:8],
            key,
            unusual.kind,
            unusual.severity,
            time,
            time,
            1,
            unusual.learned,
            unusual.seen,
            unusual.text,
            [unusual.fact] if unusual.fact else [],
        )
        self._alerts[key] = alert
        self.raised += 1
        self.changed = True
        if self._tell is not None:
            self._tell(alert)

    def _again(self, known: Alert, unusual: Unusual, time: int) -> None:
        changes: dict[str, Any] = {"count": known.count + 1, "last": max(known.last, time)}
        if unusual.fact and unusual.fact not in known.facts and len(known.facts) < MOST_SHOWN:
            changes |= {"facts": [*known.facts, unusual.fact], "seen": f"{known.seen}, {unusual.seen}"}
        self._alerts[known.key] = replace(known, **changes)
        self.repeated += 1
        self.changed = True


def _too_many(most: int) -> Unusual:
    text = f"there are more than {most} alerts: what is new is only counted, until some are accepted"
    return Unusual(OVERFLOW, (), "high", f"{most} alerts", "more", text)
