"""How `mbap poll` reaches its host: mbpoll's options for TCP and for serial lines. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mbap.records import replace
from mbap.transport.endpoint import Endpoint, parse_endpoint

if TYPE_CHECKING:
    from mbap.cli.pollasked import Asked

_SERIAL: Final = re.compile(r"/dev/.*|/(.*/)?tty[^/]*|COM[0-9]+", re.IGNORECASE)


def is_serial(host: str) -> bool:
    """Whether *host* is the name of a serial port: `/dev/ttyUSB0`, `COM3`."""
    return _SERIAL.fullmatch(host) is not None


@dataclass(frozen=True, slots=True)
class Line:
    """How the host is reached, as the options say; None where one was not given.

    Attributes:
        mode: `tcp`, `rtu`, or None: `rtu` where the host is the name of a serial port.
        rts: the driver is asked to switch the direction of an RS-485 transceiver by RTS.
        rts_after: the same by RTS that is off while it sends.
        timeout: seconds. rate: milliseconds from poll to poll.

    Raises:
        ValueError: they do not go together.
    """

    host: str
    mode: str | None = None
    port: int | None = None
    baudrate: int | None = None
    databits: str = "8"
    stopbits: str = "1"
    parity: str = "even"
    rts: bool = False
    rts_after: bool = False
    timeout: float = 1.0
    rate: int = 1000

    def __post_init__(self) -> None:
        if not self.serial:
            self._check_tcp()
        elif self.port is not None:
            raise ValueError("-p is a TCP port: with -m rtu there is none")
        if self.rts and self.rts_after:
            raise ValueError("either -F or -R: RTS is on while it sends, or off")
        if self.databits != "8":
            raise ValueError("-d 7: RTU has 8 data bits; ASCII has 7: `mbap read ascii:///dev/ttyUSB0`")

    def _check_tcp(self) -> None:
        if self.host.startswith(("tls://", "mbaps://", "tls+fallback://")):
            raise ValueError(f"TLS has no options of mbpoll: mbap read {self.host} --ca FILE has them")
        if self.host.startswith("/dev/"):
            raise ValueError(f"{self.host} is a serial port: leave -m tcp out, or write -m rtu")
        given = "-b" if self.baudrate is not None else "-F" if self.rts else "-R" if self.rts_after else ""
        if given:
            raise ValueError(
                f"{given} is for serial lines, and {self.host} is reached over TCP without -m rtu"
            )

    @property
    def serial(self) -> bool:
        """Whether it is a serial line."""
        return is_serial(self.host) if self.mode is None else self.mode == "rtu"

    @property
    def endpoint(self) -> Endpoint:
        """HOST as other commands take it, with the port of `-p` or the settings of the line."""
        if self.serial:
            slash = "" if self.host.startswith("/") else "/"
            settings = f"baudrate={self._baudrate}&parity={self._parity}&stopbits={self.stopbits}"
            switched = "&rs485=inverted" if self.rts_after else "&rs485=on" if self.rts else ""
            return parse_endpoint(f"rtu://{slash}{self.host}?{settings}{switched}")
        found = parse_endpoint(self.host)
        return found if self.port is None else replace(found, port=self.port)

    @property
    def protocol(self) -> str:
        """The first line about the settings."""
        return f"Protocol configuration: Modbus {'RTU' if self.serial else 'TCP'}"

    @property
    def communication(self) -> str:
        """The line, or two, about how the host is reached."""
        if self.serial:
            indent = "\n" + " " * 24
            where = f"{self.host},{self._baudrate:>11}-8{self._parity}{self.stopbits} {indent}"
        else:
            where = f"{self.endpoint.host}, port {self.endpoint.port}, "
        return f"Communication.........: {where}t/o {self.timeout:.2f} s, poll rate {self.rate} ms"

    def described(self, asked: Asked) -> str:
        """The lines about the settings that mbpoll prints before values."""
        return "\n".join(
            (
                self.protocol,
                f"Slave configuration...: address = [{','.join(map(str, asked.units))}]",
                f"                        start reference = {asked.described()}",
                self.communication,
                f"Data type.............: {asked.kind.described(big=asked.big)}",
                "",
            )
        )

    def introduced(self, unit: int) -> str:
        """The lines that mbpoll prints before it asks *unit* who it is."""
        return "\n".join(
            (
                self.protocol,
                f"Slave configuration...: address = {unit}, report slave id",
                self.communication,
            )
        )

    @property
    def _baudrate(self) -> int:
        return self.baudrate or 19200

    @property
    def _parity(self) -> str:
        return self.parity[0].upper()
