"""`mbap demo`: a simulated plant on loopback, run by the real collector, history and page."""

from __future__ import annotations

import json
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mbap.durations import parse_duration

if TYPE_CHECKING:
    from mbap.server.plant import PlantServers
    from mbap.site.plan import SitePlan
    from mbap.site.running import Site

PERIODS = {"fast": 0.5, "default": 1.0, "slow": 5.0}
FIRST_PORT = 8502
FIRST_DEVICE = 5020
KEEP = 30 * 86_400.0


def _duration(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    return None if value is None else parse_duration(value)


@click.command()
@click.option("--for", "seconds", callback=_duration, metavar="DURATION", help="End after 20s, 5m, ...")
@click.option("--no-browser", is_flag=True, help="Do not open the page.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"The page's port; without it {FIRST_PORT}, or the next free one.",
)
@click.option(
    "--devices",
    "first",
    type=click.IntRange(1, 65531),
    metavar="PORT",
    help=f"The first of the five ports of the devices; without it {FIRST_DEVICE}, or free ones.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep the history in DIR; without it, it goes with the demo.",
)
def command(
    seconds: float | None, no_browser: bool, port: int | None, first: int | None, data: Path | None
) -> None:
    """See a plant at work: a main meter, two sub-meters, a pump, a tank and a heat pump.

    The devices are simulated, but they answer Modbus TCP on this machine, and everything else is real: any
    other command may ask them too. One of them fails now and then, so that you see what that looks like. It
    ends with Ctrl-C; with --for, its last line on standard output is one JSON object: reads, points,
    stored, errors, lateness_p99_ms.

    \b
    Examples:
      mbap demo
      mbap demo --for 20s --no-browser
      mbap demo --data ./demo --port 9000
      mbap demo --devices 15020
    """
    from mbap.cli.running import log_to_stderr, run

    log_to_stderr(verbose=False)
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
        run(_demo(data, seconds, port, first, browser=not no_browser))
        return
    with tempfile.TemporaryDirectory(prefix="mbap-demo-", ignore_cleanup_errors=True) as folder:
        run(_demo(Path(folder), seconds, port, first, browser=not no_browser))


async def _demo(
    folder: Path, seconds: float | None, port: int | None, first: int | None, *, browser: bool
) -> None:
    from mbap.cli.running import say_where, until_stopped
    from mbap.site.running import Site

    async with AsyncExitStack() as stack:
        servers = await _devices(stack, first)
        site = Site(_plan(servers, folder, port))

        def begun() -> None:
            say_where(site, _where(servers))
            if browser and site.url:
                webbrowser.open(site.url)

        await until_stopped(site, seconds, begun)
        click.echo(json.dumps(_totals(site)))


async def _devices(stack: AsyncExitStack, first: int | None) -> PlantServers:
    """The plant's devices, listening until *stack* is closed; from port *first* on where that is given."""
    from mbap.server.plant import Plant, PlantServers

    try:
        return await stack.enter_async_context(PlantServers(Plant(), port=first or FIRST_DEVICE))
    except OSError:
        if first is not None:
            raise
        return await stack.enter_async_context(PlantServers(Plant()))


def _where(servers: PlantServers) -> Iterator[str]:
    """A line for each connection: how it is reached, and which devices are behind it."""
    for connection in servers.plant.connections:
        devices = [device for device in servers.plant.devices if device.connection == connection]
        behind = ", ".join(f"{device.title} (unit {device.unit})" for device in devices)
        yield f"device:  {servers.urls[connection]}  {behind}"


def _plan(servers: PlantServers, folder: Path, port: int | None) -> SitePlan:
    """The site of the plant: what a site file would say, with the ports that the servers really got."""
    from mbap.collect.device import PolledDevice
    from mbap.collect.profiles import load_profile
    from mbap.site.plan import HistoryPlan, LinkPlan, SitePlan, WebPlan

    profiles = {name: load_profile(name) for name in {device.profile for device in servers.plant.devices}}
    devices = [
        PolledDevice(
            device.name,
            device.title,
            profiles[device.profile],
            device.unit,
            servers.urls[device.connection],
            device.labels,
            PERIODS,
        )
        for device in servers.plant.devices
    ]
    return SitePlan(
        name="Pumping station (demo)",
        links={url: LinkPlan(url, timeout=1.0) for url in servers.urls.values()},
        devices=tuple(devices),
        history=HistoryPlan(folder / "history.db", keep=KEEP, keep_rollups=None, max_size=None, flush=1.0),
        web=WebPlan("127.0.0.1", FIRST_PORT if port is None else port, next_free_port=port is None),
    )


def _totals(site: Site) -> dict[str, float | None]:
    summary = site.poller.summary()
    return {
        "reads": summary.reads,
        "points": summary.points,
        "stored": site.stored,
        "errors": summary.errors,
        "lateness_p99_ms": summary.lateness_p99_ms,
    }
