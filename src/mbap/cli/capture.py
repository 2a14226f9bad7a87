"""`mbap capture`: what Modbus clients and servers said, out of a capture file or live."""

from __future__ import annotations

import os
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mbap.cli.connecting import DURATION
from mbap.cli.exits import ExitCode

if TYPE_CHECKING:
    from mbap.cli.captureinput import Input
    from mbap.cli.captureoutputs import Output, Wanted
    from mbap.diagnose.capturefilter import Filter


_SLOW: Final = 1.0
"""Seconds."""
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", required=False, metavar="FILE|-")
@click.argument("words", nargs=-1, metavar="[FILTER]...")
@click.option("-i", "--interface", metavar="NAME", help="Capture on this network card, by tcpdump.")
@click.option("-f", "--filter", "text", default="", metavar="FILTER", help="Only exchanges that fit.")
@click.option(
    "-p",
    "--port",
    "ports",
    multiple=True,
    type=click.IntRange(1, 65535),
    default=(502,),
    show_default=True,
    help="Of Modbus servers; may be repeated.",
)
@click.option(
    "--stats", is_flag=True, help="Print counts instead: talkers, functions, blocks, what went wrong."
)
@click.option("--slow", type=DURATION, help="For --stats: an answer is slow from here on; 1s unless told.")
@click.option("--writes", is_flag=True, help="Print every write instead: by whom, old and new values.")
@click.option("--timeline", is_flag=True, help="Print activity over time instead, and who appeared when.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: exchanges, writes, or one of the reports.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: an object a line; of reports, one object.")
@click.option("--to-device", type=_FILE, metavar="FILE", help="Write a device file for mbap serve.")
@click.option("--to-profile", type=_FILE, metavar="FILE", help="Write a draft of a profile: what is polled.")
@click.option("--to-policy", type=_FILE, metavar="FILE", help="Write rules of a firewall: what was done.")
@click.option("--overwrite", is_flag=True, help="Write files anew that are there already.")
@click.option("-c", "--count", type=click.IntRange(1), help="End after so many exchanges.")
def command(
    file: str | None,
    words: tuple[str, ...],
    interface: str | None,
    text: str,
    ports: tuple[int, ...],
    count: int | None,
    **asked: Any,
) -> int:
    """Print the exchanges in a capture: requests with their answers, as Modbus clients and servers made them.

    FILE is a pcap or pcapng file, what mbap sniff --json printed, or a trace of mbap record; a single - reads
    standard input, also live. FILTER is what Wireshark calls a display filter, or short: unit == 5,
    register in 100..120, delay > 1s, time in 22:13..22:14, write, unanswered, retransmission. Times are UTC.

    \b
    Examples:
      mbap capture plant.pcapng
      mbap capture plant.pcapng unit == 5 and write
      mbap capture -f 'modbus.func_code == 16 && ip.addr == 10.0.0.5' plant.pcapng
      mbap capture --stats --timeline plant.pcapng
      tcpdump -i eth0 -U -w - port 502 | mbap capture -
      mbap capture -i lo --port 1502

    --csv with --stats is a row a block, with --timeline one a stretch of time. It ends with Ctrl-C where it
    reads live. What is broken in a file ends it with a sentence, after all that
    was whole; the exit code is 1 then.
    """
    from mbap.cli.captureinput import opened, words_of
    from mbap.cli.captureoutputs import outputs
    from mbap.diagnose.capturefilter import Filter

    if interface is not None and file is not None:
        words, file = (file, *words), None
    if interface is None and file is None:
        raise click.UsageError("name a capture file, - for standard input, or -i and a network card")
    wanted = _wanted(**asked)
    fits = Filter(words_of(text, words))
    for sentence in fits.says:
        click.echo(f"note: {sentence}", err=True)
    made = outputs(wanted)
    with opened(file, interface, ports, watched=not wanted.lists) as source:
        return _printed(source, fits, made, count)


def _wanted(
    to_device: Path | None, to_profile: Path | None, to_policy: Path | None, slow: float | None, **asked: Any
) -> Wanted:
    """What is to be made.

    Raises:
        UsageError: the options do not go together.
    """
    from mbap.cli.captureoutputs import Wanted

    given = (("device", to_device), ("profile", to_profile), ("policy", to_policy))
    wanted = Wanted(
        files=[(kind, path) for kind, path in given if path is not None],
        slow=_SLOW if slow is None else slow,
        **asked,
    )
    if wanted.as_csv and wanted.as_json:
        raise click.UsageError("print CSV or JSON: --csv and --json do not go together")
    if wanted.as_csv and wanted.stats + wanted.timeline + wanted.writes > 1:
        raise click.UsageError("CSV is one table: --csv goes with one of --stats, --timeline and --writes")
    if slow is not None and not wanted.stats:
        raise click.UsageError("--slow says what --stats counts as a slow answer: give --stats too")
    if wanted.overwrite and not wanted.files:
        raise click.UsageError("--overwrite goes with --to-device, --to-profile or --to-policy")
    return wanted


def _printed(source: Input, fits: Filter, made: list[Output], count: int | None) -> int:
    """Read all that there is, and print what is made of it; the exit code."""
    from mbap.cli.captureoutputs import totals

    try:
        taken = _read(source, fits, made, count)
        source.read()
        wrong = [text for output in made if (text := _ended(output))]
        sys.stdout.flush()
    except BrokenPipeError:
        return _unread()
    click.echo(totals(source, taken), err=True)
    if source.problem:
        wrong.insert(0, f"{source.name}: {source.problem}")
    for text in wrong:
        click.echo(f"error: {text}", err=True)
    return int(ExitCode.FAILED if wrong else ExitCode.OK)


def _unread() -> int:
    """Whoever read what is printed has enough: nothing is to be said."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(ExitCode.OK)


def _ended(output: Output) -> str:
    """End *output*; gives what it could not do."""
    try:
        output.end()
    except ValueError as problem:
        return str(problem)
    return ""


def _read(source: Input, fits: Filter, made: list[Output], count: int | None) -> int:
    """Hand the exchanges that fit to every output; gives how many."""
    from mbap.diagnose.capture import AT_ONCE

    takes, everything, flush = [one.take for one in made], not str(fits), source.live
    exchanges, at_once, taken = iter(source), AT_ONCE if source.stored else 1, 0
    while batch := list(islice(exchanges, at_once if count is None else min(at_once, count - taken))):
        if not everything:
            batch = [exchange for exchange in batch if fits.fits(exchange)]
        taken += len(batch)
        for take in takes:
            for exchange in batch:
                take(exchange)
        if flush:
            sys.stdout.flush()
    return taken
