"""`mbap serve`: a simulated device, or several units of one, from a device file."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mbap.cli.between import connect_rate_option
from mbap.cli.connecting import IDLE
from mbap.cli.counted import amount, as_json, as_sentence, on_sigusr1, say
from mbap.cli.protectionasked import (
    counted_as_data,
    counted_in_words,
    guard_plan,
    in_force,
    protection_options,
)
from mbap.cli.securing import Trust, listener_tls_options
from mbap.cli.tables import paragraph
from mbap.durations import parse_duration

if TYPE_CHECKING:
    from mbap.cli.protection import Protection
    from mbap.cli.running import Source
    from mbap.server.device import Device
    from mbap.server.faults import Faults
    from mbap.server.handler import Handler
    from mbap.server.limits import Limits
    from mbap.server.server import Server
    from mbap.server.simulator import Simulation
    from mbap.site.guardplan import GuardPlan

DEFAULT_SIZE = 10_000
_PROTECTING = ("policy", "reload_on_change", "audit", "on_full", "syslog", "alerts", "learn_for")


def _duration(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    return None if value is None else parse_duration(value)


@dataclass(frozen=True, slots=True)
class _Served:
    """What is served, and how it is said to have what."""

    handler: Handler
    faults: Faults | None
    contents: str


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--listen",
    default="tcp://127.0.0.1:1502",
    show_default=True,
    metavar="URL",
    help="Where to listen; port 0 takes any free one, tcp://:1502 listens on every address.",
)
@click.option(
    "--unit",
    "units",
    type=click.IntRange(0, 255),
    multiple=True,
    help="Without FILE: answer for this unit only; may be given several times.",
)
@click.option("--check", is_flag=True, help="Say whether FILE is right, and end.")
@click.option("--for", "seconds", callback=_duration, metavar="DURATION", help="End after 20s, 5m, ...")
@click.option(
    "--allow",
    multiple=True,
    metavar="NETWORK",
    help="Serve clients of this network or address only; may be given several times.",
)
@click.option("--public", is_flag=True, help="Yes, the whole internet may reach it.")
@click.option("--max-connections", type=click.IntRange(1), metavar="N", help="Serve so many at once (1024).")
@click.option("--max-per-address", type=click.IntRange(1), metavar="N", help="... of one address (no limit).")
@click.option(
    "--when-full",
    type=click.Choice(["refuse", "drop-idle"]),
    default="refuse",
    show_default=True,
    help="Refuse one more connection, or close the one that was quiet for longest.",
)
@connect_rate_option
@click.option(
    "--idle",
    type=IDLE,
    default="120s",
    show_default=True,
    help="Close a connection that is quiet for so long; never: leave it.",
)
@click.option(
    "--keep",
    multiple=True,
    metavar="NETWORK",
    help="Never close a client of this network for being quiet, nor for coming too fast; may be given several"
    " times.",
)
@click.option(
    "--reserve", type=click.IntRange(0), default=0, metavar="N", help="Places for --keep alone (0)."
)
@protection_options
@listener_tls_options
@click.option(
    "--json", "as_data", is_flag=True, help="Print what it says and counts as JSON, an object a line."
)
@click.pass_context
def command(
    ctx: click.Context, /, file: Path | None, check: bool, units: tuple[int, ...], **how: Any
) -> None:
    """Simulate the device that FILE describes.

    FILE is a device file: units, tables, values that move, faults; or a trace that `mbap record` has
    written, which is answered from. Without one, a device with 10,000 addresses in each table answers for
    every unit, all 0. It ends with Ctrl-C and says what it has counted; SIGUSR1 makes it say so meanwhile.
    With --policy it refuses what that does not allow, as a device with a firewall of its own does.

    \b
    Examples:
      mbap serve device.toml
      mbap serve --listen tcp://0.0.0.0:1502 --allow 192.168.1.0/24 device.toml
      mbap serve --listen tls://0.0.0.0 --ca ca.pem \\
          --certificate plc.pem --key plc.key device.toml
      mbap serve --policy plant.toml --audit audit.jsonl device.toml
      mbap serve --listen rtu+tcp://127.0.0.1:4001 device.toml
      mbap serve --listen rtu:///dev/ttyUSB1 device.toml
      mbap serve --check device.toml
      mbap serve trace.jsonl
      mbap serve --listen tcp://127.0.0.1:0 --for 10s
    """
    if check and file is None:
        raise click.UsageError("--check needs a device file")
    if units and file is not None:
        raise click.UsageError("--unit goes without a device file: the file says which units there are")
    if how["reserve"] and not how["keep"]:
        raise click.UsageError("--reserve needs --keep NETWORK: for whose clients these places are")
    guarded = _guarded(ctx, {name: how.pop(name) for name in _PROTECTING})
    served = _default_device(units) if file is None else _simulation(file)
    if check:
        click.echo(paragraph(f"{file} is right: {served.contents}"))
        if guarded is not None:
            click.echo(in_force(guarded.read()))
        return
    from mbap.cli.running import ignore_hangup, log_to_stderr, run

    if guarded is not None:
        ignore_hangup()
    log_to_stderr(verbose=False)
    run(_serve(served, guarded, **how))


def _guarded(ctx: click.Context, given: dict[str, Any]) -> Source[GuardPlan] | None:
    """What stands before the device, and can be read anew; None where nothing does."""
    from functools import partial

    from mbap.cli.running import Source
    from mbap.site.filewatch import FileWatch

    _expect_companions(ctx, given)
    changes = given.pop("reload_on_change")
    if not any(given[name] for name in ("policy", "audit", "syslog", "alerts")):
        return None
    watched = FileWatch(given["policy"]) if changes else None
    return Source(partial(guard_plan, **given, watched=given["alerts"] is not None), watched)


def _expect_companions(ctx: click.Context, given: dict[str, Any]) -> None:
    """An option that would be ignored is refused."""
    for name, needed in (("reload_on_change", "policy"), ("on_full", "audit"), ("learn_for", "alerts")):
        said = ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if said and given[needed] is None:
            raise click.UsageError(f"--{name.replace('_', '-')} goes with --{needed}")


async def _serve(
    served: _Served,
    guarded: Source[GuardPlan] | None,
    listen: str,
    seconds: float | None,
    public: bool,
    as_data: bool,
    tls: Trust,
    **limits: Any,
) -> None:
    from mbap.cli.running import signals
    from mbap.server.server import Server

    async with contextlib.AsyncExitStack() as stack:
        protection, handler = None, served.handler
        if guarded is not None:
            from mbap.cli.protection import Protection

            protection = await stack.enter_async_context(Protection(guarded))
            handler = protection.before(handler, listen)
        server = Server(
            listen, handler, limits=_limits(**limits), faults=served.faults, public=public, tls=tls.settings()
        )

        def say_counted(when: str) -> None:
            _say_counted(when, server, served.faults, protection, as_data=as_data)

        stack.enter_context(on_sigusr1(asyncio.get_running_loop(), lambda: say_counted("so far")))
        stop = await stack.enter_async_context(signals(None if protection is None else protection.ask))
        await stack.enter_async_context(server)
        _say_where(server, served, protection, as_data=as_data)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
        await server.aclose()
        say_counted("stopped after")


def _limits(
    allow: tuple[str, ...],
    max_connections: int | None,
    max_per_address: int | None,
    when_full: str,
    connect_rate: float,
    idle: float | None,
    keep: tuple[str, ...],
    reserve: int,
) -> Limits:
    from mbap.server.limits import Limits

    usual = Limits()
    return Limits(
        max_connections=max_connections or usual.max_connections,
        max_per_address=max_per_address,
        connect_rate=connect_rate or None,
        when_full="drop_idle" if when_full == "drop-idle" else "refuse",
        allow=allow or None,
        idle_timeout=idle,
        keep=keep,
        reserved=reserve,
    )


def _say_where(server: Server, served: _Served, protection: Protection | None, *, as_data: bool) -> None:
    status = "" if protection is None else protection.status
    if as_data:
        data = {"listening": server.url, "contents": served.contents}
        click.echo(json.dumps(data | {"guard": status} if status else data))
    else:
        behind = f"; {status}" if status else ""
        click.echo(paragraph(f"listening on {server.url}: {served.contents}{behind}; stop with Ctrl-C"))


def _say_counted(
    when: str, server: Server, faults: Faults | None, protection: Protection | None, *, as_data: bool
) -> None:
    counted = server.statistics()
    guarding = None if protection is None else protection.guarding
    if not as_data:
        text = as_sentence(when, counted, faults) + counted_in_words(guarding)
    elif guarding is None:
        text = as_json(counted, faults)
    else:
        text = json.dumps(json.loads(as_json(counted, faults)) | {"guard": counted_as_data(guarding)})
    say(text, as_data=as_data)


def _default_device(units: tuple[int, ...]) -> _Served:
    from mbap.server.device import Device
    from mbap.server.handler import Units

    zeros = [0] * DEFAULT_SIZE
    device = Device(coils=zeros, discrete_inputs=zeros, holding_registers=zeros, input_registers=zeros)
    if not units:
        return _Served(device, None, f"every unit has {_tables(device)}")
    which = _listed(map(str, sorted(set(units))))
    named = f"unit {which} has" if len(set(units)) == 1 else f"units {which} have"
    return _Served(Units(dict.fromkeys(units, device)), None, f"{named} {_tables(device)}")


def _simulation(file: Path) -> _Served:
    from mbap.server.replay import Replay
    from mbap.server.simulator import load_device_file
    from mbap.server.trace import looks_like_a_trace, read_trace

    if looks_like_a_trace(file):
        replay = Replay(read_trace(file))
        return _Served(replay, None, replay.contents)
    simulation = load_device_file(file)
    return _Served(simulation, simulation.faults, f"{simulation.name}, {_units(simulation)}")


def _units(simulation: Simulation) -> str:
    parts = [f"unit {number} has {_tables(device)}" for number, device in sorted(simulation.units.items())]
    if simulation.default is not None:
        other = "every other unit" if parts else "every unit"
        parts.append(f"{other} has {_tables(simulation.default)}")
    return "; ".join(parts)


def _tables(device: Device) -> str:
    counts = {
        "holding register": len(device.holding_registers),
        "input register": len(device.input_registers),
        "coil": len(device.coils),
        "discrete input": len(device.discrete_inputs),
        "file": len(device.files),
        "queue": len(device.fifos),
    }
    return _listed(amount(count, name) for name, count in counts.items() if count)


def _listed(parts: Iterable[str]) -> str:
    *first, last = [*parts] or ["nothing"]
    return f"{', '.join(first)} and {last}" if first else last
