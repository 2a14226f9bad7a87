"""`mbap site`: write a first site file, and the schema that editors check it by."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group()
def command() -> None:
    """Write and describe site files.

    \b
    Examples:
      mbap site init                     a commented site.toml to start from
      mbap up --check site.toml          what is wrong with it, all at once
      mbap site schema > site.schema.json
    """


@command.command()
@click.argument("file", default="site.toml", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--name", default="My site", show_default=True, help="What the site is called.")
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def init(file: Path, name: str, force: bool) -> None:
    """Write a commented site file to start from (site.toml unless FILE is given)."""
    from mbap.site.starter import starter

    try:
        with file.open("w" if force else "x", encoding="utf-8", newline="\n") as new:
            new.write(starter(name, file.name))
    except FileExistsError:
        raise click.UsageError(f"{file} exists already; --force overwrites it") from None
    click.echo(f"{file} is written. Now change it to your devices, then: mbap up --check {file}")


@command.command()
def schema() -> None:
    """Print the JSON Schema of a site file, for editors."""
    from mbap.collect.filemodel import schema_of
    from mbap.site.file import SiteFile

    click.echo(json.dumps(schema_of(SiteFile), indent=2))
