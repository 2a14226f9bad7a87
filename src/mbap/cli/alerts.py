"""`mbap alerts`: what was unusual, and saying that it is right so."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from pathlib import Path

import click

from mbap.cli.exits import ExitCode
from mbap.cli.groups import Listing
from mbap.cli.printable import json_text, printable
from mbap.cli.tables import many, table
from mbap.cli.times import format_time
from mbap.durations import parse_duration
from mbap.security.alertfiles import AlertFolder, Wish
from mbap.security.alerts import Alert
from mbap.security.rehearsal import Rehearsed, rehearse

_FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=Listing, short_help="see what was unusual, and accept it")
def command() -> None:
    """See and accept what was unusual; FOLDER is where a guard keeps it, which may be running meanwhile.

    \b
    Examples:
      mbap alerts list state
      mbap alerts accept state 3f2a9c01
      mbap alerts replay plant.pcap --learn 1h
    """


@command.command("list")
@_FOLDER
@click.option("--all", "everything", is_flag=True, help="Also those that were accepted.")
@_AS_JSON
def list_alerts(folder: Path, everything: bool, as_json: bool) -> None:
    """List the alerts in FOLDER, the oldest first.

    \b
    Example:
      mbap alerts list state
    """
    state = AlertFolder(folder)
    alerts = [one for one in state.alerts() if everything or not one.accepted]
    pending = {wish.key for wish in state.wishes()}
    if as_json:
        click.echo(json_text([{**one.as_json(), "accepting": one.key in pending} for one in alerts], 2))
    else:
        click.echo(_as_table(alerts, pending))


@command.command()
@_FOLDER
@click.argument("alert")
@_AS_JSON
def show(folder: Path, alert: str, as_json: bool) -> None:
    """Print all that is known of one ALERT, named by its id.

    \b
    Example:
      mbap alerts show state 3f2a9c01
    """
    (found,) = _named(AlertFolder(folder), [alert])
    if as_json:
        click.echo(json_text(found.as_json(), 2))
        return
    click.echo(table((), [(name, printable(text)) for name, text in _facts(found)]))


@command.command()
@_FOLDER
@click.argument("alerts", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that are open.")
@click.option("--by", metavar="NAME", help="Who says so, for the audit trail; your user name unless given.")
def accept(folder: Path, alerts: tuple[str, ...], everything: bool, by: str | None) -> None:
    """Say that ALERTS, named by their ids, are right so: what they show is taken for usual from then on.

    A running guard takes it up within seconds, one that is stopped when it starts.

    \b
    Example:
      mbap alerts accept state 3f2a9c01 77b0e1d2
    """
    if bool(alerts) == everything:
        raise click.UsageError("name the alerts to accept, or say --all")
    state = AlertFolder(folder)
    chosen = [one for one in state.alerts() if not one.accepted] if everything else _named(state, alerts)
    for one in chosen:
        state.wish(Wish(one.key, by=by or getpass.getuser()))
    click.echo(f"accepted {many(len(chosen), 'alert')}; a running guard takes this up within seconds")


@command.command()
@_FOLDER
@click.option("--for", "duration", metavar="DURATION", required=True, help="How long, such as 1d.")
@click.option("--by", metavar="NAME", help="Who says so, for the audit trail; your user name unless given.")
def learn(folder: Path, duration: str, by: str | None) -> None:
    """Learn again for a while what is usual, besides what is known: after a change of the plant.

    While it learns, nothing is told.

    \b
    Example:
      mbap alerts learn state --for 1d
    """
    seconds = _seconds(duration)
    AlertFolder(folder).wish(Wish(learn_for=seconds, by=by or getpass.getuser()))
    click.echo(f"learning for {duration}; a running guard takes this up within seconds")


@command.command()
@click.argument("capture", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--learn",
    "duration",
    metavar="DURATION",
    required=True,
    help="Learn from this much at the beginning, such as 250s.",
)
@click.option(
    "--port", "ports", multiple=True, type=click.IntRange(1, 65_535), help="Of servers; 502 unless given."
)
@_AS_JSON
def replay(capture: Path, duration: str, ports: tuple[int, ...], as_json: bool) -> int:
    """Learn from the beginning of a CAPTURE (pcap, pcapng), and list what is unusual in the rest.

    \b
    Example:
      mbap alerts replay plant.pcap --learn 250s
    """
    from mbap.diagnose.capture import MODBUS_PORTS, Capture

    with capture.open("rb", buffering=1 << 20) as file:
        read = Capture(file, ports=ports or MODBUS_PORTS)
        found = rehearse(read, _seconds(duration))
    if as_json:
        click.echo(json_text(_rehearsed_as_json(found), 2))
    else:
        click.echo(_as_table(found.alerts, set()))
        click.echo(
            f"\nlearned {many(found.learned, 'exchange')}, judged {found.judged}: {found.unusual} unusual"
        )
    if read.problem:
        click.echo(f"error: {capture} was not read to its end: {read.problem}", err=True)
    elif not found.judged:
        click.echo(f"nothing was judged: the Modbus in {capture} is over before {duration} are", err=True)
    return ExitCode.FAILED if read.problem else ExitCode.OK


def _as_table(alerts: Sequence[Alert], pending: set[str]) -> str:
    if not alerts:
        return "no alerts"
    rows = [
        [
            one.id,
            one.severity,
            format_time(one.first),
            str(one.count),
            _state(one, pending),
            printable(one.text),
        ]
        for one in alerts
    ]
    return table(("id", "severity", "first", "count", "state", "alert"), rows, right={3})


def _state(alert: Alert, pending: set[str]) -> str:
    return "accepted" if alert.accepted else "accepting" if alert.key in pending else "open"


def _facts(alert: Alert) -> list[tuple[str, str]]:
    return [
        ("id", alert.id),
        ("alert", alert.text),
        ("severity", alert.severity),
        ("kind", alert.kind),
        ("first", format_time(alert.first)),
        ("last", format_time(alert.last)),
        ("count", str(alert.count)),
        ("known", alert.learned),
        ("new", alert.seen),
        ("accepted", "yes" if alert.accepted else "no"),
        ("key", alert.key),
    ]


def _named(state: AlertFolder, words: Sequence[str]) -> list[Alert]:
    """The alerts with these ids or keys.

    Raises:
        ValueError: there is none of that name.
    """
    known = {word: one for one in state.alerts() for word in (one.id, one.key)}
    if unknown := [word for word in words if word not in known]:
        raise ValueError(f"there is no alert {unknown[0]}: `mbap alerts list` shows their ids")
    return [known[word] for word in words]


def _seconds(duration: str) -> float:
    seconds = parse_duration(duration)
    if not seconds:
        raise ValueError("to learn takes time: give more than 0s")
    return seconds


def _rehearsed_as_json(found: Rehearsed) -> dict[str, object]:
    return {
        "learned": found.learned,
        "judged": found.judged,
        "unusual": found.unusual,
        "alerts": [one.as_json() for one in found.alerts],
    }
