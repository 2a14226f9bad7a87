"""What `mbap scan registers` does: surveys a table, prints what was found, writes a profile to begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mbap.addresses import Location, reference
from mbap.cli.counted import amount
from mbap.cli.exits import ExitCode
from mbap.cli.scanasking import code_of
from mbap.cli.scanned import Rows, echo_rows
from mbap.cli.surveying import forecasting
from mbap.client.dialogue import carry_out
from mbap.diagnose.scan.draft import draft
from mbap.diagnose.scan.executing import executing
from mbap.diagnose.scan.journal import JournalFile
from mbap.diagnose.scan.survey import Survey
from mbap.diagnose.scan.walk import Walk, refusals, spans
from mbap.errors import ModbusError

if TYPE_CHECKING:
    from mbap.diagnose.doctor.asking import Asking
    from mbap.protocol.pdu import Request

_READ, _UNKNOWN = -1, -2
_MOST_SHOWN = 8


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
    echo_rows(_rows(walk), outputs.form, _summary(survey, walk))
    if outputs.to_profile is not None and walk.values:
        text = draft(walk, f"{asking.url} unit {unit}", asking.url)
        outputs.to_profile.write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"profile written: {outputs.to_profile}", err=True)
    return _ended(problem, survey, walk, outputs.state)


def _ended(
    problem: ModbusError | KeyboardInterrupt | None, survey: Survey, walk: Walk, state: Path | None
) -> int:
    """Say what ended it, and how to go on; gives the exit code."""
    if survey.absent:
        click.echo(f"the device has no {walk.table.value} table: it answers exception 01", err=True)
    how_on = f"; the same command goes on from {state}" if state is not None else ""
    return code_of(problem, ExitCode.OK if walk.values else ExitCode.EXCEPTION_RESPONSE, how_on)


def _carry_out(asking: Asking, unit: int, survey: Survey, state: Path | None) -> None:
    with _journal(state, asking.url, unit) as asked, forecasting() as forecast:
        survey.tell = forecast.tell
        ask = forecast.counting(executing(asking, unit))
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
    words = {_READ: "read", _UNKNOWN: "unknown", 0: "silent"}
    rows, data = [], []
    for first, last, code in _parts(walk):
        values = [walk.values[one] for one in range(first, last + 1)] if code == _READ else []
        what = words.get(code, f"exception {code:02X}")
        span = str(Location(walk.table, first)) + (f"..{last}" if last > first else "")
        rows.append((span, reference(walk.table, first), f"{last - first + 1:,}", what, _shown(values)))
        data.append({"first": first, "last": last, "read": code == _READ, "answer": what, "values": values})
    return Rows(("addresses", "reference", "count", "answer", "values"), rows, data, right=(2,))


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
