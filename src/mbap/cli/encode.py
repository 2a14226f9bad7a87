"""`mbap encode`: frames built from what they should ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mbap.addresses import Table, parse_item
from mbap.cli import encode_rarer
from mbap.cli.frameout import Output, frame_options, word
from mbap.cli.groups import Listing

if TYPE_CHECKING:
    from mbap.addresses import Item
    from mbap.protocol.pdu import Request

F = TypeVar("F", bound=Callable[..., Any])


def order_option(command: F) -> F:
    """The order of bytes for values."""
    return click.option(
        "--order",
        default="",
        metavar="ORDER",
        help="Order of bytes where an item names none: ABCD, CDAB (words swapped), BADC, DCBA.",
    )(command)


@click.group(cls=Listing)
def command() -> None:
    """Build Modbus frames and print them in hexadecimal, one a line.

    Places and values are written as for `mbap read` and `mbap write`. Nothing is sent.

    \b
    Examples:
      mbap encode read 40108 3
      mbap encode write hr10=42 hr11=7 co3=on --unit 5
      mbap encode mask hr4 --and 0x00F2 --or 0x0025
      mbap encode read-write hr3..8 hr14..16=255,255,255
      mbap encode read hr107..109 --framing rtu
    """


for rarer in encode_rarer.COMMANDS:
    command.add_command(rarer)


@command.command()
@click.argument("item")
@click.argument("count", type=click.IntRange(1, 2000), required=False)
@order_option
@frame_options
def read(item: str, count: int | None, order: str, output: Output) -> None:
    """A read of ITEM: function 1, 2, 3 or 4 by its table.

    COUNT is how many addresses; without it ITEM says so by its type or as a span.

    \b
    Examples:
      mbap encode read 40108 3
      mbap encode read hr107..109 --unit 17
      mbap encode read ir8:float32
      mbap encode read co19 19
    """
    output.print(reads(parse_item(item), count, order))


@command.command()
@click.argument("assignments", nargs=-1, required=True, metavar="ITEM=VALUE...")
@click.option("--multiple", is_flag=True, help="Function 15 or 16 even for a single coil or register.")
@order_option
@frame_options
def write(assignments: tuple[str, ...], multiple: bool, order: str, output: Output) -> None:
    """Writes: function 5, 6, 15, 16, or 22 for one bit of a register.

    What follows one another in the same table is one frame; anything else is a frame of its own.

    \b
    Examples:
      mbap encode write hr10=42 hr11=7
      mbap encode write co3=on --transaction 0x1501
      mbap encode write 40108:float32=230.5 --order CDAB
      mbap encode write hr10.3=off
      mbap encode write hr1=3 --multiple
    """
    from mbap.cli.write import planned

    requests = [planned(assignment, order).request for assignment in assignments]
    output.print(joined(requests, multiple=multiple))


@command.command()
@click.argument("item")
@click.option("--and", "and_mask", type=word, required=True, help="Bits that are 1 here stay as they are.")
@click.option("--or", "or_mask", type=word, required=True, help="What the other bits become.")
@frame_options
def mask(item: str, and_mask: int, or_mask: int, output: Output) -> None:
    """Change bits of one holding register: function 22.

    \b
    Example:
      mbap encode mask hr4 --and 0x00F2 --or 0x0025
    """
    from mbap.protocol.pdu import MaskWriteRegister

    place = parse_item(item)
    _check_holding(place)
    output.print([MaskWriteRegister(place.address, and_mask, or_mask)])


@command.command("read-write")
@click.argument("item")
@click.argument("assignments", nargs=-1, required=True, metavar="ITEM=VALUE...")
@order_option
@frame_options
def read_write(item: str, assignments: tuple[str, ...], order: str, output: Output) -> None:
    """Write holding registers and read others in one request: function 23.

    \b
    Example:
      mbap encode read-write hr3..8 hr14..16=255,255,255
    """
    from mbap.cli.write import planned
    from mbap.client.typed import reading
    from mbap.protocol.pdu import ReadWriteMultipleRegisters, WriteMultipleRegisters

    place = parse_item(item)
    _check_holding(place)
    wanted = reading(place, order).addresses
    requests = [planned(assignment, order).request for assignment in assignments]
    written = joined(requests, multiple=True)
    if len(written) != 1 or not isinstance(written[0], WriteMultipleRegisters):
        raise ValueError(
            "function 23 writes holding registers that follow one another, such as hr14=1 hr15=2"
        )
    one = written[0]
    request = ReadWriteMultipleRegisters(wanted.start, len(wanted) * wanted.step, one.address, one.values)
    output.print([request])


def _check_holding(place: Item) -> None:
    if place.table is not Table.HOLDING_REGISTERS:
        raise ValueError(f"{place.text}: this function is for holding registers only, such as hr4 or 40005")


def reads(place: Item, count: int | None, order: str) -> Sequence[Request[Any]]:
    """The reads that give *place*, or *count* addresses from there.

    Raises:
        ValueError: both say how many.
    """
    from mbap.client.typed import read_request, reading

    if count is None:
        return reading(place, order).requests
    if place.count is not None or place.bit is not None:
        raise ValueError(f"{place.text} says by itself how many: leave the {count} out")
    return [read_request(place.table, place.address, count)]


@dataclass(slots=True)
class _Run:
    """Values for addresses that follow one another in one table."""

    table: Table | None
    address: int
    values: list[int]

    def continues_at(self, table: Table | None, address: int) -> bool:
        return table is self.table and address == self.address + len(self.values)

    def request(self, *, multiple: bool) -> Request[Any]:
        from mbap.protocol import pdu

        if self.table is Table.COILS:
            bits = [bool(value) for value in self.values]
            many = multiple or len(bits) > 1
            return (
                pdu.WriteMultipleCoils(self.address, bits)
                if many
                else pdu.WriteSingleCoil(self.address, bits[0])
            )
        if multiple or len(self.values) > 1:
            return pdu.WriteMultipleRegisters(self.address, self.values)
        return pdu.WriteSingleRegister(self.address, self.values[0])


def joined(requests: Sequence[Request[Any]], *, multiple: bool) -> list[Request[Any]]:
    """*requests* in their order, those that follow one another in the same table as one."""
    runs: list[_Run | Request[Any]] = []
    for request in requests:
        values = _values(request)
        last = runs[-1] if runs else None
        address = request.spans()[0][1]
        if not values:
            runs.append(request)
        elif isinstance(last, _Run) and last.continues_at(request.table, address):
            last.values += values
        else:
            runs.append(_Run(request.table, address, values))
    return [run.request(multiple=multiple) if isinstance(run, _Run) else run for run in runs]


def _values(request: Request[Any]) -> list[int]:
    """What *request* writes; nothing for a mask, which stays on its own."""
    from mbap.protocol import pdu

    if isinstance(request, (pdu.WriteSingleCoil, pdu.WriteSingleRegister)):
        return [int(request.value)]
    if isinstance(request, (pdu.WriteMultipleCoils, pdu.WriteMultipleRegisters)):
        return [int(value) for value in request.values]
    return []
