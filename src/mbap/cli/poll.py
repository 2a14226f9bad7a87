"""`mbap poll`: takes the options of mbpoll and prints what its users expect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from mbap.cli.pollasked import Asked
    from mbap.client.typed import Writing

F = TypeVar("F", bound=Callable[..., Any])

_REFUSED = {
    "-S": "streams: `mbap read --every 1s --csv` prints values for programs",
    "-O": "an output file: write > FILE behind the command",
    "-X": "it lets a server answer broadcasts, and this is a client: leave -X out",
    "-w": "mbpoll's warranty; that of mbap is in its LICENSE",
}


# ParamType is generic from click 8.4 on.
class _Number(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A whole number from *first* to *last*, in decimal or, from 0x on, in hexadecimal."""

    name = "number"

    def __init__(self, first: int, last: int | None = None) -> None:
        self._range = click.IntRange(first, last)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        if text.isascii() and text.isdigit() and text.startswith("0") and text.strip("0"):
            self.fail(
                f"{text!r} is octal to mbpoll: write {text.lstrip('0')} without zeros before it", param, ctx
            )
        try:
            number = int(text, 0)
        except ValueError:
            self.fail(f"{text!r} is no whole number, such as 10 or 0x0A", param, ctx)
        return int(self._range.convert(number, param, ctx))


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


_WHERE = (
    click.argument("host"),
    click.option(
        "-m",
        "mode",
        type=click.Choice(["tcp", "rtu"], case_sensitive=False),
        default=None,
        help="How HOST is reached; without it by TCP, or RTU where it is named like a serial port.",
    ),
    click.option("-p", "port", type=_Number(1, 65535), metavar="PORT", help="The TCP port.  [default: 502]"),
    click.option(
        "-b",
        "baudrate",
        type=_Number(1200, 921600),
        metavar="BAUDRATE",
        help="Speed of the serial line.  [default: 19200]",
    ),
    click.option(
        "-d",
        "databits",
        type=click.Choice(["7", "8"]),
        default="8",
        show_default=True,
        help="Data bits of the serial line; RTU has 8.",
    ),
    click.option(
        "-s",
        "stopbits",
        type=click.Choice(["1", "2"]),
        default="1",
        show_default=True,
        help="Stop bits of the serial line.",
    ),
    click.option(
        "-P",
        "parity",
        type=click.Choice(["none", "even", "odd"], case_sensitive=False),
        default="even",
        show_default=True,
        help="Parity of the serial line.",
    ),
    click.option("-F", "rts", is_flag=True, help="RS-485: have the driver set RTS while it sends."),
    click.option("-R", "rts_after", is_flag=True, help="RS-485: have the driver clear RTS while it sends."),
    click.option(
        "-l",
        "rate",
        type=_Number(10),
        default=1000,
        show_default=True,
        metavar="MS",
        help="Milliseconds from poll to poll; 10 at least.",
    ),
    click.option(
        "-o",
        "timeout",
        type=click.FloatRange(0.01, 10),
        default=1.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for an answer, 0.01 to 10.",
    ),
)
"""How the host is reached: the fields of `pollline.Line`."""

_WHAT = (
    click.argument("values", nargs=-1),
    click.option(
        "-a",
        "units",
        default="1",
        show_default=True,
        metavar="UNITS",
        help="Units: 1, or 32,33,36:40 to read of several.",
    ),
    click.option(
        "-r",
        "starts",
        default="1",
        show_default=True,
        metavar="REFERENCES",
        help="The first reference, counted from 1; or 1,5,20:24 for one value each.",
    ),
    click.option(
        "-c",
        "count",
        type=_Number(0),
        metavar="COUNT",
        help="How many values to read, 1 to 125.  [default: 1]",
    ),
    click.option(
        "-t",
        "kind",
        default="4",
        show_default=True,
        metavar="TYPE",
        help="0 coils, 1 discrete inputs, 3 input, 4 holding registers; these with "
        ":hex :int16 :string :int :float.",
    ),
    click.option("-0", "zero", is_flag=True, help="References count from 0."),
    click.option("-B", "big", is_flag=True, help="32 bits with the upper half first."),
    click.option("-x", "hexadecimal", is_flag=True, help="Show references in hexadecimal."),
)
"""Which values."""


