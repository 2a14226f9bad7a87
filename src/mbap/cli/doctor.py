"""`mbap doctor`: why a device does not answer, or not rightly, and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, Unpack

import click

from mbap.cli.ahead import Ahead
from mbap.cli.doctorasked import Asked, refuse_what_is_not_for, wish_options, wishes_of
from mbap.cli.exits import ExitCode, exit_code
from mbap.cli.findings import show_finding, show_prescription, show_verdict
from mbap.cli.securing import Trust, tls_options

if TYPE_CHECKING:
    from mbap.diagnose.doctor.case import Case, Wishes
    from mbap.diagnose.doctor.finding import Finding
    from mbap.diagnose.doctor.prescription import Prescription
    from mbap.transport.endpoint import Endpoint


@click.command()
@click.argument("endpoint", required=False)
@wish_options
@click.option(
    "--listen", metavar="URL", help="Look at the server on this machine: does it listen, may clients come in."
)
@tls_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    endpoint: str | None, listen: str | None, as_json: bool, tls: Trust, **asked: Unpack[Asked]
) -> int:
    """Find out why a device does not answer, or not rightly.

    Walks from the cable to the value, and says of each step what was seen, what it means and what to do. It
    only reads, over one connection, with a rest before each request, but for ten that tell whether it needs
    one. ENDPOINT is as for mbap read.

    \b
    Examples:
      mbap doctor 192.168.1.100
      mbap doctor tcp://gateway --unit 5 --scan-units
      mbap doctor plc --ports --json
      mbap doctor meter --known hr100=231.5
      mbap doctor meter --profile sdm630 --connections 8 --idle 2m
      sudo mbap doctor --listen tcp://0.0.0.0:502

    The exit code is 0 when nothing is wrong, and otherwise that of the error: 3 no connection, 4 no answer,
    5 the device refuses, 6 it sends nonsense, 1 for what is none of these.
    """
    if endpoint is None and listen is None:
        raise click.UsageError(
            "say which device: mbap doctor tcp://192.168.1.100, or --listen tcp://0.0.0.0:502"
        )
    if endpoint is not None and listen is not None:
        raise click.UsageError("either ENDPOINT or --listen: one examination at a time")
    from mbap.transport.endpoint import parse_endpoint

    if listen is not None:
        place = parse_endpoint(listen, listening=True)
        refuse_what_is_not_for("--listen", here=True)
        return _listen(place, wishes_of(asked, tls, place), as_json=as_json)
    assert endpoint is not None
    from mbap.diagnose.doctor.case import Case

    place = parse_endpoint(endpoint)
    refuse_what_is_not_for(place.url, serial=place.line is not None, datagrams=place.datagrams)
    return report(Case(place, wishes_of(asked, tls, place)), as_json=as_json)


def report(case: Case, *, as_json: bool = False) -> int:
    """Examine *case* and print what is found, each finding as it comes; gives the exit code."""
    from mbap.diagnose.doctor.prescription import prescribe
    from mbap.diagnose.doctor.walk import examine

    with Ahead() as ahead:
        found = _shown(examine(case, ahead.tell), as_json=as_json, ahead=ahead)
    _end(case.endpoint.url, case.known.unit, found, prescribe(case), as_json=as_json)
    return status(found)


def _listen(endpoint: Endpoint, wishes: Wishes, *, as_json: bool) -> int:
    from mbap.diagnose.doctor.case import Case
    from mbap.diagnose.doctor.listening import listeners_now, listening, seen_from_here
    from mbap.diagnose.doctor.walk import FROM_HERE, examine

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
