"""Which of the four tables can be read, and what the exceptions mean here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mbap.addresses import Location, Table
from mbap.diagnose.doctor.asking import Outcome
from mbap.diagnose.doctor.case import Case, read_of
from mbap.diagnose.doctor.finding import Finding, Severity, note, ok
from mbap.diagnose.doctor.offsets import FAR

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
    """Where to try *table*: where somebody or the profile says, and where maps begin or are moved to."""
    profile = case.wishes.profile
    known = [point.address for point in profile.points if point.table is table] if profile else []
    moved = [at + shift for at in known[:1] for shift in (-1, 1, *FAR)]
    wanted = [place.address for place in case.wishes.known if place.table is table]
    return [at for at in dict.fromkeys([*wanted, *known[:5], *USUAL, *moved]) if 0 <= at <= 0xFFFF]


def judge(last: Mapping[Table, Outcome], found: Mapping[Table, int], url: str) -> Iterator[Finding]:
    """What each table answered; without one that can be read that is the fault."""
    for table, address in found.items():
        yield ok("tables", f"{name(table)} can be read: {Location(table, address)}", table=table.value)
    groups = alike({table: outcome for table, outcome in last.items() if table not in found})
    if found or not last:
        for (said, means), missing in groups.items():
            codes = {last[table].code for table in missing}
            data: dict[str, Any] = {
                "tables": [table.value for table in missing],
                "exception": max(codes) or None,
            }
            yield note("tables", f"{names(missing)}: {said}", means, **data)
        return
    first = next(iter(last.values()))
    shown = "; ".join(f"{names(missing)}: {means}" for (_, means), missing in groups.items())
    came = ", ".join(sorted({outcome.said for outcome in last.values()}))
    seen = f"it answers, and nothing could be read: {came}"
    advice = first.error.advice if first.error else ""
    if any(outcome.code == 2 for outcome in last.values()):
        advice = f"look up one address in the manual and read it; or search: mbap scan registers {url}"
    yield Finding("tables", Severity.FAULT, seen, shown, advice, error=first.error, last=True)


def alike(refusals: Mapping[Table, Outcome]) -> dict[tuple[str, str], list[Table]]:
    """The tables that gave the same, by what was seen and what it means."""
    groups: dict[tuple[str, str], list[Table]] = {}
    for table, outcome in refusals.items():
        groups.setdefault(refused(table, outcome), []).append(table)
    return groups


def names(tables: Sequence[Table]) -> str:
    """`input registers, coils and discrete inputs`."""
    *first, last = map(name, tables)
    return f"{', '.join(first)} and {last}" if first else last


def refused(table: Table, outcome: Outcome) -> tuple[str, str]:
    """What came, and what it means."""
    if outcome.silent:
        return outcome.said, "it is silent where others answer with an exception"
    meaning = _MEANINGS.get(outcome.code, "a code that the standard does not define")
    if not outcome.code:
        meaning = outcome.error.reason if outcome.error else ""
    return outcome.said, meaning.format(function=_FUNCTIONS[table])


def name(table: Table) -> str:
    """`holding registers`."""
    return {
        Table.HOLDING_REGISTERS: "holding registers",
        Table.INPUT_REGISTERS: "input registers",
        Table.COILS: "coils",
        Table.DISCRETE_INPUTS: "discrete inputs",
    }[table]
