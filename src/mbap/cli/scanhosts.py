"""`mbap scan hosts`: who speaks Modbus in a network, and what is there where nobody does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mbap.cli.connecting import DURATION
from mbap.cli.counted import amount
from mbap.cli.exits import STOPPED, ExitCode
from mbap.cli.printable import printable
from mbap.cli.scanned import Rows, echo_rows, forms
from mbap.cli.securing import Trust, tls_options
from mbap.cli.surveying import estimating

if TYPE_CHECKING:
    from mbap.diagnose.scan.host import Host, Manner, Place, Shut
    from mbap.diagnose.scan.hosts import Gentleness

_HEADS = ("host", "port", "speaks", "units", "took", "who")
_KEYS = ("address", "port", "url", "modbus", "speaks", "units", "seconds", "who", "remark")


@click.command()
@click.argument("networks", nargs=-1, required=True, metavar="NETWORK...")
@click.option(
    "--ports",
    default="502",
    show_default=True,
    metavar="LIST",
    help="Ports to try: 502,802,5020-5024,rtu+tcp:4001,udp:502; 802 is TLS.",
)
@click.option(
    "--units", default="1,255,0", show_default=True, metavar="LIST", help="Units to ask for: 1,255,0 or 1-10."
)
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
@click.option(
    "--modbus-only", is_flag=True, help="Do not greet those that do not answer Modbus as HTTP, TLS and so on."
)
@click.option("--public", is_flag=True, help="Scan public addresses, too: you may, as their owner said so.")
@tls_options
@forms
def hosts(
    networks: tuple[str, ...],
    ports: str,
    units: str,
    timeout: float,
    at_once: int,
    rate: float,
    max_hosts: int,
    modbus_only: bool,
    public: bool,
    form: str | None,
    tls: Trust,
) -> int:
    """Find hosts that speak Modbus, and what else is at the ports.

    NETWORK is 192.168.1.0/24, 192.168.1.10-50, 192.168.1.7 or a name.

    \b
    Examples:
      mbap scan 192.168.1.0/24
      mbap scan 10.0.0.0/24 10.0.1.5 --ports 502,802,1502 --json
      mbap scan hosts 10.0.0.10-50 --ports rtu+tcp:4001 --units 1-5
    """
    from mbap.diagnose.scan import targets
    from mbap.diagnose.scan.host import Manner, Place
    from mbap.diagnose.scan.hosts import Gentleness

    wanted = targets.ports(ports)
    if tls.given and not any(scheme == "tls" for scheme, _ in wanted):
        raise click.UsageError("--ca goes with a port that has TLS: --ports 802, or --ports tls:8802")
    manner = Manner(timeout, targets.units(units), tls.settings(), not modbus_only)
    addresses = targets.hosts(networks, public=public, most=max_hosts)
    places = [Place(address, port, scheme) for scheme, port in wanted for address in addresses]
    return _look(places, manner, Gentleness(at_once, rate), form)


def _look(places: Sequence[Place], manner: Manner, gentleness: Gentleness, form: str | None) -> int:
    """Scan and print what was found, also when that is ended before; gives the exit code."""
    found: list[Host] = []
    shut: Counter[Shut] = Counter()
    stopped = False
    try:
        asyncio.run(_scan(places, manner, gentleness, found, shut))
    except KeyboardInterrupt:
        stopped = True
    order = {(place.address, place.port): at for at, place in enumerate(places)}
    found.sort(key=lambda host: order[host.place.address, host.place.port])
    data = [_fields(host) for host in found]
    rows = Rows(_HEADS, [_row(host) for host in found], data, right=(1, 4), keys=_KEYS)
    speaking = sum(host.modbus for host in found)
    asked = len(found) + shut.total()
    parts = [f"{len(found):,} open", f"{speaking:,} with Modbus"]
    parts += [f"{count:,} {why}" for why, count in shut.most_common()]
    of = f" of {len(places):,}" if stopped else ""
    echo_rows(rows, form, f"{amount(asked, 'port')}{of} asked: {', '.join(parts)}")
    _say_next([host.place.url for host in found if host.modbus and not host.units])
    if stopped:
        click.echo("stopped", err=True)
        return STOPPED
    return ExitCode.OK if speaking else ExitCode.FAILED


def _say_next(unitless: Sequence[str]) -> None:
    """Where Modbus is spoken and nobody was met, as behind a gateway: what finds the units."""
    if unitless:
        more = f", and so at {len(unitless) - 1:,} more" if len(unitless) > 1 else ""
        click.echo(f"to find the units there: mbap scan units {unitless[0]}{more}", err=True)


async def _scan(
    places: Sequence[Place],
    manner: Manner,
    gentleness: Gentleness,
    found: list[Host],
    shut: Counter[Shut],
) -> None:
    from mbap.diagnose.scan.hosts import scan

    with estimating(len(places), "port") as tell:
        async for host in scan(places, manner, gentleness, tell, lambda why: shut.update([why])):
            found.append(host)  # noqa: PERF401 - what was found before Ctrl-C stays


def _row(host: Host) -> tuple[str, ...]:
    from mbap.diagnose.doctor.finding import spoken

    units = ", ".join(map(str, host.units))
    took = "" if host.seconds is None else spoken(host.seconds)
    place = host.place
    return place.address, str(place.port), host.speaks or "nothing", units, took, printable(_who(host))


def _who(host: Host) -> str:
    """Who its units say they are; said once where they all say the same."""
    from mbap.diagnose.scan.identity import in_short

    said = {unit: in_short(identity) for unit, identity in host.identity.items()}
    if len(set(said.values())) <= 1:
        return next(iter(said.values()), host.remark)
    return "; ".join(f"{unit}: {who}" for unit, who in said.items())


def _fields(host: Host) -> dict[str, object]:
    shown = host.shown
    certificate = shown.certificate if shown else None
    return {
        "address": host.place.address,
        "port": host.place.port,
        "url": host.place.url,
        "modbus": host.modbus,
        "speaks": host.speaks,
        "units": list(host.units),
        "seconds": None if host.seconds is None else round(host.seconds, 5),
        "who": _who(host) if host.identity else "",
        "identity": {str(unit): said for unit, said in host.identity.items()},
        "remark": host.remark,
        "certificate": None
        if certificate is None
        else {
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "not_after": certificate.not_after,
            "fingerprint": certificate.fingerprint,
        },
        "asks_for_certificate": bool(shown and shown.asks),
    }
