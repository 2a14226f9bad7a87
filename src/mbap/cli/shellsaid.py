"""How a session of `mbap shell` says what it got: as tables for people, or as JSON, object by object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mbap.cli.read import as_json_line, as_text
from mbap.cli.write import print_json, print_text

if TYPE_CHECKING:
    from mbap.cli.read import Found
    from mbap.cli.write import Done
    from mbap.client.typed import Writing
    from mbap.errors import ModbusError


class Said:
    """For people."""

    as_json = False

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def read(self, unit: int, found: Sequence[Found]) -> None:
        """What was read; nothing where nothing was."""
        if text := as_text(found):
            click.echo(text)

    def written(
        self, unit: int, done: Sequence[Done], left: Sequence[Writing], error: ModbusError | None
    ) -> None:
        """What was written, and what was left when *error* came."""
        print_text(self._endpoint, unit, done, left, error)

    def chosen(self, what: str, value: int | str) -> None:
        """The unit or the order that counts from now on."""
        click.echo(f"{what} {value}")

    def unit(self, number: int, answer: str) -> None:
        """That a unit answers, and how."""
        click.echo(f"unit {number:3}  {answer}")

    def nobody(self, sentence: str) -> None:
        """That no unit answered."""
        click.echo(sentence)


class SaidAsJson(Said):
    """For programs."""

    as_json = True

    def read(self, unit: int, found: Sequence[Found]) -> None:
        click.echo(as_json_line(self._endpoint, unit, found))

    def written(
        self, unit: int, done: Sequence[Done], left: Sequence[Writing], error: ModbusError | None
    ) -> None:
        print_json(self._endpoint, unit, done, left, error)

    def chosen(self, what: str, value: int | str) -> None:
        click.echo(json.dumps({what: value}))

    def unit(self, number: int, answer: str) -> None:
        click.echo(json.dumps({"unit": number, "answer": answer}))

    def nobody(self, sentence: str) -> None:
        """On standard error: what is on standard output are units."""
        click.echo(sentence, err=True)
