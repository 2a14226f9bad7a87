"""`mbap clone`: a device read through, and a device file that answers as it does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mbap.cli.connecting import PAUSE, Asking, surveying_options
from mbap.cli.counted import amount
from mbap.cli.exits import ExitCode
from mbap.cli.newfile import check_new, overwriting
from mbap.cli.scanasking import code_of
from mbap.cli.scanned import parse_span
from mbap.cli.surveying import forecasting
from mbap.errors import ModbusError

if TYPE_CHECKING:
    from mbap.client.blocking import Client
    from mbap.diagnose.readthrough import Contents
    from mbap.diagnose.scan.survey import Survey

_TABLES = ("coil", "discrete", "input", "holding")
_MOST_COMMENTS = 20


@click.command()
@click.argument("endpoint")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The device file to write.",
)
@click.option(
    "--table", "tables", multiple=True, type=click.Choice(_TABLES), help="Only this one; may be repeated."
)
@click.option(
    "--range",
    "ranges",
    default="0-9999",
    show_default=True,
    metavar="FIRST-LAST",
    help="The addresses to look at, in each table; counted from 0.",
)
@click.option(
    "--most", type=click.IntRange(1), default=2000, show_default=True, help="End after so many requests."
)
@click.option("--pause", type=PAUSE, default="20ms", show_default=True, help="Between two requests.")
@overwriting
@surveying_options
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: what was found and what was not looked at."
)
def command(
    asking: Asking,
    output: Path,
    tables: tuple[str, ...],
    ranges: str,
    most: int,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Read the device at ENDPOINT through, and write a device file from which mbap serve answers as it does.

    It reads only, one request after another: all four tables, around what does not exist, and what the device
    says of itself. Broken off, by Ctrl-C too, it goes on where it was when the same is called again: what it
    has read is kept in FILE.part until it is done.

    \b
    Examples:
      mbap clone tcp://192.168.1.100 -o twin.toml
      mbap clone tcp://192.168.1.100#3 --table holding --range 0-999 \\
          --pause 100ms -o twin.toml
      mbap serve twin.toml
    """
    check_new(output, overwrite=overwrite)
    survey = _survey(tables, ranges, most)
    part = output.with_name(output.name + ".part")
    try:
        with asking.client() as client:
            contents = _read(client, asking, part, survey)
    except (ModbusError, KeyboardInterrupt) as ended:
        return code_of(ended, ExitCode.OK, f"; the same command goes on from {part}" if part.exists() else "")
    _write(output, _text(asking.endpoint, client.number, contents))
    part.unlink()
    click.echo(_as_json(output, contents) if as_json else _said(output, contents))
    return ExitCode.OK


def _survey(tables: Sequence[str], ranges: str, most: int) -> Survey:
    from mbap.addresses import Table
    from mbap.diagnose.scan.survey import Survey
    from mbap.diagnose.scan.walk import Walk

    first, last = parse_span(ranges, 0xFFFF)
    return Survey([Walk(Table(name), first, last) for name in tables or _TABLES], most)


def _read(client: Client, asking: Asking, part: Path, survey: Survey) -> Contents:
    """Read it; what is read is written to *part*, and what stands there is not asked again."""
    from mbap.client.dialogue import carry_out
    from mbap.diagnose.readthrough import read_through
    from mbap.diagnose.scan.executing import patiently
    from mbap.diagnose.scan.journal import JournalFile
    from mbap.transport.endpoint import parse_endpoint

    def lost(error: OSError) -> None:
        raise OSError(f"{part}: {error.strerror or error}; what was read until then is there")

    with (
        JournalFile(part, parse_endpoint(asking.endpoint).url, client.number, lost) as file,
        forecasting() as forecast,
    ):
        if file.before:
            click.echo(f"going on with the {amount(file.before, 'answer')} in {part}", err=True)
        survey.tell = forecast.tell
        ask = patiently(forecast.counting(lambda request: client.execute(request, deadline=asking.deadline)))
        return carry_out(read_through(survey), lambda request: file.journal.execute(request, ask))


def _write(output: Path, text: str) -> None:
    """Write *text*, whole or not at all."""
    beside = output.with_name(output.name + ".new")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(output)
    except OSError as problem:
        beside.unlink(missing_ok=True)
        raise OSError(f"{output}: {problem.strerror or problem}") from problem


def _text(endpoint: str, unit: int, contents: Contents) -> str:
    from mbap.addresses import describe
    from mbap.diagnose.devicetext import device_text

    known = contents.unit()
    if not known.anything:
        raise ValueError(f"{endpoint}: unit {unit} has nothing in these tables and addresses; try others")
    comments = [f"Read from {endpoint}, unit {unit}: {amount(contents.survey.requests, 'request')}."]
    places = [
        describe(walk.table, first, last - first + 1)
        for walk in contents.survey.walks
        for first, last in walk.unknown()
        if walk not in contents.survey.absent
    ]
    comments += [f"Not looked at closely: {one}" for one in places[:_MOST_COMMENTS]]
    if len(places) > _MOST_COMMENTS:
        comments.append(f"Not looked at closely: {len(places) - _MOST_COMMENTS} more ranges")
    return device_text(f"Twin of {endpoint}, unit {unit}", {unit: known}, comments)


def _left(survey: Survey) -> int:
    """How many addresses were not looked at closely."""
    walks = [walk for walk in survey.walks if walk not in survey.absent]
    return sum(last - first + 1 for walk in walks for first, last in walk.unknown())


def _as_json(output: Path, contents: Contents) -> str:
    survey = contents.survey
    found = {walk.table.value: len(walk.values) for walk in survey.walks}
    whole = {"file": str(output), "found": found, "unknown": _left(survey), "requests": survey.requests}
    return json.dumps(whole)


def _said(output: Path, contents: Contents) -> str:
    from mbap.addresses import Table

    survey = contents.survey
    found = {walk.table: len(walk.values) for walk in survey.walks}
    parts = [f"{found.get(table, 0):,} {table.value}" for table in Table]
    said = f"{output}: {', '.join(parts)}, after {amount(survey.requests, 'request')}"
    if left := _left(survey):
        said += f"; {left:,} addresses were not looked at closely: --most allows more requests"
    return said
