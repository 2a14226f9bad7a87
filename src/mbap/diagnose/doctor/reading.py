"""Whether the profile's addresses and its order of words are those of the device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mbap.addresses import Table, reference
from mbap.collect.registermap import Point, Profile
from mbap.diagnose.doctor import display, likeness
from mbap.diagnose.doctor.case import Case, read_of
from mbap.diagnose.doctor.finding import Finding, Severity, note, ok, warning
from mbap.diagnose.doctor.items import item
from mbap.diagnose.doctor.likely import CLEAR, ORDERS, Likeness, mark, ranked, turned_by
from mbap.diagnose.doctor.offsets import ENOUGH, far_away, in_words, meaning, tried
from mbap.values.orders import order_kind

MOST_POINTS = 24
ALL, MOST = 0.99, 0.95
BELIEVED = 0.7
"""So many of the values have to look right, or it is another device."""
NEARLY = 0.1
SHOWN = 3
_ENOUGH = 2
"""So many points have to say something, before anything is concluded."""

_COMPARE = "compare one value with the display of the device: --known NAME=VALUE"

Memory = dict[tuple[Table, int], int]


def reading(case: Case) -> Iterator[Finding]:
    """Look for the known values; then compare the profile's ways, or what registers look like without one."""
    profile = case.wishes.profile
    if case.wishes.known:
        found = display.values(case, order_of(list(profile.points)) if profile else "")
        yield found
        if found.severity is not Severity.OK or profile is None:
            return
    yield likeness.guess(case) if profile is None else compared(case, profile)


def compared(case: Case, profile: Profile) -> Finding:
    """Read the profile's points and their neighbours, and compare the ways to understand them."""
    points = chosen(profile)
    memory = remembered(case, points)
    order = order_of(points)
    ways = ranked(points, memory, order)
    lost, absent = _lost(ways, order, points, memory), not _own(ways, order).there
    far = far_away(case, points, memory, order, absent=absent) if lost else None
    finding = judge(ways, order, points, far)
    if finding.severity is Severity.FAULT and "shift" in finding.data:
        best = far or _best(ways, order)
        case.known.shift, case.known.order = best.shift, best.order if best.order != order else ""
    right = worth_reading(points, memory, case.known.shift, case.known.order or order, order)
    case.known.items = case.known.items or right
    return finding


def _lost(ways: list[Likeness], order: str, points: list[Point], memory: Memory) -> bool:
    """Whether neither the profile's way nor one near it is to be believed, or most points are not there."""
    best = _best(ways, order)
    there = [point for point in points if (point.table, point.address) in memory]
    return best.share < BELIEVED or best.judged < _ENOUGH or len(there) < len(points) / 2


def _best(ways: list[Likeness], order: str) -> Likeness:
    """The likeliest of those that several points speak for; the profile's where there is none."""
    own = _own(ways, order)
    return next((way for way in ways if way.judged >= _ENOUGH), own)


def _own(ways: list[Likeness], order: str) -> Likeness:
    return next(way for way in ways if way.shift == 0 and way.order == order)


def chosen(profile: Profile) -> list[Point]:
    """The points to look at: numbers, of several registers where there are such, with limits first."""
    points = [point for point in profile.points if point.encoding is not None and point.encoding.bit is None]
    points = [point for point in points if point.encoding and not point.encoding.type.startswith("string")]
    long = [point for point in points if point.count > 1]
    points = long if len(long) >= _ENOUGH else points  # others look the same in every order
    return sorted(points, key=lambda point: point.low is None and point.high is None)[:MOST_POINTS]


def order_of(points: list[Point]) -> str:
    """The order of bytes that most of *points* have."""
    kinds = [order_kind(point.encoding.order) for point in points if point.encoding and point.count > 1]
    return ORDERS[max(set(kinds), key=kinds.count)] if kinds else "ABCD"


def remembered(case: Case, points: list[Point]) -> Memory:
    """The registers of *points*, and one on either side of each; what cannot be read is left out."""
    memory: Memory = {}
    for point in points:
        first, last = max(point.address - 1, 0), min(point.last + 1, 0xFFFF)
        spans = [(first, last), (point.address, point.last), (point.last, last), (first, first)]
        for start, end in spans:
            if all((point.table, address) in memory for address in range(start, end + 1)):
                continue
            outcome = case.asking.ask(read_of(point.table, start, end - start + 1), case.unit)
            if outcome.good:
                memory |= {(point.table, start + at): int(word) for at, word in enumerate(outcome.result)}
            if outcome.good and (start, end) == spans[0]:
                break
    return memory