def _all(options: Sequence[Callable[[F], F]]) -> Callable[[F], F]:
    def add(command: F) -> F:
        for one in reversed(options):
            command = one(command)
        return command

    return add


@click.command()
@_all(_WHERE)
@_all(_WHAT)
@click.option("-u", "report", is_flag=True, help="Ask the device who it is, by function code 17.")
@click.option("-1", "once", is_flag=True, help="Poll once.")
@click.option("-W", "many", is_flag=True, help="Write a single register by function code 16.")
@click.option(
    "-Q", expose_value=False, is_flag=True, help="For mbpoll's scripts: units 0 to 255 are taken anyway."
)
@click.option("-v", "verbose", is_flag=True, help="Show the bytes of every frame.")
@click.option("-q", "quiet", is_flag=True, help="No lines about the settings.")
@click.version_option(None, "-V", package_name="mbap", message="mbap %(version)s", help="Print the version.")
@_refused("-S")
@_refused("-O", takes=True)
@_refused("-X")
@_refused("-w")
def command(*, report: bool, once: bool, many: bool, verbose: bool, quiet: bool, **given: Any) -> int:
    """Read or write with the options of mbpoll.

    HOST is a host, or a serial port. VALUES are written; negative ones go behind two dashes. What is printed
    is what mbpoll prints; exit codes are those of mbap. Use `mbap read` and `mbap write` for all types,
    orders, JSON, and writes that are read back.

    \b
    Examples:
      mbap poll -m tcp -t 4:float -r 1 -c 10 192.168.1.100
      mbap poll -1 -a 1:3 -t 3 -r 100 plc
      mbap poll -1 -x -0 -r 0x10,0x20:0x23 plc
      mbap poll -b 9600 -P none -t 0 -r 5 /dev/ttyUSB0 1
      mbap poll -t 4:int -r 1 plc -- -5 12
      mbap poll -u -a 5 /dev/ttyUSB0
    """
    from mbap.cli.pollline import Line
    from mbap.cli.pollrunning import polling

    line = Line(**{name: given.pop(name) for name in Line.__slots__})
    asked, plan = _asked(**given)
    if line.serial and 0 in asked.units and (plan is None or report):
        raise click.UsageError("-a 0 is every unit of a serial line: it is written to, and nobody answers")
    if report:
        _check_report(asked, writes=plan is not None)
    with polling(line, many=many, verbose=verbose) as connected:
        if report:
            return connected.report(asked.units[0])
        if not quiet:
            click.echo(line.described(asked))
        return connected.read(asked, once=once) if plan is None else connected.write(asked, plan)


def _asked(
    *, values: Sequence[str], units: str, starts: str, count: int | None, kind: str, zero: bool, **shown: bool
) -> tuple[Asked, Writing | None]:
    """Which values, and the write of them where there are any.

    Raises:
        ValueError: they are not possible.
    """
    from mbap.cli.pollasked import Asked, parse_kind, parse_starts, parse_units, parse_value

    if values and count is not None:
        raise click.UsageError("-c goes with reading: as many are written as values are given")
    what = parse_kind(kind)
    where = parse_starts(starts, zero=zero)
    if values and len(where) > 1:
        raise ValueError("a list of references is for reading: write to one with -r")
    asked = Asked(
        parse_units(units), what, where, len(values) or (1 if count is None else count), zero, **shown
    )
    if not values:
        return asked, None
    plan = asked.writing([parse_value(one, what) for one in values])
    if len(asked.units) > 1:
        raise ValueError("a list of units is for reading: write to one with -a")
    return asked, plan


def _check_report(asked: Asked, *, writes: bool) -> None:
    if writes:
        raise click.UsageError("-u asks a device who it is: leave VALUES out")
    if len(asked.units) > 1:
        raise click.UsageError("-u asks one unit: name it with -a")
