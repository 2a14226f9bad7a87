"""A ping without a program and, where the system permits it, without being root."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from statistics import median

from mbap.diagnose.doctor.asking import Clock
from mbap.diagnose.doctor.case import Case
from mbap.diagnose.doctor.finding import Finding, note, ok, skipped, spoken, warning

TIMES = 3
PATIENCE = 1.0
_ECHO, _REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
_DATA = b"mbap doctor"


def ping(case: Case) -> Iterator[Finding]:
    """Send a few echo requests, and time the answers."""
    address = case.known.address
    if case.endpoint.line is not None:
        return
    try:
        asking = _socket(address)
    except OSError as problem:
        yield skipped("ping", f"this system lets only root do it ({problem.strerror or problem})")
        return
    with asking:
        times = []
        for number in range(1, TIMES + 1):
            case.sleep(case.wishes.pause)
            times.append(_once(asking, address, number, case.clock))
    yield judge(case, times)


def judge(case: Case, times: list[float | None]) -> Finding:
    """What the answers mean: *times* in seconds, None where none came."""
    came = [seconds for seconds in times if seconds is not None]
    case.known.ping = median(came) if came else 0.0
    data: dict[str, object] = {
        "sent": len(times),
        "answered": len(came),
        "seconds": [round(one, 5) for one in came],
    }
    if not came:
        means = "many hosts and firewalls do not answer a ping, so that alone means little"
        return note("ping", "no answer to a ping", means, "", **data)
    seen = f"{len(came)} of {len(times)} answered, {spoken(median(came))} there and back"
    if len(came) < len(times):
        means = "packets are lost on the way: a bad cable or plug, radio, or a network that is too full"
        return warning("ping", seen, means, "look at cable, plugs and switch; ping for a longer time", **data)
    return ok("ping", seen, **data)


def _socket(address: str) -> socket.socket:
    """For datagrams of ICMP, which Linux and macOS give to everybody; a raw one for root.

    Raises:
        OSError: neither is permitted.
    """
    six = ":" in address
    family = socket.AF_INET6 if six else socket.AF_INET
    protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    try:
        return socket.socket(family, socket.SOCK_DGRAM, protocol)
    except OSError:
        return socket.socket(family, socket.SOCK_RAW, protocol)


def _once(asking: socket.socket, address: str, number: int, clock: Clock) -> float | None:
    version = 6 if ":" in address else 4
    began = clock()
    try:
        asking.sendto(echo_request(version, number), (address, 0))
        while (left := began + PATIENCE - clock()) > 0:
            asking.settimeout(left)
            if answers(asking.recv(2048), version, number):
                return clock() - began
    except OSError:
        pass
    return None


def echo_request(version: int, number: int) -> bytes:
    """An echo request; the system fills in what it wants to have right."""
    head = struct.pack(">BBHHH", _ECHO[version], 0, 0, os.getpid() & 0xFFFF, number)
    return head[:2] + _checksum(head + _DATA).to_bytes(2, "big") + head[4:] + _DATA


def answers(data: bytes, version: int, number: int) -> bool:
    """Whether *data* is the answer to that request of ours; a raw socket gives the IP header, too."""
    if version == 4 and data[:1] and data[0] >> 4 == 4:
        data = data[(data[0] & 0x0F) * 4 :]
    if len(data) < 8 or data[0] != _REPLY[version]:
        return False
    return int.from_bytes(data[6:8], "big") == number and data[8 : 8 + len(_DATA)] == _DATA


def _checksum(data: bytes) -> int:
    words = sum(int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big") for at in range(0, len(data), 2))
    while words >> 16:
        words = (words & 0xFFFF) + (words >> 16)
    return ~words & 0xFFFF
