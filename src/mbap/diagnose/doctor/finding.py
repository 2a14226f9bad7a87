"""A finding: what was seen, what it means, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mbap.errors import ModbusError


class Severity(Enum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"
    """Good to know, and nothing wrong."""
    SKIPPED = "skipped"
    """Was not examined; `means` says why."""
    WARNING = "warning"
    """It works, but not as it should, or only with a setting."""
    FAULT = "fault"
    """Why it does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one examination found.

    Attributes:
        topic: what was examined, in a word or two: `connect`, `units`.
        seen: what was seen, a sentence without its full stop.
        means: what that means; empty where it speaks for itself.
        advice: what to do; empty where there is nothing to do.
        data: the same for programs.
        error: what a client raises there, where it raises something.
        last: whether nothing more can be found after this.
    """

    topic: str
    severity: Severity
    seen: str
    means: str = ""
    advice: str = ""
    data: Mapping[str, object] = field(default_factory=dict)
    error: ModbusError | None = None
    last: bool = False

    def as_json(self) -> dict[str, object]:
        """As it is printed for programs."""
        return {
            "topic": self.topic,
            "severity": self.severity.value,
            "seen": self.seen,
            "means": self.means,
            "advice": self.advice,
            "data": dict(self.data),
        }


def spoken(seconds: float) -> str:
    """A time as people say it: `0.5 ms`, `1.5 s`."""
    return f"{seconds * 1000:.3g} ms" if seconds < 0.9995 else f"{seconds:.3g} s"


def ok(topic: str, seen: str, **data: object) -> Finding:
    """Nothing wrong there."""
    return Finding(topic, Severity.OK, seen, data=data)


def skipped(topic: str, why: str) -> Finding:
    """Was not examined, because of *why*."""
    return Finding(topic, Severity.SKIPPED, f"not examined: {why}")


def note(topic: str, seen: str, means: str = "", advice: str = "", **data: object) -> Finding:
    """Good to know."""
    return Finding(topic, Severity.NOTE, seen, means, advice, data)


def warning(topic: str, seen: str, means: str, advice: str, **data: object) -> Finding:
    """It works, but not as it should."""
    return Finding(topic, Severity.WARNING, seen, means, advice, data)
