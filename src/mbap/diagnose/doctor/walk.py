"""The walk from the cable to the value: all examinations, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mbap.diagnose.doctor import first, reach, tables, units, way
from mbap.diagnose.doctor.case import Case
from mbap.diagnose.doctor.finding import Finding

Examination = Callable[[Case], Iterator[Finding]]

EXAMINATIONS: tuple[tuple[str, Examination], ...] = (
    ("the name", way.name),
    ("the route", way.route),
    ("the connection", reach.connect),
    ("what answers", first.answer),
    ("units", units.units),
    ("tables", tables.tables),
)
"""What they look at, and what does it; each may use what those before found out."""


def examine(case: Case, tell: Callable[[float, str], None] = lambda _share, _what: None) -> Iterator[Finding]:
    """The findings of all examinations, each as it is made; it ends where the cause is found.

    *tell* is called with the share that is done, 0 to 1, and what is examined next.
    """
    try:
        for number, (what, examination) in enumerate(EXAMINATIONS):
            tell(number / len(EXAMINATIONS), what)
            for finding in examination(case):
                yield finding
                if finding.last:
                    return
    finally:
        case.asking.close()
