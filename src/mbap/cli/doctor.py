"""`mbap doctor`: why a device does not answer, or not rightly, and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

import click

from mbap.cli.ahead import Ahead
from mbap.cli.connecting import DURATION
from mbap.cli.exits import ExitCode, exit_code
from mbap.cli.findings import show_finding, show_prescription, show_verdict
from mbap.cli.securing import Trust, tls_options

if TYPE_CHECKING:
    from mbap.collect.registermap import Profile
    from mbap.diagnose.doctor.case import Wishes
    from mbap.diagnose.doctor.finding import Finding
    from mbap.diagnose.doctor.prescription import Prescription


@click.command()
@click.argument("endpoint", required=False)
@click.option(
    "-u", "--unit", type=click.IntRange(0, 255), help="The unit; without it 1, 255 and 0 are tried."
)
@click.option(
    "--timeout", type=DURATION, default="2s", show_default=True, help="How long to wait for one answer."
)
@click.option("--pause", type=DURATION, default="20ms", show_default=True, help="Rest before each request.")
@click.option("--ports", is_flag=True, help="Where there is no connection, try 502, 802, 1502 and 5020.")
@click.option("--scan-units", is_flag=True, help="Ask all units from 1 to 247.")
@click.option("--profile", "profile_name", metavar="PROFILE", help="What is known of it: a name, or a file.")
@click.option("--reads", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Reads to time.")
@click.option(
    "--connections",
    type=click.IntRange(1, 64),
    help="Find out how many connections it takes, up to so many. Others may be locked out meanwhile.",
)
@click.option(
    "--idle", type=DURATION, help="Keep quiet for so long, and look whether it closes the connection."
)
@click.option(
    "--quirk", "quirks", multiple=True, metavar="NAME[=VALUE]", help="A quirk that is known already."
)
@click.option(
    "--listen", metavar="URL", help="Look at the server on this machine: does it listen, may clients come in."
)
@tls_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    endpoint: str | None,
    listen: str | None,
    unit: int | None,
    timeout: float,
    pause: float,
    ports: bool,
    scan_units: bool,
    profile_name: str | None,
    reads: int,
    connections: int | None,
    idle: float | None,
    quirks: tuple[str, ...],
    as_json: bool,
    tls: Trust,
) -> int:
    """Find out why a device does not answer, or not rightly.

    Walks from the cable to the value, and says of each step what was seen, what it means and what to do. It
    only reads, over one connection, with a rest before each request. ENDPOINT is as for mbap read.

    \b
    Examples:
      mbap doctor 192.168.1.100
      mbap doctor tcp://gateway --unit 5 --scan-units
      mbap doctor plc --ports --json
      sudo mbap doctor --listen tcp://0.0.0.0:502
      mbap doctor meter --profile sdm630 --connections 8 --idle 2m

    The exit code is 0 when nothing is wrong, and otherwise that of the error: 3 no connection, 4 no answer,
    5 the device refuses, 6 it sends nonsense, 1 for what is none of these.
    """
    from mbap.diagnose.doctor.case import Wishes

    if (endpoint is None) == (listen is None):
        raise click.UsageError(
            "say which device: mbap doctor tcp://192.168.1.100, or --listen tcp://0.0.0.0:502"
        )
    from mbap.client.quirks import Quirks

    wishes = Wishes(
        unit=unit,
        profile=_profile(profile_name),
        timeout=timeout,
        pause=pause,
        reads=reads,
        ports=ports,
        scan_units=scan_units,
        connections=connections or 0,
        idle=idle or 0.0,
        quirks=Quirks.parse(quirks),
        tls=tls.settings(),
    )
    if listen is not None:
        return _listen(listen, wishes, as_json=as_json)
    assert endpoint is not None
    return _examine(endpoint, wishes, as_json=as_json)


def _profile(name: str | None) -> Profile | None:
    if name is None:
        return None
    from mbap.collect.profiles import load_profile

    return load_profile(name)


def _examine(url: str, wishes: Wishes, *, as_json: bool) -> int:
    from mbap.diagnose.doctor.case import Case
    from mbap.diagnose.doctor.prescription import prescribe
    from mbap.diagnose.doctor.walk import examine
    from mbap.transport.endpoint import parse_endpoint

    case = Case(parse_endpoint(url), wishes)
    with Ahead() as ahead:
        found = _shown(examine(case, ahead.tell), as_json=as_json, ahead=ahead)
    _end(case.endpoint.url, case.known.unit, found, prescribe(case), as_json=as_json)
    return status(found)


def _listen(url: str, wishes: Wishes, *, as_json: bool) -> int:
    from mbap.diagnose.doctor.case import Case
    from mbap.diagnose.doctor.listening import listeners_now, listening, seen_from_here
    from mbap.diagnose.doctor.walk import FROM_HERE, examine
    from mbap.transport.endpoint import parse_endpoint

    endpoint = parse_endpoint(url, listening=True)
    if endpoint.line is not None:
        raise click.UsageError("a serial line is not listened on by an address: mbap doctor looks at it")
    here = seen_from_here(endpoint, listeners_now("udp" if endpoint.datagrams else "tcp"))
    findings = listening(endpoint)
    if here is not None:
        findings = chain(findings, examine(Case(here, wishes), walk=FROM_HERE))
    found = _shown(findings, as_json=as_json)
    _end(endpoint.url, None, found, None, as_json=as_json)
    return status(found)


def _shown(findings: Iterable[Finding], *, as_json: bool, ahead: Ahead | None = None) -> list[Finding]:
    """All of *findings*, each printed as it comes where that is wanted."""
    found = []
    for finding in findings:
        found.append(finding)
        if not as_json:
            if ahead is not None:
                ahead.hide()
            show_finding(finding)
    return found


def _end(
    url: str, unit: int | None, found: list[Finding], prescription: Prescription | None, *, as_json: bool
) -> None:
    """Print how it ended, or everything as JSON."""
    if not as_json:
        show_prescription(prescription)
        show_verdict(found)
        return
    document = {
        "endpoint": url,
        "unit": unit,
        "findings": [finding.as_json() for finding in found],
        "prescription": prescription.as_json() if prescription else None,
    }
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def status(found: list[Finding]) -> int:
    """0 when nothing is wrong, otherwise the code of the first fault."""
    from mbap.diagnose.doctor.finding import Severity

    fault = next((finding for finding in found if finding.severity is Severity.FAULT), None)
    if fault is None:
        return ExitCode.OK
    return (exit_code(fault.error) if fault.error else None) or ExitCode.FAILED
