"""`mbap policy arm` and `disarm`: maintenance windows of a running guard."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from mbap.cli.connecting import DURATION
from mbap.durations import format_duration

_FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
_BY = click.option(
    "--by", metavar="NAME", help="Who says so, for the audit trail; your user name unless given."
)


@click.command()
@_FOLDER
@click.argument("window")
@click.option("--for", "seconds", type=DURATION, required=True, help="How long, up to 24h.")
@_BY
def arm(folder: Path, window: str, seconds: float, by: str | None) -> None:
    """Open the maintenance WINDOW of the guard that keeps its alerts in FOLDER.

    Rules with `armed = "WINDOW"` hold while it is open; it closes by itself. Who may write to FOLDER may open
    windows, and nobody else. The guard takes it up within seconds, and writes it into its trail.

    \b
    Example:
      mbap policy arm alerts service --for 30m
    """
    from mbap.security.firewall import LONGEST_WINDOW
    from mbap.security.windows import WindowWish, wish_window

    if not 0 < seconds <= LONGEST_WINDOW:
        raise click.UsageError(f"a window is open for up to 24h, not {format_duration(seconds)}")
    wish_window(folder, WindowWish(window, seconds, by or getpass.getuser()))
    click.echo(
        f"the window {window} opens for {format_duration(seconds)} when a guard takes this up, within seconds"
    )


@click.command()
@_FOLDER
@click.argument("window")
@_BY
def disarm(folder: Path, window: str, by: str | None) -> None:
    """Close the maintenance WINDOW of the guard that keeps its alerts in FOLDER.

    \b
    Example:
      mbap policy disarm alerts service
    """
    from mbap.security.windows import WindowWish, wish_window

    wish_window(folder, WindowWish(window, 0.0, by or getpass.getuser()))
    click.echo(f"the window {window} closes when a guard takes this up, within seconds")
