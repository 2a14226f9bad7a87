"""`mbap profile`: list, show, check and document register maps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from mbap.addresses import Location, reference
from mbap.cli.exits import ExitCode
from mbap.cli.groups import Listing
from mbap.cli.tables import table
from mbap.collect.profiledoc import device_facts, group_names, profile_document, type_text
from mbap.collect.profiles import ProfileError, load_profile, profile_json_schema, profile_names
from mbap.collect.registermap import Kind, Point, Profile

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_OUTPUT = click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, in UTF-8."
)


@click.group(cls=Listing, short_help="work with register maps of devices")
def command() -> None:
    """Work with profiles: what kinds of devices have in their registers.

    A profile is a TOML file; some come with mbap. Where a command takes a PROFILE, that is the name of a
    built-in one, or the path of a file of your own.

    \b
    Examples:
      mbap profile list
      mbap profile show sdm630
      mbap profile check meter.toml pump.toml
      mbap profile doc meter.toml > meter.md
    """


@command.command("list")
@_AS_JSON
def list_profiles(as_json: bool) -> None:
    """List the built-in profiles.

    \b
    Examples:
      mbap profile list
      mbap profile list --json
    """
    profiles = [load_profile(name) for name in profile_names()]
    if as_json:
        _echo_json([_summary(profile) for profile in profiles])
        return
    rows = [(profile.name, profile.title, str(len(profile.points))) for profile in profiles]
    click.echo(table(("profile", "device", "points"), rows, right={2}))


@command.command()
@click.argument("profile")
@_AS_JSON
def show(profile: str, as_json: bool) -> None:
    """Show what PROFILE says of a device: facts and points.

    \b
    Examples:
      mbap profile show sdm630
      mbap profile show ./meter.toml --json
    """
    loaded = load_profile(profile)
    if as_json:
        _echo_json(_as_data(loaded))
        return
    click.echo(loaded.title)
    if loaded.description:
        click.echo(loaded.description)
    click.echo()
    click.echo(table((), list(device_facts(loaded))))
    for group in group_names(loaded.points):
        rows = [_show_row(point) for point in loaded.points if point.group == group]
        click.echo(f"\ngroup {group}\n{table(_POINT_HEADS, rows)}")


@command.command()
@click.argument("profiles", nargs=-1, required=True, metavar="PROFILE...")
@_AS_JSON
@click.pass_context
def check(ctx: click.Context, profiles: tuple[str, ...], as_json: bool) -> None:
    """Check profiles and report everything that is wrong with them, each fault with its line.

    Exits with 2 when there is any fault.

    \b
    Examples:
      mbap profile check meter.toml
      mbap profile check *.toml --json
    """
    results = [(name, *_loaded_or_faults(name)) for name in profiles]
    if as_json:
        _echo_json([_check_data(name, loaded, error) for name, loaded, error in results])
    else:
        for name, loaded, error in results:
            _echo_check(name, loaded, error)
    if any(error for _, _, error in results):
        ctx.exit(ExitCode.USAGE)


@command.command()
@_OUTPUT
def schema(output: Path | None) -> None:
    """Print the JSON Schema of profile files, for editors that complete and check TOML.

    \b
    Example:
      mbap profile schema -o profile.schema.json
    """
    _write(json.dumps(profile_json_schema(), indent=2, ensure_ascii=False) + "\n", output)


@command.command()
@click.argument("profile")
@_OUTPUT
def doc(profile: str, output: Path | None) -> None:
    """Print the register map of PROFILE as a document, in Markdown.

    \b
    Examples:
      mbap profile doc sdm630
      mbap profile doc meter.toml -o meter.md
    """
    _write(profile_document(load_profile(profile)), output)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8", newline="\n")


def _echo_json(data: object) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


_POINT_HEADS = ("point", "reference", "address", "type", "unit", "description")


def _show_row(point: Point) -> tuple[str, ...]:
    return (
        point.name,
        reference(point.table, point.address),
        str(Location(point.table, point.address)),
        type_text(point),
        point.unit,
        "; ".join(filter(None, (point.description, "" if point.kind is Kind.GAUGE else point.kind.value))),
    )


def _loaded_or_faults(name: str) -> tuple[Profile | None, ProfileError | None]:
    try:
        return load_profile(name), None
    except ProfileError as error:
        return None, error


def _echo_check(name: str, loaded: Profile | None, error: ProfileError | None) -> None:
    if error is not None:
        click.echo(str(error), err=True)
        amount = "1 fault" if len(error.faults) == 1 else f"{len(error.faults)} faults"
        click.echo(f"{name}: {amount}")
    elif loaded is not None:
        groups = group_names(loaded.points)
        quirks = f"; quirks: {loaded.quirks}" if loaded.quirks.said() else ""
        click.echo(f"{name}: ok, {len(loaded.points)} points in the groups {', '.join(groups)}{quirks}")


def _check_data(name: str, loaded: Profile | None, error: ProfileError | None) -> dict[str, object]:
    faults = error.faults if error is not None else ()
    return {
        "profile": name,
        "ok": error is None,
        "points": None if loaded is None else len(loaded.points),
        "quirks": None if loaded is None else loaded.quirks.said(),
        "faults": [fault.as_json() for fault in faults],
    }


def _summary(profile: Profile) -> dict[str, object]:
    return {
        "name": profile.name,
        "title": profile.title,
        "manufacturer": profile.manufacturer,
        "description": profile.description,
        "points": len(profile.points),
        "groups": group_names(profile.points),
        "sources": list(profile.sources),
    }


def _as_data(profile: Profile) -> dict[str, object]:
    return {
        **_summary(profile),
        "read": {
            "largest": profile.largest,
            "largest_bits": profile.largest_bits,
            "gap": profile.gap,
            "gap_bits": profile.gap_bits,
            "forbidden": [f"{table.value} {first}..{last}" for table, first, last in profile.forbidden],
            "pause_s": profile.pause,
            "connect_pause_s": profile.connect_pause,
            "timeout_s": profile.timeout,
        },
        "quirks": profile.quirks.said(),
        "points": [_point_data(point) for point in profile.points],
    }


def _point_data(point: Point) -> Mapping[str, object]:
    encoding = point.encoding
    return {
        "name": point.name,
        "table": point.table.value,
        "address": point.address,
        "reference": reference(point.table, point.address),
        "count": point.count,
        "type": "bool" if encoding is None else encoding.type,
        "order": None if encoding is None else encoding.order,
        "bit": None if encoding is None else encoding.bit,
        "scale": 1.0 if encoding is None else encoding.scale,
        "offset": 0.0 if encoding is None else encoding.offset,
        "unit": point.unit,
        "description": point.description,
        "group": point.group,
        "kind": point.kind.value,
        "names": {str(number): text for number, text in point.states.items()},
        "low": point.low,
        "high": point.high,
        "writable": None if point.writable is None else list(point.writable),
        "key": point.key,
    }
