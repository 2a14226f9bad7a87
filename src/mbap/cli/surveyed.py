"""What `mbap scan registers` does: surveys a table, prints what was found, writes a profile to begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mbap.addresses import Location, reference
from mbap.cli.counted import amount
from mbap.cli.exits import ExitCode
from mbap.cli.newfile import write_new
from mbap.cli.scanasking import code_of
from mbap.cli.scanned import Rows, echo_rows
from mbap.cli.surveying import forecasting
from mbap.client.dialogue import carry_out
from mbap.diagnose.scan.draft import draft
from mbap.diagnose.scan.executing import executing, patiently
from mbap.diagnose.scan.journal import JournalFile
from mbap.diagnose.scan.survey import Survey
from mbap.diagnose.scan.walk import Walk, refusals, spans
from mbap.errors import ModbusError

if TYPE_CHECKING:
    from mbap.diagnose.doctor.asking import Asking
    from mbap.protocol.pdu import Request

_READ, _UNKNOWN = -1, -2
_MOST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is to become of it: a file of answers, a profile, and the form to print in."""

    state: Path | None
    to_profile: Path | None
    form: str | None


def look(asking: Asking, unit: int, walk: Walk, most: int | None, outputs: Outputs) -> int:
    """Survey and print; gives the exit code."""
    survey = Survey([walk], most)
    problem: ModbusError | KeyboardInterrupt | None = None
    try:
        _carry_out(asking, unit, survey, outputs.state)
    except (ModbusError, KeyboardInterrupt) as ended:
        problem = ended
    if walk.values or walk.refused or outputs.form or problem is None:
        echo_rows(_rows(walk), outputs.form, _summary(survey, walk))
    if outputs.to_profile is not None and walk.values:
        text = draft(walk, f"{asking.url} unit {unit}", asking.url)
        write_new(outputs.to_profile, text)
        click.echo(f"profile written: {outputs.to_profile}", err=True)
    return _ended(problem, survey, walk, outputs.state)


def _ended(
    problem: ModbusError | KeyboardInterrupt | None, survey: Survey, walk: Walk, state: Path | None
) -> int:
    """Say what ended it, and how to go on; gives the exit code."""
    if survey.absent:
        click.echo(f"the device has no {walk.table.value} table: it answers exception 01", err=True)
    how_on = f"; the same command goes on from {state}" if state is not None and state.exists() else ""
    return code_of(problem, ExitCode.OK if walk.values else ExitCode.EXCEPTION_RESPONSE, how_on)


def _carry_out(asking: Asking, unit: int, survey: Survey, state: Path | None) -> None:
    with _journal(state, asking.url, unit) as asked, forecasting() as forecast:
        survey.tell = forecast.tell
        ask = patiently(forecast.counting(executing(asking, unit)))
        with closing(asking), closing(survey.dialogue()) as dialogue:
            carry_out(dialogue, lambda request: asked(request, ask))


@contextmanager
def _journal(
    state: Path | None, url: str, unit: int
) -> Iterator[Callable[[Request[Any], Callable[[Request[Any]], Any]], Any]]:
    """What gives the answers: those that *state* has, and the device's, which are kept there."""
    if state is None:
        yield lambda request, ask: ask(request)
        return

    def lost(error: OSError) -> None:
        why = error.strerror or str(error)
        click.echo(f"warning: {state}: {why}; what is found from now on is not kept there", err=True)

    with JournalFile(state, url, unit, lost) as file:
        if file.before:
            click.echo(f"going on with the {amount(file.before, 'answer')} in {state}", err=True)
        yield file.journal.execute


def _parts(walk: Walk) -> list[tuple[int, int, int]]:
    """First, last, and what came: an exception, 0 for silence, or one of the two beyond."""
    return sorted(
        [
            *((first, last, _READ) for first, last in spans(sorted(walk.values))),
            *refusals(walk.refused),
            *((first, last, _UNKNOWN) for first, last in walk.unknown()),
        ]
    )


def _rows(walk: Walk) -> Rows:
    parts = _parts(walk)
    heads = ("addresses", "reference", "count", "answer", "values")
    rows = [_row(walk, together) for together in _together(parts)]
    fields = [_fields(walk, part) for part in parts]
    return Rows(heads, rows, fields, right=(2,), keys=("first", "last", "read", "answer", "values"))


def _together(parts: Sequence[tuple[int, int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    """Parts that make a line for people: what lies between values, where some of it is unknown."""
    for read, some in groupby(parts, lambda part: part[2] == _READ):
        found = list(some)
        if read or not any(code == _UNKNOWN for _, _, code in found):
            yield from ([one] for one in found)
        else:
            yield found


def _row(walk: Walk, parts: Sequence[tuple[int, int, int]]) -> tuple[str, ...]:
    first, last = parts[0][0], parts[-1][1]
    span = str(Location(walk.table, first)) + (f"..{last}" if last > first else "")
    values = _shown(_values(walk, parts[0]))
    return span, reference(walk.table, first), f"{last - first + 1:,}", _said(parts), values


def _said(parts: Sequence[tuple[int, int, int]]) -> str:
    """What came, in few words."""
    codes = sorted({code for _, _, code in parts if code != _UNKNOWN})
    came = ", ".join(_word(code) for code in codes)
    if all(code != _UNKNOWN for _, _, code in parts):
        return came
    asked = sum(last - first + 1 for first, last, code in parts if code != _UNKNOWN)
    return f"unknown; {asked:,} asked: {came}" if asked else "unknown"


def _word(code: int) -> str:
    return {_READ: "read", _UNKNOWN: "unknown", 0: "silent"}.get(code, f"exception {code:02X}")


def _values(walk: Walk, part: tuple[int, int, int]) -> list[int]:
    first, last, code = part
    return [walk.values[one] for one in range(first, last + 1)] if code == _READ else []


def _fields(walk: Walk, part: tuple[int, int, int]) -> dict[str, object]:
    first, last, code = part
    return {
        "first": first,
        "last": last,
        "read": code == _READ,
        "answer": _word(code),
        "values": _values(walk, part),
    }


def _shown(values: Sequence[int]) -> str:
    return " ".join(str(value) for value in values[:_MOST_SHOWN]) + (
        " ..." if len(values) > _MOST_SHOWN else ""
    )


def _summary(survey: Survey, walk: Walk) -> str:
    left = walk.total - len(walk.values) - len(walk.refused)
    ahead = f", {left:,} are unknown" if left else ""
    return (
        f"{len(walk.values):,} can be read, {len(walk.refused):,} cannot{ahead};"
        f" {amount(survey.requests, 'request')}, at most {walk.largest} at once"
    )
