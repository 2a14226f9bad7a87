"""Networks: which addresses are in them, and how they are written."""

from __future__ import annotations

import pytest

from mbap.server.networks import Networks


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.168.1.7", True),
        ("192.168.2.7", False),
        ("10.0.0.5", True),
        ("10.0.0.6", False),
        ("::ffff:192.168.1.7", True),
        ("fd00::1", True),
        ("fe80::1%eth0", True),
        ("2001:db8::1", False),
        ("", False),
        ("not an address", False),
    ],
)
def test_an_address_is_inside_or_not(address: str, inside: bool) -> None:
    networks = Networks(("192.168.1.0/24", "10.0.0.5", "fd00::/8", "fe80::/10"))
    assert (address in networks) is inside


def test_nothing_is_in_no_network() -> None:
    assert "127.0.0.1" not in Networks(())


def test_an_address_within_a_network_is_refused_with_what_was_meant() -> None:
    with pytest.raises(ValueError, match=r"'192\.168\.1\.5/24' .* write 192\.168\.1\.0/24, or the address"):
        Networks(("192.168.1.5/24",))


def test_what_is_no_network_is_refused_with_an_example() -> None:
    with pytest.raises(ValueError, match=r"'plc' is not a network: write 192\.168\.1\.0/24"):
        Networks(("plc",))
