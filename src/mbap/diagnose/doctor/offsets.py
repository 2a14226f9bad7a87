"""Addresses that are off by much: references that were taken for addresses, and maps that begin elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mbap.collect.registermap import Kind, Point, Profile
from mbap.diagnose.doctor.likely import Likeness, ranked
from mbap.diagnose.doctor.places import Memory, Places

REFERENCES = (30000, 30001, 40000, 40001)
"""What a reference of five digits is more than its address, counted from 0 or from 1."""
BASES = (100, 256, 1000, 4096)
"""What the maps of models of one family lie apart."""
FAR = tuple(sign * far for far in (*REFERENCES, *BASES) for sign in (-1, 1))
"""What is tried besides the neighbours; each costs one read where there is nothing."""
MOST = 8
"""So many points are read at each place where the first one could be."""
ENOUGH, CERTAIN = 4, 0.9
"""So many points have to say something, and so large a share to look right: chance does not do that."""


def telling(points: Sequence[Point]) -> list[Point]:
    """The points that few numbers would suit: those with limits or states, and floats."""
    return [point for point in points if _tells(point)][:MOST]


def _tells(point: Point) -> bool:
    limited = point.low is not None and point.high is not None
    floating = point.encoding is not None and point.encoding.type.startswith("float")
    return limited or floating or (point.kind is Kind.STATE and bool(point.states))


def far_away(places: Places, points: Sequence[Point], order: str, *, absent: bool) -> list[Likeness]:
    """The ways in which the values look right when they are read far from where the profile has them.

    None where that is nowhere, or at places that are not beside one another, or where too few points would
    say something. Where the profile's own places are *absent*, a place says enough that is the only one at
    which all points are.
    """
    asked = telling(points)
    by_limits = len(asked) >= ENOUGH
    if not by_limits and not absent:
        return []
    asked = asked if by_limits else list(points[:MOST])
    there = [shift for shift in FAR if _read(places, asked, shift)]
    if not by_limits:
        there = [shift for shift in there if _all_there(asked, shift, places.memory)]
        there = there if len(there) == 1 else []
    ways = ranked(asked, places.memory, order, there) if there else []
    right = [way for way in ways if way.share >= CERTAIN and way.judged >= ENOUGH]
    shifts = {way.shift for way in right}
    return right if shifts and max(shifts) - min(shifts) <= 1 else []


def _all_there(points: Sequence[Point], shift: int, memory: Memory) -> bool:
    places = [(one.table, one.address + shift + at) for one in points for at in range(one.count)]
    return all(place in memory for place in places)


def _read(places: Places, points: Sequence[Point], shift: int) -> bool:
    """Read *points* at *shift*; False, after one read, where the first is not there."""
    first, *others = points
    if not places.whole(first, shift):
        return False
    for point in others:
        places.whole(point, shift)
    return True


def moved(profile: Profile, shift: int) -> Profile:
    """*profile* with *shift* added to its addresses, as far as they are addresses then."""
    points = [replace(point, address=point.address + shift) for point in profile.points]
    return replace(
        profile, points=tuple(point for point in points if 0 <= point.address <= point.last <= 0xFFFF)
    )


def meaning(shift: int) -> str:
    """Why addresses may be off by *shift*."""
    if abs(shift) == 1:
        return "the manual counts from 1 and the wire from 0, and one was taken for the other"
    if -shift in REFERENCES:
        return "references of five digits were written as addresses: 40108 is the holding register at 107"
    if shift in REFERENCES:
        return "this device has the references of its manual as addresses"
    return "the map of this model begins elsewhere, or the profile is that of a sister"


def in_words(shift: int) -> str:
    """`one address higher`, `40001 addresses lower`."""
    many = "one address" if abs(shift) == 1 else f"{abs(shift)} addresses"
    return f"{many} {'higher' if shift > 0 else 'lower'}"


def tried(points: Sequence[Point] | None = None) -> str:
    """What is tried, for people; with *points* only the next addresses, where those say too little."""
    if points is not None and len(telling(points)) < ENOUGH:
        return "one lower or higher"
    first, *others = sorted({abs(shift) for shift in FAR})
    return f"1, {first}, {', '.join(map(str, others[:-1]))} or {others[-1]} lower or higher"
