"""Whether a connection can be made: refused, filtered and no way there told apart."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from mbap.diagnose.doctor.case import Case
from mbap.diagnose.doctor.finding import Finding, Severity, ok, spoken
from mbap.diagnose.doctor.way import neighbour_now
from mbap.errors import ConnectFailed

LIKELY_PORTS = (502, 802, 1502, 5020)
"""Where Modbus is found: the standard's, that of TLS, and what programs take that may not have those."""


class Ways(NamedTuple):
    """What else is known of the way when a connection failed.

    Attributes:
        pinged: whether the host answered a ping; None where that was not tried.
        hardware: the hardware address in the same network; empty: nobody answered for it; None: unknown.
        seconds: after which it failed.
    """

    pinged: bool | None
    hardware: str | None
    seconds: float


def connect(case: Case) -> Iterator[Finding]:
    """Make a connection, and close it."""
    began = case.clock()
    try:
        wire = case.open(protected=False)
    except ConnectFailed as error:
        seconds = case.clock() - began
        known = case.known
        ways = Ways(None if known.ping is None else known.ping > 0, neighbour_now(known.address), seconds)
        yield with_other_ports(case, judge(case, error, ways))
        return
    case.known.connecting = case.clock() - began
    wire.close()
    yield connected(case)


def connected(case: Case) -> Finding:
    """It could be made."""
    endpoint, seconds = case.endpoint, case.known.connecting or 0.0
    data = {"seconds": round(seconds, 5)}
    if endpoint.line is not None:
        return ok("connect", f"the port {endpoint.host} could be opened", **data)
    if endpoint.datagrams:
        return ok("connect", "datagrams need no connection", **data)
    return ok("connect", f"port {endpoint.port} is open; connecting took {spoken(seconds)}", **data)


def with_other_ports(case: Case, fault: Finding) -> Finding:
    """*fault* with those of the likely ports that can be connected, where somebody asked for them."""
    if not case.wishes.ports or case.endpoint.line is not None:
        return fault
    others = list(open_ports(case))
    data = {**fault.data, "open_ports": others}
    if not others:
        tried = ", ".join(str(port) for port in LIKELY_PORTS if port != case.endpoint.port)
        tried_too = f"the ports {tried} cannot be connected either"
        means = f"{fault.means}; {tried_too}" if fault.means else tried_too
        return replace(fault, means=means, advice=fault.advice.replace(_TRY_PORTS, ""), data=data)
    open_ones = " and ".join(map(str, others))
    otherwise = fault.advice.replace(_TRY_PORTS, "")
    advice = f"ask {_elsewhere(case, others[0])}: port {open_ones} can be connected; otherwise {otherwise}"
    return replace(fault, advice=advice, data=data)


def open_ports(case: Case) -> Iterator[int]:
    """Those of the likely ports that can be connected."""
    for port in LIKELY_PORTS:
        if port == case.endpoint.port:
            continue
        case.sleep(case.wishes.pause)
        family = socket.AF_INET6 if ":" in case.known.address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as trying:
            trying.settimeout(case.wishes.timeout)
            if trying.connect_ex((case.known.address, port)) == 0:
                yield port


def judge(case: Case, error: ConnectFailed, ways: Ways) -> Finding:
    """What the failure *error* means, by all that is known."""
    problem = error.__cause__
    code = problem.errno if isinstance(problem, OSError) else None
    kind, means, advice = _meaning(case, code, isinstance(problem, TimeoutError), ways)
    data = {"kind": kind, "seconds": round(ways.seconds, 3)}
    return Finding(
        "connect", Severity.FAULT, error.reason, means, advice or error.advice, data, error, last=True
    )


def _elsewhere(case: Case, port: int) -> str:
    scheme = "tls" if port == 802 else case.endpoint.scheme
    return replace_port(case, scheme, port)


def replace_port(case: Case, scheme: str, port: int) -> str:
    """The URL of another port of the same host."""
    return replace(case.endpoint, scheme=scheme, port=port).url


def _meaning(case: Case, code: int | None, timed_out: bool, ways: Ways) -> tuple[str, str, str]:
    """The kind of failure, what it means and what to do."""
    if code == errno.ECONNREFUSED:
        return "refused", *_REFUSED
    if timed_out or code == errno.ETIMEDOUT:
        return _silence(ways)
    if code in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return _no_way(ways)
    if code in (errno.EACCES, errno.EPERM) and case.endpoint.line is None:
        return "local firewall", "a rule on this machine forbids the connection", "look at: nft list ruleset"
    return "failed", "", ""


_TRY_PORTS = " (--ports tries others)"
_REFUSED = (
    "the host is there and says that nothing serves this port, or a firewall says so in its place",
    f"switch Modbus TCP on in the device, check the port{_TRY_PORTS}, and whether another program"
    " holds the only connection that it has",
)


def _silence(ways: Ways) -> tuple[str, str, str]:
    if ways.hardware == "":
        return "absent", *_ABSENT
    if ways.pinged or ways.hardware:
        return (
            "filtered",
            "the host is there, and what is sent to this port is swallowed by a firewall, its own or another",
            "let this machine through to the port in the firewall, or in the device's list of clients",
        )
    return (
        "filtered or absent",
        "nothing came back: the host is off or has another address, or a firewall swallows everything",
        "check power, cable, address and network mask; then the firewalls between",
    )


def _no_way(ways: Ways) -> tuple[str, str, str]:
    if ways.hardware == "":
        return "absent", *_ABSENT
    if ways.pinged or ways.seconds < 0.5:
        return (
            "rejected",
            "a router or firewall on the way says that the host or the port is not to be reached",
            "let this machine through in the firewall, or check the route of the router that said so",
        )
    return "no route", "nobody on the way knows how to reach the host", "check the address and the gateway"


_ABSENT = (
    "nobody in this network answers for the address: the host is off, not plugged in, or has another address",
    "check power, cable and the address at the device's own display",
)
