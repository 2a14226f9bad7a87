"""`mbap serve`: a simulated device, or several units of one, from a device file."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mbap.durations import parse_duration

if TYPE_CHECKING:
    from mbap.server.device import Device
    from mbap.server.faults import Faults
    from mbap.server.handler import Handler
    from mbap.server.server import Server
    from mbap.server.simulator import Simulation

DEFAULT_SIZE = 10_000


def _duration(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    return None if value is None else parse_duration(value)


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--listen",
    default="tcp://127.0.0.1:1502",
    show_default=True,
    metavar="URL",
    help="Where to listen; port 0 takes any free one, tcp://:1502 listens on every address.",
)
@click.option("--check", is_flag=True, help="Say whether FILE is right, and end.")
@click.option("--for", "seconds", callback=_duration, metavar="DURATION", help="End after 20s, 5m, ...")
def command(file: Path | None, listen: str, check: bool, seconds: float | None) -> None:
    """Simulate the device that FILE describes.

    FILE is a device file: units, tables, values that move, faults. Without one, a device with 10,000
    addresses in each table answers for every unit, all 0. It ends with Ctrl-C.

    \b
    Examples:
      mbap serve device.toml
      mbap serve --listen tcp://0.0.0.0:1502 device.toml
      mbap serve --check device.toml
      mbap serve --listen tcp://127.0.0.1:0 --for 10s
    """
    if file is None:
        if check:
            raise click.UsageError("--check needs a device file")
        handler, faults, contents = _default_device()
    else:
        handler, faults, contents = _simulation(file)
    if check:
        click.echo(f"{file} is right: {contents}")
        return
    from mbap.cli.running import log_to_stderr, run

    log_to_stderr(verbose=False)
    run(_serve(listen, handler, faults, contents, seconds))


async def _serve(
    listen: str, handler: Handler, faults: Faults | None, contents: str, seconds: float | None
) -> None:
    from mbap.cli.running import signals
    from mbap.server.server import Server

    async with signals() as stop, Server(listen, handler, faults=faults) as server:
        click.echo(f"listening on {server.url}: {contents}; stop with Ctrl-C")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
    _say_what_was(server)


def _say_what_was(server: Server) -> None:
    counted = server.statistics()
    requests = _amount(counted.requests, "request")
    click.echo(f"stopped after {requests} on {_amount(counted.accepted, 'connection')}", err=True)


def _default_device() -> tuple[Handler, Faults | None, str]:
    from mbap.server.device import Device

    zeros = [0] * DEFAULT_SIZE
    device = Device(coils=zeros, discrete_inputs=zeros, holding_registers=zeros, input_registers=zeros)
    return device, None, f"every unit has {_tables(device)}"


def _simulation(file: Path) -> tuple[Handler, Faults | None, str]:
    from mbap.server.simulator import load_device_file

    simulation = load_device_file(file)
    return simulation, simulation.faults, f"{simulation.name}, {_units(simulation)}"


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
    }
    return _listed(_amount(count, name) for name, count in counts.items() if count)


def _amount(count: int, name: str) -> str:
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def _listed(parts: Iterable[str]) -> str:
    *first, last = [*parts] or ["nothing"]
    return f"{', '.join(first)} and {last}" if first else last
