"""The server's side: does anybody listen, where, may we bind, and would a firewall let clients in."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from mbap.diagnose.doctor.filters import through_iptables, through_nftables
from mbap.diagnose.doctor.finding import Finding, Severity, note, ok, skipped, warning
from mbap.diagnose.doctor.rules import Way
from mbap.transport.endpoint import Endpoint

_LISTENS = {"tcp": "0A", "udp": "07"}
_LOWEST_FREE = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
_PATIENCE = 10.0


class Listener(NamedTuple):
    """Somebody who listens: on which address, and which port."""

    address: str
    port: int


def listening(endpoint: Endpoint) -> Iterator[Finding]:
    """Whether somebody listens at *endpoint*, and whether we could, and whether clients get in."""
    protocol = "udp" if endpoint.datagrams else "tcp"
    listeners = listeners_now(protocol)
    here = [one for one in listeners if one.port == endpoint.port]
    problem = try_to_bind(endpoint, protocol)
    yield judge_listeners(endpoint, here, problem)
    if not here:
        yield judge_binding(endpoint, problem)
    yield from firewall(endpoint.port, protocol)


def judge_listeners(endpoint: Endpoint, here: list[Listener], problem: int | None) -> Finding:
    """What it means who listens on the port."""
    port, wanted = endpoint.port, endpoint.host
    addresses = [one.address for one in here]
    data = {"port": port, "addresses": addresses}
    if not here and problem == errno.EADDRINUSE:
        return ok("listening", f"port {port} is in use; this system does not say by whom", **data)
    if not here:
        seen = f"nothing listens on port {port}"
        means = "the server does not run, or listens on another port"
        advice = f"start it: mbap serve FILE --listen {endpoint.url}"
        return Finding("listening", Severity.FAULT, seen, means, advice, data)
    seen = f"somebody listens on port {port} of {', '.join(addresses)}"
    everywhere = [one for one in addresses if one in ("0.0.0.0", "::")]  # nosec B104 # to be compared with
    if everywhere or wanted in addresses:
        return ok("listening", seen, **data)
    if all(_is_loopback(one) for one in addresses) and not _is_loopback(wanted):
        means = "only programs of this machine reach it"
        advice = f"let it listen on {wanted or 'every address'}: --listen {endpoint.url}"
        return Finding("listening", Severity.FAULT, seen, means, advice, data)
    return warning(
        "listening", seen, "clients that use another address are refused", "check the address", **data
    )


def seen_from_here(endpoint: Endpoint, listeners: list[Listener]) -> Endpoint | None:
    """Where this machine itself reaches the server; None where nobody listens."""
    addresses = [one.address for one in listeners if one.port == endpoint.port]
    if not addresses:
        return None
    host = endpoint.host if endpoint.host in addresses else addresses[0]
    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # nosec B104 # to be compared with
    return replace(endpoint, host=loopback.get(host, host))


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address in ("::1", "localhost")


def judge_binding(endpoint: Endpoint, problem: int | None) -> Finding:
    """Whether we could listen there ourselves."""
    place = f"port {endpoint.port}" + (f" of {endpoint.host}" if endpoint.host else "")
    if problem is None:
        return ok("bind", f"{place} is free, and we may listen there")
    if problem in (errno.EACCES, errno.EPERM):
        seen, means = f"we may not listen on {place}", f"ports below {_lowest()} are for root, or for who may"
        advice = (
            "run it as a service with AmbientCapabilities=CAP_NET_BIND_SERVICE, or listen on 1502, or lower"
            " net.ipv4.ip_unprivileged_port_start"
        )
        return Finding("bind", Severity.FAULT, seen, means, advice, {"errno": problem})
    if problem == errno.EADDRNOTAVAIL:
        seen, means = f"{endpoint.host} is no address of this machine", "nobody can listen there"
        return Finding(
            "bind", Severity.FAULT, seen, means, "listen on 0.0.0.0, or on an address that ip addr lists"
        )
    if problem == errno.EADDRINUSE:
        return note(
            "bind", f"{place} is in use", "somebody else has it, or had it a moment ago", "ss -ltnp tells who"
        )
    return Finding("bind", Severity.FAULT, f"listening on {place} failed: {os.strerror(problem)}")


def try_to_bind(endpoint: Endpoint, protocol: str) -> int | None:
    """The error of taking the port for a moment; None where that works."""
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(family, kind) as trying:
        try:
            if sys.platform != "win32":  # there it would take the port from whoever has it
                trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trying.bind((endpoint.host, endpoint.port))
        except OSError as problem:
            return problem.errno
    return None


def _lowest() -> str:
    try:
        return _LOWEST_FREE.read_text(encoding="ascii").strip()
    except OSError:
        return "1024"


def listeners_now(protocol: str) -> list[Listener]:
    """Who listens, by the system's own tables (Linux); empty elsewhere."""
    found = []
    for name in (protocol, f"{protocol}6"):
        try:
            text = Path(f"/proc/net/{name}").read_text(encoding="ascii")
        except OSError:
            continue
        found += listeners_in(text, _LISTENS[protocol])
    return found


