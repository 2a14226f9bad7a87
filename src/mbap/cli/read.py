"""`mbap read`: values of one device, once or again and again."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from mbap.addresses import Location, reference
from mbap.cli.connecting import DURATION, Asking, client_options, value_text
from mbap.cli.exits import ExitCode, exit_code
from mbap.cli.scanned import forms_with
from mbap.cli.tables import table
from mbap.errors import ConnectionLost, ModbusError, ResponseTimeout

if TYPE_CHECKING:
    from mbap.client.blocking import BlockingUnit
    from mbap.client.typed import Reading
    from mbap.values import Value


@click.command()
@click.argument("endpoint")
@click.argument("items", nargs=-1, required=True, metavar="ITEM...")
@client_options
@click.option("--every", type=DURATION, help="Read again and again, this far apart, until Ctrl-C.")
@click.option("--times", type=click.IntRange(1), help="With --every: end after so many readings.")
@forms_with("Print JSON: one object a reading, each on one line.", "Print CSV: one line a value.")
def command(
    asking: Asking,
    items: tuple[str, ...],
    order: str,
    every: float | None,
    times: int | None,
    form: str | None,
) -> int:
    """Read values from a device.

    ENDPOINT is tcp://HOST:PORT; a bare host will do, and port 502 is understood; rtu+tcp://, ascii+tcp://
    and udp:// work too, and ?source=ADDRESS says from which address of this machine. ITEM is a reference of
    a manual (40108) or an address counted from 0 (hr107; ir, co and di are the other tables), with a
    type after a colon: int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 bcd16 bcd32 bcd64
    string/N bool; uint16 where nothing is said. hr0..9 is a span, hr10.3 one bit of a register.

    \b
    Examples:
      mbap read 192.168.1.100 40108:float32 hr0..9 --unit 5
      mbap read tcp://plc:1502 ir0:int32,CDAB,scale=0.1
      mbap read plc co0..7 hr20:string/16 --json
      mbap read [::1]:1502 hr0 --every 500ms --csv
      mbap read rtu+tcp://moxa:4001 hr0..1 --unit 3 --quirk short-answers

    What could not be read is said on standard error, and the exit code is that of the first error:
    3 no connection, 4 no answer, 5 the device refused, 6 it sent nonsense.
    """
    if times is not None and every is None:
        raise click.UsageError("--times goes with --every")
    from mbap.client.typed import reading

    plans = [reading(item, order) for item in items]
    device = asking.client()
    printer = _PRINTERS[form](asking.endpoint, device.number, dated=every is not None)
    errors: list[ModbusError] = []
    try:
        for _ in _rounds(every, times):
            found = read_all(device, plans, asking.deadline)
            printer.show(found)
            errors = errors or [one.error for one in found if one.error]
    finally:
        device.close()
    if asking.quirks:
        _say_needed(device.quirks_used)
    return exit_code(errors[0]) or ExitCode.FAILED if errors else ExitCode.OK


def _say_needed(used: Mapping[str, int]) -> None:
    needed = ", ".join(f"{name.replace('_', '-')} {count}" for name, count in used.items())
    click.echo(f"quirks needed: {needed or 'none'}", err=True)


@dataclass(frozen=True, slots=True)
class Found:
    """What reading one item gave: values, or an error; None for both where it was not tried any more."""

    plan: Reading
    values: Sequence[Value | None] | None = None
    error: ModbusError | None = None


def _rounds(every: float | None, times: int | None) -> Iterator[None]:
    """Yields when it is time to read, on a fixed grid: what took too long is left out, not made up for."""
    start, done, number = time.monotonic(), 0, 0
    while True:
        yield
        done += 1
        if every is None or done == times:
            return
        number = max(number + 1, int((time.monotonic() - start) / every) + 1)
        time.sleep(max(start + number * every - time.monotonic(), 0))


def read_all(device: BlockingUnit, plans: Sequence[Reading], deadline: float | None) -> list[Found]:
    """Each item for itself; when nobody answers, the rest is not tried."""
    found: list[Found] = []
    silent = False
    for plan in plans:
        one = Found(plan) if silent else _read_one(device, plan, deadline)
        silent |= isinstance(one.error, (ConnectionLost, ResponseTimeout))
        found.append(one)
    return found


def _read_one(device: BlockingUnit, plan: Reading, deadline: float | None) -> Found:
    try:
        return Found(plan, device.carry_out(plan.values(device.leeway), deadline=deadline))
    except ModbusError as error:
        click.echo(f"error: {error}", err=True)
        return Found(plan, error=error)


def _lines(found: Sequence[Found]) -> Iterator[tuple[str, str, Reading, Value | None]]:
    """Reference, address, plan and value of everything that was read."""
    for one in found:
        if one.values is not None:
            place = one.plan.item.table
            for address, value in zip(one.plan.addresses, one.values, strict=True):
                spot = Location(place, address, one.plan.item.bit)
                yield reference(place, address), str(spot), one.plan, value


def as_text(found: Sequence[Found]) -> str:
    """A table of what was read; empty where nothing was."""
    rows = [(name, place, value_text(plan.encoding, value)) for name, place, plan, value in _lines(found)]
    return table(("reference", "address", "value"), rows) if rows else ""


class _Printer:
    def __init__(self, endpoint: str, unit: int, *, dated: bool) -> None:
        self.endpoint = endpoint
        self.unit = unit
        self.dated = dated

    def show(self, found: Sequence[Found]) -> None:
        text = as_text(found)
        if text and self.dated:
            click.echo(_now())
        if text:
            click.echo(text)


def as_json_line(endpoint: str, unit: int, found: Sequence[Found]) -> str:
    """The same for programs: one object with the time, who was asked, and each item with its values."""
    items = [_item(one) for one in found]
    return json.dumps(
        {"time": _now(), "endpoint": endpoint, "unit": unit, "items": items}, ensure_ascii=False
    )


def _item(one: Found) -> dict[str, object]:
    item: dict[str, object] = {"item": one.plan.item.text, "type": one.plan.encoding.type}
    if one.values is None:
        return item | {"error": "not tried any more" if one.error is None else str(one.error)}
    values = [
        {"reference": name, "address": place, "value": _short(plan, value)}
        for name, place, plan, value in _lines([one])
    ]
    return item | {"values": values}


class _JsonPrinter(_Printer):
    def show(self, found: Sequence[Found]) -> None:
        click.echo(as_json_line(self.endpoint, self.unit, found))


class _CsvPrinter(_Printer):
    def __init__(self, endpoint: str, unit: int, *, dated: bool) -> None:
        super().__init__(endpoint, unit, dated=dated)
        self._write([("time", "unit", "reference", "address", "type", "value")])

    def show(self, found: Sequence[Found]) -> None:
        now = _now()
        self._write(
            [
                (now, str(self.unit), name, place, plan.encoding.type, _csv_text(plan, value))
                for name, place, plan, value in _lines(found)
            ]
        )

    def _write(self, rows: Sequence[Sequence[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        click.echo(text.getvalue(), nl=False)


_PRINTERS: dict[str | None, type[_Printer]] = {None: _Printer, "json": _JsonPrinter, "csv": _CsvPrinter}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _short(plan: Reading, value: Value | None) -> Value | None:
    """A float of 32 bits with the digits it has, and not those of its 64-bit neighbour."""
    return float(plan.encoding.text(value)) if isinstance(value, float) else value


def _csv_text(plan: Reading, value: Value | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else plan.encoding.text(value)
