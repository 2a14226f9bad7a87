"""Surveying a table: reading what a survey wants to know, with a file to go on from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from mbap.addresses import Table, describe
from mbap.diagnose.doctor.asking import Asking
from mbap.diagnose.doctor.case import read_of
from mbap.diagnose.scan.survey import Survey
from mbap.errors import ConnectionLost, ExceptionResponse, ModbusError, ProtocolError

KEPT_EVERY = 20
"""After so many reads the file is written."""
FAILED_IN_A_ROW = 3
"""After so many lost connections or answers that do not fit the device is left alone."""


def survey(
    asking: Asking,
    unit: int,
    table: Survey,
    keep: Callable[[Survey], None] = lambda _survey: None,
    tell: Callable[[float], None] = lambda _share: None,
) -> ModbusError | None:
    """Read until *table* is known; gives the error that ended it before, if one did.

    *keep* is called now and then, and at the end whatever happens.
    """
    failed = 0
    try:
        while (wanted := table.next()) is not None:
            tell(table.done)
            outcome = asking.ask(read_of(table.table, *wanted), unit)
            failed = failed + 1 if isinstance(outcome.error, (ConnectionLost, ProtocolError)) else 0
            if outcome.good:
                table.read(wanted[0], [int(value) for value in outcome.result])
            elif isinstance(outcome.error, ExceptionResponse):
                if outcome.code == 1:
                    return outcome.error
                table.refused(*wanted, outcome.code)
            elif outcome.silent:
                table.silent(*wanted)
            if outcome.error is not None and (table.hopeless or failed >= FAILED_IN_A_ROW):
                return outcome.error
            if table.requests % KEPT_EVERY == 0:
                keep(table)
        return None
    finally:
        keep(table)


def load(path: Path, endpoint: str, unit: int, table: Table, first: int, last: int) -> Survey | None:
    """The survey kept in *path*; None where there is no such file.

    Raises:
        ValueError: it is of something else, or no such file at all.
    """
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        found = Survey.from_json(kept["survey"])
        of = (kept["endpoint"], kept["unit"], found.table, found.first, found.last)
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError) as problem:
        raise ValueError(f"{path} is not the file of a survey: name another, or delete it") from problem
    if of != (endpoint, unit, table, first, last):
        place = describe(found.table, found.first, found.last - found.first + 1)
        raise ValueError(f"{path} is of {kept['endpoint']} unit {kept['unit']}, {place}: name another file")
    return found


def save(path: Path, endpoint: str, unit: int, found: Survey) -> None:
    """Keep *found* in *path*, whole or not at all."""
    beside = path.with_name(f"{path.name}.new")
    kept = {"endpoint": endpoint, "unit": unit, "survey": found.as_json()}
    beside.write_text(json.dumps(kept) + "\n", encoding="utf-8")
    beside.replace(path)
