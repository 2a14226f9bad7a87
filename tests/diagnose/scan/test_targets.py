"""Which hosts, ports and units a scan asks."""

from __future__ import annotations

import pytest

from mbap.diagnose.scan.targets import hosts, ports, units


@pytest.mark.parametrize(
    ("text", "first", "last", "count"),
    [
        ("127.0.0.0/30", "127.0.0.1", "127.0.0.2", 2),
        ("192.168.1.0/24", "192.168.1.1", "192.168.1.254", 254),
        ("192.168.1.10-50", "192.168.1.10", "192.168.1.50", 41),
        ("10.0.0.1-10.0.0.3", "10.0.0.1", "10.0.0.3", 3),
        ("192.168.1.7", "192.168.1.7", "192.168.1.7", 1),
        ("fd00::1-3", "fd00::1", "fd00::3", 3),
        ("fd00::9-b", "fd00::9", "fd00::b", 3),
        ("fd00::1-fd00::2", "fd00::1", "fd00::2", 2),
        ("fd00::/126", "fd00::1", "fd00::3", 3),
        ("fe80::1%eth0", "fe80::1%eth0", "fe80::1%eth0", 1),
    ],
)
def test_networks_and_spans_name_their_hosts(text: str, first: str, last: str, count: int) -> None:
    found = hosts([text])
    assert (found[0], found[-1], len(found)) == (first, last, count)


def test_each_host_is_asked_once() -> None:
    assert hosts(["127.0.0.1", "127.0.0.1-2", "127.0.0.2"]) == ["127.0.0.1", "127.0.0.2"]


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8",
        "8.8.8.0/30",
        "9.255.255.254-10.0.0.1",
        "2001:4860::/126",
        "::ffff:8.8.8.8",
        "2002:808:808::1",
        "64:ff9b::808:808",
        "100.64.0.1",
    ],
)
def test_public_addresses_are_refused_unless_that_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is a public address"):
        hosts([text])
    assert hosts([text], public=True)


def look_up(name: str) -> list[str]:
    return {"plc7": ["192.168.1.7", "fd00::7"], "shop.example": ["192.168.1.8", "93.184.215.14"]}[name]


def test_a_name_is_all_its_addresses() -> None:
    assert hosts(["plc7"], look_up=look_up) == ["192.168.1.7", "fd00::7"]


def test_a_name_with_one_public_address_is_refused() -> None:
    with pytest.raises(ValueError, match=r"93\.184\.215\.14 \(shop\.example\) is a public address"):
        hosts(["shop.example"], look_up=look_up)


def test_a_name_that_nobody_knows_is_a_sentence() -> None:
    def fails(name: str) -> list[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(ValueError, match=r"'plcx' cannot be looked up \(Name or service not known\)"):
        hosts(["plcx"], look_up=fails)


@pytest.mark.parametrize("text", ["10.0.0.0/8", "fd00::/64", "0.0.0.0/0", "::/0"])
def test_more_than_can_be_asked_gently_is_refused_without_counting_them(text: str) -> None:
    with pytest.raises(ValueError, match="more than 4096 addresses"):
        hosts([text])
    with pytest.raises(ValueError, match="more than 4096 addresses"):
        hosts([text], public=True)


@pytest.mark.parametrize("text", ["224.0.0.1", "ff02::1", "0.0.0.0", "::"])
def test_what_is_the_address_of_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not the address of a host"):
        hosts([text], public=True)


@pytest.mark.parametrize(
    "text", ["192.168.1.50-10", "192.168.1.0/33", "", "192.168.1.1-999", "tcp://plc7", "plc 7", "10.0.0"]
)
def test_what_is_no_network_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is not a network"):
        hosts([text], look_up=look_up)


def test_ports_may_be_a_span() -> None:
    assert ports("801-803,rtu+tcp:4001-4002") == [
        ("tcp", 801),
        ("tls", 802),
        ("tcp", 803),
        ("rtu+tcp", 4001),
        ("rtu+tcp", 4002),
    ]


def test_more_ports_than_a_device_has_are_refused() -> None:
    with pytest.raises(ValueError, match="65 ports are more than 64"):
        ports("1-65")


def test_ports_have_a_scheme_each() -> None:
    assert ports("502, 802,1502,rtu+tcp:4001,udp:502,tls:8802,502") == [
        ("tcp", 502),
        ("tls", 802),
        ("tcp", 1502),
        ("rtu+tcp", 4001),
        ("udp", 502),
        ("tls", 8802),
    ]


@pytest.mark.parametrize("text", ["", "x", "0", "65536", "502,", "rtu:1", "http:80", "510-502", "502-"])
def test_what_is_no_list_of_ports_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is not a list of ports such as"):
        ports(text)


def test_units_are_listed_or_a_range() -> None:
    assert units("1,255,0") == [1, 255, 0]
    assert units("1-4, 3,17") == [1, 2, 3, 4, 17]


@pytest.mark.parametrize("text", ["", "256", "4-1", "a", "1,"])
def test_what_is_no_list_of_units_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is not a list of units"):
        units(text)
