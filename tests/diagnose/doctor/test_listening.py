"""The server's side: who listens, whether we may, and what the packet filter does."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from mbap.diagnose.doctor.finding import Severity
from mbap.diagnose.doctor.listening import (
    Listener,
    judge_binding,
    judge_firewall,
    judge_listeners,
    listeners_in,
    listeners_now,
    seen_from_here,
    try_to_bind,
)
from mbap.diagnose.doctor.rules import Rule, Way
from mbap.transport.endpoint import parse_endpoint

EVERYWHERE = parse_endpoint("tcp://0.0.0.0:502", listening=True)
TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:01F6 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0100007F:01F6 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 00000000000000000000000000000000:01F6 00000000000000000000000000000000:0000 0A 0 0 0 0
"""


def test_the_systems_table_is_read() -> None:
    assert listeners_in(TABLE, "0A") == [Listener("127.0.0.1", 502), Listener("::", 502)]


@pytest.mark.skipif(sys.platform != "linux", reason="needs the tables of Linux")
def test_a_listener_of_ours_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert Listener("127.0.0.1", listening.getsockname()[1]) in listeners_now("tcp")


def test_a_listener_on_loopback_alone_is_a_fault_for_others() -> None:
    found = judge_listeners(EVERYWHERE, [Listener("127.0.0.1", 502)], None)
    assert found.severity is Severity.FAULT
    assert found.means == "only programs of this machine reach it"


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_a_listener_on_every_address_is_right(address: str) -> None:
    assert judge_listeners(EVERYWHERE, [Listener(address, 502)], None).severity is Severity.OK


def test_nobody_listening_is_a_fault() -> None:
    assert "nothing listens" in judge_listeners(EVERYWHERE, [], None).seen


def test_a_port_in_use_by_an_unknown_is_said() -> None:
    assert judge_listeners(EVERYWHERE, [], errno.EADDRINUSE).severity is Severity.OK


@pytest.mark.parametrize(
    ("problem", "severity", "word"),
    [
        (None, Severity.OK, "free"),
        (errno.EACCES, Severity.FAULT, "may not listen"),
        (errno.EADDRNOTAVAIL, Severity.FAULT, "no address of this machine"),
        (errno.EADDRINUSE, Severity.NOTE, "in use"),
        (errno.EINVAL, Severity.FAULT, "failed"),
    ],
)
def test_what_binding_says_is_explained(problem: int | None, severity: Severity, word: str) -> None:
    found = judge_binding(EVERYWHERE, problem)
    assert found.severity is severity
    assert word in found.seen


def test_binding_to_an_address_of_somebody_else_is_refused_by_the_system() -> None:
    assert try_to_bind(parse_endpoint("tcp://192.0.2.1:1502"), "tcp") == errno.EADDRNOTAVAIL


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="needs root, to become somebody else"
)
def test_a_port_below_1024_is_refused_to_who_is_not_root() -> None:
    script = (
        "from mbap.diagnose.doctor.listening import try_to_bind, judge_binding\n"
        "from mbap.transport.endpoint import parse_endpoint\n"
        "place = parse_endpoint('tcp://127.0.0.1:502')\n"
        "judge_binding(place, 13)  # loads what is where nobody else may read\n"
        "import os; os.setgid(65534); os.setuid(65534)\n"
        "print(judge_binding(place, try_to_bind(place, 'tcp')).seen)\n"
    )
    lowest = "sysctl -qw net.ipv4.ip_unprivileged_port_start=1024"
    command = [
        "unshare",
        "--net",
        "sh",
        "-ec",
        f'ip link set lo up\n{lowest}\n{sys.executable} -c "{script}"',
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "we may not listen on port 502 of 127.0.0.1\n", done.stderr


@pytest.mark.parametrize(
    ("listeners", "host"),
    [
        ([Listener("0.0.0.0", 502)], "127.0.0.1"),
        ([Listener("::", 502)], "::1"),
        ([Listener("192.168.1.5", 502)], "192.168.1.5"),
        ([Listener("0.0.0.0", 503)], None),
    ],
)
def test_the_server_is_asked_where_it_listens(listeners: list[Listener], host: str | None) -> None:
    found = seen_from_here(EVERYWHERE, listeners)
    assert (found.host if found else None) == host


@pytest.mark.parametrize(
    ("way", "severity"),
    [
        (Way("accept"), Severity.OK),
        (Way("accept", (Rule(None, "drop", "", "x"),)), Severity.NOTE),
        (Way("drop", (), "-A INPUT -j DROP"), Severity.FAULT),
        (Way("drop", (Rule(None, "accept", "", "x"),)), Severity.WARNING),
    ],
)
def test_the_way_through_the_rules_is_judged(way: Way, severity: Severity) -> None:
    assert judge_firewall("iptables", 502, way).severity is severity


@pytest.mark.peer
def test_a_rule_that_keeps_clients_away_is_found_on_the_machine_itself(peer: Callable[..., str]) -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs root, for a network of its own")
    rules = "table inet f { chain i { type filter hook input priority 0; tcp dport 502 drop; }; }"
    doctor = f"{sys.executable} -m mbap doctor --listen tcp://:502 || true"
    script = f"ip link set lo up; {peer('nft')} '{rules}'; {doctor}"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-ec", script], capture_output=True, text=True, check=False
    )
    assert "a rule of nft keeps new clients away from port 502" in " ".join(done.stdout.split()), done.stderr
