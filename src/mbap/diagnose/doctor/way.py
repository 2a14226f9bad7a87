"""The way to the host: its name, and the route that this machine takes."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

from mbap.diagnose.doctor.case import Case
from mbap.diagnose.doctor.finding import Finding, Severity, note, ok
from mbap.errors import ModbusError
from mbap.transport.tcp import connect_failed

ROUTES, NEIGHBOURS = Path("/proc/net/route"), Path("/proc/net/arp")
SLOW_NAME = 1.0


def name(case: Case) -> Iterator[Finding]:
    """Look the name up."""
    endpoint = case.endpoint
    if endpoint.line is not None:
        return
    began = case.clock()
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except OSError as problem:
        error = connect_failed(endpoint, problem, case.wishes.timeout)
        yield unknown_name(error)
        return
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    case.known.address = addresses[0]
    if addresses[0] == endpoint.host:
        yield ok("name", f"{endpoint.host} is an address: there is no name to look up", addresses=addresses)
    else:
        yield resolved(endpoint.host, addresses, case.clock() - began)


def unknown_name(error: ModbusError) -> Finding:
    """The name leads nowhere."""
    means = "the name is misspelled, or this machine asks a name server that does not know it"
    return Finding("name", Severity.FAULT, error.reason, means, error.advice, error=error, last=True)


def resolved(host: str, addresses: list[str], seconds: float) -> Finding:
    """The name leads to *addresses*, which took so many seconds."""
    data = {"addresses": addresses, "seconds": round(seconds, 4)}
    seen = f"{host} is {', '.join(addresses)}"
    if seconds >= SLOW_NAME:
        means = f"looking the name up took {seconds:.1f} s, each time a connection is made"
        return Finding("name", Severity.WARNING, seen, means, f"use the address {addresses[0]}", data)
    if len(addresses) > 1:
        means = f"{addresses[0]} is tried first, the others only when nothing answers there"
        return note("name", seen, means, f"if the wrong one is tried, use the address: {addresses[-1]}")
    return Finding("name", Severity.OK, seen, data=data)


def route(case: Case) -> Iterator[Finding]:
    """Ask the system from which address it would go there, and through which gateway."""
    if case.endpoint.line is not None:
        return
    address, port = case.known.address, case.endpoint.port
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as trying:
        try:
            if case.endpoint.source is not None:
                trying.bind((case.endpoint.source, 0))
            trying.connect((address, port))
            source = str(trying.getsockname()[0])
        except OSError as problem:
            yield no_route(case, problem)
            return
    yield routed(address, source, gateway_of(address, _text(ROUTES)))


def no_route(case: Case, problem: OSError) -> Finding:
    """The system knows no way there."""
    error = connect_failed(case.endpoint, problem, case.wishes.timeout)
    unreachable = problem.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH)
    means = (
        "this machine has no address in that network, and no gateway that leads there" if unreachable else ""
    )
    return Finding("route", Severity.FAULT, error.reason, means, error.advice, error=error, last=True)


def routed(address: str, source: str, gateway: str | None) -> Finding:
    """The way there leaves from *source*; *gateway* is empty in the same network, None where unknown."""
    data = {"source": source, "gateway": gateway}
    if ipaddress.ip_address(address.partition("%")[0]).is_loopback or address == source:
        return ok("route", "it is this machine itself", **data)
    through = {None: "", "": ", in the same network"}.get(gateway, f", through the gateway {gateway}")
    return ok("route", f"from {source}{through}", **data)


def gateway_of(address: str, table: str) -> str | None:
    """The gateway to *address* by the system's table of routes (Linux, IPv4); empty where there is none."""
    if ":" in address or not table:
        return None
    wanted = int(ipaddress.IPv4Address(address))
    fitting = [row for row in map(_route, table.splitlines()[1:]) if wanted & row[1] == row[0]]
    if not fitting:
        return None
    gateway = max(fitting, key=lambda row: row[1])[2]
    return str(ipaddress.IPv4Address(gateway)) if gateway else ""


def _route(line: str) -> tuple[int, int, int]:
    """Network, mask and gateway of one line, whose numbers have the machine's order of bytes."""
    fields = line.split()
    network, gateway, mask = (socket.htonl(int(fields[index], 16)) for index in (1, 2, 7))
    return network, mask, gateway


def neighbour(address: str, table: str) -> str | None:
    """The hardware address that answers for *address* in this network (Linux, IPv4).

    Empty where it was asked for and nobody answered; None where that is not known.
    """
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields and fields[0] == address:
            return "" if fields[2] == "0x0" or set(fields[3]) <= set("0:") else fields[3]
    return None


def neighbour_now(address: str) -> str | None:
    """The same, from the system's table as it is now."""
    return neighbour(address, _text(NEIGHBOURS))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
