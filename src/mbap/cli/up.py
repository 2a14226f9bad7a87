"""`mbap up`: run a site, or check one."""

from __future__ import annotations

from pathlib import Path

import click

from mbap.cli.exits import ExitCode
from mbap.durations import parse_duration


def _duration(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    return None if value is None else parse_duration(value)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Say everything that is wrong with FILE, and the load it makes.")
@click.option("--connect", is_flag=True, help="With --check: read every point once and show what it is.")
@click.option("--json", "as_json", is_flag=True, help="With --check: print JSON.")
@click.option(
    "--for", "seconds", callback=_duration, metavar="DURATION", help="End after this time: 20s, 5m."
)
@click.option(
    "--reload-on-change",
    is_flag=True,
    help="Look at FILE every 2 s, and apply it when it has changed, as SIGHUP does.",
)
@click.option("-v", "--verbose", is_flag=True, help="Say more about what happens, on standard error.")
def command(
    file: Path,
    check: bool,
    connect: bool,
    as_json: bool,
    seconds: float | None,
    reload_on_change: bool,
    verbose: bool,
) -> int:
    """Run the site in FILE: poll its devices, keep history, show the page.

    It runs until Ctrl-C or SIGTERM, and ends within two seconds with everything that was read in the
    history. SIGHUP reads FILE anew and applies what changed, or says why not and runs on; with
    --reload-on-change saving FILE does that, on Windows, too. Standard error gets
    a line whenever a device stops giving values, and when it gives them again.

    \b
    Examples:
      mbap up site.toml
      mbap up --check site.toml             all that is wrong
      mbap up --check --connect site.toml   a sheet with every value
      mbap up --for 8h site.toml            for one shift

    With --check it exits with 2 when FILE is wrong, with --connect with 1 when a point did not pass.
    """
    if (connect or as_json) and not check:
        raise click.UsageError("--connect and --json go with --check")
    if check:
        from mbap.cli.check import check as check_site

        return check_site(file, connect=connect, as_json=as_json)
    from mbap.cli.running import Source, ignore_hangup, log_to_stderr, run_site

    ignore_hangup()
    log_to_stderr(verbose)
    from mbap.site.filewatch import FileWatch
    from mbap.site.load import load_site

    source = Source(lambda: load_site(file), FileWatch(file) if reload_on_change else None)
    plan = source.read()
    for warning in plan.warnings:
        click.echo(f"warning: {warning}", err=True)
    run_site(plan, source=source, seconds=seconds)
    return ExitCode.OK
