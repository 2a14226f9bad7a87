"""`mbap poll`: takes the options of mbpoll and prints what its users expect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_REFUSED = {
    "-u": "asking a device who it is: `client.report_server_id()` does it from Python",
    "-R": "RS-485 by RTS: `mbap read rtu:///dev/ttyS1?rs485=on` has the driver do it",
    "-F": "RS-485 by RTS: `mbap read rtu:///dev/ttyS1?rs485=on` has the driver do it",
    "-S": "streams: `mbap read --every 1s --csv` prints values for programs",
    "-O": "an output file: write > FILE behind the command",
    "-x": "hexadecimal references: `mbap read HOST hr0x10` takes them",
    "-Q": "unit 0 and those above 247 need no permission here: leave -Q out",
    "-X": "answers to broadcasts: nobody may answer one",
    "-w": "mbpoll's warranty; that of mbap is in its LICENSE",
}


def _refuse(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value not in (None, False):
        name = parameter.opts[0]
        raise click.UsageError(f"{name} of mbpoll is not here: {_REFUSED[name]}")


def _refused(name: str, *, takes: bool = False) -> Callable[[F], F]:
    return click.option(
        name,
        f"refused_{name[1:]}_{'lower' if name.islower() else 'upper'}",
        is_flag=not takes,
        expose_value=False,
        callback=_refuse,
        help="Not here; says what is instead.",
    )


@click.command()
@click.argument("host")
@click.argument("values", nargs=-1)
@click.option(
    "-m",
    "mode",
    type=click.Choice(["tcp", "rtu"]),
    default="tcp",
    show_default=True,
    help="How HOST is reached; rtu: HOST is a serial port.",
)
@click.option(
    "-a",
    "units",
    default="1",
    show_default=True,
    metavar="UNITS",
    help="Units: 1, or 32,33,36:40 to read of several.",
)
@click.option(
    "-r",
    "start",
    type=int,
    default=1,
    show_default=True,
    metavar="REFERENCE",
    help="The first reference, counted from 1.",
)
@click.option("-c", "count", type=int, default=None, help="How many values to read, 1 to 125.  [default: 1]")
@click.option(
    "-t",
    "kind",
    default="4",
    show_default=True,
    metavar="TYPE",
    help="0 coils, 1 discrete inputs, 3 input, 4 holding registers; these with :hex :int16 :int :float.",
)
@click.option("-0", "zero", is_flag=True, help="References count from 0.")
@click.option("-B", "big", is_flag=True, help="32 bits with the upper half first.")
@click.option("-1", "once", is_flag=True, help="Poll once.")
@click.option(
    "-l",
    "rate",
    type=click.IntRange(10),
    default=1000,
    show_default=True,
    metavar="MS",
    help="Milliseconds from poll to poll.",
)
@click.option(
    "-o",
    "timeout",
    type=click.FloatRange(0.01, 10),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for an answer.",
)
@click.option("-p", "port", type=click.IntRange(1, 65535), default=None, help="The TCP port.  [default: 502]")
@click.option(
    "-b",
    "baudrate",
    type=click.IntRange(1200, 921600),
    default=None,
    help="Speed of the serial line.  [default: 19200]",
)
@click.option(
    "-d",
    "databits",
    type=click.Choice(["7", "8"]),
    default="8",
    show_default=True,
    help="Data bits of the serial line; RTU has 8.",
)
@click.option(
    "-s",
    "stopbits",
    type=click.Choice(["1", "2"]),
    default="1",
    show_default=True,
    help="Stop bits of the serial line.",
)
@click.option(
    "-P",
    "parity",
    type=click.Choice(["none", "even", "odd"]),
    default="even",
    show_default=True,
    help="Parity of the serial line.",
)
@click.option("-W", "many", is_flag=True, help="Write a single register by function code 16.")
@click.option("-v", "verbose", is_flag=True, help="Show the bytes of requests and answers.")
@click.option("-q", "quiet", is_flag=True, help="No lines about the settings.")
@click.version_option(None, "-V", package_name="mbap", message="mbap %(version)s", help="Print the version.")
@_refused("-u")
@_refused("-R")
@_refused("-F")
@_refused("-S")
@_refused("-O", takes=True)
@_refused("-x")
@_refused("-Q")
@_refused("-X")
@_refused("-w")
def command(
    host: str,
    values: tuple[str, ...],
    mode: str,
    units: str,
    start: int,
    count: int | None,
    kind: str,
    zero: bool,
    big: bool,
    once: bool,
    rate: int,
    timeout: float,
    port: int | None,
    baudrate: int | None,
    databits: str,
    stopbits: str,
    parity: str,
    many: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Read or write with the options of mbpoll.

    HOST is a host, or a serial port with -m rtu. VALUES are written; negative ones go behind two dashes.
    What is printed is what mbpoll prints; exit codes are those of mbap. Use `mbap read` and `mbap write` for
    all types, orders, JSON, and writes that are read back.

    \b
    Examples:
      mbap poll -m tcp -t 4:float -r 1 -c 10 192.168.1.100
      mbap poll -1 -a 1:3 -t 3 -r 100 plc
      mbap poll -m rtu -b 9600 -P none -t 0 -r 5 /dev/ttyUSB0 1
      mbap poll -t 4:int -r 1 plc -- -5 12
    """
    from mbap.cli.pollasked import Asked, parse_kind, parse_units, parse_value
    from mbap.cli.pollrunning import Line, run

    if values and count is not None:
        raise click.UsageError("-c goes with reading: as many are written as values are given")
    line = Line(mode, host, port, baudrate, databits, stopbits, parity, timeout, rate)
    what = parse_kind(kind)
    asked = Asked(parse_units(units), what, start, len(values) or (1 if count is None else count), zero, big)
    plan = asked.writing([parse_value(one, what) for one in values]) if values else None
    return run(line, asked, plan, once=once, many=many, verbose=verbose, quiet=quiet)
