"""`mbap sniff`: what two others say on a serial line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from mbap.cli.connecting import DURATION
from mbap.cli.tables import many, paragraph, table

if TYPE_CHECKING:
    from mbap.protocol.overhearing import Heard, Overheard, Overhearing
    from mbap.transport.endpoint import Endpoint

_PAUSE = 0.5
"""Seconds before a port that went away is opened again."""
_HEADS = ("unit", "function", "requests", "answers", "exceptions", "no answer", "mean ms", "longest ms")


@click.command()
@click.argument("line")
@click.option("--guess", is_flag=True, help="Find out speed and parity, print the URL, and end.")
@click.option(
    "--for", "seconds", type=DURATION, help="End after 20s, 5m, ...; with --guess, at most so long."
)
@click.option(
    "--json", "as_data", is_flag=True, help="Print JSON, an object a line; the last has the counts."
)
@click.option("--quiet", is_flag=True, help="Print only the counts at the end.")
def command(line: str, guess: bool, seconds: float | None, as_data: bool, quiet: bool) -> None:
    """Listen to LINE and print what a client and its devices say there; nothing is ever sent.

    LINE is a serial port with its settings. It ends with Ctrl-C, and then prints what each unit was asked,
    how long answers took, and what was wrong.

    \b
    Examples:
      mbap sniff rtu:///dev/ttyUSB0?baudrate=9600&parity=N
      mbap sniff --for 10s --json rtu:///dev/ttyUSB0
      mbap sniff --guess rtu:///dev/ttyUSB0
    """
    from mbap.cli.running import run
    from mbap.transport.endpoint import parse_endpoint

    endpoint = parse_endpoint(line)
    if endpoint.scheme not in ("rtu", "ascii", "rtu+tcp", "ascii+tcp"):
        raise ValueError(f"{line}: only a serial line can be listened to, such as rtu:///dev/ttyUSB0")
    if not guess:
        run(_sniff(endpoint, seconds, _Printer(as_data=as_data, quiet=quiet)))
        return
    from mbap.cli.sniff_guess import guess as guessing

    run(guessing(endpoint, seconds))


def listening(endpoint: Endpoint) -> tuple[Overhearing, Any]:
    """What pairs the messages on *endpoint*, and what finds them."""
    from mbap.protocol.ascii import AsciiFraming
    from mbap.protocol.bus import BusFraming
    from mbap.protocol.overhearing import Overhearing
    from mbap.protocol.sides import Side
    from mbap.transport.line import LineSettings

    line = endpoint.line or LineSettings()
    is_ascii = endpoint.scheme.startswith("ascii")
    frames = AsciiFraming(Side.LISTENER, echo=False) if is_ascii else BusFraming()
    overhearing = Overhearing(
        frames, character=line.character, characters_a_byte=2 if is_ascii else 1, silence=line.silence
    )
    return overhearing, frames


async def _sniff(endpoint: Endpoint, seconds: float | None, printer: _Printer) -> None:
    from mbap.cli.running import signals

    overhearing, frames = listening(endpoint)

    def heard(data: bytes, now: float) -> None:
        printer.show(overhearing.hear(data, now))

    def silent(now: float) -> None:
        rest = frames.silence() if hasattr(frames, "silence") else []
        printer.show(overhearing.silent(now, rest))

    began = time.monotonic()
    async with signals() as stop:
        keeping = asyncio.ensure_future(_keep_open(endpoint, heard, silent))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({keeping, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in (keeping, stopping):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
    printer.show(overhearing.end())
    printer.end(overhearing.heard, frames, endpoint, time.monotonic() - began)


async def _keep_open(endpoint: Endpoint, heard: Any, silent: Any) -> None:
    """Listen until this is cancelled, also after the adapter was unplugged.

    Raises:
        ConnectFailed: the port cannot be opened at first.
    """
    from mbap.errors import ConnectFailed
    from mbap.transport.ear import listen

    ear = await listen(endpoint, heard, silent)
    click.echo(f"listening to {endpoint.url}, sending nothing; stop with Ctrl-C", err=True)
    while True:
        try:
            await ear.lost.wait()
        finally:
            await ear.aclose()
        click.echo(f"{endpoint.url}: the port is gone; it is opened again as soon as it is back", err=True)
        while ear.lost.is_set():
            await asyncio.sleep(_PAUSE)
            with contextlib.suppress(ConnectFailed):
                ear = await listen(endpoint, heard, silent)


class _Printer:
    """Prints what was heard, as text or as JSON."""

    def __init__(self, *, as_data: bool, quiet: bool) -> None:
        self._as_data = as_data
        self._quiet = quiet
        self._offset = time.time() - time.monotonic()

    def show(self, overheard: Iterable[Overheard]) -> None:
        """Print exchanges."""
        if not self._quiet:
            for one in overheard:
                click.echo(json.dumps(self._data(one)) if self._as_data else paragraph(self._text(one)))

    def end(self, heard: Heard, frames: Any, endpoint: Endpoint, seconds: float) -> None:
        """Print the counts."""
        totals = _totals(heard, frames, endpoint, seconds)
        if self._as_data:
            click.echo(json.dumps({**totals, "rows": _rows_as_data(heard)}))
            return
        if heard.rows:
            click.echo(_table(heard))
        click.echo(paragraph(_sentence(totals)))

    def _text(self, one: Overheard) -> str:
        took = "" if one.seconds is None else f" after {one.seconds * 1000:.1f} ms"
        return (
            f"{self._time(one):%H:%M:%S.%f}"[:-3] + f"  unit {one.unit:<3} {_asked(one)}: {one.outcome}{took}"
        )

    def _data(self, one: Overheard) -> dict[str, object]:
        return {
            "time": self._time(one).isoformat(timespec="milliseconds"),
            "unit": one.unit,
            "function": one.function_code,
            "request": None if one.request is None else one.request.encode().hex(),
            "answer": None if one.answer is None else one.answer.hex(),
            "outcome": one.outcome,
            "ms": None if one.seconds is None else round(one.seconds * 1000, 2),
        }

    def _time(self, one: Overheard) -> datetime:
        return datetime.fromtimestamp(one.at + self._offset).astimezone()


def _asked(one: Overheard) -> str:
    if one.request is None:
        return f"function {one.function_code}"
    from mbap.addresses import describe

    places = [describe(where, address, count) for where, address, count, _ in one.request.spans()]
    return f"{one.request.title}, {places[0]}" if places else one.request.title


def _rows_as_data(heard: Heard) -> list[dict[str, object]]:
    return [
        {
            "unit": unit,
            "function": code,
            "requests": row.requests,
            "answers": row.answers,
            "exceptions": row.exceptions,
            "no_answer": row.silent,
            "mean_ms": round(row.mean * 1000, 1) if row.timed else None,
            "longest_ms": round(row.longest * 1000, 1) if row.timed else None,
        }
        for (unit, code), row in sorted(heard.rows.items())
    ]


def _table(heard: Heard) -> str:
    rows = [[_cell(value) for value in row.values()] for row in _rows_as_data(heard)]
    return table(_HEADS, rows, right=range(len(_HEADS)))


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _totals(heard: Heard, frames: Any, endpoint: Endpoint, seconds: float) -> dict[str, Any]:
    from mbap.transport.line import LineSettings

    line = endpoint.line or LineSettings()
    wrong = sum(getattr(frames, name, 0) for name in ("crc_errors", "lrc_errors", "malformed"))
    return {
        "seconds": round(seconds, 1),
        "bytes": heard.bytes,
        "frames": heard.frames,
        "check_errors": wrong,
        "noise": frames.noise,
        "torn": heard.torn,
        "unasked": heard.unasked,
        "other": heard.other,
        "used_percent": round(100 * line.time_of(heard.bytes) / max(seconds, 0.001), 1),
    }


def _sentence(totals: dict[str, Any]) -> str:
    if not totals["bytes"]:
        return (
            f"nothing was heard in {totals['seconds']:g} s: nobody talks, or the port is another, or A and B"
            " are swapped"
        )
    parts = [many(totals["frames"], "frame"), many(totals["check_errors"], "check error")]
    for name, what in (
        ("noise", "bytes of noise"),
        ("torn", "torn by a silence"),
        ("unasked", "that answered nothing"),
        ("other", "not in the table"),
    ):
        if totals[name]:
            parts.append(f"{totals[name]} {what}")
    if not totals["frames"]:
        parts.append("speed or parity may be wrong: --guess finds out")
    return f"{totals['seconds']:g} s, {', '.join(parts)}; the line was used for {totals['used_percent']:g} %"
