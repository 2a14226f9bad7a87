"""`mbap site`: write a first site file, and the schema that editors check it by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mbap.cli.groups import Listing
from mbap.cli.tables import paragraph

if TYPE_CHECKING:
    from mbap.site.serverplan import ServerPlan


@click.group(cls=Listing)
def command() -> None:
    """Write and describe site files.

    \b
    Examples:
      mbap site init                     a commented site.toml to start from
      mbap up --check site.toml          what is wrong with it, all at once
      mbap site schema > site.schema.json
      mbap site map site.toml            what [server] serves where
    """


@command.command()
@click.argument("file", default="site.toml", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--name", metavar="NAME", default="My site", show_default=True, help="What the site is called.")
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def init(file: Path, name: str, force: bool) -> None:
    """Write a commented site file to start from (site.toml unless FILE is given).

    \b
    Examples:
      mbap site init
      mbap site init plant.toml --name "Pump station 7"
    """
    from mbap.site.starter import starter

    try:
        with file.open("w" if force else "x", encoding="utf-8", newline="\n") as new:
            new.write(starter(name, file.name))
    except FileExistsError:
        raise click.UsageError(f"{file} exists already; --force overwrites it") from None
    click.echo(paragraph(f"{file} is written. Now change it to your devices, then: mbap up --check {file}"))


@command.command()
def schema() -> None:
    """Print the JSON Schema of a site file, for editors.

    \b
    Example:
      mbap site schema > site.schema.json
    """
    from mbap.filemodel import schema_of
    from mbap.site.file import SiteFile

    click.echo(json.dumps(schema_of(SiteFile), indent=2))


@command.command(name="map")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, which can serve as a map file.")
@click.option("--profile", "as_profile", is_flag=True, help="Print a profile that another mbap reads.")
@click.option(
    "--unit", type=click.IntRange(0, 255), help="The unit of --profile; needed when there are several."
)
@click.option("--save", is_flag=True, help="Write new entries into the map file, as `mbap up` would.")
def print_map(file: Path, as_csv: bool, as_profile: bool, unit: int | None, save: bool) -> None:
    """Print where the [server] of the site in FILE serves what, as Markdown.

    No device is asked. Entries that are not in the map file yet are printed, too; the last line on standard
    error counts them.

    \b
    Examples:
      mbap site map site.toml > served.md
      mbap site map --csv site.toml
      mbap site map --profile --unit 3 site.toml > meter.toml
    """
    from mbap.site.load import load_site
    from mbap.site.mapdocument import map_csv, map_document, map_profile, points_of
    from mbap.site.mapfile import write_map

    if as_csv and as_profile:
        raise click.UsageError("give --csv or --profile, not both")
    if unit is not None and not as_profile:
        raise click.UsageError("--unit goes with --profile")
    site = load_site(file)
    plan = site.server
    if plan is None:
        raise ValueError(f"{file} has no [server], or it is not enabled")
    points = points_of(site.devices)
    if as_csv:
        click.echo(map_csv(plan, points), nl=False)
    elif as_profile:
        click.echo(map_profile(site.name, plan, points, _unit(plan, unit)), nl=False)
    else:
        click.echo(map_document(site.name, plan, points), nl=False)
    new = len(plan.entries) - plan.saved
    if new and save:
        write_map(plan.map_path, plan.entries, plan.saved)
    if new:
        state = "written" if save else "not written yet: mbap up does it, or --save"
        click.echo(f"{new} new entries for {plan.map_path}, {state}", err=True)


def _unit(plan: ServerPlan, unit: int | None) -> int:
    units = list(plan.by_unit())
    if unit is not None:
        return unit
    if len(units) != 1:
        raise click.UsageError(f"a profile is of one unit: give --unit, one of {', '.join(map(str, units))}")
    return units[0]
