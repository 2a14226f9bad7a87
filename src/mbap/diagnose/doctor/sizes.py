"""The largest read, and the holes that a read must not touch."""

from __future__ import annotations

from collections.abc import Iterator

from mbap.addresses import Location, Table, describe
from mbap.collect.plan import Block, plan
from mbap.collect.registermap import Profile
from mbap.diagnose.doctor.asking import Outcome
from mbap.diagnose.doctor.case import Case, read_of
from mbap.diagnose.doctor.finding import Finding, note, ok, warning

LARGEST = 125
MOST_BLOCKS = 20
_REGISTERS = (Table.HOLDING_REGISTERS, Table.INPUT_REGISTERS)


def largest(case: Case) -> Iterator[Finding]:
    """Halve the distance between a read that is answered and one that is not, until there is none."""
    places = [(table, case.known.first[table]) for table in _REGISTERS if table in case.known.first]
    if not places:
        return
    table, address = places[0]
    most = min(LARGEST, 0x10000 - address)
    whole = case.asking.ask(read_of(table, address, most), case.unit)
    if whole.good and _gave(whole) == most:
        case.known.largest = LARGEST
        yield ok("largest read", f"{most} registers at once: all that the standard allows", largest=most)
        return
    good, refusal = _between(case, table, address, most, whole)
    beyond = case.asking.ask(read_of(table, address + 1, good), case.unit)
    yield judge(case, Location(table, address), good, refusal, limited=beyond.good or refusal.code == 3)


def _gave(outcome: Outcome) -> int:
    return len(outcome.result) if outcome.good else 0


def _between(case: Case, table: Table, address: int, most: int, refusal: Outcome) -> tuple[int, Outcome]:
    """The largest that is answered, and what came of one more."""
    good, bad = 1, most
    while bad - good > 1:
        count = (good + bad) // 2
        outcome = case.asking.ask(read_of(table, address, count), case.unit)
        if _gave(outcome) == count:
            good = count
        else:
            bad, refusal = count, outcome
    return good, refusal


def judge(case: Case, place: Location, good: int, refusal: Outcome, *, limited: bool) -> Finding:
    """What it means that *good* registers can be read at once, and not one more."""
    data = {"largest": good if limited else None, "refused_with": refusal.said}
    if not limited:
        seen = f"from {place} on {good} can be read, and one more gives {refusal.said}"
        means = (
            "its registers end there, or there is a hole; how many it gives at once is not known from that"
        )
        return note("largest read", seen, means, "mbap scan registers finds what can be read", **data)
    case.known.largest = good
    seen = f"{good} registers at once, and {good + 1} give {refusal.said}"
    means = "the standard allows 125; longer reads have to be divided"
    advice = f"largest = {good} in the profile, or --quirk largest-read={good}"
    return warning("largest read", seen, means, advice, **data)


def holes(case: Case) -> Iterator[Finding]:
    """Read what the profile's points would be read with, and look at what is refused."""
    profile = case.wishes.profile
    if profile is None:
        return
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
        yield ok("holes", f"the {len(blocks)} reads that the profile needs are all answered")


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
