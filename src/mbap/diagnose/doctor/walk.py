"""The walk from the cable to the value: all examinations, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from mbap.diagnose.doctor import (
    first,
    holding,
    identity,
    ping,
    reach,
    reading,
    sizes,
    tables,
    timing,
    units,
    way,
)
from mbap.diagnose.doctor.case import Case
from mbap.diagnose.doctor.finding import Finding

Examination = Callable[[Case], Iterator[Finding]]

EXAMINATIONS: tuple[tuple[str, Examination], ...] = (
    ("the name", way.name),
    ("the route", way.route),
    ("ping", ping.ping),
    ("the connection", reach.connect),
    ("what answers", first.answer),
    ("units", units.units),
    ("identification", identity.identity),
    ("tables", tables.tables),
    ("values", reading.reading),
    ("the largest read", sizes.largest),
    ("holes", sizes.holes),
    ("the rest it needs", timing.rests),
    ("how long answers take", timing.timing),
    ("connections at once", holding.connections),
    ("quiet connections", holding.idle),
)
"""What they look at, and what does it; each may use what those before found out."""


Tell = Callable[[float, str], None]


def _tell(tell: Tell, number: int, what: str, share: float) -> None:
    tell((number + share) / len(EXAMINATIONS), what)


def examine(case: Case, tell: Tell = lambda _share, _what: None) -> Iterator[Finding]:
    """The findings of all examinations, each as it is made; it ends where the cause is found.

    *tell* is called with the share that is done, 0 to 1, and what is examined next.
    """
    try:
        for number, (what, examination) in enumerate(EXAMINATIONS):
            case.progress = partial(_tell, tell, number, what)
            case.progress(0.0)
            for finding in examination(case):
                yield finding
                if finding.last:
                    return
    finally:
        case.asking.close()
