"""`mbap encode` for the function codes that few devices have."""

from __future__ import annotations

import click

from mbap.addresses import Table, parse_item
from mbap.cli.frameout import Output, frame_options, word
from mbap.protocol.hextext import parse_hex

_CODES = ("basic", "regular", "extended", "object")
_DIAGNOSTICS_DATA = b"\0\0"


@click.command("function")
@click.argument("code", type=click.IntRange(1, 127))
@click.argument("data", metavar="[HEX]", nargs=-1)
@frame_options
def function(code: int, data: tuple[str, ...], output: Output) -> None:
    """Any function CODE with any data after it, as it is.

    \b
    Examples:
      mbap encode function 7
      mbap encode function 66 01 02 03
    """
    from mbap.protocol.pdu import Opaque

    output.print([Opaque(code, parse_hex(" ".join(data)) if data else b"")])


@click.command("diagnostics")
@click.argument("sub_function", metavar="SUB-FUNCTION", type=word)
@click.argument("data", metavar="[HEX]", nargs=-1)
@frame_options
def diagnostics(sub_function: int, data: tuple[str, ...], output: Output) -> None:
    """Test the line or read a counter: function 8. Without HEX the data is 00 00.

    \b
    Examples:
      mbap encode diagnostics 0 A5 37
      mbap encode diagnostics 11 --framing rtu
    """
    from mbap.protocol.pdu import Diagnostics

    output.print([Diagnostics(sub_function, parse_hex(" ".join(data)) if data else _DIAGNOSTICS_DATA)])


@click.command("device-id")
@click.argument("code", type=click.Choice(_CODES), default="basic")
@click.option(
    "--object", "object_id", type=click.IntRange(0, 255), default=0, help="The first one, or the one."
)
@frame_options
def device_id(code: str, object_id: int, output: Output) -> None:
    """Ask who the device is: function 43, type 14.

    \b
    Examples:
      mbap encode device-id
      mbap encode device-id object --object 2
    """
    from mbap.protocol.pdu import ReadDeviceIdentification

    output.print([ReadDeviceIdentification(1 + _CODES.index(code), object_id)])


@click.command("file")
@click.argument("groups", metavar="FILE:RECORD:COUNT|FILE:RECORD=VALUES...", nargs=-1, required=True)
@frame_options
def file(groups: tuple[str, ...], output: Output) -> None:
    """Read or write records of files: functions 20 and 21.

    All groups are one request.

    \b
    Examples:
      mbap encode file 4:1:2 3:9:2
      mbap encode file 4:7=1711,1214,0x100D
    """
    from mbap.protocol.pdu import FileRecord, FileRecordData, ReadFileRecord, WriteFileRecord

    writes = [group.partition("=") for group in groups if "=" in group]
    if not writes:
        output.print([ReadFileRecord([FileRecord(*_numbers(group, ":", 3)) for group in groups])])
        return
    if len(writes) < len(groups):
        raise ValueError("one request reads or writes: give either FILE:RECORD:COUNT or FILE:RECORD=VALUES")
    places = [_numbers(place, ":", 2) for place, _, _ in writes]
    values = [_numbers(text, ",", 0) for _, _, text in writes]
    records = [FileRecordData(place[0], place[1], some) for place, some in zip(places, values, strict=True)]
    output.print([WriteFileRecord(records)])


@click.command("fifo")
@click.argument("item")
@frame_options
def fifo(item: str, output: Output) -> None:
    """Read a queue of registers: function 24.

    ITEM is its pointer, a holding register.

    \b
    Example:
      mbap encode fifo hr1246
    """
    from mbap.protocol.pdu import ReadFifoQueue

    place = parse_item(item)
    if place.table is not Table.HOLDING_REGISTERS:
        raise ValueError(f"{place.text}: a queue's pointer is a holding register, such as hr1246")
    output.print([ReadFifoQueue(place.address)])


def _numbers(text: str, between: str, count: int) -> list[int]:
    """The numbers of *text*, as many as *count* says unless that is 0."""
    numbers = [word(part) for part in text.split(between)]
    if count and len(numbers) != count:
        raise ValueError(f"{text!r} should be FILE:RECORD:COUNT to read, or FILE:RECORD=VALUES to write")
    return numbers


COMMANDS = (function, diagnostics, device_id, file, fifo)
