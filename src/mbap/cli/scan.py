"""`mbap scan`: hosts, units, registers and functions that answer."""

from __future__ import annotations

from pathlib import Path

import click

from mbap.cli.groups import Listing
from mbap.cli.newfile import check_new, overwriting
from mbap.cli.scanasking import asking_of, device_options
from mbap.cli.scanfunctions import functions
from mbap.cli.scanhosts import hosts
from mbap.cli.scanned import forms, parse_span
from mbap.cli.scanunits import units
from mbap.cli.securing import Trust, tls_options


class Scan(Listing):
    """What is no command of the group is a network: `mbap scan 192.168.1.0/24`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["hosts", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Scan, short_help="find hosts, units, registers and functions that answer")
def command() -> None:
    """Find hosts, units, registers and functions that answer. It only reads, and slowly: devices fall over.

    A network may stand in the place of the command: that is `mbap scan hosts`.

    \b
    Examples:
      mbap scan 192.168.1.0/24
      mbap scan units tcp://gateway
      mbap scan registers tcp://plc --table holding --range 0-999
      mbap scan functions tcp://plc
    """


command.add_command(hosts)
command.add_command(units)
command.add_command(functions)


@command.command()
@click.argument("endpoint")
@click.option(
    "-u", "--unit", type=click.IntRange(0, 255), help="The unit; without it, and without #5, it is 1."
)
@click.option(
    "--table",
    type=click.Choice(["holding", "input", "coil", "discrete"]),
    default="holding",
    show_default=True,
    help="The table to look at.",
)
@click.option(
    "--range", "span", default="0-999", show_default=True, metavar="FIRST-LAST", help="Its addresses."
)
@click.option(
    "--largest", type=click.IntRange(1, 2000), help="Ask for no more at once; without it 125, or 2000 bits."
)
@click.option(
    "--step",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Where long reads are refused, look at every N-th address, and beside those that answer; what lies"
    " between stays unknown.",
)
@click.option("--most", type=click.IntRange(1), help="End after so many requests; what is left is unknown.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the answers in this file, and go on from it.",
)
@click.option(
    "--to-profile", type=click.Path(dir_okay=False, path_type=Path), help="Write a profile to begin with."
)
@overwriting
@device_options("2s")
@tls_options
@forms
def registers(
    endpoint: str,
    unit: int | None,
    table: str,
    span: str,
    largest: int | None,
    step: int,
    most: int | None,
    state: Path | None,
    to_profile: Path | None,
    overwrite: bool,
    timeout: float,
    pause: float,
    form: str | None,
    tls: Trust,
) -> int:
    """Find out which addresses can be read: long reads first, single ones where those are refused.

    Each address that cannot be read is asked alone, once: that makes it exact, and many requests. --step and
    --most make it shorter; what is unknown then is said. Ctrl-C ends it with what was found until then.

    \b
    Examples:
      mbap scan registers tcp://plc --table holding --range 0-999
      mbap scan registers tcp://meter --table input --range 0-400 \\
          --to-profile meter.toml
      mbap scan registers tcp://plc --range 0-65535 --step 100 \\
          --state plc.answers
    """
    from mbap.addresses import Table
    from mbap.cli.surveyed import Outputs, look
    from mbap.diagnose.scan.walk import Walk

    first, last = parse_span(span, 0xFFFF)
    if largest is not None and largest > 125 and table in ("holding", "input"):
        raise click.UsageError(f"--largest {largest}: a read gives 125 registers at most")
    check_new(to_profile, overwrite=overwrite)
    asking, number = asking_of(endpoint, unit, timeout, pause, tls)
    walk = Walk(Table(table), first, last, largest, step)
    return look(asking, number, walk, most, Outputs(state, to_profile, form))
