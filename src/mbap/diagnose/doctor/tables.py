"""Which of the four tables can be read, and what the exceptions mean here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mbap.addresses import Location, Table
from mbap.diagnose.doctor.asking import Outcome
from mbap.diagnose.doctor.case import Case, read_of
from mbap.diagnose.doctor.finding import Finding, Severity, note, ok

USUAL = (0, 1, 100, 1000, 256, 4096, 30000, 40000, 40001, 8192)
"""Addresses at which maps of devices begin."""
_FUNCTIONS = {
    Table.HOLDING_REGISTERS: 3,
    Table.INPUT_REGISTERS: 4,
    Table.COILS: 1,
    Table.DISCRETE_INPUTS: 2,
}
_MEANINGS = {
    1: "it does not have function {function:02}: this table does not exist in it",
    2: "not at the addresses that were tried; its map begins elsewhere, or is counted otherwise",
    3: "it does not like so short a read, or the count",
    4: "it failed inside: look at its state, and whether reading is permitted now",
    5: "it works on it and answers later",
    6: "it is busy with something else: try again later",
    8: "its memory is damaged there",
    10: "the gateway has no way to this unit",
    11: "the gateway heard nothing of the device behind it",
}


def tables(case: Case) -> Iterator[Finding]:
    """Read one value of each table, at the profile's addresses or the usual ones."""
    last: dict[Table, Outcome] = {}
    for table in _FUNCTIONS:
        for address in addresses(case, table):
            outcome = case.asking.ask(read_of(table, address), case.unit)
            last[table] = outcome
            if outcome.good:
                case.known.place = case.known.place or Location(table, address)
                case.known.tables[table] = outcome
                case.known.first[table] = address
                break
            if outcome.code != 2 or outcome.error is None:
                break
    yield from judge(last, case.known.first, case.endpoint.url)


def addresses(case: Case, table: Table) -> Sequence[int]:
    """Where to try *table*."""
    profile = case.wishes.profile
    known = [point.address for point in profile.points if point.table is table] if profile else []
    return list(dict.fromkeys([*known[:5], *USUAL]))


def judge(last: Mapping[Table, Outcome], found: Mapping[Table, int], url: str) -> Iterator[Finding]:
    """What each table answered; without one that can be read that is the fault."""
    for table, outcome in last.items():
        if table in found:
            yield ok(
                "tables", f"{name(table)} can be read: {Location(table, found[table])}", table=table.value
            )
        elif found:
            yield note("tables", *refused(table, outcome), table=table.value, exception=outcome.code or None)
    if found or not last:
        return
    first = next(iter(last.values()))
    shown = "; ".join(f"{name(table)}: {refused(table, outcome)[1]}" for table, outcome in last.items())
    codes = ", ".join(sorted({outcome.said for outcome in last.values()}))
    seen = f"it answers, and nothing could be read: {codes}"
    advice = first.error.advice if first.error else ""
    if any(outcome.code == 2 for outcome in last.values()):
        advice = f"look up one address in the manual and read it; or search: mbap scan registers {url}"
    yield Finding("tables", Severity.FAULT, seen, shown, advice, error=first.error, last=True)


def refused(table: Table, outcome: Outcome) -> tuple[str, str]:
    """What was seen, and what it means."""
    seen = f"{name(table)}: {outcome.said}"
    if outcome.silent:
        return seen, "it is silent where others answer with an exception"
    meaning = _MEANINGS.get(outcome.code, "a code that the standard does not define")
    if not outcome.code:
        meaning = outcome.error.reason if outcome.error else ""
    return seen, meaning.format(function=_FUNCTIONS[table])


def name(table: Table) -> str:
    """`holding registers`."""
    return {
        Table.HOLDING_REGISTERS: "holding registers",
        Table.INPUT_REGISTERS: "input registers",
        Table.COILS: "coils",
        Table.DISCRETE_INPUTS: "discrete inputs",
    }[table]
