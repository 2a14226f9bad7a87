"""`mbap scan`: hosts, units, registers and functions that answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mbap.cli.ahead import Ahead
from mbap.cli.connecting import DURATION
from mbap.cli.exits import ExitCode
from mbap.cli.scanned import Rows, echo_rows, forms, parse_span
from mbap.cli.securing import Trust, tls_options

if TYPE_CHECKING:
    from mbap.diagnose.doctor.asking import Asking
    from mbap.diagnose.scan.hosts import Gentleness, Host
    from mbap.diagnose.scan.units import Unit


class Scan(click.Group):
    """What is no command of the group is a network: `mbap scan 192.168.1.0/24`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands:
            args = ["hosts", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=Scan, short_help="find hosts, units, registers and functions that answer")
def command() -> None:
    """Find hosts, units, registers and functions that answer. It only reads, and slowly: devices fall over.

    A network may stand in the place of the command: that is `mbap scan hosts`.

    \b
    mbap scan 192.168.1.0/24
    mbap scan units tcp://gateway
    mbap scan registers tcp://plc --table holding --range 0-999
    mbap scan functions tcp://plc
    """


@command.command()
@click.argument("networks", nargs=-1, required=True, metavar="NETWORK...")
@click.option("--ports", default="502", show_default=True, metavar="LIST", help="Ports to try: 502,802,1502.")
@click.option(
    "--timeout", type=DURATION, default="1s", show_default=True, help="For connecting, and for an answer."
)
@click.option(
    "--at-once", type=click.IntRange(1, 256), default=16, show_default=True, help="Connections at once."
)
@click.option(
    "--rate", type=click.FloatRange(0.1, 1000), default=50, show_default=True, help="Connections a second."
)
@click.option(
    "--max-hosts", type=click.IntRange(1, 65536), default=4096, show_default=True, help="Refuse more."
)
@click.option("--public", is_flag=True, help="Scan public addresses, too: you may, as their owner said so.")
@forms
def hosts(
    networks: tuple[str, ...],
    ports: str,
    timeout: float,
    at_once: int,
    rate: float,
    max_hosts: int,
    public: bool,
    form: str | None,
) -> int:
    """Find hosts that speak Modbus. NETWORK is 192.168.1.0/24, 192.168.1.10-50 or 192.168.1.7.

    \b
    mbap scan 192.168.1.0/24
    mbap scan 10.0.0.0/24 10.0.1.5 --ports 502,1502 --json
    """
    from mbap.diagnose.scan.hosts import Gentleness
    from mbap.diagnose.scan.targets import hosts as named

    addresses = named(networks, public=public, most=max_hosts)
    places = [(address, port) for port in _ports(ports) for address in addresses]
    found = asyncio.run(_hosts(places, Gentleness(at_once, rate, timeout)))
    found.sort(key=lambda host: places.index((host.address, host.port)))
    heads = ("address", "port", "modbus", "units", "answer", "who")
    rows = [_host_row(host) for host in found]
    data = [{**_fields(host), "identity": host.identity} for host in found]
    echo_rows(
        Rows(heads, rows, data, right=(1, 4)), form, f"{len(places)} asked, {len(found)} with an open port"
    )
    return ExitCode.OK if any(host.modbus for host in found) else ExitCode.FAILED


async def _hosts(places: Sequence[tuple[str, int]], gentleness: Gentleness) -> list[Host]:
    from mbap.diagnose.scan.hosts import scan

    with Ahead() as ahead:
        return [host async for host in scan(places, gentleness, lambda share: ahead.tell(share, "hosts"))]


def _ports(text: str) -> list[int]:
    ports = [int(word) if word.strip().isdecimal() else 0 for word in text.split(",")]
    if not all(0 < port < 65536 for port in ports):
        raise click.BadParameter(f"{text!r} is not a list of ports such as 502,1502", param_hint="--ports")
    return ports


def _host_row(host: Host) -> tuple[str, ...]:
    from mbap.diagnose.scan.identity import in_short

    units = ", ".join(map(str, host.units))
    took = "" if host.seconds is None else f"{host.seconds * 1000:.3g} ms"
    who = in_short(host.identity) or host.remark
    return host.address, str(host.port), "yes" if host.modbus else "no", units, took, who


def _fields(host: Host) -> dict[str, object]:
    return {
        "address": host.address,
        "port": host.port,
        "modbus": host.modbus,
        "units": list(host.units),
        "seconds": None if host.seconds is None else round(host.seconds, 5),
        "remark": host.remark,
    }


