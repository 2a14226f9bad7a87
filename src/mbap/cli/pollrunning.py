"""Carries out what `mbap poll` was asked for: once, or until Ctrl-C with statistics at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click

from mbap.cli.exits import ExitCode, exit_code
from mbap.cli.pollasked import NAMES, Asked, Part, Statistics, words_of
from mbap.cli.pollline import Line
from mbap.cli.pollreport import NOTHING, report_lines
from mbap.cli.pollwire import ShownLine
from mbap.client.blocking import BlockingUnit
from mbap.client.job import Job
from mbap.client.line import Line as Way
from mbap.client.options import LinkOptions
from mbap.client.quirks import Quirks
from mbap.client.typed import Writing
from mbap.errors import ConnectFailed, ModbusError
from mbap.protocol.pdu import ReportServerId, Request


@contextmanager
def polling(line: Line, *, many: bool = False, verbose: bool = False) -> Iterator[Polling]:
    """A connection as *line* says, to poll over; *many* writes single registers by function code 16.

    Raises:
        ConnectFailed: there is none; mbpoll's words were printed.
    """
    options = LinkOptions(timeout=line.timeout, breaker=None, quirks=Quirks(only_fc16=many))
    way = (ShownLine if verbose else Way)(line.endpoint, options)
    try:
        _connect(way)
        yield Polling(line, way)
    finally:
        way.close()


def _connect(way: Way) -> None:
    try:
        way.connect()
    except ConnectFailed:
        click.echo("Connection failed", err=True)
        raise


@dataclass(slots=True)
class Polling:
    """What is done over one connection; each gives the exit code."""

    line: Line
    way: Way
    statistics: Statistics = field(default_factory=Statistics)

    def write(self, asked: Asked, plan: Writing) -> int:
        """Send *plan*, once."""
        unit = asked.units[0]
        try:
            if self.line.serial and unit == 0:
                self._broadcast(plan.request)
            else:
                self._execute(unit, plan.request)
        except ModbusError as error:
            return self._failed(f"Write {NAMES[asked.kind.table]} failed", error)
        click.echo(f"Written {asked.count} references.")
        return ExitCode.OK

    def report(self, unit: int) -> int:
        """Ask *unit* who it is."""
        click.echo(self.line.introduced(unit))
        try:
            data = self._execute(unit, ReportServerId())
        except ModbusError as error:
            return self._failed("Report slave ID failed(-1)", error)
        if lines := list(report_lines(data)):
            click.echo("\n".join(lines))
        else:
            click.echo(NOTHING, err=True)
        return ExitCode.OK

    def read(self, asked: Asked, *, once: bool) -> int:
        """Read one round, or on and on."""
        return self._round(asked, "...") if once else self._go_on(asked)

    def _go_on(self, asked: Asked) -> int:
        """Rounds on a fixed grid until Ctrl-C, which prints the statistics and goes on its way."""
        start, number, seconds = time.monotonic(), 0, self.line.rate / 1000
        try:
            while True:
                self._round(asked, "... Ctrl-C to stop)")
                number = max(number + 1, int((time.monotonic() - start) / seconds) + 1)
                time.sleep(max(start + number * seconds - time.monotonic(), 0))
        except KeyboardInterrupt:
            click.echo(self.statistics.text(self.line.host))
            raise

    def _round(self, asked: Asked, end: str) -> int:
        """Each unit once; gives the code of the first error."""
        code: int = ExitCode.OK
        for number in asked.units:
            click.echo(f"-- Polling slave {number}{end}")
            found = self._read(asked, number)
            code = code or found
        return code

    def _read(self, asked: Asked, unit: int) -> int:
        """Each part once; gives the code of the first error."""
        code: int = ExitCode.OK
        for part in asked.parts():
            found = self._read_part(asked, part, unit)
            code = code or found
        return code

    def _read_part(self, asked: Asked, part: Part, unit: int) -> int:
        words: list[int] = []
        self.statistics.sent += 1
        try:
            for request in part.reading.requests:
                words += self._execute(unit, request)
        except ModbusError as error:
            return self._failed(f"Read {NAMES[asked.kind.table]} failed", error)
        self.statistics.received += 1
        for line in asked.lines(part.start, words):
            click.echo(line)
        return ExitCode.OK

    def _execute(self, unit: int, request: Request[Any]) -> Any:
        tell: Callable[[], None] = self.way.tell if isinstance(self.way, ShownLine) else _say_nothing
        try:
            return BlockingUnit(self.way, unit, timeout=self.line.timeout).execute(request)
        finally:
            tell()

    def _broadcast(self, request: Request[Any]) -> None:
        """Send it to all units of the line, none of which answers."""
        job = Job(
            request, 0, self.way.options, timeout=self.line.timeout, now=time.monotonic(), answered=False
        )
        (outcome,) = self.way.carry_out([job])
        if isinstance(outcome, ModbusError):
            raise outcome
        click.echo(
            "unit 0 is every unit of the line: nobody answers, and nobody knows who wrote it", err=True
        )

    def _failed(self, what: str, error: ModbusError) -> int:
        """mbpoll's words, and a sentence that says more."""
        click.echo(f"{what}: {words_of(error)}", err=True)
        click.echo(f"error: {error}", err=True)
        return exit_code(error) or ExitCode.FAILED


def _say_nothing() -> None:
    pass
