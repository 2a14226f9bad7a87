"""What scans print: a table for people, JSON or CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from mbap.cli.tables import table

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Rows:
    """What was found: as columns for people, and as fields for programs.

    Attributes:
        right: the columns that are aligned right.
        keys: the fields that are columns of CSV.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    data: Sequence[Mapping[str, object]]
    right: Collection[int] = ()
    keys: Sequence[str] = ()


def forms(command: F) -> F:
    """The options --json and --csv, one of which may be given: the command gets it as `form`."""
    return forms_with("Print JSON.", "Print CSV.")(command)


def forms_with(json_help: str, csv_help: str) -> Callable[[F], F]:
    """The same, explained in these words."""

    def decorated(command: F) -> F:
        @wraps(command)
        def chosen(*arguments: Any, as_json: bool, as_csv: bool, **options: Any) -> Any:
            if as_json and as_csv:
                raise click.UsageError("either --json or --csv")
            form = "json" if as_json else "csv" if as_csv else None
            return command(*arguments, form=form, **options)

        wrapped: Any = chosen
        for name, words in (("csv", csv_help), ("json", json_help)):
            wrapped = click.option(f"--{name}", f"as_{name}", is_flag=True, help=words)(wrapped)
        return wrapped  # type: ignore[no-any-return]

    return decorated


def echo_rows(found: Rows, form: str | None, summary: str) -> None:
    """Print *found* in *form*; people read *summary*, too, on standard error."""
    if form == "json":
        click.echo(json.dumps(list(found.data), ensure_ascii=False, indent=2))
    elif form == "csv":
        click.echo(_csv(found), nl=False)
    else:
        if found.rows:
            click.echo(table(found.heads, found.rows, found.right))
        click.echo(summary, err=True)


def _csv(found: Rows) -> str:
    from mbap.cli.capturerows import cell

    text = io.StringIO()
    rows = [[cell(one[key]) for key in found.keys] for one in found.data]
    csv.writer(text, lineterminator="\n").writerows([found.keys, *rows])
    return text.getvalue()


def parse_span(text: str, most: int) -> tuple[int, int]:
    """First and last of `0-999` or `7`.

    Raises:
        ValueError: it is no span that ends at *most* or before.
    """
    first, dash, last = text.replace("..", "-").partition("-")
    if not first.isdecimal() or not (last if dash else first).isdecimal():
        raise ValueError(f"{text!r} is not a range: write it like 0-{min(most, 999)}")
    start, end = int(first), int(last if dash else first)
    if start > end or end > most:
        raise ValueError(f"{text!r}: a range rises, and ends at {most} at most")
    return start, end
