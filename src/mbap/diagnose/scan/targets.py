"""Which hosts a scan asks: networks, spans and single addresses, and none that is not ours to ask."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

MOST_HOSTS = 4096
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def hosts(texts: Sequence[str], *, public: bool = False, most: int = MOST_HOSTS) -> list[str]:
    """The addresses of "192.168.1.0/24", "192.168.1.10-50" and "192.168.1.7", each once, in order.

    Raises:
        ValueError: one of them is no such thing, is public and *public* does not permit that, or there are
            more than *most*.
    """
    found: dict[Address, None] = {}
    for text in texts:
        for address in _span(text, most):
            found[address] = None
        if len(found) > most:
            raise ValueError(f"these are more than {most} addresses: scan a part, or say --max-hosts")
    strangers = [address for address in found if not ours(address)]
    if strangers and not public:
        raise ValueError(
            f"{strangers[0]} is a public address, and its owner may not want to be scanned:"
            " say --public if you may"
        )
    return [str(address) for address in found]


def ours(address: Address) -> bool:
    """Whether *address* is of this machine or of a private network."""
    return address.is_loopback or address.is_link_local or address.is_private


def _span(text: str, most: int) -> Iterator[Address]:
    try:
        first, dash, last = text.partition("-")
        if dash:
            yield from _between(ipaddress.ip_address(first), last)
            return
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a network: write it like 192.168.1.0/24, 192.168.1.10-50 or 192.168.1.7"
        ) from None
    if network.num_addresses > most + 2:
        raise ValueError(f"{text} has more than {most} addresses: scan a part, or say --max-hosts")
    yield from network.hosts()


def _between(first: Address, last: str) -> Iterator[Address]:
    """From *first* to *last*, which may be the last number alone."""
    head = str(first).rpartition(".")[0]
    end = ipaddress.ip_address(f"{head}.{last}" if last.isdecimal() else last)
    if type(end) is not type(first) or int(end) < int(first) or int(end) - int(first) > 0xFFFF:
        raise ValueError
    for number in range(int(first), int(end) + 1):
        yield type(first)(number)
