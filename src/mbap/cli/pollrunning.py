"""Carries out what `mbap poll` was asked for: once, or until Ctrl-C with statistics at the end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from mbap.cli.exits import ExitCode, exit_code
from mbap.cli.pollasked import NAMES, Asked, Statistics, words_of
from mbap.client.blocking import Client
from mbap.client.quirks import Quirks
from mbap.errors import ModbusError
from mbap.protocol.pdu import Request
from mbap.records import replace
from mbap.transport.endpoint import Endpoint, parse_endpoint

if TYPE_CHECKING:
    from mbap.client.blocking import BlockingUnit
    from mbap.client.typed import Writing


@dataclass(frozen=True, slots=True)
class Line:
    """How the host is reached, as the options say; None where one was not given.

    Raises:
        ValueError: they do not go together.
    """

    mode: str
    host: str
    port: int | None
    baudrate: int | None
    databits: str
    stopbits: str
    parity: str
    timeout: float
    rate: int

    def __post_init__(self) -> None:
        if self.mode == "tcp" and (self.host.startswith("/dev/") or self.baudrate is not None):
            raise ValueError(f"{self.host} is reached over TCP unless -m rtu is given")
        if self.mode == "rtu" and self.port is not None:
            raise ValueError("-p is a TCP port: with -m rtu there is none")
        if self.databits != "8":
            raise ValueError("-d 7: RTU has 8 data bits; ASCII has 7: `mbap read ascii:///dev/ttyUSB0`")

    @property
    def url(self) -> str:
        """The endpoint."""
        if self.mode == "rtu":
            slash = "" if self.host.startswith("/") else "/"
            settings = f"baudrate={self._baudrate}&parity={self._parity}&stopbits={self.stopbits}"
            return f"rtu://{slash}{self.host}?{settings}"
        return self.endpoint.url

    @property
    def endpoint(self) -> Endpoint:
        """Over TCP: HOST as other commands take it, with the port of `-p` where that is given."""
        found = parse_endpoint(self.host)
        return found if self.port is None else replace(found, port=self.port)

    def described(self, asked: Asked) -> str:
        """The lines about the settings that mbpoll prints first."""
        if self.mode == "tcp":
            where = f"{self.endpoint.host}, port {self.endpoint.port}, "
        else:
            indent = "\n" + " " * 24
            where = f"{self.host},{self._baudrate:>11}-8{self._parity}{self.stopbits} {indent}"
        return "\n".join(
            (
                f"Protocol configuration: Modbus {self.mode.upper()}",
                f"Slave configuration...: address = [{','.join(map(str, asked.units))}]",
                f"                        start reference = {asked.start}, count = {asked.count}",
                f"Communication.........: {where}t/o {self.timeout:.2f} s, poll rate {self.rate} ms",
                f"Data type.............: {asked.kind.described(big=asked.big)}",
                "",
            )
        )

    @property
    def _baudrate(self) -> int:
        return self.baudrate or 19200

    @property
    def _parity(self) -> str:
        return self.parity[0].upper()


def run(
    line: Line, asked: Asked, plan: Writing | None, *, once: bool, many: bool, verbose: bool, quiet: bool
) -> int:
    """Read, or write *plan*; gives the exit code."""
    if plan is not None and len(asked.units) > 1:
        raise ValueError("a list of units is for reading: write to one with -a")
    quirks = Quirks(only_fc16=many)
    device = Client(line.url, unit=asked.units[0], timeout=line.timeout, retries=0, quirks=quirks)
    polling = _Polling(device, asked, line, Statistics(), verbose)
    try:
        if not quiet:
            click.echo(line.described(asked))
        if plan is not None:
            return polling.write(plan)
        return polling.round("...") if once else polling.go_on()
    finally:
        device.close()


@dataclass(slots=True)
class _Polling:
    device: Client
    asked: Asked
    line: Line
    statistics: Statistics
    verbose: bool

    def write(self, plan: Writing) -> int:
        try:
            self._execute(self.device, plan.request)
        except ModbusError as error:
            return self._failed("Write", error)
        click.echo(f"Written {self.asked.count} references.")
        return ExitCode.OK

    def go_on(self) -> int:
        """Rounds on a fixed grid until Ctrl-C, which prints the statistics and goes on its way."""
        start, number, seconds = time.monotonic(), 0, self.line.rate / 1000
        try:
            while True:
                self.round("... Ctrl-C to stop)")
                number = max(number + 1, int((time.monotonic() - start) / seconds) + 1)
                time.sleep(max(start + number * seconds - time.monotonic(), 0))
        except KeyboardInterrupt:
            click.echo(self.statistics.text(self.line.host))
            raise

    def round(self, end: str) -> int:
        """Each unit once; gives the code of the first error."""
        code: int = ExitCode.OK
        for number in self.asked.units:
            click.echo(f"-- Polling slave {number}{end}")
            code = code or self._read(self.device.unit(number))
        return code

    def _read(self, unit: BlockingUnit) -> int:
        words: list[int] = []
        self.statistics.sent += 1
        try:
            for request in self.asked.reading().requests:
                words += self._execute(unit, request)
        except ModbusError as error:
            return self._failed("Read", error)
        self.statistics.received += 1
        for line in self.asked.lines(words):
            click.echo(line)
        return ExitCode.OK

    def _execute(self, unit: BlockingUnit, request: Request[Any]) -> Any:
        if self.verbose:
            click.echo("".join(f"[{byte:02X}]" for byte in request.encode()))
        answer = unit.execute(request)
        if self.verbose:
            click.echo("".join(f"<{byte:02X}>" for byte in request.encode_response(answer)))
        return answer

    def _failed(self, what: str, error: ModbusError) -> int:
        """mbpoll's words, and a sentence that says more."""
        click.echo(f"{what} {NAMES[self.asked.kind.table]} failed: {words_of(error)}", err=True)
        click.echo(f"error: {error}", err=True)
        return exit_code(error) or ExitCode.FAILED
