"""Networks that clients may come from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ipaddress

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Networks:
    """Some networks and addresses, `192.168.1.0/24`, `10.0.0.5`, `fd00::/8`; `address in networks` tells.

    Raises:
        ValueError: one of them is no network; a sentence.
    """

    __slots__ = ("_networks", "_written")

    def __init__(self, written: Iterable[str]) -> None:
        self._written = tuple(written)
        self._networks = tuple(network_of(text) for text in self._written)

    def __contains__(self, address: object) -> bool:
        known = address_of(address) if isinstance(address, str) else None
        return known is not None and any(known in network for network in self._networks)

    def __repr__(self) -> str:
        return ", ".join(self._written)


def address_of(text: str) -> Address | None:
    """The address that *text* is, IPv4 also where it is written as IPv6; None where it is none."""
    import ipaddress  # when it is needed: it costs a tenth of what loading the server does

    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def network_of(text: str) -> Network:
    """The network, or the one address, that *text* is.

    Raises:
        ValueError: it is neither; a sentence.
    """
    import ipaddress

    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not a network: write 192.168.1.0/24, 10.0.0.5 or fd00::/8") from None
    raise ValueError(f"{text!r} is an address within a network: write {meant}, or the address alone")
