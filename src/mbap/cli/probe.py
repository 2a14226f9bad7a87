"""`mbap probe`: what the registers of an unknown device probably hold, with the reasons."""

from __future__ import annotations

import json
import re
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mbap.addresses import Item, Location, Table, parse_item, parse_reference
from mbap.cli.connecting import DURATION, Asking, client_options
from mbap.cli.newfile import check_new, overwriting, write_new
from mbap.cli.probetext import Probed, as_json, text
from mbap.cli.progress import progress
from mbap.errors import IllegalDataAddress

if TYPE_CHECKING:
    from mbap.client.blocking import Client
    from mbap.diagnose.probefound import Sample
    from mbap.diagnose.probehints import Hints

MOST_REGISTERS = 500
MOST_TEXT = 1024 * 1024
READ_LINE = 8


@click.command()
@click.argument("endpoint", required=False)
@click.argument("items", nargs=-1, metavar="ITEM...")
@client_options
@click.option(
    "--samples", type=click.IntRange(1, 100), default=5, show_default=True, help="How often to read."
)
@click.option("--every", type=DURATION, default=1.0, show_default="1s", help="How far apart to read.")
@click.option(
    "--near",
    type=float,
    multiple=True,
    metavar="VALUE",
    help="Something shows about this value; may be repeated.",
)
@click.option(
    "--known", multiple=True, metavar="PLACE=VALUE", help="This place shows this value now; may be repeated."
)
@click.option("--slow", is_flag=True, help="Nothing here changes much from sample to sample.")
@click.option("--counter", is_flag=True, help="What changes here is counters.")
@click.option(
    "--registers",
    metavar="HEX",
    help="Probe these registers and no device; ENDPOINT is then where they begin.",
)
@click.option("--all", "every_reading", is_flag=True, help="Print every reading of every place, too.")
@click.option(
    "--to-profile",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a draft profile with the best guesses.",
)
@overwriting
@click.option("--json", "json_form", is_flag=True, help="Print JSON: one object.")
def command(
    asking: Asking,
    items: tuple[str, ...],
    order: str,
    samples: int,
    every: float,
    near: tuple[float, ...],
    known: tuple[str, ...],
    slow: bool,
    counter: bool,
    registers: str | None,
    every_reading: bool,
    to_profile: Path | None,
    overwrite: bool,
    json_form: bool,
) -> int:
    """Find out what registers hold: type, order of bytes and scale of each place, with the reasons.

    ENDPOINT and ITEM are those of `mbap read`, ITEM without a type. The registers are read a few times, and
    what they could be is weighed: exponents of floats, sizes of numbers, how values change, text, decimal
    digits, what no value looks like. Each place has its best guess, how sure it is, and why; --all shows
    every other reading as well. Nothing is written to the device.

    Instead of a device, registers can be given as hexadecimal words: with --registers, or with - as ENDPOINT
    from standard input, an empty line between samples; ITEM then says where they begin.

    \b
    Examples:
      mbap probe 192.168.1.100 hr0..19
      mbap probe plc ir0..79 --samples 10 --every 500ms --near 230 --near 50
      mbap probe plc hr100..120 --known hr100=231.5 --to-profile draft.toml
      mbap probe --registers "4366 8000 0000 08FD"
      mbap probe - hr100 < words.txt

    sure: the next other reading is 8 points or more behind; likely: 3 or more; open: look for yourself. A
    point is a bit of evidence. A hint that no reading agrees with is named. Exit codes are those of `mbap
    read`.
    """
    check_new(to_profile, overwrite=overwrite)
    places = [parse_reference(one.partition("=")[0]) for one in known]
    hinted = _Hinted(order, near, known, places, slow, counter)
    offline = _given_registers(asking.endpoint, registers)
    if offline is not None:
        _refuse_what_is_for_devices()
        first = [one for one in ([asking.endpoint] if registers is not None else []) if one]
        read = _Read("registers", [_where([*first, *items], offline)], [offline])
        hinted.check(read.spans, len(offline))
    else:
        read = _asked(asking, items, samples, every, hinted)
    probed, against = _probed(read, hinted)
    again = asking if offline is None else None
    _show(probed, against, read.source, again, to_profile, every_reading, json_form)
    return 0


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read: from where, which spans, and the samples of each."""

    source: str
    spans: Sequence[Item]
    samples: Sequence[Sequence[Sample]]


@dataclass(frozen=True, slots=True)
class _Hinted:
    """What the person knows, as it was given; *places* are those of *known*."""

    order: str
    near: Sequence[float]
    known: Sequence[str]
    places: Sequence[Location]
    slow: bool
    counter: bool

    def check(self, spans: Sequence[Item], samples: int) -> None:
        """Refuse, before anything is read, known values of other places, and what one sample cannot show."""
        for given, place in zip(self.known, self.places, strict=True):
            _known_value(given)
            if not any(_holds(span, place) for span in spans):
                raise click.UsageError(f"--known {given}: that place is not among those that are probed")
        if (self.slow or self.counter) and samples < 2:
            raise click.UsageError(
                "--slow and --counter say how values change, which one sample does not show: take two or more"
            )

    def of(self, table: Table) -> Hints:
        """The hints for registers of *table*."""
        from mbap.diagnose.probehints import Hints
        from mbap.values.orders import order_kind

        values = {
            place.address: _known_value(given)
            for place, given in zip(self.places, self.known, strict=True)
            if place.table is table
        }
        order = order_kind(self.order) if self.order else None
        return Hints(tuple(self.near), values, self.slow, self.counter, order)


def _asked(asking: Asking, items: Sequence[str], samples: int, every: float, hinted: _Hinted) -> _Read:
    """What a device answers."""
    if not asking.endpoint or not items:
        raise click.UsageError("give ENDPOINT and ITEM, such as: mbap probe 192.168.1.100 hr0..19")
    spans = [_span(one) for one in items]
    _check_amount(spans)
    hinted.check(spans, samples)
    device = asking.client()
    try:
        return _Read(asking.endpoint, spans, _sampled(device, spans, samples, every, asking.deadline))
    except IllegalDataAddress as refusal:
        table = refusal.target.table if refusal.target else None
        which = f" --table {table.value}" if table else ""
        finder = f"mbap scan registers {asking.endpoint}{which}"
        refusal.advice = f"not all of these addresses exist: {finder} finds those that do"
        raise
    finally:
        device.close()


def _show(
    probed: Sequence[Probed],
    against: Sequence[str],
    source: str,
    again: Asking | None,
    to_profile: Path | None,
    every_reading: bool,
    json_form: bool,
) -> None:
    from mbap.diagnose.probedraft import draft, items

    found = [(one.table, one.found) for one in probed]
    best = items(found)
    if json_form:
        whole = {"source": source, "read": best, "blocks": [as_json(one) for one in probed]}
        click.echo(json.dumps({**whole, "contradicted": against}, ensure_ascii=False))
        if to_profile is not None:
            write_new(to_profile, draft(found, source))
        return
    click.echo(text(probed, every_reading))
    for one in against:
        click.echo(f"\n{one}", err=True)
    if again is not None and best:
        click.echo("\nto read it so:\n" + _read_line(again, best))
    if to_profile is not None:
        write_new(to_profile, draft(found, source))
        click.echo(f"\nwritten: {to_profile}, a draft; next: mbap profile check {to_profile}")


def _read_line(asking: Asking, best: Sequence[str]) -> str:
    """The `mbap read` of *best*, a few of them on each line, with what was given of the device."""
    start = "  " + shlex.join(["mbap", "read", asking.endpoint, *asking.words])
    groups = [best[at : at + 3] for at in range(0, len(best), 3)]
    return " \\\n    ".join([start, *(" ".join(group) for group in groups)])


_FOR_DEVICES = ("unit", "timeout", "link", "retries", "deadline", "quirks", "samples", "every", "tls_ca")


def _refuse_what_is_for_devices() -> None:
    """Refuse options that say how a device is asked, where none is.

    Raises:
        click.UsageError: there is one.
    """
    context = click.get_current_context()
    for one in context.command.params:
        said = context.get_parameter_source(one.name or "") is click.core.ParameterSource.COMMANDLINE
        if one.name in _FOR_DEVICES and said:
            raise click.UsageError(
                f"{max(one.opts, key=len)} is for a device, and the registers are given here"
            )


def _given_registers(endpoint: str, registers: str | None) -> list[Sample] | None:
    """The samples that were given as text; None when a device is to be asked."""
    if registers is None and endpoint != "-":
        return None
    given = registers if registers is not None else sys.stdin.read(MOST_TEXT)
    found: list[Sample] = [_words(part) for part in re.split(r"\n\s*\n", given) if part.strip()]
    if not found or not found[0]:
        raise click.UsageError("there is no register: write hexadecimal words, such as 4366 8000")
    if len({len(sample) for sample in found}) > 1:
        raise click.UsageError(
            "an empty line separates samples, and all samples have the same number of registers"
        )
    if len(found[0]) > MOST_REGISTERS:
        raise click.UsageError(f"{len(found[0])} registers are too many at once: at most {MOST_REGISTERS}")
    return found


def _words(part: str) -> list[int]:
    from mbap.protocol.hextext import parse_hex

    data = parse_hex(part)
    if len(data) % 2:
        raise click.UsageError(f"{len(data)} bytes are no whole registers: a register is four hex digits")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


def _where(wanted: Sequence[str], samples: Sequence[Sample]) -> Item:
    """Where given registers begin: as the one ITEM says, or at hr0."""
    if len(wanted) > 1:
        raise click.UsageError("given registers are one span: say once where it begins, such as hr100")
    item = parse_item(wanted[0] if wanted else "hr0")
    _check_registers(item)
    return Item(item.text, item.table, item.address, len(samples[0]))


def _span(word: str) -> Item:
    item = parse_item(word)
    _check_registers(item)
    if ":" in word:
        raise click.UsageError(f"{word}: the type is what probing looks for; leave it out")
    return Item(item.text, item.table, item.address, item.count or 1)


def _check_registers(item: Item) -> None:
    if item.table.holds_bits:
        raise click.UsageError(
            f"{item.text}: coils and discrete inputs are bits, there is nothing to guess: mbap read"
        )
    if item.bit is not None:
        raise click.UsageError(f"{item.text}: probe whole registers")


def _check_amount(spans: Sequence[Item]) -> None:
    amount = sum(item.count or 1 for item in spans)
    if amount > MOST_REGISTERS:
        raise click.UsageError(f"{amount} registers are too many at once: at most {MOST_REGISTERS}")


def _sampled(
    device: Client, spans: Sequence[Item], samples: int, every: float, deadline: float | None
) -> list[list[Sample]]:
    """For each span its samples, read on a grid of time."""
    from mbap.client.typed import reading

    plans = [reading(item) for item in spans]
    found: list[list[Sample]] = [[] for _ in plans]
    with progress("reading") as tell:
        for number in _grid(samples, every):
            for plan, known in zip(plans, found, strict=True):
                values = device.carry_out(plan.values(device.leeway), deadline=deadline)
                known.append([None if value is None else int(value) for value in values])
            tell((number + 1) / samples)
    return found


def _grid(samples: int, every: float) -> Iterator[int]:
    start = time.monotonic()
    for number in range(samples):
        yield number
        if number + 1 < samples:
            time.sleep(max(start + (number + 1) * every - time.monotonic(), 0))


def _holds(span: Item, place: Location) -> bool:
    return span.table is place.table and 0 <= place.address - span.address < (span.count or 1)


def _known_value(given: str) -> float:
    value = given.partition("=")[2]
    try:
        return float(value)
    except ValueError:
        raise click.UsageError(f"--known {given}: write a place and a number, such as hr100=231.5") from None


def _probed(read: _Read, hinted: _Hinted) -> tuple[list[Probed], list[str]]:
    """What was found, and which hints go against it."""
    from mbap.diagnose.probe import probe_device
    from mbap.diagnose.probefound import Block
    from mbap.diagnose.probehinted import contradicted

    given = list(zip(read.spans, read.samples, (hinted.of(span.table) for span in read.spans), strict=True))
    found = probe_device([Block(samples, span.address, hints) for span, samples, hints in given])
    whole = list(zip(given, found, strict=True))
    probed = [Probed(span.table, span.address, samples, one) for (span, samples, _), one in whole]
    return probed, contradicted([(span.table, one, hints) for (span, _, hints), one in whole])
