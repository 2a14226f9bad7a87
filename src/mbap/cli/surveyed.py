"""What `mbap scan registers` does: surveys a table, prints what was found, writes a profile to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mbap.addresses import Location, Table, reference
from mbap.cli.ahead import Ahead
from mbap.cli.exits import ExitCode, exit_code
from mbap.cli.scanned import Rows, echo_rows
from mbap.diagnose.scan.draft import draft
from mbap.diagnose.scan.registers import load, save, survey
from mbap.diagnose.scan.survey import Survey, hole_runs, runs

if TYPE_CHECKING:
    from mbap.diagnose.doctor.asking import Asking

_MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be surveyed: who asks, which unit and table, from which address to which, and how."""

    asking: Asking
    unit: int
    table: str
    first: int
    last: int
    largest: int | None
    smallest: int

    def begin(self, state: Path | None) -> Survey:
        """The survey, gone on with where *state* has one."""
        table = Table(self.table)
        most = 2000 if table.holds_bits else 125
        if state is not None:
            kept = load(state, self.asking.url, self.unit, table, self.first, self.last)
            if kept is not None:
                return kept
        return Survey.of(table, self.first, self.last, min(self.largest or most, most), self.smallest)


def look(wanted: Wanted, state: Path | None, to_profile: Path | None, form: str | None) -> int:
    """Survey and print; gives the exit code."""
    found = wanted.begin(state)

    def keep(now: Survey) -> None:
        if state is not None:
            save(state, wanted.asking.url, wanted.unit, now)

    with Ahead() as ahead:
        try:
            tell = ahead.tell
            error = survey(wanted.asking, wanted.unit, found, keep, lambda share: tell(share, "addresses"))
        finally:
            wanted.asking.close()
    echo_rows(_rows(found), form, _summary(found))
    if error is not None:
        again = f"; the same command goes on from {state}" if state is not None else ""
        click.echo(f"error: {error}{again}", err=True)
    if to_profile is not None and found.values:
        text = draft(found, f"{wanted.asking.url} unit {wanted.unit}", wanted.asking.url)
        to_profile.write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"profile written: {to_profile}", err=True)
    if error is not None:
        return exit_code(error) or ExitCode.FAILED
    return ExitCode.OK if found.values else ExitCode.EXCEPTION_RESPONSE


def _rows(found: Survey) -> Rows:
    parts = [(start, length, -1) for start, length in runs(found.values)] + list(hole_runs(found.holes))
    rows, data = [], []
    for start, length, code in sorted(parts):
        values = [found.values[address] for address in range(start, start + length)] if code < 0 else []
        what = "read" if code < 0 else "silent" if code == 0 else f"exception {code:02X}"
        span = str(Location(found.table, start)) + (f"..{start + length - 1}" if length > 1 else "")
        rows.append((span, reference(found.table, start), str(length), what, _shown(values)))
        data.append(
            {"first": start, "last": start + length - 1, "read": code < 0, "answer": what, "values": values}
        )
    return Rows(("addresses", "reference", "count", "answer", "values"), rows, data, right=(2,))


def _shown(values: Sequence[int]) -> str:
    return " ".join(str(int(value)) for value in values[:_MOST_SHOWN]) + (
        " ..." if len(values) > _MOST_SHOWN else ""
    )


def _summary(found: Survey) -> str:
    left = found.last - found.first + 1 - len(found.values) - len(found.holes)
    ahead = f", {left} not asked" if left else ""
    return (
        f"{len(found.values)} can be read, {len(found.holes)} cannot{ahead};"
        f" {found.requests} requests, at most {found.largest} at once"
    )
