"""A device, examined: the findings by topic, without the pauses for politeness."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mbap.addresses import Table
from mbap.client.quirks import Quirks
from mbap.diagnose.doctor.asking import Asking, Outcome
from mbap.diagnose.doctor.case import Case, Waits, Wishes
from mbap.diagnose.doctor.finding import Finding, Severity
from mbap.diagnose.doctor.prescription import Prescription, prescribe
from mbap.diagnose.doctor.walk import examine
from mbap.errors import IllegalDataAddress
from mbap.protocol.pdu import READS
from mbap.protocol.wire import Registers
from mbap.transport.endpoint import parse_endpoint
from mbap.values import Encoding
from support.scripted import Reply, Request, Silence

Memory = dict[tuple[Table, int], int]

QUICK = 0.4
"""A timeout for devices that are silent on purpose."""
WAITS = Waits(quiet=0.03, listening=0.2)
"""Loopback is quick."""


def briefly(seconds: float) -> None:
    """A rest that is real, but no longer than the scripted devices need."""
    time.sleep(min(seconds, 0.2))


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


def examined(
    url: str,
    *,
    sleep: Callable[[float], None] = lambda _: None,
    hurry: float = 1.0,
    **wishes: Any,
) -> Examined:
    """Examine what is at *url*; by a clock that goes *hurry* times as fast as time."""
    wanted: dict[str, Any] = {"timeout": 1.0, "pause": 0.0, "reads": 5, **wishes}
    case = Case(
        parse_endpoint(url),
        Wishes(**wanted),
        clock=lambda: hurry * time.perf_counter(),
        sleep=sleep,
        waits=WAITS,
    )
    return Examined(case, list(examine(case)))


class Remembering(Asking):
    """A device without a network: it answers reads from *memory*, and exception 02 to all others."""

    def __init__(self, memory: Memory) -> None:
        super().__init__("tcp://127.0.0.1", timeout=1.0, pause=0.0, sleep=lambda _: None)
        self.memory = memory
        self.asked: list[tuple[Table, int, int]] = []

    def ask(self, request: Any, unit: int, *, timeout: float | None = None) -> Outcome:
        table = next(table for table, read in READS.items() if isinstance(request, read))
        self.asked.append((table, request.address, request.count))
        places = [(table, request.address + at) for at in range(request.count)]
        if all(place in self.memory for place in places):
            return Outcome(0.001, Registers.of([self.memory[place] for place in places]))
        return Outcome(0.001, error=IllegalDataAddress())


def remembered(memory: Memory, **wishes: Any) -> tuple[Case, Remembering]:
    """A case whose device has *memory*, with its unit and the begin of its tables known."""
    case = Case(parse_endpoint("tcp://127.0.0.1"), Wishes(**wishes), sleep=lambda _: None)
    case.asking = asking = Remembering(memory)
    case.known.unit = 1
    tables = {table for table, _ in memory}
    case.known.first = {one: min(address for table, address in memory if table is one) for one in tables}
    return case, asking


def laid_out(table: Table, values: Mapping[int, float], encoding: Encoding) -> Memory:
    """*values* by their addresses, each as *encoding* says."""
    return {
        (table, address + at): word
        for address, value in values.items()
        for at, word in enumerate(encoding.encode(value))
    }


def only_unit(unit: int, reply: Reply | None = None) -> Callable[[Request], Reply | Silence]:
    """Answers as *unit*, and is silent as any other."""
    return lambda request: (reply or Reply()) if request.unit == unit else Silence()


def refusing(code: int) -> Reply:
    """An exception to whatever is asked."""
    return Reply(pdu=lambda pdu: bytes((pdu[0] | 0x80, code)) if pdu else b"")