def worth_reading(points: list[Point], memory: Memory, shift: int, order: str, own: str) -> list[str]:
    """A few points that look right, for `mbap read`."""
    turn = order_kind(order) ^ order_kind(own)
    right = [point for point in points if mark(point, memory, shift, turn) == 1.0]
    return [
        item(point.table, point.address + shift, turned_by(point.encoding, turn))
        for point in right[:SHOWN]
        if point.encoding
    ]


def alike(ways: list[Likeness], best: Likeness, order: str) -> str:
    """Another way that gives nearly the same, so that only the display tells; empty where there is none."""
    for way in ways:
        near = way.share >= best.share - NEARLY and way.judged >= _ENOUGH
        if near and way.shift != best.shift and way is not _own(ways, order):
            return f"; {_how(way, order)} they look nearly as good: --known NAME=VALUE tells which"
    return ""


def judge(ways: list[Likeness], order: str, points: list[Point], far: Likeness | None = None) -> Finding:
    """What the likeliest way says; *far* is one far away, where those near say nothing."""
    best, own = _best(ways, order), _own(ways, order)
    if own.judged < _ENOUGH:
        nearer = best if best.judged >= ENOUGH and best.share >= BELIEVED else None
        return zeros(far or nearer, own, order)
    if far is not None:
        clear = far.share > own.share + CLEAR or far.judged > own.judged
        return wrong(far, own, order, points) if clear else in_doubt(far, own, order)
    if best.share > own.share + CLEAR and best.share >= BELIEVED:
        found = wrong(best, own, order, points)
        return replace(found, means=found.means + alike(ways, best, order))
    if best.share > ALL and own.share < MOST:
        return in_doubt(best, own, order)
    if own.share < BELIEVED:
        return other_device(own, points)
    return ok("values", _said(own), share=own.share)


def other_device(own: Likeness, points: list[Point]) -> Finding:
    """Nothing that was tried makes the values right."""
    where = tried(points if own.there else None)
    means = f"neither addresses {where} nor another order of words makes them better"
    advice = "is it the right profile for this device, and the right unit? --known NAME=VALUE helps to tell"
    return Finding("values", Severity.FAULT, _said(own), means, advice, {"share": own.share})


def _said(own: Likeness) -> str:
    if not own.there:
        return f"none of {own.judged} values can be read where the profile has them"
    return f"{own.share:.0%} of {own.judged} values look right as the profile reads them"


def wrong(best: Likeness, own: Likeness, order: str, points: list[Point]) -> Finding:
    """The values are there, in another way."""
    seen = f"{_said(own)}, and {best.share:.0%} look right when {_how(best, order)}"
    return Finding(
        "values", Severity.FAULT, seen, _means(best, order), _advice(best, order, points), _data(best, own)
    )


def _data(best: Likeness, own: Likeness) -> dict[str, object]:
    return {"shift": best.shift, "word_order": best.order, "share": best.share, "share_now": own.share}


def zeros(other: Likeness | None, own: Likeness, order: str) -> Finding:
    """There are only zeros where the profile has its points, and perhaps other values somewhere else."""
    if other is None:
        return note("values", "the values are zero or missing: nothing can be told from them")
    how = _how(other, order)
    seen = f"the values are zero where the profile has them, and look right when {how}"
    means = f"nothing may be measured now, and the others be there by chance; or {_means(other, order)}"
    return warning("values", seen, means, _COMPARE, **_data(other, own))


def in_doubt(best: Likeness, own: Likeness, order: str) -> Finding:
    """Another way is a little better than the profile's: neighbours that are alike can do that by chance."""
    how = _how(best, order)
    seen = f"{_said(own)}, and all when {how}"
    means = f"it may be chance, or {_means(best, order)}"
    return warning("values", seen, means, _COMPARE, **_data(best, own))


def _how(way: Likeness, order: str) -> str:
    parts = [f"read {in_words(way.shift)}"] if way.shift else []
    if way.order != order or not way.shift:
        parts.append(f"taken as {way.order}" + (f" instead of {order}" if way.order != order else ""))
    return " and ".join(parts)


def _means(way: Likeness, order: str) -> str:
    parts = [meaning(way.shift)] if way.shift else []
    if way.order != order:
        parts.append("numbers of several registers come in another order of words or bytes")
    return "; ".join(parts)


def _advice(way: Likeness, order: str, points: list[Point]) -> str:
    parts = []
    if way.shift:
        point = points[0]
        right = point.address + way.shift
        parts.append(
            f"{point.name} is at address {right} (reference {reference(point.table, right)}): shift all"
        )
    if way.order != order:
        parts.append(f'word_order = "{way.order}" in the profile, or --order {way.order}')
    return "; ".join(parts)
