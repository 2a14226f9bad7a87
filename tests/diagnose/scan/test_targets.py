"""Which hosts a scan asks."""

from __future__ import annotations

import pytest

from mbap.diagnose.scan.targets import hosts


@pytest.mark.parametrize(
    ("text", "first", "last", "count"),
    [
        ("127.0.0.0/30", "127.0.0.1", "127.0.0.2", 2),
        ("192.168.1.0/24", "192.168.1.1", "192.168.1.254", 254),
        ("192.168.1.10-50", "192.168.1.10", "192.168.1.50", 41),
        ("10.0.0.1-10.0.0.3", "10.0.0.1", "10.0.0.3", 3),
        ("192.168.1.7", "192.168.1.7", "192.168.1.7", 1),
        ("fd00::/126", "fd00::1", "fd00::3", 3),
    ],
)
def test_networks_and_spans_name_their_hosts(text: str, first: str, last: str, count: int) -> None:
    found = hosts([text])
    assert (found[0], found[-1], len(found)) == (first, last, count)


def test_each_host_is_asked_once() -> None:
    assert hosts(["127.0.0.1", "127.0.0.1-2", "127.0.0.2"]) == ["127.0.0.1", "127.0.0.2"]


@pytest.mark.parametrize("text", ["8.8.8.8", "8.8.8.0/30", "2001:4860::/126"])
def test_public_addresses_are_refused_unless_that_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is a public address"):
        hosts([text])
    assert hosts([text], public=True)


@pytest.mark.parametrize("text", ["10.0.0.0/8", "fd00::/64"])
def test_more_than_can_be_asked_gently_is_refused_without_counting_them(text: str) -> None:
    with pytest.raises(ValueError, match="more than 4096 addresses"):
        hosts([text])


@pytest.mark.parametrize("text", ["plc7", "192.168.1.50-10", "192.168.1.0/33", "", "192.168.1.1-999"])
def test_what_is_no_network_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is not a network"):
        hosts([text])
