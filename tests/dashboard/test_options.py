"""Where the page may be reached."""

from __future__ import annotations

import socket

import pytest

from mbap.dashboard.options import KnownHosts, WebOptions, check_listen, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "a.localhost"])
def test_loopback_is_recognised(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "plant.example.org", "", "127.0.0.1.evil.org"])
def test_what_others_reach_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_listening_to_the_network_needs_a_password_or_token() -> None:
    with pytest.raises(ValueError, match="give it a password or a token"):
        check_listen(WebOptions(listen="0.0.0.0"))


@pytest.mark.parametrize("options", [WebOptions("0.0.0.0", password="p"), WebOptions("0.0.0.0", token="t")])
def test_either_of_them_is_enough(options: WebOptions) -> None:
    check_listen(options)


def test_an_empty_password_is_none() -> None:
    with pytest.raises(ValueError, match="password or a token"):
        check_listen(WebOptions(listen="0.0.0.0", password=""))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "192.168.1.7", "fe80::1", socket.gethostname()])
def test_addresses_and_the_machines_own_name_are_known(host: str) -> None:
    assert host in KnownHosts(WebOptions())


def test_a_listed_name_is_known_whatever_its_case() -> None:
    assert "Plant7.Example.org" in KnownHosts(WebOptions(hosts=("plant7.example.ORG",)))


@pytest.mark.parametrize("host", ["evil.example", "", "localhost.evil.example"])
def test_a_foreign_name_is_not_known(host: str) -> None:
    assert host not in KnownHosts(WebOptions())
