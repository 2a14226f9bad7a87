"""A URL -> which stream and framing, which host, port and unit, and from where."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mbap.records import Record

if TYPE_CHECKING:
    from mbap.protocol.framing import Framing
    from mbap.protocol.sides import Side
    from mbap.transport.line import LineSettings

DEFAULT_PORT = 502
SECURE_PORT = 802
_OTHER_NAMES = {"mbaps": "tls", "mbaps+fallback": "tls+fallback"}
_SERIAL = ("rtu", "ascii")
_EXAMPLES = "write it like tcp://192.168.1.100:502, plc7.local, rtu+tcp://moxa:4001 or tcp://[fe80::1]:502#5"
_NAME = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*"


class Endpoint(Record):
    """Where a device, or a listener, is reached.

    Attributes:
        unit: the unit that the URL names, if it names one.
        host: the host; the name of the port where it is a serial line, whose port number is 0.
        source: the address of this machine that connections are made from; None leaves it to the system.
        line: the settings of the serial line, where it is one.
        plain_port: where plain Modbus is, for `tls+fallback://`.
    """

    scheme: str
    host: str
    port: int
    unit: int | None = None
    source: str | None = None
    line: LineSettings | None = None
    plain_port: int = DEFAULT_PORT

    @property
    def url(self) -> str:
        """The canonical form without the unit: whatever leads to the same place shares a link by it."""
        if self.line is not None:
            slash = "/" if self.host.startswith("COM") else ""
            return f"{self.scheme}://{slash}{self.host}?{self.line.query(self.scheme)}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        said = [] if self.source is None else [f"source={self.source}"]
        if self.plain_port != DEFAULT_PORT:
            said.append(f"plain={self.plain_port}")
        query = f"?{'&'.join(said)}" if said else ""
        return f"{self.scheme}://{host}:{self.port}{query}"

    @property
    def datagrams(self) -> bool:
        """Whether it is reached by datagrams, one ADU each, and not over a connection."""
        return self.scheme == "udp"

    @property
    def secure(self) -> bool:
        """Whether it is reached by TLS."""
        return self.scheme.startswith("tls")

    @property
    def falls_back(self) -> bool:
        """Whether plain Modbus may take the place of TLS, for reading, where there never was any."""
        return self.scheme == "tls+fallback"

    def framing(self, side: Side | None = None, *, echo: bool | None = None) -> Framing:
        """A new framing for one connection, at the client unless *side* says so.

        *echo* says whether own frames come back, None finds out.
        """
        return _FRAMINGS[self.scheme](side, echo)

    def __str__(self) -> str:
        return self.url if self.unit is None else f"{self.url}#{self.unit}"


def _tcp(side: Side | None, echo: bool | None) -> Framing:
    from mbap.protocol.tcp import TcpFraming

    return TcpFraming()


def _rtu(side: Side | None, echo: bool | None) -> Framing:
    from mbap.protocol.rtu import RtuFraming
    from mbap.protocol.sides import Side

    return RtuFraming(side or Side.CLIENT, echo=echo)


def _ascii(side: Side | None, echo: bool | None) -> Framing:
    from mbap.protocol.ascii import AsciiFraming
    from mbap.protocol.sides import Side

    return AsciiFraming(side or Side.CLIENT, echo=echo)


def _datagrams(side: Side | None, echo: bool | None) -> Framing:
    from mbap.transport.udp import DatagramFraming

    return DatagramFraming()


_FRAMINGS: dict[str, Callable[[Side | None, bool | None], Framing]] = {
    "tcp": _tcp,
    "tls": _tcp,
    "tls+fallback": _tcp,
    "rtu": _rtu,
    "ascii": _ascii,
    "rtu+tcp": _rtu,
    "ascii+tcp": _ascii,
    "udp": _datagrams,
}


def parse_endpoint(text: str, *, listening: bool = False) -> Endpoint:
    """The endpoint of *text*: `tcp://plc`, a bare host, IPv6 with or without brackets, `#5` for the unit.

    `tcp://`, `tls://` (port 802; `mbaps://` is the same), `rtu+tcp://`, `ascii+tcp://`, `udp://` and, for
    serial ports, `rtu://` and `ascii://` work;
    `?source=192.168.1.7` names the address of this machine to connect from. With *listening* the host may be
    empty (every address of this machine) and port 0 means any free one.

    Raises:
        ValueError: *text* is not an endpoint; one sentence.
    """
    scheme, place = _scheme(text.strip(), text)
    place, hash_sign, unit = place.partition("#")
    place, question_mark, query = place.partition("?")
    if scheme in _SERIAL:
        from mbap.transport.line import parse_line

        port, line = parse_line(scheme, place, query, text)
        return Endpoint(
            scheme, port, 0, _number("unit", unit, 0, 0xFF, text) if hash_sign else None, line=line
        )
    if scheme == "tls+fallback" and listening:
        raise ValueError(f"{text!r}: a listener speaks TLS, or plain Modbus on another port: never either")
    rest, plain_port = _plain_port(scheme, query, text)
    wants_source = bool(question_mark) and (rest != "" or rest == query)
    host, port = _host_and_port(place.removesuffix("/"), text)
    if not host and not listening:
        raise ValueError(f"{text!r} names no host: {_EXAMPLES}")
    host = _canonical_host(host, text) if host else ""
    return Endpoint(
        scheme,
        host,
        _number("port", port, 0 if listening else 1, 0xFFFF, text) if port else _default_port(scheme),
        _number("unit", unit, 0, 0xFF, text) if hash_sign else None,
        _source(rest, host, text, listening=listening) if wants_source else None,
        plain_port=plain_port,
    )


def _scheme(plain: str, text: str) -> tuple[str, str]:
    scheme, separator, place = plain.partition("://")
    if not separator:
        _refuse_serial_port(plain, text)
        return "tcp", plain
    scheme = scheme.lower()
    scheme = _OTHER_NAMES.get(scheme, scheme)
    if scheme not in _FRAMINGS:
        raise ValueError(f"{text!r} begins with {scheme}://, which is not a kind of connection: {_EXAMPLES}")
    return scheme, place


def _refuse_serial_port(plain: str, text: str) -> None:
    if plain.startswith("/dev/") or (plain[:3].upper() == "COM" and plain[3:].isdecimal()):
        place = plain if plain.startswith("/") else f"/{plain.upper()}"
        raise ValueError(f"{text!r} is a serial port: write rtu://{place}?baudrate=19200&parity=E")


def _default_port(scheme: str) -> int:
    return SECURE_PORT if scheme.startswith("tls") else DEFAULT_PORT


def _plain_port(scheme: str, query: str, text: str) -> tuple[str, int]:
    """The rest of *query*, and the port that plain=... in it names, which goes with a fallback alone."""
    said = query.split("&") if scheme == "tls+fallback" else []
    plain = next((one for one in said if one.startswith("plain=")), None)
    if plain is None:
        return query, DEFAULT_PORT
    said.remove(plain)
    return "&".join(said), _number("port", plain.removeprefix("plain="), 1, 0xFFFF, text)


def _source(query: str, host: str, text: str, *, listening: bool) -> str:
    import ipaddress
    import re

    name, _, value = query.partition("=")
    if name != "source" or listening:
        raise ValueError(
            f"{text!r}: a listener takes nothing after a ?"
            if listening
            else f"{text!r}: after the ? can only be source=ADDRESS, not {query!r}"
        )
    try:
        source = ipaddress.ip_address(value.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ValueError(f"the source in {text!r} is an IP address of this machine, not {value!r}") from None
    if (":" in host) != (source.version == 6) and (":" in host or re.fullmatch(r"[0-9.]+", host)):
        raise ValueError(f"{text!r} leads from {source} to {host}: both have to be IPv4, or both IPv6")
    return str(source)


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
    if _is_ipv4(name):
        return name
    import ipaddress
    import re

    if ":" in name or re.fullmatch(r"[0-9.]+", name):
        try:
            if not re.fullmatch(r"[^%]*(%[a-z0-9._~-]+)?", name):
                raise ValueError("a zone is the name of an interface")
            return str(ipaddress.ip_address(name))
        except ValueError:
            raise ValueError(f"{host!r} in {text!r} is not an IP address: {_EXAMPLES}") from None
    if len(name) > 253 or max(map(len, name.split("."))) > 63 or not re.fullmatch(_NAME, name):
        raise ValueError(f"{host!r} in {text!r} is not the name of a host: {_EXAMPLES}")
    return name


def _is_ipv4(name: str) -> bool:
    """Whether *name* is an IPv4 address as it is usually written: found without what finds all others."""
    numbers = name.split(".")
    return len(numbers) == 4 and all(
        number.isdecimal() and len(number) <= 3 and int(number) <= 255 and str(int(number)) == number
        for number in numbers
    )


def _ascii_name(name: str, text: str) -> str:
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(f"{name!r} in {text!r} is not the name of a host: {_EXAMPLES}") from None


def _number(what: str, digits: str, low: int, high: int, text: str) -> int:
    plain = digits.isascii() and digits.isdecimal() and len(digits) <= 5
    if not plain or not low <= int(digits) <= high:
        raise ValueError(f"the {what} in {text!r} is a number from {low} to {high}, not {digits!r}")
    return int(digits)
