"""Which hosts and ports a scan asks: networks, spans and names, and none that is not ours to ask."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence

from mbap.diagnose.scan.host import SPOKEN

MOST_HOSTS = 4096
SECURE_PORT = 802
MOST_PORTS = 64
"""Of each host: a scan asks politely, and is not over before that."""
_LIKE = "192.168.1.0/24, 192.168.1.10-50, 192.168.1.7 or plc7.local"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LookUp = Callable[[str], Sequence[str]]


def looked_up(name: str) -> list[str]:
    """The addresses of *name*.

    Raises:
        OSError: it has none, or nobody can say.
    """
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


def hosts(
    texts: Sequence[str], *, public: bool = False, most: int = MOST_HOSTS, look_up: LookUp = looked_up
) -> list[str]:
    """The addresses of "192.168.1.0/24", "192.168.1.10-50", "192.168.1.7" and "plc7.local", each once.

    Raises:
        ValueError: one of them is no such thing, is public and *public* does not permit that, or there are
            more than *most*.
    """
    found: dict[Address, str] = {}
    for text in texts:
        for address in _meant(text, most, look_up):
            found.setdefault(address, text)
        if len(found) > most:
            raise ValueError(f"these are more than {most} addresses: scan a part, or say --max-hosts")
    for address, text in found.items():
        if address.is_multicast or address.is_unspecified:
            raise ValueError(f"{address} is not the address of a host")
        if not (public or ours(address)):
            named = f"{address} ({text})" if str(address) != text else text
            raise ValueError(
                f"{named} is a public address, and its owner may not want to be scanned:"
                " say --public if you may"
            )
    return [str(address) for address in found]


def ours(address: Address) -> bool:
    """Whether *address* is of this machine or of a private network; also where it is IPv4 written as IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if within:
            return ours(within)
    return address.is_loopback or address.is_link_local or (address.is_private and not address.is_global)


def ports(text: str) -> list[tuple[str, int]]:
    """Scheme and port of each in "502,802,5020-5024,rtu+tcp:4001"; 802 is that of TLS.

    Raises:
        ValueError: it is no such list.
    """
    found: list[tuple[str, int]] = []
    for word in text.split(","):
        scheme, _, span = word.strip().rpartition(":")
        first, dash, last = span.partition("-")
        ends = (first, last if dash else first)
        fine = all(end.isdecimal() and 0 < int(end) < 65536 for end in ends) and int(ends[0]) <= int(ends[1])
        if not fine or (scheme and scheme not in SPOKEN):
            raise ValueError(
                f"{text!r} is not a list of ports such as 502,802,5020-5024,rtu+tcp:4001,udp:502"
            )
        numbers = range(int(ends[0]), int(ends[1]) + 1)
        found += [(scheme or ("tls" if port == SECURE_PORT else "tcp"), port) for port in numbers]
    if len(found) > MOST_PORTS:
        raise ValueError(f"{len(found)} ports are more than {MOST_PORTS}: devices have few, name those")
    return list(dict.fromkeys(found))


def units(text: str) -> list[int]:
    """The units of "1,255,0" or "1-10".

    Raises:
        ValueError: it is no such list.
    """
    found: list[int] = []
    for word in text.split(","):
        first, dash, last = word.strip().partition("-")
        ends = (first, last if dash else first)
        if not all(end.isdecimal() and int(end) <= 255 for end in ends) or int(ends[0]) > int(ends[1]):
            raise ValueError(f"{text!r} is not a list of units from 0 to 255, such as 1,255,0 or 1-10")
        found += range(int(ends[0]), int(ends[1]) + 1)
    return list(dict.fromkeys(found))


def _meant(text: str, most: int, look_up: LookUp) -> Iterator[Address]:
    span = _span(text, most)
    if span is not None:
        yield from span
        return
    if not text or not all(one.isalnum() or one in ".-_" for one in text) or text[0].isdecimal():
        raise ValueError(f"{text!r} is not a network: {_instead(text)}")
    try:
        addresses = look_up(text)
    except OSError as problem:
        why = problem.strerror or problem
        raise ValueError(
            f"{text!r} cannot be looked up ({why}), and is not a network such as {_LIKE}"
        ) from None
    for address in addresses:
        yield ipaddress.ip_address(address)


def _instead(text: str) -> str:
    """What to write where *text* stands."""
    host, colon, port = text.rpartition(":")
    if "://" in text or text.startswith("/dev/"):
        return (
            f"write mbap scan units {text if '://' in text else f'rtu://{text}'}, or a network like {_LIKE}"
        )
    if colon and port.isdecimal() and "." in host:
        return f"a port is said so: {host} --ports {port}"
    return f"write it like {_LIKE}"


def _span(text: str, most: int) -> Iterable[Address] | None:
    """The addresses of a network, a span or an address; None where *text* is none of these."""
    first, dash, last = text.partition("-")
    try:
        if dash:
            return _between(ipaddress.ip_address(first), last)
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    if network.num_addresses > most + 2:
        raise ValueError(f"{text} has more than {most} addresses: scan a part, or say --max-hosts")
    return network.hosts()


def _between(first: Address, last: str) -> Iterator[Address]:
    """From *first* to *last*, which may be the last number alone; that of IPv6 is hexadecimal."""
    dot = "." if isinstance(first, ipaddress.IPv4Address) else ":"
    alone = dot not in last
    end = ipaddress.ip_address(f"{str(first).rpartition(dot)[0]}{dot}{last}" if alone else last)
    if type(end) is not type(first) or int(end) < int(first) or int(end) - int(first) > 0xFFFF:
        raise ValueError
    made: Callable[[int], Address] = type(first)
    return map(made, range(int(first), int(end) + 1))
