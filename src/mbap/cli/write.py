"""`mbap write`: values into one device, read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from mbap.addresses import Location, describe, parse_assignment, reference
from mbap.cli.connecting import Asking, client_options, value_text
from mbap.cli.exits import ExitCode
from mbap.cli.tables import table
from mbap.errors import ModbusError, OutcomeUnknown

if TYPE_CHECKING:
    from mbap.addresses import Item
    from mbap.client.blocking import BlockingUnit, Client
    from mbap.client.typed import Given, Writing
    from mbap.values import Encoding, Value

_WORDS = {
    **dict.fromkeys(("on", "true", "yes", "1"), True),
    **dict.fromkeys(("off", "false", "no", "0"), False),
}


@click.command()
@click.argument("endpoint")
@click.argument("assignments", nargs=-1, required=True, metavar="ITEM=VALUE...")
@client_options
@click.option(
    "--verify/--no-verify", default=True, help="Read back what was written, and compare; on by default."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    asking: Asking,
    assignments: tuple[str, ...],
    order: str,
    verify: bool,
    as_json: bool,
) -> int:
    """Write values to a device and read them back.

    ENDPOINT is tcp://HOST:PORT as for `mbap read`; a bare host will do. ITEM is a coil (co3, 00004) or
    holding registers (hr10, 40011), with a type after a colon as for `mbap read`. Coils and bits take on and
    off. A span takes its values with commas: hr0..2=1,2,3. Everything is understood before anything is
    written; then each item is one request, in the order given, and the first error ends it. No write is ever
    repeated, except where the device was busy and refused it.

    \b
    Examples:
      mbap write tcp://192.168.1.100 hr10=42 co3=on
      mbap write plc 40108:float32=1.5 --order CDAB --unit 5
      mbap write plc hr10.3=off
      mbap write plc hr40..47:string="Pump 7" --no-verify

    Exit code 7 says that nobody knows whether a write was carried out, or that the device shows something
    else than was written.
    """
    plans = [planned(assignment, order) for assignment in assignments]
    from mbap.transport.endpoint import parse_endpoint

    device = asking.client()
    try:
        done, error = (
            broadcast_all(device, plans, asking.deadline)
            if device.number == 0 and parse_endpoint(asking.endpoint).line is not None
            else write_all(device, plans, asking.deadline, verify=verify)
        )
    finally:
        device.close()
    printer = print_json if as_json else print_text
    printer(asking.endpoint, device.number, done, plans[len(done) :], error)
    if error is not None:
        raise error
    return ExitCode.OK if all(one.agrees is not False for one in done) else ExitCode.NOT_VERIFIED


@dataclass(frozen=True, slots=True)
class Done:
    """One write that the device confirmed, and what reading it back gave.

    Attributes:
        agrees: None where it was not read back.
        note: what is there instead, or why it could not be read back.
    """

    plan: Writing
    agrees: bool | None = None
    note: str = ""


def planned(assignment: str, order: str) -> Writing:
    """What `ITEM=VALUE` means as a write; `ValueError` says what is wrong with it."""
    from mbap.client.typed import item_encoding, writing

    item, text = parse_assignment(assignment)
    return writing(item, _given(item, item_encoding(item, order), text), order)


def _given(item: Item, encoding: Encoding, text: str) -> Given:
    from mbap.client.typed import TEXTS

    if encoding.type in TEXTS:
        return text if item.count is None else [text]
    if item.count is None:
        return _value(item, encoding, text)
    return [_value(item, encoding, part.strip()) for part in text.split(",")]


def _value(item: Item, encoding: Encoding, text: str) -> Value:
    if encoding.type == "bool":
        if text.lower() not in _WORDS:
            raise ValueError(f"{item.text} takes on or off, not {text!r}")
        return _WORDS[text.lower()]
    for read in (int, lambda digits: int(digits, 0), float):
        try:
            return read(text)
        except ValueError:
            continue
    raise ValueError(f"{item.text} takes a number, not {text!r}")


def write_all(
    device: BlockingUnit, plans: Sequence[Writing], deadline: float | None, *, verify: bool
) -> tuple[list[Done], ModbusError | None]:
    """Write in order until the first error; what was done, and that error."""
    done: list[Done] = []
    for plan in plans:
        try:
            device.execute(plan.request, deadline=deadline)
        except ModbusError as error:
            return done, error
        done.append(_read_back(device, plan, deadline) if verify else Done(plan))
    return done, None


def broadcast_all(
    device: Client, plans: Sequence[Writing], deadline: float | None
) -> tuple[list[Done], ModbusError | None]:
    """The same to every unit of a serial line, none of which answers, so that nothing can be read back."""
    done: list[Done] = []
    for plan in plans:
        try:
            device.broadcast(plan.request, deadline=deadline)
        except ModbusError as error:
            return done, error
        done.append(Done(plan, None, "sent to every unit; nobody answers"))
    return done, None


def _read_back(device: BlockingUnit, plan: Writing, deadline: float | None) -> Done:
    try:
        answer = device.execute(plan.read_back, deadline=deadline)
    except ModbusError as error:
        return Done(plan, False, f"written, but it cannot be read back: {error.reason}")
    if plan.agrees(answer):
        return Done(plan, True)
    return Done(plan, False, f"written, but it reads {_shown(plan, plan.values(answer))}")


def print_text(
    endpoint: str, unit: int, done: Sequence[Done], left: Sequence[Writing], error: ModbusError | None
) -> None:
    """A table of what was written, and on standard error what was not tried any more."""
    rows = [(*_names(one.plan), given_text(one.plan), _state(one)) for one in done]
    if rows:
        click.echo(table(("reference", "address", "value", ""), rows))
    if error is not None and len(left) > 1:
        click.echo(f"not written: {', '.join(plan.item.text for plan in left[1:])}", err=True)


def print_json(
    endpoint: str, unit: int, done: Sequence[Done], left: Sequence[Writing], error: ModbusError | None
) -> None:
    """One object: what was written, and what is left, the first of which *error* is about."""
    writes = [_as_json(one.plan) | _done_as_json(one) for one in done]
    writes += [_as_json(plan) | {"written": False} for plan in left]
    if error is not None:
        # Of the first that is left nobody may know: the error says so.
        writes[len(done)] |= {
            "written": None if isinstance(error, OutcomeUnknown) else False,
            "error": str(error),
        }
    click.echo(json.dumps({"endpoint": endpoint, "unit": unit, "writes": writes}, ensure_ascii=False))


def _done_as_json(one: Done) -> dict[str, object]:
    return {"written": True, "verified": one.agrees} | ({"note": one.note} if one.note else {})


def given_text(plan: Writing) -> str:
    """The values that are to be written, for people."""
    return _shown(plan, _listed(plan.given))


def place_text(plan: Writing) -> str:
    """Where they are to be written, in both notations."""
    item = plan.item
    one = 1 if item.table.holds_bits else plan.encoding.count
    place = describe(item.table, item.address, item.count or one)
    return place if item.bit is None else f"bit {item.bit} of {place}"


def _as_json(plan: Writing) -> dict[str, object]:
    name, place = _names(plan)
    return {"item": plan.item.text, "reference": name, "address": place, "value": plan.given}


def _names(plan: Writing) -> tuple[str, str]:
    item = plan.item
    return reference(item.table, item.address), str(Location(item.table, item.address, item.bit))


def _listed(given: Given) -> Sequence[Value | None]:
    return [given] if isinstance(given, str) or not isinstance(given, Sequence) else given


def _shown(plan: Writing, values: Sequence[Value | None]) -> str:
    return ", ".join(value_text(plan.encoding, value) for value in values)


def _state(one: Done) -> str:
    return one.note or ("read back, the same" if one.agrees else "written, not read back")
