"""The map file of a concentrator: a CSV file with an entry a line, read and written."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from mbap.addresses import Table, reference
from mbap.collect.concentratormap import Entry, entry_faults
from mbap.filefaults import Fault, suggestion
from mbap.values import Encoding, parse_type

COLUMNS: Final = (
    "unit",
    "table",
    "address",
    "type",
    "order",
    "scale",
    "offset",
    "no_value",
    "measured_in",
    "device",
    "point",
    "status",
)
FOR_PEOPLE: Final = ("reference", "description")
"""Columns that may be there, and are not read."""

_NEEDED = ("unit", "table", "address", "device", "point")
_SEPARATORS = ",;\t"


def read_map(path: Path) -> tuple[list[Entry], list[Fault]]:
    """The entries in the file at *path*, and all that is wrong with it; neither where there is no file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return [], []
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text (in a spreadsheet: CSV UTF-8)"
        return [], [Fault(str(path), 0, "", f"the map cannot be read: {why}")]
    return _parsed(text, str(path))


def _parsed(text: str, file: str) -> tuple[list[Entry], list[Fault]]:
    lines = text.splitlines()
    separator = max(_SEPARATORS, key=(lines[0] if lines else "").count)
    reader = csv.DictReader(lines, delimiter=separator, skipinitialspace=True, restval="")
    faults = [Fault(file, 1, "", message) for message in _wrong_columns(reader.fieldnames or ())]
    entries, numbers = [], []
    for row in reader if not faults else ():
        cells = {str(key): str(value).strip() for key, value in row.items() if key}
        if not any(cells.values()):
            continue
        try:
            entries.append(_entry(cells))
            numbers.append(reader.line_num)
        except ValueError as wrong:
            faults.append(Fault(file, reader.line_num, _name(cells), str(wrong)))
    if not faults:
        faults = [
            Fault(file, numbers[index], f"{entries[index].device}.{entries[index].point}", message)
            for index, message in entry_faults(entries)
        ]
    return entries, faults


def _wrong_columns(columns: Iterable[str]) -> list[str]:
    known = (*COLUMNS, *FOR_PEOPLE)
    wrong = [f'unknown column "{name}"{suggestion(name, known)}' for name in columns if name not in known]
    return wrong + [f'there is no column "{name}"' for name in _NEEDED if name not in columns]


def _name(cells: Mapping[str, str]) -> str:
    return ".".join(filter(None, (cells.get("device"), cells.get("point"))))


def _entry(cells: Mapping[str, str]) -> Entry:
    try:
        table = Table(cells["table"])
    except ValueError:
        tables = [one.value for one in Table]
        raise ValueError(f'"{cells["table"]}" is no table: write {", ".join(tables)}') from None
    for name in ("device", "point"):
        if not cells[name]:
            raise ValueError(f"the {name} is missing")
    status = cells.get("status", "")
    return Entry(
        unit=_whole("unit", cells["unit"]),
        table=table,
        address=_whole("address", cells["address"]),
        encoding=None if table.holds_bits else _encoding(cells),
        device=cells["device"],
        point=cells["point"],
        measured_in=cells.get("measured_in", ""),
        status=_whole("status", status) if status else None,
    )


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f'the {name} is a whole number, not "{text}"')
    return int(text)


def _encoding(cells: Mapping[str, str]) -> Encoding:
    options = [("scale", "scale"), ("offset", "offset"), ("none", "no_value")]
    given = [f"{option}={cells[column]}" for option, column in options if cells.get(column)]
    return parse_type(",".join((cells.get("type") or "uint16", *given)), cells.get("order", ""))


def map_text(entries: Iterable[Entry], descriptions: Mapping[tuple[str, str], str] | None = None) -> str:
    """*entries* as a map file; with *descriptions*, by device and point, also what only people read."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS if descriptions is None else (*COLUMNS, *FOR_PEOPLE))
    for entry in entries:
        row = _row(entry)
        if descriptions is not None:
            row += [reference(entry.table, entry.address), descriptions.get((entry.device, entry.point), "")]
        writer.writerow(row)
    return out.getvalue()


def _row(entry: Entry) -> list[str]:
    encoding = entry.encoding
    told = ["", "", "", "", ""]
    if encoding is not None:
        told = [
            type_column(encoding),
            "" if encoding.bit is not None else encoding.order,
            "" if encoding.scale == 1 else f"{encoding.scale!r}",
            "" if encoding.offset == 0 else f"{encoding.offset!r}",
            f"{encoding.sentinels[0]!r}" if encoding.sentinels else "",
        ]
    status = "" if entry.status is None else str(entry.status)
    place = [str(entry.unit), entry.table.value, str(entry.address)]
    return [*place, *told, entry.measured_in, entry.device, entry.point, status]


def type_column(encoding: Encoding) -> str:
    """`float32`, `string/8`, `bool,bit=3`."""
    length = f"/{encoding.length}" if encoding.length else ""
    return f"{encoding.type}{length}" + ("" if encoding.bit is None else f",bit={encoding.bit}")


def write_map(path: Path, entries: Sequence[Entry], saved: int = 0) -> None:
    """Put *entries*, of which the first *saved* are there already, into the file at *path*: all or nothing.

    Raises:
        OSError: it cannot be written; a sentence.
    """
    name = None
    try:
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(number, "w", encoding="utf-8", newline="") as file:
            file.write(_grown(path, entries, saved))
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as error:
        if name is not None:
            Path(name).unlink(missing_ok=True)
        why = error.strerror or error
        raise OSError(
            f"the map {path} cannot be written, and without it addresses could change: {why}"
        ) from error


def _grown(path: Path, entries: Sequence[Entry], saved: int) -> str:
    """The text of the file with all entries; lines that are there stay as they were written."""
    text = path.read_text(encoding="utf-8-sig") if saved else ""
    if not text.startswith(",".join(COLUMNS)):
        return map_text(entries)
    _, _, added = map_text(entries[saved:]).partition("\n")
    return text.rstrip("\n") + "\n" + added
