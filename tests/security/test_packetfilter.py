"""Rules for packet filters: what they say, read by the programs they are for, and what they let through."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mbap.security.packetfilter import FORMS, firewalld, iptables, nftables, opening, windows

CLIENTS, DEVICES = ("192.168.1.20", "fd00::/64"), ("10.2.0.0/24", "fd01::5")
BOTH = opening(CLIENTS, DEVICES)
HERE = opening(CLIENTS)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_names_every_source_and_both_ports(form: str) -> None:
    text = FORMS[form](BOTH)
    assert all(word in text for word in ("192.168.1.20/32", "fd00::/64", "502", "802"))


@pytest.mark.parametrize("form", ["nftables", "iptables", "firewalld"])
def test_what_is_passed_on_is_filtered_where_devices_are_named(form: str) -> None:
    assert "10.2.0.0/24" in FORMS[form](BOTH)
    assert "forward" in FORMS[form](BOTH).lower()
    assert "forward" not in FORMS[form](HERE).lower()


def test_the_windows_script_says_what_it_cannot_do() -> None:
    assert "does not filter what Windows passes on" in windows(BOTH)
    assert "passes on" not in windows(HERE)


@pytest.mark.parametrize(
    ("sources", "targets", "ports", "says"),
    [
        ((), (), (502,), "at least one source"),
        (("0.0.0.0/0",), (), (502,), "everybody"),
        (("::/0",), (), (502,), "everybody"),
        (("plc7",), (), (502,), "is no address"),
        (("10.0.0.1",), ("10.0.0.300",), (502,), "is no address"),
        (("10.0.0.1",), ("fd00::1",), (502,), "other version"),
        (("10.0.0.1",), (), (0,), "1 to 65535"),
    ],
)
def test_what_would_open_too_much_or_nothing_is_refused(
    sources: tuple[str, ...], targets: tuple[str, ...], ports: tuple[int, ...], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        opening(sources, targets, ports)


def test_a_host_in_a_network_stands_for_the_network() -> None:
    assert "192.168.1.0/24" in nftables(opening(["192.168.1.77/24"]))


def isolated(script: str) -> subprocess.CompletedProcess[str]:
    """*script* run by a shell in a network of its own, where it can change what it likes."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs root, for a network of its own")
    command = ["unshare", "--net", "--mount", "sh", "-ec", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.peer
@pytest.mark.parametrize("rules", [BOTH, HERE, opening(["10.0.0.1"], ["10.2.0.1"]), opening(["fd00::1"])])
def test_nft_loads_the_table_and_loads_it_again(
    peer: Callable[..., str], tmp_path: Path, rules: object
) -> None:
    path = tmp_path / "modbus.nft"
    path.write_text(nftables(rules))  # type: ignore[arg-type]
    done = isolated(f"{peer('nft')} -f {path}; nft -f {path}; nft list ruleset")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("table inet mbap") == 1


@pytest.mark.peer
def test_iptables_takes_the_script_and_takes_it_again(peer: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "modbus.sh"
    path.write_text(iptables(BOTH))
    listed = "iptables -S; ip6tables -S"
    once = isolated(f"{peer('iptables')} --version; sh {path}; {listed}")
    twice = isolated(f"iptables --version; sh {path}; sh {path}; {listed}")
    assert once.returncode == 0, once.stderr
    assert once.stdout == twice.stdout
    assert "-A MBAP-FORWARD -s fd00::/64 -d fd01::5/128 -p tcp" in once.stdout


@pytest.mark.peer
def test_firewalld_takes_the_script_and_takes_it_again(peer: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "modbus.sh"
    path.write_text(firewalld(BOTH))
    for folder in ("zones", "policies", "services", "icmptypes", "helpers", "ipsets"):
        (tmp_path / "etc" / folder).mkdir(parents=True)
    program = f"{peer('firewall-offline-cmd')} --system-config {tmp_path / 'etc'}"
    environment = {**os.environ, "FIREWALL_CMD": program}
    for _ in range(2):
        done = subprocess.run(
            ["sh", str(path)], capture_output=True, text=True, timeout=120, env=environment, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    zone = (tmp_path / "etc" / "zones" / "public.xml").read_text()
    policy = (tmp_path / "etc" / "policies" / "mbap-forward.xml").read_text()
    assert len(re.findall("<rule ", zone)) == len(re.findall("<rule ", policy)) == 8


NETWORK = """
mount -t tmpfs none /run; mkdir /run/netns
ip netns add client
ip link add inside type veth peer name outside netns client
ip addr add 10.9.0.1/24 dev inside; ip link set inside up; ip link set lo up
ip netns exec client sh -ec '
    ip addr add 10.9.0.20/24 dev outside; ip addr add 10.9.0.21/24 dev outside; ip link set outside up'
"""
CONNECTS = """
import contextlib, socket, subprocess, sys
listening = [socket.create_server(("10.9.0.1", port)) for port in (502, 802, 1502)]
script = '''
import socket, sys
for source in ("10.9.0.20", "10.9.0.21"):
    for port in (502, 802, 1502):
        try:
            socket.create_connection(("10.9.0.1", port), 0.5, (source, 0)).close()
            print(source, port, "yes")
        except TimeoutError:
            print(source, port, "no")
'''
subprocess.run(["ip", "netns", "exec", "client", sys.executable, "-c", script], check=True)
"""
REACHED = [
    "10.9.0.20 502 yes",
    "10.9.0.20 802 yes",
    "10.9.0.20 1502 yes",
    "10.9.0.21 502 no",
    "10.9.0.21 802 no",
    "10.9.0.21 1502 yes",
]


@pytest.mark.peer
@pytest.mark.parametrize(
    ("form", "load"), [("nftables", "nft -f"), ("iptables", "sh")], ids=["nftables", "iptables"]
)
def test_only_who_is_named_gets_through_and_other_ports_stay_as_they_were(
    peer: Callable[..., str], tmp_path: Path, form: str, load: str
) -> None:
    peer("ip"), peer("nft"), peer("iptables")
    rules, program = tmp_path / "rules", tmp_path / "connects.py"
    rules.write_text(FORMS[form](opening(["10.9.0.20"])))
    program.write_text(CONNECTS)
    done = isolated(f"{NETWORK}\n{load} {rules}\n{sys.executable} {program}")
    assert done.stdout.splitlines() == REACHED, done.stderr
