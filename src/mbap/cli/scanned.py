"""What scans print: a table for people, JSON or CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
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
    """The options --json and --csv."""
    for name, words in (("csv", "Print CSV."), ("json", "Print JSON.")):
        command = click.option(f"--{name}", "form", flag_value=name, help=words)(command)
    return command


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
