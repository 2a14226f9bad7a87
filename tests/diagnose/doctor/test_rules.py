"""Rules of packet filters, followed as far as they can be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from mbap.diagnose.doctor.filters import through_iptables, through_nftables
from mbap.diagnose.doctor.rules import Chain, Rule, follow

IPTABLES = [
    ("-P INPUT ACCEPT", "accept", 0),
    ("-P INPUT DROP", "drop", 0),
    ("-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 502 -j ACCEPT", "accept", 0),
    ("-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 802 -j ACCEPT", "drop", 0),
    ("-P INPUT DROP\n-A INPUT -p udp --dport 502 -j ACCEPT", "drop", 0),
    ("-P INPUT DROP\n-A INPUT -i lo -j ACCEPT", "drop", 0),
    ("-P INPUT DROP\n-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT", "drop", 0),
    ("-P INPUT DROP\n-A INPUT -m conntrack --ctstate NEW -p tcp --dport 500:510 -j ACCEPT", "accept", 0),
    ("-P INPUT DROP\n-A INPUT -p tcp -m multiport --dports 80,502 -j ACCEPT", "accept", 0),
    ("-P INPUT DROP\n-A INPUT -s 10.0.0.0/8 -p tcp --dport 502 -j ACCEPT", "drop", 1),
    ("-P INPUT ACCEPT\n-A INPUT -s 10.0.0.5/32 -j DROP", "accept", 1),
    ("-P INPUT ACCEPT\n-A INPUT -p tcp --dport 502 -j REJECT --reject-with tcp-reset", "drop", 0),
    ("-P INPUT ACCEPT\n-A INPUT -p tcp ! --dport 22 -j DROP", "drop", 0),
    (
        "-P INPUT ACCEPT\n-N M\n-A INPUT -p tcp --dport 502 -j M\n-A M -s 10.0.0.1 -j RETURN\n-A M -j DROP",
        "drop",
        0,
    ),
    ("-P INPUT ACCEPT\n-N M\n-A INPUT -p tcp --dport 502 -j M\n-A M -j RETURN\n-A M -j DROP", "accept", 0),
    ("-P INPUT DROP\n-N M\n-A INPUT -j M\n-A INPUT -p tcp --dport 502 -j ACCEPT\n-A M -j M", "accept", 0),
]


@pytest.mark.parametrize(("text", "verdict", "doubts"), IPTABLES)
def test_iptables_is_followed(text: str, verdict: str, doubts: int) -> None:
    way = through_iptables(text, 502)
    assert (way.verdict, len(way.doubts)) == (verdict, doubts)


def ruleset(body: str, policy: str = "accept") -> str:
    """A table with one chain for what comes in."""
    ports = "set ports { type inet_service; elements = { 502, 802 }\n}"
    chain = f"chain i {{ type filter hook input priority 0; policy {policy}\n{body}\n}}"
    return f"table inet t {{\n{ports}\n{chain}\n}}"


NFT = [
    ("", "accept", "accept", 0),
    ("", "drop", "drop", 0),
    ("tcp dport 502 accept", "drop", "accept", 0),
    ("tcp dport { 80, 502 } accept", "drop", "accept", 0),
    ("tcp dport 500-510 accept", "drop", "accept", 0),
    ("tcp dport @ports accept", "drop", "accept", 0),
    ("udp dport 502 accept", "drop", "drop", 0),
    ("ct state established,related accept", "drop", "drop", 0),
    ("ct state vmap { established : accept, new : drop }", "accept", "drop", 0),
    ("ct state new tcp dport 502 accept", "drop", "accept", 0),
    ('iifname "lo" accept', "drop", "drop", 0),
    ("ip saddr 10.0.0.0/8 tcp dport 502 accept", "drop", "drop", 1),
    ("ip saddr 10.0.0.5 drop", "accept", "accept", 1),
    ("tcp dport 502 reject with tcp reset", "accept", "drop", 0),
    ("tcp dport != 22 drop", "accept", "drop", 0),
    ("meta l4proto icmp accept", "drop", "drop", 0),
]


@pytest.mark.peer
@pytest.mark.parametrize(("body", "policy", "verdict", "doubts"), NFT)
def test_what_nft_prints_is_followed(
    peer: Callable[..., str], body: str, policy: str, verdict: str, doubts: int
) -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs root, for a network of its own")
    nft = peer("nft")
    script = f"{nft} '{ruleset(body, policy)}'; {nft} -j list ruleset"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-ec", script], capture_output=True, text=True, check=True
    )
    way = through_nftables(done.stdout, 502)
    assert (way.verdict, len(way.doubts)) == (verdict, doubts)


def test_every_chain_for_what_comes_in_has_to_let_it_pass() -> None:
    def chain(name: str, policy: str) -> dict[str, object]:
        hook = {
            "family": "inet",
            "table": "t",
            "name": name,
            "type": "filter",
            "hook": "input",
            "policy": policy,
        }
        return {"chain": hook}

    assert through_nftables(json.dumps({"nftables": [chain("a", "accept")]}), 502).verdict == "accept"
    both = json.dumps({"nftables": [chain("a", "accept"), chain("b", "drop")]})
    assert through_nftables(both, 502).verdict == "drop"


def test_a_chain_that_leads_to_itself_ends() -> None:
    looping = Chain("drop", [Rule(True, "jump", "a", "")])
    assert follow("a", {"a": looping}).verdict == "drop"
