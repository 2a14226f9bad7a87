"""`mbap up --check`: what is wrong with a site file, the load it makes, and what its devices answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mbap.cli.exits import ExitCode
from mbap.cli.tables import many, paragraph, table

if TYPE_CHECKING:
    from mbap.site.load_of_lines import LineLoad
    from mbap.site.plan import SitePlan
    from mbap.site.serverplan import ServerPlan
    from mbap.site.sheet import Row

LINES_SHOWN = 20
"""So many connections are listed, the busiest first; JSON has them all."""

_LOAD_HEADS = ("connection", "devices", "requests/s", "values/s", "kbit/s", "busy at 20 ms")
_SHEET_HEADS = ("device", "point", "reference", "raw", "value", "unit", "result", "why")


def check(file: Path, *, connect: bool, as_json: bool) -> ExitCode:
    """Say all that is wrong with *file*, or what it means; with *connect* read every point once.

    Raises:
        FileFaults: the file is wrong and that is not to be told as JSON.
    """
    from mbap.filefaults import FileFaults
    from mbap.site.load import load_site

    try:
        plan = load_site(file)
    except FileFaults as wrong:
        if not as_json:
            raise
        _echo_json({"file": str(file), "ok": False, "faults": [fault.as_json() for fault in wrong.faults]})
        return ExitCode.USAGE
    if connect:
        return _sheet(plan, as_json=as_json)
    _load(plan, file, as_json=as_json)
    return ExitCode.OK


def _load(plan: SitePlan, file: Path, *, as_json: bool) -> None:
    from mbap.site.load_of_lines import load_of_lines
    from mbap.site.quirks import quirk_lines

    lines = load_of_lines(plan)
    if as_json:
        _echo_json(_load_document(plan, file, lines))
        return
    devices, links, most = len(plan.devices), len(plan.links), plan.max_open_connections
    open_at_once = f", {most} of them open at once" if links > most else ""
    where = f"{many(devices, 'device')} on {many(links, 'connection')}{open_at_once}"
    click.echo(paragraph(f"{file} is right: {where}"))
    click.echo(table(_LOAD_HEADS, [line.as_row() for line in lines[:LINES_SHOWN]], right=(1, 2, 3, 4, 5)))
    if len(lines) > LINES_SHOWN:
        busiest = lines[LINES_SHOWN].busy
        click.echo(f"... and {len(lines) - LINES_SHOWN} more, none busier than {busiest:.0%}")
    requests = sum(line.requests_per_second for line in lines)
    values = sum(line.values_per_second for line in lines)
    click.echo(f"together {requests:.1f} requests/s and {values:.0f} values/s")
    for said in quirk_lines(plan.devices):
        click.echo(paragraph(said))
    if plan.server is not None:
        _served(plan.server)
    for warning in (*plan.warnings, *(line.warning for line in lines if line.warning)):
        click.echo(paragraph(f"warning: {warning}"))


def _served(plan: ServerPlan) -> None:
    points, units = many(len(plan.entries), "point"), many(len(plan.by_unit()), "unit")
    new = len(plan.entries) - plan.saved
    added = f", {new} of them new in {plan.map_path.name}" if new else ""
    click.echo(paragraph(f"serves {points} in {units} on {', '.join(plan.listen)}{added}"))


def _load_document(plan: SitePlan, file: Path, lines: Sequence[LineLoad]) -> dict[str, object]:
    return {
        "file": str(file),
        "ok": True,
        "devices": len(plan.devices),
        "points": sum(len(device.profile.points) for device in plan.devices),
        "quirks": {
            device.name: device.profile.quirks.said()
            for device in plan.devices
            if device.profile.quirks.said()
        },
        "served": len(plan.server.entries) if plan.server is not None else 0,
        "warnings": list(plan.warnings),
        "lines": [line.as_json() for line in lines],
    }


def _sheet(plan: SitePlan, *, as_json: bool) -> ExitCode:
    from mbap.site.sheet import read_everything

    points = sum(len(device.profile.points) for device in plan.devices)
    click.echo(f"reading {many(points, 'point')} of {many(len(plan.devices), 'device')} ...", err=True)
    rows = asyncio.run(read_everything(plan))
    if as_json:
        _echo_json([row.as_json() for row in rows])
    else:
        click.echo(table(_SHEET_HEADS, [row.as_row() for row in rows], right=(4,)))
        click.echo(_verdict(rows))
    return ExitCode.OK if all(row.passed for row in rows) else ExitCode.FAILED


def _verdict(rows: Sequence[Row]) -> str:
    failed = [row for row in rows if not row.passed]
    verdict = f"{len(rows) - len(failed)} of {many(len(rows), 'point')} passed"
    silent = {row.device for row in rows} - {row.device for row in rows if row.raw}
    if failed:
        verdict += f", {len(failed)} failed"
    if silent:
        verdict += f"; {many(len(silent), 'device')} gave nothing at all"
    return verdict


def _echo_json(data: object) -> None:
    click.echo(json.dumps(data, indent=2))
