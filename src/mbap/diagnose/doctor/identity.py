"""Who the device says it is."""

from __future__ import annotations

from collections.abc import Iterator

from mbap.diagnose.doctor.case import Case
from mbap.diagnose.doctor.finding import Finding, note, ok
from mbap.diagnose.scan.identity import in_short
from mbap.diagnose.scan.units import identify


def identity(case: Case) -> Iterator[Finding]:
    """Ask for its identification, or its server id."""
    case.known.identity = found = identify(case.asking, case.unit)
    if found:
        yield ok("identity", f"it says it is {in_short(found)}", **found)
    else:
        yield note(
            "identity", "it does not say who it is", "many devices do not", "read its type off the label"
        )
