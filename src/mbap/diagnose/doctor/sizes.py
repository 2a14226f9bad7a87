"""The largest read, and the holes that a read must not touch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mbap.addresses import Location, Table, describe
from mbap.collect.plan import Block, plan
from mbap.collect.registermap import Profile
from mbap.diagnose.doctor.asking import Outcome
from mbap.diagnose.doctor.case import Case, read_of
from mbap.diagnose.doctor.finding import Finding, note, ok, warning
from mbap.diagnose.doctor.offsets import moved
from mbap.diagnose.doctor.tables import USUAL

LARGEST = 125
MOST_BLOCKS = 20
SLOW = 0.5
ELSEWHERE = 6
"""So many of the usual addresses are tried, too, where registers end soon."""
_REGISTERS = (Table.HOLDING_REGISTERS, Table.INPUT_REGISTERS)


class Short(NamedTuple):
    """A stretch that ends: from *place* on *good* registers can be read, and one more gives *said*."""

    place: Location
    good: int
    said: str


def largest(case: Case) -> Iterator[Finding]:
    """Halve the distance between a read that is answered and one that is not, until there is none.

    Where registers end before that says anything, the other table and the usual addresses are tried.
    """
    ends: list[Short] = []
    for table in _REGISTERS:
        if table not in case.known.first:
            continue
        place = Location(table, case.known.first[table])
        if (refusal := _refused(case, place)) is None:
            yield all_of_them(case, place)
            return
        end, limited = _end(case, place, refusal)
        if limited:
            yield too_long(case, end)
            return
        ends.append(end)
    if ends:
        yield _elsewhere(case) or short(case, ends)


def _refused(case: Case, place: Location) -> Outcome | None:
    """What came instead of the longest read from *place* on; None where that was answered."""
    most = min(LARGEST, 0x10000 - place.address)
    outcome = case.asking.ask(read_of(place.table, place.address, most), case.unit)
    return None if _gave(outcome) == most else outcome


def _gave(outcome: Outcome) -> int:
    return len(outcome.result) if outcome.good else 0


def _end(case: Case, place: Location, refusal: Outcome) -> tuple[Short, bool]:
    """Where reads from *place* end, and whether for their length: one address later the same works."""
    good, bad = 1, min(LARGEST, 0x10000 - place.address)
    while bad - good > 1:
        count = (good + bad) // 2
        outcome = case.asking.ask(read_of(place.table, place.address, count), case.unit)
        if _gave(outcome) == count:
            good = count
        else:
            bad, refusal = count, outcome
    case.known.reach[place.table] = good
    beyond = case.asking.ask(read_of(place.table, place.address + 1, good), case.unit)
    return Short(place, good, refusal.said), beyond.good or refusal.code == 3


def _elsewhere(case: Case) -> Finding | None:
    """The longest read at some other address; None where none is answered, or each answer takes long."""
    if case.known.slowest >= SLOW:
        return None
    for table in _REGISTERS:
        for address in USUAL[:ELSEWHERE] if table in case.known.first else ():
            place = Location(table, address)
            if address != case.known.first[table] and _refused(case, place) is None:
                return all_of_them(case, place)
    return None


def all_of_them(case: Case, place: Location) -> Finding:
    """As much as there can be."""
    case.known.largest = LARGEST
    most = min(LARGEST, 0x10000 - place.address)
    seen = f"{most} registers at once, from {place} on: all that the standard allows"
    return ok("largest read", seen, largest=LARGEST, place=str(place))


def too_long(case: Case, end: Short) -> Finding:
    """It gives less than the standard allows."""
    case.known.largest = end.good
    seen = f"{end.good} registers at once, and {end.good + 1} give {end.said}"
    means = "the standard allows 125; longer reads have to be divided"
    advice = f"largest = {end.good} in the profile, or --quirk largest-read={end.good}"
    data = {"largest": end.good, "refused_with": end.said}
    return warning("largest read", seen, means, advice, **data)


def short(case: Case, ends: Sequence[Short]) -> Finding:
    """Registers end, or there is a hole, before a read is too long."""
    most = max(ends, key=lambda end: end.good)
    parts = " and ".join(f"{end.good} from {end.place} on" for end in ends)
    seen = f"registers can be read: {parts}; one more gives {most.said}"
    means = "they end there, or there is a hole; how long a read may be is not known from that"
    more = f"mbap scan registers {case.endpoint.url} finds what else there is"
    advice = f"blocks of up to {most.good} are known to work; {more}"
    data = {"largest": None, "refused_with": most.said, "reach": {str(end.place): end.good for end in ends}}
    return note("largest read", seen, means, advice, **data)


def holes(case: Case) -> Iterator[Finding]:
    """Read what the profile's points would be read with, and look at what is refused."""
    if case.wishes.profile is None:
        return
    profile = moved(case.wishes.profile, case.known.shift)
    refused: list[Block] = []
    blocks = plan(profile, profile.points)[:MOST_BLOCKS]
    for number, block in enumerate(blocks):
        case.progress(number / len(blocks))
        if case.asking.ask(block.request, case.unit).code == 2:
            refused.append(block)
    for block in refused:
        yield _look_into(case, profile, block)
        if not case.known.gaps:
            return
    if blocks and not refused:
        many = "the read" if len(blocks) == 1 else f"all {len(blocks)} reads"
        yield ok("holes", f"{many} that the profile needs {'is' if len(blocks) == 1 else 'are'} answered")


def _look_into(case: Case, profile: Profile, block: Block) -> Finding:
    """Whether the points of a block that is refused can be read one by one."""
    outcomes = {
        point.name: case.asking.ask(read_of(point.table, point.address, point.count), case.unit)
        for point in block.points[:MOST_BLOCKS]
    }
    missing = [name for name, outcome in outcomes.items() if not outcome.good]
    seen = f"{describe(block.table, block.address, block.count)} in one read: exception 02"
    if not missing and profile.gap_in(block.table):
        case.known.gaps = False
        means = "each point can be read: between them are registers that it does not have, nor reads over"
        return warning("holes", seen, means, "gap = 0 in the profile, or --quirk no-gaps", block=str(block))
    means = f"the device does not have {', '.join(missing[:5])}" + (" and others" if len(missing) > 5 else "")
    advice = "take them out of the profile, or look whether it is the profile of this model"
    return warning("holes", seen, means, advice, missing=missing)
