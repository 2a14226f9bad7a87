"""One session of `mbap shell`: carries out lines on one connection, and remembers the last error."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from mbap.cli.exits import ExitCode, exit_code, report
from mbap.cli.read import read_all
from mbap.cli.shelllines import Lines
from mbap.cli.shellsaid import Said
from mbap.cli.shellwords import Line, explained, parse, parse_units
from mbap.cli.tables import many, table
from mbap.cli.write import given_text, place_text, planned, write_all
from mbap.client.typed import Writing, reading
from mbap.errors import (
    ConnectionLost,
    ExceptionResponse,
    GatewayPathUnavailable,
    GatewayTargetFailedToRespond,
    ModbusError,
    OutcomeUnknown,
    ResponseTimeout,
)
from mbap.protocol.pdu.registers import ReadHoldingRegisters
from mbap.values.orders import order_kind
from mbap.values.types import TYPES

if TYPE_CHECKING:
    from mbap.client.blocking import BlockingUnit, Client

SEARCH_TIMEOUT = 0.5
"""Seconds that a unit is waited for when it is asked whether it is there."""
SEARCH_PAUSE = 0.05
"""Seconds between two of them: a device is not to be worn out."""


class Session:
    """Carries out one line after the other; *said* says what came of it, for people unless told otherwise.

    Attributes:
        code: of the last line that failed; `OK` where none did.
    """

    def __init__(
        self,
        endpoint: str,
        device: Client,
        lines: Lines,
        *,
        order: str = "",
        deadline: float | None = None,
        may_write: bool = False,
        said: Said | None = None,
    ) -> None:
        self.code: int = ExitCode.OK
        self._endpoint, self._client, self._lines = endpoint, device, lines
        self._said = said or Said(endpoint)
        self._unit: BlockingUnit = device
        self._order, self._deadline, self._may_write = order, deadline, may_write
        self._commands: dict[str, Callable[[Sequence[str]], int]] = {
            "read": self._read,
            "write": self._write,
            "unit": self._choose_unit,
            "units": self._units,
            "order": self._choose_order,
            "types": self._types,
            "decode": self._decode,
            "help": self._help,
        }

    @property
    def prompt(self) -> str:
        """What stands before a line."""
        return f"{self._endpoint} unit {self._unit.number}> "

    def run(self) -> int:
        """Carry out lines until quit or their end; gives the code of the last error."""
        while True:
            try:
                if not self.carry_out(self._lines.line(self.prompt)):
                    return self.code
            except EOFError:
                return self.code
            except KeyboardInterrupt:
                if not self._lines.asks:
                    raise
                click.echo("cancelled; quit or Ctrl-D ends", err=True)

    def carry_out(self, text: str) -> bool:
        """Carry out one line; False where it ends the session. Errors are said and remembered."""
        try:
            line = parse(text)
            if line.command == "quit":
                return False
            code = self._dispatch(line)
        except (ModbusError, ValueError, OSError) as error:
            code = report(error)
        except click.ClickException as problem:
            problem.show()
            code = problem.exit_code
        self.code = code or self.code
        return True

    def _dispatch(self, line: Line) -> int:
        return self._commands[line.command](line.words) if line.command else ExitCode.OK

    # --- commands ---

    def _read(self, words: Sequence[str]) -> int:
        if not words:
            raise ValueError("read takes items, such as hr0..9 or 40108:float32")
        plans = [reading(word, self._order) for word in words]
        found = read_all(self._unit, plans, self._deadline)
        self._said.read(self._unit.number, found)
        error = next((one.error for one in found if one.error), None)
        return ExitCode.OK if error is None else exit_code(error) or ExitCode.FAILED

    def _write(self, words: Sequence[str]) -> int:
        if not words:
            raise ValueError("write takes items with values, such as hr10=42 or co3=on")
        plans = [planned(word, self._order) for word in words]
        if not self._may_write and not self._sure(plans):
            return ExitCode.OK
        try:
            done, error = write_all(self._unit, plans, self._deadline, verify=True)
        except KeyboardInterrupt:
            if not self._lines.asks:
                raise
            names = ", ".join(plan.item.text for plan in plans)
            raise OutcomeUnknown(f"cancelled: {names} may have been written, or not") from None
        self._said.written(self._unit.number, done, plans[len(done) :], error)
        if error is not None:
            raise error
        return ExitCode.OK if all(one.agrees is not False for one in done) else ExitCode.NOT_VERIFIED

    def _sure(self, plans: Sequence[Writing]) -> bool:
        if not self._lines.asks:
            raise ValueError("nobody is there to confirm a write: --yes allows it from a pipe")
        for plan in plans:
            click.echo(f"{given_text(plan)} to unit {self._unit.number}, {place_text(plan)}")
        if self._lines.sure("write? [y/N] "):
            return True
        click.echo("nothing was written")
        return False

    def _choose_unit(self, words: Sequence[str]) -> int:
        if words:
            (number,) = parse_units(words[:1]) if len(words) == 1 and ".." not in words[0] else (None,)
            if number is None:
                raise ValueError("unit takes one number, 0 to 255")
            self._unit = self._client.unit(number)
        self._said.chosen("unit", self._unit.number)
        return ExitCode.OK

    def _choose_order(self, words: Sequence[str]) -> int:
        if len(words) > 1:
            raise ValueError("order takes one of ABCD, CDAB, BADC, DCBA")
        if words:
            order_kind(words[0])
            self._order = words[0].upper()
        self._said.chosen("order", self._order or "ABCD")
        return ExitCode.OK

    def _units(self, words: Sequence[str]) -> int:
        """Asks each for one register: an exception is an answer, unless it is a gateway's."""
        units, found = parse_units(words), 0
        for number in units:
            if said := self._answer_of(number):
                self._said.unit(number, said)
                found += 1
            time.sleep(SEARCH_PAUSE)
        if not found:
            self._said.nobody(f"none of {many(len(units), 'unit')} answered: units N..M asks others")
        return ExitCode.OK

    def _answer_of(self, number: int) -> str:
        try:
            # With the deadline no read is repeated: a unit that is not there costs half a second.
            asked = self._client.unit(number, timeout=SEARCH_TIMEOUT)
            asked.execute(ReadHoldingRegisters(0, 1), deadline=2 * SEARCH_TIMEOUT)
        except (GatewayPathUnavailable, GatewayTargetFailedToRespond, ResponseTimeout):
            return ""
        except ConnectionLost:
            raise
        except ExceptionResponse as refusal:
            return f"answers with exception {refusal.code:02X}"
        return "answers"

    def _types(self, words: Sequence[str]) -> int:
        _none("types", words)
        rows = [
            (name if facts.registers else f"{name}/N", str(facts.registers or "N"), facts.family)
            for name, facts in TYPES.items()
        ]
        click.echo(table(("type", "registers", ""), rows, right={1}))
        return ExitCode.OK

    def _decode(self, words: Sequence[str]) -> int:
        from mbap.cli.decode import command
        from mbap.cli.main import SETTINGS

        if "-" in words or not words:
            raise ValueError("decode takes the bytes of a frame in hexadecimal")
        words = [*words, *(["--json"] if self._said.as_json else [])]
        return int(command.main(words, prog_name="decode", standalone_mode=False, **SETTINGS) or ExitCode.OK)

    def _help(self, words: Sequence[str]) -> int:
        if len(words) > 1:
            raise ValueError("help takes one command")
        click.echo(explained(*words))
        return ExitCode.OK


def _none(name: str, words: Sequence[str]) -> None:
    if words:
        raise ValueError(f"{name} takes nothing, not {' '.join(words)}")
