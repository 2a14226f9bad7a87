"""`mbap gateway`: Modbus TCP clients to devices on serial lines and behind other hosts."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mbap.cli.between import LISTEN, crowd_options, line_options, running_options, served_options
from mbap.cli.connecting import DURATION, PAUSE
from mbap.cli.securing import Trust, both_tls_options

if TYPE_CHECKING:
    from mbap.cli.gatewayrunning import Whole
    from mbap.cli.running import Source
    from mbap.site.gatewayplan import GatewayPlan

_OF_A_FILE = ("--config", "--reload-on-change", "--check", "--for", "--watch", "--json", "--verbose")


@click.command()
@both_tls_options
@served_options
@crowd_options
@click.option(
    "--route",
    "routes",
    multiple=True,
    metavar="UNITS=URL[#UNITS]",
    help="Which units are where, and as what: 1-20=rtu:///dev/ttyUSB0, 100=tcp://plc#1; as often as needed.",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Take the table [gateway] of this site file instead of options.",
)
@click.option(
    "--reload-on-change",
    is_flag=True,
    help="Look at FILE every 2 s, and apply it when it has changed, as SIGHUP does.",
)
@click.option("--check", is_flag=True, help="Show the routes as they are understood, and end.")
@click.option(
    "--timeout", type=DURATION, default="1s", show_default=True, help="How long a device may take to answer."
)
@line_options
@click.option(
    "--unit-pause",
    type=PAUSE,
    default="0s",
    show_default=True,
    help="Between the answer of one unit and a request to another.",
)
@click.option(
    "--queue-per-client",
    type=click.IntRange(1, 10_000),
    default=16,
    show_default=True,
    help="How many of them of one client.",
)
@click.option(
    "--probing",
    type=click.FloatRange(0, 50),
    default=5.0,
    show_default=True,
    metavar="PERCENT",
    help="How much of a line's time may be used to ask whether silent units are back; 0: whoever asks for"
    " one finds out.",
)
@click.option("--coalesce", is_flag=True, help="Carry out reads that are alike and wait together once.")
@click.option("--broadcast", is_flag=True, help="Send writes to unit 0 to every line.")
@click.option(
    "--first", multiple=True, metavar="NETWORK", help="Clients of this network come first on every line."
)
@click.option(
    "--metrics", metavar="HOST:PORT", help="Let Prometheus fetch the counts at http://HOST:PORT/metrics."
)
@click.option("--watch", is_flag=True, help="Show a table of lines and units that is kept up to date.")
@running_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    config: Path | None,
    reload_on_change: bool,
    check: bool,
    watch: bool,
    as_data: bool,
    seconds: float | None,
    verbose: bool,
    **how: Any,
) -> None:
    """Let Modbus TCP clients reach devices on serial lines and behind other hosts.

    Each line has one queue that all clients share: in turn, writes first. A unit without a route is answered
    with exception 0A, a device that does not answer with 0B, a request too many with 06. It ends with Ctrl-C.
    With --config, SIGHUP reads FILE anew and applies what changed without dropping clients; with
    --reload-on-change saving FILE does that, on Windows, too.

    \b
    Examples:
      mbap gateway --route rtu:///dev/ttyUSB0?baudrate=19200
      mbap gateway --listen tcp://0.0.0.0:1502 \\
          --route 1-20=rtu:///dev/ttyUSB0 --route 100=tcp://plc#1
      mbap gateway --route 101-120=rtu+tcp://moxa:4001#1-20 --read-only --watch
      mbap gateway --check --config site.toml
    """
    if reload_on_change and config is None:
        raise click.UsageError("--reload-on-change goes with --config FILE")
    source = None if config is None else _source(config, watched=reload_on_change)
    plan = _plan(ctx, config, how)
    if check:
        click.echo(_as_table(plan.gateway))
        return
    from mbap.cli.gatewayrunning import Saying, run_gateway

    run_gateway(plan, source, Saying(watch=watch, as_data=as_data), seconds, verbose=verbose)


def _source(config: Path, *, watched: bool) -> Source[Whole]:
    from mbap.cli.running import Source
    from mbap.site.filewatch import FileWatch

    return Source(partial(plan_of_file, config), FileWatch(config) if watched else None)


def _plan(ctx: click.Context, config: Path | None, how: dict[str, Any]) -> Whole:
    from mbap.cli.gatewayrunning import Whole

    if config is not None:
        _refuse_others(ctx)
        return plan_of_file(config)
    if not how["routes"]:
        raise click.UsageError("give at least one --route, or --config FILE")
    return Whole(plan_of_options(**how))


def _refuse_others(ctx: click.Context) -> None:
    """With a file, what it says counts: an option that would be ignored is refused."""
    for param in ctx.command.params:
        given = ctx.get_parameter_source(param.name or "") is click.core.ParameterSource.COMMANDLINE
        if given and param.opts[-1] not in _OF_A_FILE:
            raise click.UsageError(
                f"{param.opts[-1]} goes without --config: write it into the file's [gateway]"
            )


def plan_of_file(file: Path) -> Whole:
    """The gateway of the site file at *file*, with the guard that it wants before it.

    Raises:
        ValueError: the file is wrong, or has no gateway.
    """
    from mbap.cli.gatewayrunning import Whole
    from mbap.site.load import load_site

    site = load_site(file)
    if site.gateway is None:
        raise ValueError(f"{file} has no [gateway], or it is not enabled")
    guarded = site.guard is not None and "gateway" in site.guard.protect
    return Whole(site.gateway, site.guard if guarded else None)


def plan_of_options(
    listen: tuple[str, ...],
    routes: tuple[str, ...],
    probing: float,
    read_only: bool,
    broadcast: bool,
    allow: tuple[str, ...],
    tls: Trust,
    listen_tls: Trust,
    **others: Any,
) -> GatewayPlan:
    """The gateway that the options describe; *others* are named as in `LineDefaults` and `GatewayPlan`.

    Raises:
        ValueError: an option is wrong.
    """
    from dataclasses import fields, replace

    from mbap.server.permission import Permission
    from mbap.site.gatewayplan import GatewayPlan, LineDefaults, Lines, checked
    from mbap.site.routing import parse_route
    from mbap.transport.endpoint import parse_endpoint

    permission = Permission(read_only=read_only)
    plans = tuple(replace(parse_route(text), permission=permission, broadcast=broadcast) for text in routes)
    listeners = [parse_endpoint(url, listening=True) for url in listen or (LISTEN,)]
    of_listeners = listen_tls.settings_for(listeners)
    others["tls"] = tls.settings_for(parse_endpoint(plan.line) for plan in plans)
    of_lines = {field.name for field in fields(LineDefaults)} & set(others)
    line = LineDefaults(probing=probing / 100, **{name: others.pop(name) for name in of_lines})
    links = Lines(line).of(plans)
    return checked(GatewayPlan(listen or (LISTEN,), plans, links, allow or None, tls=of_listeners, **others))


def _as_table(plan: GatewayPlan) -> str:
    from mbap.cli.tables import table
    from mbap.site.gatewayplan import described

    return table(["listener", "units", "line", "special"], described(plan))
