"""Devices from a CSV file: a line each, the columns named in the first."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from mbap.filefaults import Fault, path_text, suggestion
from mbap.filesentences import sentences
from mbap.site.file import DeviceTable

_OWN = ("connection", "host", "unit", "units", "profile", "title")
_LABELS = ("site", "area", "installation")
COLUMNS = ("name", *_OWN, *_LABELS, "label_NAME")
_LABEL = re.compile(r"label_([a-z][a-z0-9_]*)")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SEPARATORS = ",;\t"

Row = tuple[int, str, DeviceTable]


def read_devices(path: Path, connections: Collection[str]) -> tuple[list[Row], list[Fault]]:
    """The devices in the file at *path* as (line, name, table), and all that is wrong with it.

    Commas, semicolons or tabs; empty cells count as not given, empty lines are left out; a column
    `label_floor` is the label `floor`.
    """
    rows: list[Row] = []
    faults: list[Fault] = []
    try:
        text = path.read_text(encoding="utf-8-sig")
        for line in _lines(str(path), text, faults):
            _take(line, connections, rows, faults)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        faults.append(Fault(str(path), 0, "", f"the list of devices cannot be read: {_why(error)}"))
    return rows, faults


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text (from a spreadsheet, save it as CSV UTF-8)"
    return getattr(error, "strerror", None) or str(error)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the file: what its cells say, and how many there are beyond the columns."""

    file: str
    number: int
    given: Mapping[str, str]
    surplus: int

    @property
    def name(self) -> str:
        return self.given.get("name", "")

    def faults(self, problems: list[str]) -> list[Fault]:
        return [Fault(self.file, self.number, self.name, problem) for problem in problems]


def _lines(file: str, text: str, faults: list[Fault]) -> Iterator[_Line]:
    """The lines below the first; none when the columns are wrong."""
    lines = text.splitlines()
    first = lines[0] if lines else ""
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    columns = [cell.strip() for cell in next(reader, [])]
    wrong = [Fault(file, 1, "", message) for message in _wrong_columns(columns)]
    faults += wrong
    for cells in reader if not wrong else ():
        filled = [cell.strip() for cell in cells]
        if any(filled):
            given = {column: cell for column, cell in zip(columns, filled, strict=False) if cell}
            yield _Line(file, reader.line_num, given, len(cells) - len(columns))


def _wrong_columns(columns: list[str]) -> list[str]:
    wrong = [
        f'unknown column "{column}"{suggestion(column, COLUMNS)}'
        for column in columns
        if column not in COLUMNS[:-1] and not _LABEL.fullmatch(column)
    ]
    twice = [f'the column "{column}" is there twice' for column in columns if columns.count(column) > 1]
    missing = [f'there is no column "{column}"' for column in ("name", "profile") if column not in columns]
    return wrong + list(dict.fromkeys(twice)) + missing


def _take(line: _Line, connections: Collection[str], rows: list[Row], faults: list[Fault]) -> None:
    problems = list(_wrong_cells(line))
    data = _as_table(line.given)
    try:
        table = DeviceTable.model_validate(data)
    except ValidationError as error:
        found = sentences(error.errors(include_url=False), data, DeviceTable)
        problems += [f"{path_text(path)} {message}" for path, message in found]
    else:
        problems += _problems(table, connections)
        if not problems:
            rows.append((line.number, line.name, table))
    faults += line.faults(problems)


def _wrong_cells(line: _Line) -> Iterator[str]:
    if line.surplus > 0:
        yield f"has {line.surplus} more cells than there are columns: a text with a comma goes into quotes"
    if not _NAME.fullmatch(line.name):
        yield f'"{line.name}" is not a name: small letters, digits and _, beginning with a letter'


def _problems(table: DeviceTable, connections: Collection[str]) -> Iterator[str]:
    for path, text in table.faults_between(()):
        yield f"{path_text(path)} {text}".strip()
    wanted = table.connection
    if wanted and wanted not in connections:
        yield f'there is no connection "{wanted}"{suggestion(wanted, connections)}'


def _as_table(given: Mapping[str, str]) -> dict[str, object]:
    """The cells as a site file would have them; a unit that is no number is left to the model."""
    table: dict[str, object] = {key: given[key] for key in _OWN if key in given}
    unit = given.get("unit", "")
    if unit.isascii() and unit.isdigit():
        table["unit"] = int(unit)
    labels = {key: given[key] for key in _LABELS if key in given}
    labels |= {match[1]: given[key] for key in given if (match := _LABEL.fullmatch(key))}
    return table | {"labels": labels}
