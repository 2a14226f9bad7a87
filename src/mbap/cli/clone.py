"""`mbap clone`: a device read through, and a device file that answers as it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mbap.cli.connecting import PAUSE, Asking, asking_options
from mbap.cli.counted import amount
from mbap.cli.exits import ExitCode
from mbap.cli.printable import printable
from mbap.cli.progress import progress
from mbap.cli.securing import Trust, tls_options

if TYPE_CHECKING:
    from mbap.client.blocking import Client
    from mbap.client.timing import LinkName
    from mbap.diagnose.readthrough import Contents, Reach
    from mbap.protocol.pdu import Request

_TABLES = ("coil", "discrete", "input", "holding")
_MOST_COMMENTS = 20
_HEAD = "mbap clone 1"


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
@click.option("--overwrite", is_flag=True, help="Write the file anew when it is there already.")
@asking_options
@tls_options
def command(
    endpoint: str,
    output: Path,
    tables: tuple[str, ...],
    ranges: str,
    most: int,
    pause: float,
    overwrite: bool,
    unit: int | None,
    timeout: float | None,
    link: LinkName,
    retries: int,
    deadline: float | None,
    quirks: tuple[str, ...],
    tls: Trust,
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
    if output.exists() and not overwrite:
        raise click.UsageError(f"{output} is there already; --overwrite writes it anew")
    reaches = _reaches(tables, ranges)
    asking = Asking(endpoint, unit, timeout, link, retries, deadline, quirks, tls.settings(), pause)
    part = output.with_name(output.name + ".part")
    client = asking.client()
    number = client.number
    with client, progress(f"reading {printable(endpoint)}") as told:
        contents = _read(client, part, f"{_HEAD} {endpoint} {number}", deadline, reaches, most, told)
    output.write_text(_text(endpoint, number, contents), encoding="utf-8")
    part.unlink()
    click.echo(_said(output, contents))
    return int(ExitCode.OK)


def _reaches(tables: Sequence[str], ranges: str) -> list[Reach]:
    from mbap.addresses import Table
    from mbap.diagnose.readthrough import Reach

    first, dash, last = ranges.partition("-")
    if not (dash and first.isdecimal() and last.isdecimal() and int(first) <= int(last) <= 0xFFFF):
        raise ValueError(f"{ranges}: a range is two addresses from 0 to 65535, such as 0-999")
    return [Reach(Table(name), int(first), int(last)) for name in tables or _TABLES]


def _read(
    client: Client,
    part: Path,
    head: str,
    deadline: float | None,
    reaches: Sequence[Reach],
    most: int,
    told: Callable[[float], None],
) -> Contents:
    """Read it; what is read is written to *part*, and what stands there is not asked again."""
    from mbap.client.dialogue import carry_out
    from mbap.diagnose.readthrough import Journal, read_through

    lines = _earlier(part, head)
    with part.open("a" if lines else "w", encoding="ascii", buffering=1) as file:
        if not lines:
            print(head, file=file)
        journal = Journal(lines[1:], lambda line: print(line, file=file))

        def execute(request: Request[Any]) -> Any:
            return journal.execute(request, lambda one: client.execute(one, deadline=deadline))

        return carry_out(read_through(reaches, most, told), execute)


def _earlier(part: Path, head: str) -> list[str]:
    """What an earlier run on the same device has written; nothing where there was none."""
    if not part.exists():
        return []
    lines = part.read_text(encoding="ascii", errors="replace").split("\n")
    if lines[0] != head:
        raise click.UsageError(
            f"{part} is of another device ({printable(lines[0])[:80]}); remove it, or name another output"
        )
    click.echo(f"going on with the {amount(len(lines) - 2, 'answer')} in {part}", err=True)
    return lines


def _text(endpoint: str, unit: int, contents: Contents) -> str:
    from mbap.addresses import describe
    from mbap.diagnose.devicetext import device_text

    known = contents.unit()
    if not known.anything:
        raise ValueError(f"{endpoint}: unit {unit} has nothing in these tables and addresses; try others")
    comments = [f"Read from {endpoint}, unit {unit}: {amount(contents.requests, 'request')}."]
    places = [describe(table, first, last - first + 1) for table, first, last in contents.unknown]
    comments += [f"Not looked at closely: {one}" for one in places[:_MOST_COMMENTS]]
    if len(places) > _MOST_COMMENTS:
        comments.append(f"Not looked at closely: {len(places) - _MOST_COMMENTS} more ranges")
    return device_text(f"Twin of {endpoint}, unit {unit}", {unit: known}, comments)


def _said(output: Path, contents: Contents) -> str:
    from mbap.addresses import Table

    parts = [f"{len(contents.values.get(table, {})):,} {table.value}" for table in Table]
    said = f"{output}: {', '.join(parts)}, after {amount(contents.requests, 'request')}"
    left = sum(last - first + 1 for _, first, last in contents.unknown)
    if left:
        said += f"; {left:,} addresses were not looked at closely: --most allows more requests"
    return said
