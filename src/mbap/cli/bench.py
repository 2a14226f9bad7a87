"""`mbap bench`: how many reads a second a device takes, and how long its answers take."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from mbap.cli.connecting import DURATION
from mbap.cli.exits import ExitCode, exit_code
from mbap.cli.progress import progress
from mbap.cli.running import run
from mbap.cli.securing import Trust, tls_options
from mbap.cli.tables import many

if TYPE_CHECKING:
    from mbap.cli.benching import Bench

UNSEEN = 1.0
"""Seconds after which there is a progress bar."""
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


@click.command()
@click.argument("endpoint")
@click.argument("item", default="hr0")
@click.option(
    "-u",
    "--unit",
    type=click.IntRange(0, 255),
    help="The unit; without it, and without #5 at the end of ENDPOINT, it is 1.",
)
@click.option("--for", "seconds", type=DURATION, default="5s", show_default=True, help="End after that time.")
@click.option(
    "--requests",
    "count",
    type=click.IntRange(1, 10_000_000),
    default=1000,
    show_default=True,
    help="End after so many requests, when that comes first.",
)
@click.option(
    "--connections",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="So many connections at once. Many devices take 1 to 4.",
)
@click.option(
    "--outstanding",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Requests under way at once on each connection.",
)
@click.option("--pause", type=DURATION, help="Leave so much time between an answer and the next request.")
@click.option(
    "--timeout",
    type=DURATION,
    default="3s",
    show_default=True,
    help="How long to wait for one answer, and for the connection.",
)
@click.option(
    "--quirk",
    "quirks",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="How the device breaks the rules, transaction=zero for example; may be repeated.",
)
@tls_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    endpoint: str,
    item: str,
    unit: int | None,
    seconds: float,
    count: int,
    connections: int,
    outstanding: int,
    pause: float | None,
    timeout: float,
    quirks: tuple[str, ...],
    tls: Trust,
    as_json: bool,
) -> int:
    """Measure how many reads a second a device takes, and how long its answers take.

    ENDPOINT is tcp://HOST:PORT, as for mbap read. ITEM is what is read each time: hr0, hr0..124, 30001,
    co0..15; without it, holding register 0. Nothing is ever written.

    Careful: devices fall over. Small controllers stop answering others, or restart, when they are asked as
    fast as they can answer; do not do this to one that runs a plant. One connection, one request at a time,
    for 5 seconds is the most that is done unless you ask for more, and --pause makes it less. When the device
    fails 5 times in a row, it is left alone.

    \b
    Examples:
      mbap bench 192.168.1.100
      mbap bench plc hr0..124 --unit 5 --pause 20ms
      mbap bench plc ir0..9 --connections 2 --outstanding 4 --for 10s --json

    Ctrl-C ends it, and what was measured so far is printed.
    """
    from mbap.cli.benching import Bench, Load
    from mbap.client.quirks import Quirks
    from mbap.client.typed import reading

    load = Load(
        endpoint,
        unit,
        reading(item, "").requests,
        connections=connections,
        outstanding=outstanding,
        seconds=seconds,
        count=count,
        pause=pause or 0.0,
        timeout=timeout,
        quirks=Quirks.parse(quirks),
        tls=tls.settings(),
    )
    bench = Bench(load)
    run(_shown(bench))
    click.echo(_as_json(bench, item) if as_json else _as_text(bench, item))
    return _status(bench)


async def _shown(bench: Bench) -> None:
    showing = asyncio.create_task(_show_progress(bench))
    try:
        await bench.run()
    finally:
        showing.cancel()
        await asyncio.wait([showing])


async def _show_progress(bench: Bench) -> None:
    await asyncio.sleep(UNSEEN)
    with ExitStack() as stack:
        tell = stack.enter_context(progress("reading"))
        while True:
            tell(bench.share)
            await asyncio.sleep(0.1)


def _status(bench: Bench) -> int:
    """As a script wants it: an error's code when no read succeeded, or when it had to be given up."""
    error = bench.first_error
    if error is not None:
        left = "; the device was left alone, it failed again and again" if bench.ended == "failures" else ""
        click.echo(f"error: {error}{left}", err=True)
    if bench.ended == "interrupted":
        return 130
    if len(bench.latencies) and bench.ended != "failures":
        return ExitCode.OK
    return ExitCode.TIMEOUT if error is None else exit_code(error) or ExitCode.FAILED


def _rate(bench: Bench) -> float:
    return len(bench.latencies) / bench.elapsed if bench.elapsed else 0.0


def _as_text(bench: Bench, item: str) -> str:
    load, latencies = bench.load, bench.latencies
    how = many(load.connections, "connection")
    at_once = "one request at a time" if load.outstanding == 1 else f"{load.outstanding} requests at a time"
    median, most, nearly_all, longest = (_text(latencies.quantile(share)) for share in QUANTILES.values())
    kinds = ", ".join(f"{count} {kind}" for kind, count in bench.errors.most_common())
    lines = [
        f"reads    {len(latencies):,} of {item} in {bench.elapsed:.2f} s, {how}, {at_once}",
        f"rate     {_rate(bench):,.0f} a second",
        f"latency  median {median}, 95 % {most}, 99 % {nearly_all}, longest {longest}",
        f"errors   {kinds or 'none'}",
    ]
    return "\n".join(lines)


def _text(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds * 1000:.0f} ms"


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 4)


def _as_json(bench: Bench, item: str) -> str:
    load, latencies = bench.load, bench.latencies
    quantiles = {name: _milliseconds(latencies.quantile(share)) for name, share in QUANTILES.items()}
    found = {
        "endpoint": load.url,
        "unit": bench.unit,
        "item": item,
        "connections": load.connections,
        "outstanding": load.outstanding,
        "reads": len(latencies),
        "seconds": round(bench.elapsed, 3),
        "reads_per_second": round(_rate(bench), 1),
        "latency_ms": {"mean": _milliseconds(latencies.mean), **quantiles},
        "errors": dict(bench.errors),
        "ended_by": bench.ended,
    }
    return json.dumps(found, ensure_ascii=False)
