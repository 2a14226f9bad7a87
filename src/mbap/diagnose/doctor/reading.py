"""Whether the profile's addresses and its order of words are those of the device."""

from __future__ import annotations

from collections.abc import Iterator

from mbap.addresses import Table, reference
from mbap.collect.registermap import Point, Profile
from mbap.diagnose.doctor.case import Case, read_of
from mbap.diagnose.doctor.finding import Finding, Severity, note, ok, skipped, warning
from mbap.diagnose.doctor.likely import CLEAR, ORDERS, Likeness, ranked
from mbap.values.orders import order_kind

MOST_POINTS = 24
ALL, MOST = 0.99, 0.95
BELIEVED = 0.7
"""So many of the values have to look right, or it is another device."""
_ENOUGH = 2
"""So many points have to say something, before anything is concluded."""

Memory = dict[tuple[Table, int], int]


def reading(case: Case) -> Iterator[Finding]:
    """Read the profile's points and their neighbours, and compare the ways to understand them."""
    profile = case.wishes.profile
    if profile is None:
        yield skipped("values", "without --profile nobody knows what the values should be")
        return
    points = chosen(profile)
    memory = remembered(case, points)
    order = order_of(points)
    ways = ranked(points, memory, order)
    finding = judge(ways, order, points)
    best = ways[0]
    if finding.severity is Severity.FAULT and finding.data:
        case.known.shift, case.known.order = best.shift, best.order if best.order != order else ""
    yield finding


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


def judge(ways: list[Likeness], order: str, points: list[Point]) -> Finding:
    """What the likeliest way says."""
    best = ways[0]
    own = next(way for way in ways if way.shift == 0 and way.order == order)
    said = f"{own.share:.0%} of {max(own.judged, 1)} values look right as the profile reads them"
    if best.judged < _ENOUGH:
        return note("values", "the values are zero or missing: nothing can be told from them")
    if best.share <= own.share + CLEAR or best.share < BELIEVED:
        if best.share > ALL and own.share < MOST:
            return in_doubt(best, own, order)
        if own.share < BELIEVED:
            means = "neither addresses one off nor another order of words makes them better"
            advice = "is it the right profile for this device, and the right unit?"
            return Finding("values", Severity.FAULT, said, means, advice, {"share": own.share})
        return ok("values", said, share=own.share)
    seen = f"{said}, and {best.share:.0%} when {_how(best, order)}"
    data = {"shift": best.shift, "word_order": best.order, "share": best.share, "share_now": own.share}
    return Finding("values", Severity.FAULT, seen, _means(best, order), _advice(best, order, points), data)


def in_doubt(best: Likeness, own: Likeness, order: str) -> Finding:
    """Another way is a little better than the profile's: neighbours that are alike can do that by chance."""
    how = _how(best, order)
    seen = f"{own.share:.0%} of the values look right as the profile reads them, and all when {how}"
    means = f"it may be chance, or {_means(best, order)}"
    data = {"shift": best.shift, "word_order": best.order, "share": best.share, "share_now": own.share}
    return warning("values", seen, means, "compare one value with the display of the device", **data)


def _how(way: Likeness, order: str) -> str:
    parts = [] if not way.shift else [f"read one address {'higher' if way.shift > 0 else 'lower'}"]
    parts += [] if way.order == order else [f"taken as {way.order} instead of {order}"]
    return " and ".join(parts)


def _means(way: Likeness, order: str) -> str:
    parts = []
    if way.shift:
        parts.append("the manual counts from 1 and the wire from 0, and one was taken for the other")
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
