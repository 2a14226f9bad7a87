"""The way to a host, by the system's own tables, and pings."""

from __future__ import annotations

import pytest

from mbap.diagnose.doctor.case import Case, Wishes
from mbap.diagnose.doctor.finding import Severity
from mbap.diagnose.doctor.ping import answers, echo_request, judge
from mbap.diagnose.doctor.way import gateway_of, neighbour, resolved, routed
from mbap.transport.endpoint import parse_endpoint

ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
"""
NEIGHBOURS = """IP address       HW type     Flags       HW address            Mask     Device
192.168.1.5      0x1         0x2         00:11:22:33:44:55     *        eth0
192.168.1.6      0x1         0x0         00:00:00:00:00:00     *        eth0
"""


@pytest.mark.parametrize(
    ("address", "gateway"), [("192.168.1.77", ""), ("10.0.0.1", "192.168.1.1"), ("fe80::1", None)]
)
def test_the_gateway_is_read_from_the_table_of_routes(address: str, gateway: str | None) -> None:
    assert gateway_of(address, ROUTES) == gateway


def test_without_a_table_nothing_is_known_of_gateways() -> None:
    assert gateway_of("10.0.0.1", "") is None


@pytest.mark.parametrize(
    ("address", "hardware"),
    [("192.168.1.5", "00:11:22:33:44:55"), ("192.168.1.6", ""), ("192.168.1.7", None)],
)
def test_who_answers_for_an_address_is_read_from_the_table_of_neighbours(
    address: str, hardware: str | None
) -> None:
    assert neighbour(address, NEIGHBOURS) == hardware


def test_a_name_that_takes_long_is_a_warning() -> None:
    assert resolved("plc", ["10.0.0.1"], 2.5).severity is Severity.WARNING


def test_several_addresses_of_a_name_are_said() -> None:
    assert resolved("plc", ["10.0.0.1", "fd00::1"], 0.01).severity is Severity.NOTE


def test_the_route_names_source_and_gateway() -> None:
    assert (
        routed("10.0.0.1", "192.168.1.7", "192.168.1.1").seen
        == "from 192.168.1.7, through the gateway 192.168.1.1"
    )
    assert routed("192.168.1.9", "192.168.1.7", "").seen == "from 192.168.1.7, in the same network"


def test_an_echo_request_has_a_checksum_that_adds_up() -> None:
    words = echo_request(4, 3).ljust(20, b"\0")
    total = sum(int.from_bytes(words[at : at + 2], "big") for at in range(0, len(words), 2))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF


@pytest.mark.parametrize("header", [b"", b"\x45" + bytes(19)])
def test_our_answer_is_known_with_and_without_an_ip_header(header: bytes) -> None:
    reply = header + b"\0\0" + echo_request(4, 3)[2:]
    assert answers(reply, 4, 3)
    assert not answers(reply, 4, 2)
    assert not answers(header + echo_request(4, 3), 4, 3)


@pytest.mark.parametrize(
    ("times", "severity"),
    [
        ([0.001, 0.002, 0.003], Severity.OK),
        ([0.001, None, 0.003], Severity.WARNING),
        ([None, None, None], Severity.NOTE),
    ],
)
def test_lost_pings_are_a_warning_and_none_at_all_means_little(
    times: list[float | None], severity: Severity
) -> None:
    assert judge(Case(parse_endpoint("10.0.0.1"), Wishes()), times).severity is severity
