"""A device, examined: the findings by topic, without the pauses for politeness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mbap.client.quirks import Quirks
from mbap.diagnose.doctor.case import Case, Wishes
from mbap.diagnose.doctor.finding import Finding, Severity
from mbap.diagnose.doctor.prescription import Prescription, prescribe
from mbap.diagnose.doctor.walk import examine
from mbap.transport.endpoint import parse_endpoint
from support.scripted import Reply, Request, Silence

QUICK = 0.15
"""A timeout for devices that are silent on purpose."""


@dataclass(slots=True)
class Examined:
    """What came of an examination."""

    case: Case
    findings: list[Finding]

    def __getitem__(self, topic: str) -> Finding:
        """The worst finding on *topic*."""
        found = [finding for finding in self.findings if finding.topic == topic]
        assert found, f"nothing on {topic}: {[(one.topic, one.seen) for one in self.findings]}"
        return max(found, key=lambda finding: list(Severity).index(finding.severity))

    @property
    def topics(self) -> list[str]:
        return list(dict.fromkeys(finding.topic for finding in self.findings))

    @property
    def faults(self) -> list[str]:
        """The topics with a fault."""
        return [finding.topic for finding in self.findings if finding.severity is Severity.FAULT]

    @property
    def warnings(self) -> list[str]:
        """The topics with a warning."""
        return [finding.topic for finding in self.findings if finding.severity is Severity.WARNING]

    @property
    def quirks(self) -> Quirks:
        return self.case.asking.quirks

    @property
    def prescription(self) -> Prescription:
        found = prescribe(self.case)
        assert found is not None
        return found


def examined(url: str, *, sleep: Callable[[float], None] = lambda _: None, **wishes: Any) -> Examined:
    """Examine what is at *url*."""
    wanted: dict[str, Any] = {"timeout": 1.0, "pause": 0.0, "reads": 5, **wishes}
    case = Case(parse_endpoint(url), Wishes(**wanted), sleep=sleep)
    return Examined(case, list(examine(case)))


def only_unit(unit: int, reply: Reply | None = None) -> Callable[[Request], Reply | Silence]:
    """Answers as *unit*, and is silent as any other."""
    return lambda request: (reply or Reply()) if request.unit == unit else Silence()


def refusing(code: int) -> Reply:
    """An exception to whatever is asked."""
    return Reply(pdu=lambda pdu: bytes((pdu[0] | 0x80, code)) if pdu else b"")
