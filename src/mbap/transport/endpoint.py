"""A URL -> which stream, which host, which port, which unit."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

DEFAULT_PORT = 502
_LATER = {
    "tls": "Modbus/TCP Security",
    "mbaps": "Modbus/TCP Security",
    "rtu": "a serial line",
    "ascii": "a serial line",
    "rtu+tcp": "RTU frames over TCP",
    "ascii+tcp": "ASCII frames over TCP",
    "udp": "Modbus over UDP",
}
_EXAMPLES = "write it like tcp://192.168.1.100:502, plc7.local, or tcp://[fe80::1]:502#5"
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a device, or a listener, is reached."""

    scheme: str
    host: str
    port: int
    unit: int | None = None

    @property
    def url(self) -> str:
        """The canonical form without the unit: whatever leads to the same place shares a link by it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def __str__(self) -> str:
        return self.url if self.unit is None else f"{self.url}#{self.unit}"


def parse_endpoint(text: str, *, listening: bool = False) -> Endpoint:
    """The endpoint of *text*: `tcp://plc`, a bare host, IPv6 with or without brackets, `#5` for the unit.

    With *listening* the host may be empty (every address of this machine) and port 0 means any free one.

    Raises:
        ValueError: *text* is not an endpoint, or of a kind that does not work yet; one sentence.
    """
    scheme, place = _scheme(text.strip(), text)
    place, hash_sign, unit = place.partition("#")
    host, port = _host_and_port(place.removesuffix("/"), text)
    if not host and not listening:
        raise ValueError(f"{text!r} names no host: {_EXAMPLES}")
    return Endpoint(
        scheme,
        _canonical_host(host, text) if host else "",
        _number("port", port, 0 if listening else 1, 0xFFFF, text) if port else DEFAULT_PORT,
        _number("unit", unit, 0, 0xFF, text) if hash_sign else None,
    )


def _scheme(plain: str, text: str) -> tuple[str, str]:
    scheme, separator, place = plain.partition("://")
    if not separator:
        return "tcp", plain
    scheme = scheme.lower()
    if scheme in _LATER:
        raise ValueError(
            f"not yet supported: {scheme}:// ({_LATER[scheme]}) in {text!r}; so far only tcp:// works"
        )
    if scheme != "tcp":
        raise ValueError(f"{text!r} begins with {scheme}://, which is not a kind of connection: {_EXAMPLES}")
    return scheme, place


def _host_and_port(place: str, text: str) -> tuple[str, str]:
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} does not close its [bracket] well: {_EXAMPLES}")
        return host, _after_colon(rest, text)
    if place.count(":") > 1:
        return place, ""
    host, colon, port = place.partition(":")
    return host, _after_colon(colon + port, text)


def _after_colon(rest: str, text: str) -> str:
    if rest == ":":
        raise ValueError(f"{text!r} has a colon and then no port: {_EXAMPLES}")
    return rest[1:]


def _canonical_host(host: str, text: str) -> str:
    name = _ascii_name(host.lower().removesuffix("."), text)
    if ":" in name or re.fullmatch(r"[0-9.]+", name):
        try:
            return str(ipaddress.ip_address(name))
        except ValueError:
            raise ValueError(f"{host!r} in {text!r} is not an IP address: {_EXAMPLES}") from None
    if len(name) > 253 or max(map(len, name.split("."))) > 63 or not _NAME.fullmatch(name):
        raise ValueError(f"{host!r} in {text!r} is not the name of a host: {_EXAMPLES}")
    return name


def _ascii_name(name: str, text: str) -> str:
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(f"{name!r} in {text!r} is not the name of a host: {_EXAMPLES}") from None


def _number(what: str, digits: str, low: int, high: int, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", digits) or not low <= int(digits) <= high:
        raise ValueError(f"the {what} in {text!r} is a number from {low} to {high}, not {digits!r}")
    return int(digits)
