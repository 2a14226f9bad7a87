"""The walk from the cable to the value: all examinations, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from mbap.diagnose.doctor import (
    first,
    functions,
    holding,
    identity,
    ping,
    protection,
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

Walk = tuple[tuple[str, Examination], ...]

EXAMINATIONS: Walk = (
    ("the name", way.name),
    ("the route", way.route),
    ("ping", ping.ping),
    ("the connection", reach.connect),
    ("TLS", protection.protection),
    ("what answers", first.answer),
    ("units", units.units),
    ("identification", identity.identity),
    ("tables", tables.tables),
    ("the largest read", sizes.largest),
    ("values", reading.reading),
    ("functions", functions.functions),
    ("holes", sizes.holes),
    ("the rest it needs", timing.rests),
    ("how long answers take", timing.timing),
    ("connections at once", holding.connections),
    ("quiet connections", holding.idle),
)
"""What they look at, and what does it; each may use what those before found out."""


Tell = Callable[[float, str], None]


def _tell(tell: Tell, before: float, part: float, what: str, share: float) -> None:
    tell(before + part * share, what)


FROM_HERE: Walk = (
    ("the connection", reach.connect),
    ("what answers", first.answer),
    ("units", units.units),
)
"""Of a server on this machine: whether it takes a connection, and whether it speaks Modbus."""


def examine(
    case: Case, tell: Tell = lambda _share, _what: None, walk: Walk = EXAMINATIONS
) -> Iterator[Finding]:
    """The findings of all examinations of *walk*, each as it is made; it ends where the cause is found.

    *tell* is called with the share that is done, 0 to 1, and what is examined next.
    """
    try:
        for number, (what, examination) in enumerate(walk):
            case.progress = partial(_tell, tell, number / len(walk), 1 / len(walk), what)
            case.progress(0.0)
            for finding in examination(case):
                yield finding
                if finding.last:
                    return
    finally:
        case.asking.close()
