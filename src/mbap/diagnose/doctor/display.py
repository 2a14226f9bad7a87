"""Values read off the device's display: where they are, and how they lie there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mbap.addresses import Location, Table
from mbap.diagnose.doctor.case import Case, KnownValue, read_of
from mbap.diagnose.doctor.finding import Finding, Severity, ok, warning
from mbap.diagnose.doctor.items import item, shown
from mbap.diagnose.doctor.likely import ORDERS, decoded, turned_by, turns
from mbap.diagnose.doctor.offsets import FAR, in_words, meaning, tried
from mbap.values import Encoding

NEAR = 10
"""So many addresses on either side are looked at."""
CLOSE = 0.01
"""A value has moved by no more than this share since it was read off."""
LONGEST = 4
"""Registers of the longest number."""
MOST_HALVES = 8
_TYPES = ("float32", "uint16", "int16", "uint32", "int32", "float64", "uint64", "int64")
_SCALES = (1.0, 0.1, 0.01, 0.001, 10.0)

Memory = dict[tuple[Table, int], int]


@dataclass(frozen=True, slots=True)
class Way:
    """A way to find all known values: addresses off by *shift*, in *order*, which is empty where any will do.

    *items* are the places, as `mbap read` takes them, *said* with what they show. It is *exact* where that is
    what was read off, to its last digit.
    """

    shift: int
    order: str
    items: tuple[str, ...]
    said: tuple[str, ...]
    exact: bool


def values(case: Case, order: str) -> Finding:
    """Look for the known values where they should be, near there, and then far away.

    *order* is that of the profile, empty without one.
    """
    known = case.wishes.known
    memory: Memory = {}
    for one in known:
        _look_near(case, one, memory)
    ways = list(fitting(known, memory, range(-NEAR, NEAR + 1), order))
    if not ways:
        for one in known:
            for shift in FAR:
                _look(case, one.table, _spans(one, shift), memory)
        ways = list(fitting(known, memory, FAR, order))
    ways = chosen(ways, order)
    if len({way.shift for way in ways}) == 1:
        case.known.shift, case.known.items = ways[0].shift, list(ways[0].items)
        told = {way.order for way in ways}
        case.known.order = ways[0].order if len(told) == 1 and ways[0].order != (order or "ABCD") else ""
    return judge(known, ways, order, case.wishes.profile is not None)


def chosen(ways: list[Way], order: str) -> list[Way]:
    """Those to be believed: as the profile has it, then to the last digit, then where it should be.

    The halves of neighbours that are alike make numbers like them, too, but hardly to the last digit.
    """
    for fits in (
        [way for way in ways if order and not way.shift and way.order in ("", order)],
        [way for way in ways if way.exact and not way.shift],
        [way for way in ways if way.exact],
        [way for way in ways if not way.shift],
    ):
        if fits:
            return fits
    return ways


def _look_near(case: Case, one: KnownValue, memory: Memory) -> None:
    """Read the place and what is around it; where that is refused as a whole, the place first."""
    first, last = max(one.address - NEAR, 0), min(one.address + NEAR + LONGEST - 1, 0xFFFF)
    if not _read(case, one.table, (first, last), memory):
        exact = [span for shift in (0, -1, 1) for span in _spans(one, shift)]
        _look(case, one.table, exact, memory)
        around = [(first, one.address - 1), (one.address + 1, last)]
        _halve(case, one.table, [span for span in around if span[0] <= span[1]], memory)


def _spans(one: KnownValue, shift: int) -> list[tuple[int, int]]:
    """What to read for it there: as many registers as it has; where that is not known, the longest first."""
    counts = (LONGEST, 2, 1) if one.encoding is None else (one.encoding.count,)
    return [(one.address + shift, one.address + shift + count - 1) for count in counts]


def _look(case: Case, table: Table, spans: Sequence[tuple[int, int]], memory: Memory) -> None:
    for span in spans:
        if not all((table, at) in memory for at in range(span[0], span[1] + 1)):
            _read(case, table, span, memory)


def _halve(case: Case, table: Table, spans: list[tuple[int, int]], memory: Memory) -> None:
    """Read *spans*, and the halves of those that are refused, with a few reads."""
    for _ in range(MOST_HALVES):
        if not spans:
            return
        (first, last), spans = spans[0], spans[1:]
        if not _read(case, table, (first, last), memory) and first < last:
            middle = (first + last) // 2
            spans += [(first, middle), (middle + 1, last)]


def _read(case: Case, table: Table, span: tuple[int, int], memory: Memory) -> bool:
    """Whether *span*, as far as there are such addresses, could be read into *memory*."""
    start, end = max(span[0], 0), min(span[1], 0xFFFF)
    if start > end:
        return False
    outcome = case.asking.ask(read_of(table, start, end - start + 1), case.unit)
    if outcome.good:
        memory |= {(table, start + at): int(word) for at, word in enumerate(outcome.result)}
    return outcome.good


def fitting(known: Sequence[KnownValue], memory: Memory, shifts: Sequence[int], order: str) -> Iterator[Way]:
    """The ways in which all of *known* are found, the nearest and the usual ones first."""
    readings = [list(_readings(one, order)) for one in known]
    for shift in sorted(shifts, key=abs):
        fits = [_fits(one, memory, shift, ways) for one, ways in zip(known, readings, strict=True)]
        for wanted in ("", *ORDERS):
            chosen = [fit.get("") or fit.get(wanted) for fit in fits]
            found = [one for one in chosen if one is not None]
            if len(found) == len(known) and (not wanted or any(one[0].count > 1 for one in found)):
                yield _way(known, found, shift, wanted)


def _way(known: Sequence[KnownValue], found: Sequence[tuple[Encoding, float]], shift: int, order: str) -> Way:
    places = [(one.table, one.address + shift, *fit) for one, fit in zip(known, found, strict=True)]
    items = tuple(item(table, address, encoding) for table, address, encoding, _ in places)
    exact = all(_exactly(one.value, value) for one, (_, value) in zip(known, found, strict=True))
    return Way(shift, order, items, tuple(shown(*place) for place in places), exact)


def _exactly(wanted: float, value: float) -> bool:
    """Whether *value* is *wanted* when it is rounded to as many digits."""
    digits = len(f"{wanted:.9g}".partition(".")[2])
    return abs(value - wanted) <= 0.51 * 10.0**-digits


def _fits(
    one: KnownValue, memory: Memory, shift: int, readings: Sequence[tuple[str, Encoding]]
) -> dict[str, tuple[Encoding, float]]:
    """By order, empty for a single register: the first way to read it there that shows the known value."""
    found: dict[str, tuple[Encoding, float]] = {}
    for order, encoding in readings:
        words = [memory.get((one.table, one.address + shift + at)) for at in range(encoding.count)]
        whole = [word for word in words if word is not None]
        value = decoded(encoding, whole) if len(whole) == encoding.count else None
        if value is not None and abs(value - one.value) <= CLOSE * abs(one.value):
            found.setdefault(order, (encoding, value))
    return found


def _readings(one: KnownValue, order: str) -> Iterator[tuple[str, Encoding]]:
    """The ways to read it, each with its order; that is empty for single registers."""
    if one.encoding is not None:
        for kind, turn in turns(order or "ABCD"):
            if one.encoding.count > 1 or not kind:
                yield ORDERS[kind] if one.encoding.count > 1 else "", turned_by(one.encoding, turn)
        return
    for type_ in _TYPES:
        for scale in (1.0,) if type_.startswith("float") else _SCALES:
            for name in ("",) if type_.endswith("16") else ORDERS:
                yield name, Encoding(type_, name, scale)


def judge(known: Sequence[KnownValue], ways: Sequence[Way], order: str, profiled: bool) -> Finding:
    """What it means where they were found."""
    wanted = " and ".join(map(str, known))
    if not ways:
        return nowhere(known, wanted)
    if len({way.shift for way in ways}) > 1:
        return several(wanted, ways)
    if abs(ways[0].shift) > 1 and len(known) < 2:
        return perhaps(wanted, ways[0])
    way, orders = ways[0], [way.order for way in ways]
    right = not way.shift and (order in orders or "" in orders or not profiled)
    data = {"shift": way.shift, "word_order": way.order or None, "read": list(way.items)}
    seen = f"{wanted}: {', '.join(way.said)}"
    if right:
        own = next((one for one in ways if one.order in ("", order)), way)
        return ok("values", f"{wanted}: {', '.join(own.said)}, where it should be", **data)
    means = [meaning(way.shift)] if way.shift else []
    means += [_other_order(orders)] if "" not in orders and order not in orders else []
    where = f"all addresses are {in_words(way.shift)}" if way.shift else ""
    advice = "; ".join(part for part in (where, f"read {' '.join(way.items)}") if part)
    return Finding("values", Severity.FAULT, seen, "; ".join(means), advice, data)


def _other_order(orders: Sequence[str]) -> str:
    if len(set(orders)) > 1:
        return f"its order is one of {', '.join(dict.fromkeys(orders))}: another value tells which"
    return f"numbers of several registers come in the order {orders[0]}"


def perhaps(wanted: str, way: Way) -> Finding:
    """One value at another place may be there by chance."""
    seen = f"{wanted} is not where it should be; {', '.join(way.said)}, {in_words(way.shift)}"
    means = f"it may be chance, or {meaning(way.shift)}"
    data = {"shift": way.shift, "word_order": way.order or None, "read": list(way.items)}
    return warning("values", seen, means, "give a second value, unlike the first: --known again", **data)


def several(wanted: str, ways: Sequence[Way]) -> Finding:
    """It is found at more than one place."""
    nearest = list({way.shift: " and ".join(way.said) for way in reversed(ways)}.values())[::-1]
    seen = f"{wanted} is not where it should be, and could be at several places: {'; '.join(nearest[:4])}"
    means = "values that are alike stand beside one another, such as the phases of a meter"
    advice = "give a second value that is unlike the first: --known again"
    data = {"shifts": [way.shift for way in ways]}
    return warning("values", seen, means, advice, **data)


def nowhere(known: Sequence[KnownValue], wanted: str) -> Finding:
    """It is not found at all."""
    places = " and ".join(str(Location(one.table, one.address)) for one in known)
    seen = f"{wanted} is found neither at {places} nor {NEAR} addresses around, in any type and order"
    means = f"nor is it {tried()}: the value has changed, or is in another table, or the unit is another"
    advice = "mbap scan registers finds what can be read; take a value that does not change"
    return Finding("values", Severity.FAULT, seen, means, advice, {"shift": None})
