"""`mbap record`: a proxy in front of a device that writes a trace of what is said."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from mbap.cli.connecting import DURATION
from mbap.cli.counted import amount
from mbap.cli.tables import paragraph

if TYPE_CHECKING:
    from mbap.server.recorder import RecorderStatistics
    from mbap.transport.endpoint import Endpoint


@click.command()
@click.argument("device")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--listen",
    default="tcp://127.0.0.1:1502",
    show_default=True,
    metavar="URL",
    help="Where clients are to connect; port 0 takes any free one.",
)
@click.option("--anonymise", is_flag=True, help="Write device and client-1 in place of addresses of hosts.")
@click.option("--overwrite", is_flag=True, help="Write FILE anew when it is there already.")
@click.option("--for", "seconds", type=DURATION, help="End after 20s, 5m, ...")
def command(
    device: str, file: Path, listen: str, anonymise: bool, overwrite: bool, seconds: float | None
) -> None:
    """Stand between clients and DEVICE, and write what they say to FILE.

    Every byte is handed on as it is. FILE gets one line for each request with its answer and the times;
    `mbap serve FILE` answers from it later. It ends with Ctrl-C.

    \b
    Examples:
      mbap record tcp://192.168.1.100 trace.jsonl
      mbap record --listen tcp://127.0.0.1:1502 --anonymise --for 10m \\
          tcp://plc trace.jsonl
      mbap serve trace.jsonl
    """
    from mbap.cli.running import log_to_stderr, run

    target, here = _tcp(device), _tcp(listen, listening=True)
    log_to_stderr(verbose=False)
    with _opened(file, overwrite=overwrite) as written:
        run(_record(target, here, written, anonymise, seconds))


def _tcp(url: str, *, listening: bool = False) -> Endpoint:
    from mbap.transport.endpoint import parse_endpoint

    endpoint = parse_endpoint(url, listening=listening)
    if endpoint.scheme != "tcp":
        raise ValueError(f"{url}: traffic is recorded on tcp:// only, such as tcp://192.168.1.100")
    return endpoint


def _opened(file: Path, *, overwrite: bool) -> TextIO:
    try:
        return file.open("w" if overwrite else "x", encoding="utf-8", buffering=1)
    except FileExistsError:
        raise click.UsageError(f"{file} is there already; --overwrite writes it anew") from None
    except OSError as problem:
        why = problem.strerror or problem
        raise click.UsageError(
            f"{file} cannot be written: {why}; name a file in a folder that is there"
        ) from None


async def _record(
    device: Endpoint, listen: Endpoint, file: TextIO, anonymise: bool, seconds: float | None
) -> None:
    from mbap.cli.running import signals
    from mbap.server.recorder import Recorder

    began = datetime.now(UTC).isoformat(timespec="milliseconds")
    recorder = Recorder(device, file, began, anonymise=anonymise)
    async with signals() as stop, recorder:
        await recorder.start(listen)
        here = replace(listen, port=recorder.port).url
        click.echo(paragraph(f"listening on {here}, recording {device.url}; stop with Ctrl-C"))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
    click.echo(_said(recorder.counted), err=True)
    if recorder.failure is not None:
        raise OSError(f"the trace could not be written to its end: {recorder.failure}")


def _said(counted: RecorderStatistics) -> str:
    exchanges, connections = amount(counted.recorded, "exchange"), amount(counted.connections, "connection")
    parts = [f"stopped after {exchanges} on {connections}"]
    for count, what in (
        (counted.unanswered, "without an answer"),
        (counted.unasked, "that answer nothing"),
        (counted.surplus, "not written"),
        (counted.refused, "refused"),
        (counted.unreadable, "that were not Modbus TCP"),
    ):
        if count:
            parts.append(f"{count:,} {what}")
    return ", ".join(parts)
