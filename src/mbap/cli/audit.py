"""`mbap audit`: verify and read the trail that a guard keeps."""

from __future__ import annotations

import ipaddress
import json
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mbap.cli.exits import ExitCode
from mbap.cli.groups import Listing
from mbap.cli.printable import json_text, printable
from mbap.cli.tables import many, paragraph, table
from mbap.cli.times import parse_time
from mbap.security.auditfile import files_of, read_key
from mbap.security.auditrecord import moment
from mbap.security.trailcheck import Verified, verify, verify_files
from mbap.security.trailtail import Position, lines_now, lines_to_come

_HEADS = ("time", "event", "rule", "from", "unit", "what", "decision", "reason")
_FILES = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))


@click.group(cls=Listing, short_help="verify and read the trail of who did what")
def command() -> None:
    """Verify and read the audit trail that a guard keeps; it may be running meanwhile.

    \b
    Examples:
      mbap audit verify audit.jsonl
      mbap audit show audit.jsonl --event deny --since 24h
    """


@command.command("verify")
@_FILES
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The key it was made with.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_command(files: tuple[Path, ...], key_file: Path | None, as_json: bool) -> int:
    """Say whether the trail in FILES is whole, and otherwise which line is the first that is not.

    One file is taken with its older ones and the note of where it ends; several are taken as they are given.

    \b
    Example:
      mbap audit verify audit.jsonl
    """
    key = b"" if key_file is None else read_key(key_file)
    found = verify(files[0], key) if len(files) == 1 else verify_files(files, key)
    click.echo(json_text(_verified_as_json(found)) if as_json else paragraph(_in_words(found)))
    return ExitCode.FAILED if found.fault else ExitCode.OK


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--from", "source", metavar="NETWORK", help="Only from this address or network, such as 10.0.0.0/24."
)
@click.option(
    "--event",
    "events",
    metavar="EVENT",
    multiple=True,
    help="Only these events: deny, alert, ...; may be repeated.",
)
@click.option("--rule", metavar="RULE", help="Only what this rule decided.")
@click.option("--unit", type=click.IntRange(0, 255), help="Only about this unit.")
@click.option(
    "--since", metavar="TIME", help="From this time on: 2025-06-01T14:30, or 24h (ago). UTC without a zone."
)
@click.option("--last", type=click.IntRange(min=1), help="The last so many only.")
@click.option("--json", "as_json", is_flag=True, help="Print the lines as they are, JSON.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
def show(
    file: Path,
    source: str | None,
    events: tuple[str, ...],
    rule: str | None,
    unit: int | None,
    since: str | None,
    last: int | None,
    as_json: bool,
    follow: bool,
) -> None:
    """Print the trail FILE with its older files, the oldest line first.

    \b
    Examples:
      mbap audit show audit.jsonl --event deny --event alert --since 24h
      mbap audit show audit.jsonl --from 10.1.0.0/24 --unit 1 -f
    """
    start = None if since is None else parse_time(since, int(time.time() * 1e6))
    wanted = Wanted(_network(source), frozenset(events), rule, unit, start)
    if not files_of(file):
        raise FileNotFoundError(f"there is no audit trail {file}")
    reached = Reached()
    chosen: Iterable[dict[str, Any]] = filter(wanted.includes, map(_fields, reached.lines(file)))
    if last is not None:
        chosen = deque(chosen, last)
    if as_json:
        for one in chosen:
            click.echo(json_text(one))
    else:
        rows = [row(one) for one in chosen]
        click.echo(table(_HEADS, rows) if rows else "no lines that fit")
    if follow:
        _follow(lines_to_come(file, reached.position, lambda: time.sleep(0.2)), wanted, as_json=as_json)


class Reached:
    """Reads what there is, and keeps in mind how far."""

    def __init__(self) -> None:
        self.position = Position()

    def lines(self, file: Path) -> Iterator[bytes]:
        """The lines of the trail *file* that there are."""
        for line, self.position in lines_now(file):
            yield line


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are to be printed; what is None, or empty, does not matter."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
    events: frozenset[str] = frozenset()
    rule: str | None = None
    unit: int | None = None
    since: int | None = None

    def includes(self, line: dict[str, Any]) -> bool:
        """Whether *line* is one of them."""
        return (
            (not self.events or line.get("event") in self.events)
            and (self.rule is None or line.get("rule") == self.rule)
            and (self.unit is None or line.get("unit") == self.unit)
            and (self.network is None or _is_in(line.get("src_ip"), self.network))
            and (self.since is None or _time(line) >= self.since)
        )


def row(line: dict[str, Any]) -> list[str]:
    """*line* as the cells of the table."""
    words = (
        line.get("ts", "-"),
        line.get("event", "-"),
        line.get("rule", "-"),
        line.get("src_ip", "-"),
        line.get("unit", "-"),
        _what(line),
        line.get("answer", line.get("decision", "-")),
        _reason(line),
    )
    return [printable(str(word)) for word in words]


def _follow(lines: Iterator[bytes], wanted: Wanted, *, as_json: bool) -> None:
    for line in lines:
        fields = _fields(line)
        if wanted.includes(fields):
            click.echo(json_text(fields) if as_json else "  ".join(row(fields)))


def _fields(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"event": "damaged", "reason": line[:200].decode("latin-1")}


def _what(line: dict[str, Any]) -> str:
    name = line.get("func_name") or (f"function {line['func']}" if "func" in line else "-")
    words = [name, line.get("table"), line.get("address")]
    if line.get("quantity", 1) != 1:
        words.append(f"x{line['quantity']}")
    return " ".join(str(word) for word in words if word is not None)


def _reason(line: dict[str, Any]) -> str:
    more = f" ({line.get('count')} more like it)" if line.get("suppressed") else ""
    return str(line.get("reason", "-")) + more


def _time(line: dict[str, Any]) -> int:
    try:
        return moment(str(line.get("ts")))
    except ValueError:
        return 0


def _network(text: str | None) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return None if text is None else ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text} is neither an address nor a network such as 10.0.0.0/24") from None


def _is_in(address: object, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(str(address).partition("%")[0]) in network
    except ValueError:
        return False


def _in_words(found: Verified) -> str:
    if found.fault:
        where = f"{found.file}, line {found.line}" if found.file else "the trail"
        return f"broken: {where}: {found.fault}; right before it: {many(found.lines, 'line')}"
    if found.first is None or found.last is None:
        return "the trail is empty"
    text = f"whole: {many(found.lines, 'line')}, numbers {found.first.number} to {found.last.number}"
    older = "" if found.first.number == 1 else f"\nlines 1 to {found.first.number - 1} are not there any more"
    end = "" if found.vouched else "\nnothing says where it ends: lines may be missing after the last"
    return f"{text}\nlast digest: {found.last.digest}{older}{end}"


def _verified_as_json(found: Verified) -> dict[str, object]:
    return {
        "whole": not found.fault,
        "lines": found.lines,
        "first": found.first and found.first.number,
        "last": found.last and found.last.number,
        "digest": found.last and found.last.digest,
        "end_known": found.vouched,
        "file": found.file or None,
        "line": found.line or None,
        "fault": found.fault or None,
    }
