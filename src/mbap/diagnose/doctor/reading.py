"""Whether the profile's addresses and its order of words are those of the device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mbap.addresses import reference
from mbap.collect.registermap import Point, Profile
from mbap.diagnose.doctor import display, likeness
from mbap.diagnose.doctor.case import Case
from mbap.diagnose.doctor.deciding import Decision, decide
from mbap.diagnose.doctor.finding import Finding, Severity, note, ok, warning
from mbap.diagnose.doctor.items import item
from mbap.diagnose.doctor.likely import CLEAR, ORDERS, Likeness, mark, ranked, turned_by
from mbap.diagnose.doctor.offsets import ENOUGH, far_away, in_words, meaning, tried
from mbap.diagnose.doctor.places import Memory, Places
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
    points, places = chosen(profile), Places(case)
    look_around(places, points)
    order = order_of(points)
    ways = ranked(points, places.memory, order)
    lost, absent = _lost(ways, order, points, places.memory), not _own(ways, order).there
    far = far_away(places, points, order, absent=absent) if lost else []
    own = _own(ways, order)
    decision = decide(places, points, profile.points, alike(ways, far, order), own)
    finding = judge(ways, order, points, decision, far=bool(far))
    if finding.severity is Severity.FAULT and "shift" in finding.data:
        best = decision.best
        case.known.shift, case.known.order = best.shift, best.order if best.order != order else ""
    right = worth_reading(points, places.memory, case.known.shift, case.known.order or order, order)
    case.known.items = case.known.items or right
    return finding


def _lost(ways: list[Likeness], order: str, points: list[Point], memory: Memory) -> bool:
    """Whether neither the profile's way nor one near it is to be believed, or most points are not there."""
    best = _best(ways, order)
    there = [point for point in points if (point.table, point.address) in memory]
    few = best.judged < _ENOUGH or (best is not _own(ways, order) and best.judged < len(points) / 3)
    return best.share < BELIEVED or few or len(there) < len(points) / 2


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


def look_around(places: Places, points: list[Point]) -> None:
    """Read *points*, and one register on either side of each; what cannot be read is left out.

    Where they are refused together, each is read as if it were there or one beside: some devices give a
    number whole only.
    """
    for point in points:
        first, last = max(point.address - 1, 0), min(point.last + 1, 0xFFFF)
        if not places.read(point.table, first, last):
            for span in ((point.address, point.last), (point.address + 1, last), (first, point.last - 1)):
                if not places.known(point.table, *span):
                    places.read(point.table, *span)


def worth_reading(points: list[Point], memory: Memory, shift: int, order: str, own: str) -> list[str]:
    """A few points that look right, for `mbap read`."""
    turn = order_kind(order) ^ order_kind(own)
    right = [point for point in points if mark(point, memory, shift, turn) == 1.0]
    return [
        item(point.table, point.address + shift, turned_by(point.encoding, turn))
        for point in right[:SHOWN]
        if point.encoding
    ]


def alike(ways: list[Likeness], far: list[Likeness], order: str) -> list[Likeness]:
    """The likeliest way, and those that look nearly as good."""
    best, own = far[0] if far else _best(ways, order), _own(ways, order)
    if best is own:
        return [own, *(way for way in ways if way is not own and _exchanged(way, own))]
    near = [way for way in far or ways if way.share >= best.share - NEARLY and way.judged >= _ENOUGH]
    doubtful = best.share > ALL and own.share < MOST and best.share <= own.share + CLEAR
    rival = [own] if doubtful and own not in near else []
    return [best, *(way for way in (*near, *rival) if way is not best)]


def _exchanged(way: Likeness, own: Likeness) -> bool:
    """Whether *way* has only its bytes exchanged, and looks as good: limits that are wide cannot tell."""
    turned = order_kind(way.order) ^ order_kind(own.order) == 2
    return turned and not way.shift and own.judged >= _ENOUGH and way.share >= own.share


def judge(ways: list[Likeness], order: str, points: list[Point], decision: Decision, *, far: bool) -> Finding:
    """What the likeliest way says; *far* is whether it is one far away, where those near say nothing."""
    best, own = decision.best, _own(ways, order)
    if own.judged < _ENOUGH:
        nearer = far or (best.judged >= ENOUGH and best.share >= BELIEVED)
        return zeros(best if nearer else None, own, order)
    if far and best.share <= own.share + CLEAR and best.judged <= own.judged:
        return in_doubt(best, own, order)
    clear = best.share > own.share + CLEAR and best.share >= BELIEVED
    if far or clear or (own.share < MOST and decision.beyond_doubt(own)):
        found = wrong(best, own, order, points)
        return replace(found, means=found.means + _other(decision, order))
    if (doubt := _doubt(ways, own, decision, order)) is not None:
        return in_doubt(doubt, own, order)
    if own.share < BELIEVED:
        return other_device(own, points)
    return ok("values", _said(own), share=own.share)


def _doubt(ways: list[Likeness], own: Likeness, decision: Decision, order: str) -> Likeness | None:
    """The way that may be right instead of *own*; None where it need not be spoken of."""
    if decision.beyond_doubt(own):
        return decision.best
    seeming = _best(ways, order)
    settled = decision.best is own and decision.clear
    return seeming if seeming.share > ALL and own.share < MOST and not settled else None


def _other(decision: Decision, order: str) -> str:
    """The other way that is as good, so that only the display tells; empty where there is none."""
    if decision.clear:
        return ""
    return f"; {_how(decision.ways[1], order)} they look nearly as good: --known NAME=VALUE tells which"


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