def listeners_in(text: str, state: str) -> list[Listener]:
    """Those in *text*, which is one of the system's tables of sockets."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return [_listener(row[1]) for row in rows if len(row) > 3 and row[3] == state]


def _listener(local: str) -> Listener:
    digits, _, port = local.partition(":")
    raw = bytes.fromhex(digits)
    words = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    family = socket.AF_INET if len(words) == 4 else socket.AF_INET6
    return Listener(socket.inet_ntop(family, words), int(port, 16))


def firewall(port: int, protocol: str) -> Iterator[Finding]:
    """Whether the packet filter of this machine would let a client in, as far as it can be seen."""
    for program, words, through in (
        ("nft", ("-j", "list", "ruleset"), through_nftables),
        ("iptables", ("-S",), through_iptables),
    ):
        text, why = _printed(program, *words)
        if text is None:
            yield skipped("firewall", f"{program}: {why}")
            continue
        try:
            way = through(text, port, protocol)
        except (ValueError, KeyError, json.JSONDecodeError):
            yield skipped("firewall", f"{program} prints what is not understood")
            continue
        yield judge_firewall(program, port, way)


def _printed(program: str, *words: str) -> tuple[str | None, str]:
    """What *program* prints, or why it does not."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        return None, "it is not installed"
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        return None, "only root may see its rules: run this with sudo"
    done = subprocess.run(  # noqa: S603 - the system's own program, by its path
        [path, *words], capture_output=True, text=True, timeout=_PATIENCE, check=False
    )
    if done.returncode:
        return None, done.stderr.strip().splitlines()[0] if done.stderr.strip() else "it failed"
    return done.stdout, ""


def judge_firewall(program: str, port: int, way: Way) -> Finding:
    """What the way through the rules means."""
    data = {"verdict": way.verdict, "by": way.by, "doubts": [rule.text for rule in way.doubts]}
    if way.verdict == "drop":
        by = f": {way.by}" if way.by and program == "iptables" else ""
        seen = f"a rule of {program} keeps new clients away from port {port}{by}"
        if way.doubts:
            means = "only those that other rules name are let in"
            return warning(
                "firewall", seen, means, "is this client among them? mbap firewall writes such rules", **data
            )
        means = "everybody else's packets are dropped, and they see a timeout"
        return Finding(
            "firewall", Severity.FAULT, seen, means, "mbap firewall writes rules that let them in", data
        )
    if way.doubts:
        count = len(way.doubts)
        means = f"{count} rule{'s' * (count != 1)} may keep some away, by where they come from"
        return note("firewall", f"{program} lets clients in to port {port} in general", means, "", **data)
    return ok("firewall", f"{program} has no rule that keeps clients from port {port}", **data)
