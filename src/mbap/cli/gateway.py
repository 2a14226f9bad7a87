"""`mbap gateway`: Modbus TCP clients to devices on serial lines and behind other hosts."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mbap.cli.connecting import DURATION
from mbap.durations import parse_duration

if TYPE_CHECKING:
    from mbap.site.gatewayplan import GatewayPlan

LISTEN = "tcp://127.0.0.1:1502"
_OF_A_FILE = ("--config", "--check", "--for", "--watch", "--json", "--verbose")


def _pause(ctx: click.Context, param: click.Parameter, value: str) -> float:
    return parse_duration(value)


def _idle(ctx: click.Context, param: click.Parameter, value: str) -> float | None:
    return None if value == "never" else parse_duration(value)


@click.command()
@click.option(
    "--listen",
    multiple=True,
    metavar="URL",
    help=f"Where clients come in, {LISTEN} unless told; may be given several times.",
)
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
@click.option("--check", is_flag=True, help="Show the routes as they are understood, and end.")
@click.option(
    "--timeout", type=DURATION, default="1s", show_default=True, help="How long a device may take to answer."
)
@click.option(
    "--retries",
    type=click.IntRange(0, 10),
    default=0,
    show_default=True,
    help="How often a read is repeated when no answer comes; a write never is.",
)
@click.option(
    "--pause",
    default="0s",
    show_default=True,
    callback=_pause,
    metavar="DURATION",
    help="Between two requests.",
)
@click.option(
    "--unit-pause",
    default="0s",
    show_default=True,
    callback=_pause,
    metavar="DURATION",
    help="Between the answer of one unit and a request to another.",
)
@click.option(
    "--queue",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="How many requests may wait for a line; one more is answered with 06.",
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
@click.option("--read-only", is_flag=True, help="Let nothing pass that writes.")
@click.option("--opaque", is_flag=True, help="Pass on function codes that mbap does not know.")
@click.option("--broadcast", is_flag=True, help="Send writes to unit 0 to every line.")
@click.option(
    "--allow",
    multiple=True,
    metavar="NETWORK",
    help="Serve clients of this network or address only; may be given several times.",
)
@click.option(
    "--first", multiple=True, metavar="NETWORK", help="Clients of this network come first on every line."
)
@click.option("--max-clients", type=click.IntRange(1), metavar="N", help="Serve so many at once (1024).")
@click.option(
    "--idle",
    default="120s",
    show_default=True,
    callback=_idle,
    metavar="DURATION",
    help="Close a client that is quiet for so long; never: leave it.",
)
@click.option("--public", is_flag=True, help="Yes, the whole internet may reach it.")
@click.option(
    "--metrics", metavar="HOST:PORT", help="Let Prometheus fetch the counts at http://HOST:PORT/metrics."
)
@click.option("--watch", is_flag=True, help="Show a table of lines and units that is kept up to date.")
@click.option("--json", "as_data", is_flag=True, help="Print the counts as JSON, at the end and at SIGUSR1.")
@click.option("--for", "seconds", type=DURATION, help="End after 20s, 5m, ...")
@click.option("-v", "--verbose", is_flag=True, help="Say more about what happens, on standard error.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    config: Path | None,
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
    With --config, SIGHUP reads FILE anew and applies what changed without dropping clients.

    \b
    Examples:
      mbap gateway --route rtu:///dev/ttyUSB0?baudrate=19200
      mbap gateway --listen tcp://0.0.0.0:1502 --route 1-20=rtu:///dev/ttyUSB0 --route 100=tcp://plc#1
      mbap gateway --route 101-120=rtu+tcp://moxa:4001#1-20 --read-only --watch
      mbap gateway --check --config site.toml
    """
    plan = _plan(ctx, config, how)
    if check:
        click.echo(_as_table(plan))
        return
    from mbap.cli.gatewayrunning import Saying, run_gateway

    reload = None if config is None else partial(plan_of_file, config)
    run_gateway(plan, reload, Saying(watch=watch, as_data=as_data), seconds, verbose=verbose)


def _plan(ctx: click.Context, config: Path | None, how: dict[str, Any]) -> GatewayPlan:
    if config is not None:
        _refuse_others(ctx)
        return plan_of_file(config)
    if not how["routes"]:
        raise click.UsageError("give at least one --route, or --config FILE")
    return plan_of_options(**how)


def _refuse_others(ctx: click.Context) -> None:
    """With a file, what it says counts: an option that would be ignored is refused."""
    for param in ctx.command.params:
        given = ctx.get_parameter_source(param.name or "") is click.core.ParameterSource.COMMANDLINE
        if given and param.opts[-1] not in _OF_A_FILE:
            raise click.UsageError(
                f"{param.opts[-1]} goes without --config: write it into the file's [gateway]"
            )


def plan_of_file(file: Path) -> GatewayPlan:
    """The gateway of the site file at *file*.

    Raises:
        ValueError: the file is wrong, or has no gateway.
    """
    from mbap.site.load import load_site

    plan = load_site(file).gateway
    if plan is None:
        raise ValueError(f"{file} has no [gateway], or it is not enabled")
    return plan


def plan_of_options(
    listen: tuple[str, ...],
    routes: tuple[str, ...],
    probing: float,
    read_only: bool,
    broadcast: bool,
    allow: tuple[str, ...],
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

    permission = Permission(read_only=read_only)
    plans = tuple(replace(parse_route(text), permission=permission, broadcast=broadcast) for text in routes)
    of_lines = {field.name for field in fields(LineDefaults)} & set(others)
    line = LineDefaults(probing=probing / 100, **{name: others.pop(name) for name in of_lines})
    links = Lines(line).of(plans)
    return checked(GatewayPlan(listen or (LISTEN,), plans, links, allow or None, **others))


def _as_table(plan: GatewayPlan) -> str:
    from mbap.cli.tables import table
    from mbap.site.gatewayplan import described

    return table(["listener", "units", "line", "special"], described(plan))