@command.command()
@click.argument("endpoint")
@click.option(
    "--range", "span", default="0-255", show_default=True, metavar="FIRST-LAST", help="Units to ask."
)
@click.option("--timeout", type=DURATION, default="1s", show_default=True, help="How long to wait for each.")
@click.option("--pause", type=DURATION, default="50ms", show_default=True, help="Rest before each request.")
@tls_options
@forms
def units(endpoint: str, span: str, timeout: float, pause: float, form: str | None, tls: Trust) -> int:
    """Find the units behind ENDPOINT: each is asked for one register, and those that answer who they are.

    \b
    mbap scan units tcp://gateway
    mbap scan units rtu:///dev/ttyUSB0?baudrate=9600 --range 1-32
    """
    from mbap.diagnose.scan.units import scan

    first, last = parse_span(span, 255)
    asking, _ = _asking(endpoint, None, timeout, pause, tls)
    with Ahead() as ahead:
        try:
            asked = list(scan(asking, range(first, last + 1), lambda share: ahead.tell(share, "units")))
        finally:
            asking.close()
    found = [unit for unit in asked if unit.present]
    heads = ("unit", "answer", "took", "who")
    data = [_unit_fields(unit) for unit in found]
    rows = Rows(heads, [_unit_row(unit) for unit in found], data, right=(0, 2))
    echo_rows(rows, form, f"{len(asked)} asked, {len(found)} answered")
    return ExitCode.OK if found else ExitCode.TIMEOUT


def _unit_row(unit: Unit) -> tuple[str, ...]:
    from mbap.diagnose.scan.identity import in_short

    return str(unit.number), unit.said, f"{unit.seconds * 1000:.3g} ms", in_short(unit.identity)


def _unit_fields(unit: Unit) -> dict[str, object]:
    return {
        "unit": unit.number,
        "answer": unit.said,
        "seconds": round(unit.seconds, 5),
        "identity": unit.identity,
    }


@command.command()
@click.argument("endpoint")
@click.option(
    "-u", "--unit", type=click.IntRange(0, 255), help="The unit; without it, and without #5, it is 1."
)
@click.option(
    "--writes", is_flag=True, help="Ask for 15, 16 and 23, too: with no values, which has to be refused."
)
@click.option("--timeout", type=DURATION, default="2s", show_default=True, help="How long to wait for each.")
@click.option("--pause", type=DURATION, default="50ms", show_default=True, help="Rest before each request.")
@tls_options
@forms
def functions(
    endpoint: str, unit: int | None, writes: bool, timeout: float, pause: float, form: str | None, tls: Trust
) -> int:
    """Find the function codes that a device has, by asking each for something small.

    \b
    mbap scan functions tcp://plc --unit 5
    mbap scan functions tcp://plc --json
    """
    from mbap.diagnose.scan.functions import scan

    asking, number = _asking(endpoint, unit, timeout, pause, tls)
    with Ahead() as ahead:
        try:
            scanned = scan(asking, number, writes=writes, tell=lambda share: ahead.tell(share, "functions"))
            found = list(scanned)
        finally:
            asking.close()
    words = {True: "yes", False: "no", None: "unclear"}
    rows = [
        (str(one.code), one.title, words[one.present], one.said, f"{one.seconds * 1000:.3g} ms")
        for one in found
    ]
    data = [
        {"function": one.code, "title": one.title, "present": one.present, "answer": one.said}
        for one in found
    ]
    count = sum(one.present is True for one in found)
    heads = ("function", "title", "there", "answer", "took")
    echo_rows(Rows(heads, rows, data, right=(0, 4)), form, f"{len(found)} asked, {count} there")
    return ExitCode.OK if count else ExitCode.TIMEOUT


def _asking(endpoint: str, unit: int | None, timeout: float, pause: float, tls: Trust) -> tuple[Asking, int]:
    """What asks it, and the unit."""
    from mbap.diagnose.doctor.asking import Asking
    from mbap.transport.endpoint import parse_endpoint

    place = parse_endpoint(endpoint)
    number = place.unit if unit is None else unit
    return Asking(
        place.url, timeout=timeout, pause=pause, tls=tls.settings_for([place])
    ), 1 if number is None else number


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
@click.option(
    "--timeout", type=DURATION, default="2s", show_default=True, help="How long to wait for each read."
)
@click.option("--pause", type=DURATION, default="50ms", show_default=True, help="Rest before each request.")
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
    timeout: float,
    pause: float,
    form: str | None,
    tls: Trust,
) -> int:
    """Find out which addresses can be read: long reads first, single ones where those are refused.

    Each address that cannot be read is asked alone, once: that makes it exact, and many requests. --step and
    --most make it shorter; what is unknown then is said. Ctrl-C ends it with what was found until then.

    \b
    mbap scan registers tcp://plc --table holding --range 0-999
    mbap scan registers tcp://meter --table input --range 0-400 --to-profile meter.toml
    mbap scan registers tcp://plc --range 0-65535 --step 100 --state plc.answers
    """
    from mbap.addresses import Table
    from mbap.cli.surveyed import Outputs, look
    from mbap.diagnose.scan.walk import Walk

    first, last = parse_span(span, 0xFFFF)
    asking, number = _asking(endpoint, unit, timeout, pause, tls)
    walk = Walk(Table(table), first, last, largest, step)
    return look(asking, number, walk, most, Outputs(state, to_profile, form))
