"""No connection: refused, filtered, rejected, no route and nobody there, in a network of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from mbap.diagnose.doctor import reach
from support.doctored import examined

NETWORK = """
mount -t tmpfs none /run; mkdir /run/netns
ip netns add device
ip link add here type veth peer name there netns device
ip addr add 10.9.0.1/24 dev here; ip link set here up; ip link set lo up
ip netns exec device sh -ec 'ip addr add 10.9.0.2/24 dev there; ip link set there up; ip link set lo up'
"""
FILTER = """
ip netns exec device nft 'table inet f { chain i { type filter hook input priority 0; tcp dport 502 %s; }; }'
"""
DOCTOR = f"{sys.executable} -m mbap doctor %s --timeout 500ms --json || true"


def diagnosed(script: str) -> dict[str, dict[str, Any]]:
    """What the doctor finds, by topic, in a network of its own where *script* ends with it."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs root, for a network of its own")
    command = ["unshare", "--net", "--mount", "sh", "-ec", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return {finding["topic"]: finding for finding in json.loads(done.stdout)["findings"]}


@pytest.mark.peer
@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        ("drop", "filtered"),
        ("reject with icmpx type admin-prohibited", "rejected"),
        ("reject with tcp reset", "refused"),
    ],
)
def test_a_firewall_is_told_from_a_host_that_is_off(
    peer: Callable[..., str], verdict: str, kind: str
) -> None:
    peer("ip"), peer("nft")
    found = diagnosed(NETWORK + FILTER % verdict + DOCTOR % "10.9.0.2")
    assert found["ping"]["severity"] == "ok"
    assert found["connect"]["data"]["kind"] == kind
    assert "firewall" in found["connect"]["means"]


@pytest.mark.peer
def test_an_address_that_nobody_has_is_told_from_a_firewall(peer: Callable[..., str]) -> None:
    peer("ip")
    found = diagnosed(NETWORK + DOCTOR % "10.9.0.77")
    assert found["connect"]["data"]["kind"] == "absent"
    assert "nobody in this network" in found["connect"]["means"]


@pytest.mark.peer
def test_a_network_without_a_route_is_said_before_anything_is_sent(peer: Callable[..., str]) -> None:
    peer("ip")
    found = diagnosed(NETWORK + DOCTOR % "192.168.44.1")
    assert list(found) == ["name", "route"]
    assert "no gateway" in found["route"]["means"]


@pytest.mark.peer
def test_a_blackhole_beyond_the_gateway_is_filtered_or_absent(peer: Callable[..., str]) -> None:
    peer("ip")
    route = "ip route add default via 10.9.0.2\n"
    found = diagnosed(NETWORK + route + DOCTOR % "192.168.44.1")
    assert found["connect"]["data"]["kind"] == "filtered or absent"
    assert "gateway 10.9.0.2" in found["route"]["seen"]


@pytest.mark.peer
def test_another_port_that_is_open_is_named(peer: Callable[..., str]) -> None:
    peer("ip")
    serve = (
        "ip netns exec device "
        f'{sys.executable} -c \'import socket, time; s = socket.create_server(("10.9.0.2", 1502));'
        " print(1, flush=True); time.sleep(20)' > /run/up & server=$!\n"
        "while ! test -s /run/up; do sleep 0.05; done\n"
    )
    found = diagnosed(NETWORK + serve + DOCTOR % "10.9.0.2 --ports" + "\nkill $server")
    assert found["connect"]["data"]["open_ports"] == [1502]
    assert "tcp://10.9.0.2:1502" in found["connect"]["advice"]


def test_other_ports_that_were_tried_for_nothing_are_named(
    free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    others = (free_port(), free_port())
    monkeypatch.setattr(reach, "LIKELY_PORTS", others)
    found = examined(f"tcp://127.0.0.1:{free_port()}", ports=True)["connect"]
    assert f"the ports {others[0]}, {others[1]} cannot be connected either" in found.means
    assert "--ports" not in found.advice
