"""Where the page may be reached, and what a visitor must show."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebOptions:
    """How the page is served.

    Attributes:
        listen: the host it listens on.
        password: asked for on a login page, or taken from HTTP Basic with any user name.
        token: taken from `Authorization: Bearer`, for programs.
        hosts: names, without port, under which a browser reaches the page: `plant7.example.org`. Addresses,
            localhost and the machine's own name need not be listed.
        max_pages: how many pages may be open at once; the next one is refused and tries again later.
    """

    listen: str = "127.0.0.1"
    password: str | None = None
    token: str | None = None
    hosts: tuple[str, ...] = ()
    max_pages: int = 100

    @property
    def protected(self) -> bool:
        """True when a visitor has to show a password or a token."""
        return bool(self.password or self.token)


def check_listen(options: WebOptions) -> None:
    """Refuse to show a plant to a network without asking who looks.

    Raises:
        ValueError: the host is not loopback and there is neither password nor token.
    """
    if not is_loopback(options.listen) and not options.protected:
        raise ValueError(
            f"the page would listen on {options.listen}, which others can reach: "
            "give it a password or a token, or listen on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """True when only this machine reaches *host*."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


class KnownHosts:
    """Which Host headers are believed.

    A browser that was lured to a foreign name, made to point here, sends that name (DNS rebinding). An
    address it can only have been given by its user.
    """

    def __init__(self, options: WebOptions) -> None:
        own = socket.gethostname().lower()
        given = (name.lower() for name in (options.listen, *options.hosts))
        self._names = {own, f"{own.split('.')[0]}.local", *given}

    def __contains__(self, host: str) -> bool:
        name = host.rstrip(".").lower()
        return is_loopback(name) or _address(name) is not None or name in self._names


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
