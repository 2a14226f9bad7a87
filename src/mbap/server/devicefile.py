"""The device file, which says what a simulated device has: read, checked, and every fault of it reported.

Plain dataclasses and the standard library: the simulator works with nothing else installed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mbap.addresses import Table
from mbap.errors import ExceptionCode
from mbap.server.deviceentry import Entry, EntryReader, Moving
from mbap.server.devicefaults import fault_rules
from mbap.server.faults import Rule
from mbap.server.fileproblems import Problems, shown

__all__ = ["DeviceFile", "DeviceFileError", "Moving", "UnitTables", "parse_device_file", "read_device_file"]

UNKNOWN_UNITS: dict[str, int | None] = {
    "0B": int(ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND),
    "0A": int(ExceptionCode.GATEWAY_PATH_UNAVAILABLE),
    "silent": None,
}
_TABLES = {table.value: table for table in Table}


class DeviceFileError(ValueError):
    """A device file cannot be used; `problems` are all that is wrong with it."""

    def __init__(self, file: str, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{file} {problem}" for problem in problems))


@dataclass(slots=True)
class UnitTables:
    """What one unit has: values by table and address, and those among them that move."""

    values: dict[Table, dict[int, list[int]]] = field(default_factory=lambda: {table: {} for table in Table})
    moving: list[Moving] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DeviceFile:
    """What stands in a device file.

    Attributes:
        default: the tables of `[units.any]`, which answer for every unit that is not named.
        unknown_units: the exception that other units get; None for silence.
    """

    name: str
    units: dict[int, UnitTables]
    default: UnitTables | None = None
    unknown_units: int | None = int(ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND)
    rules: tuple[Rule, ...] = ()
    seed: int = 1


def read_device_file(path: str | Path) -> DeviceFile:
    """The device file at *path*.

    Raises:
        DeviceFileError: it cannot be read or is wrong; everything that is wrong with it.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DeviceFileError(str(path), [f"is not UTF-8 text (byte {error.start})"]) from None
    except OSError as error:
        raise DeviceFileError(str(path), [f"cannot be read: {error.strerror or error}"]) from None
    return parse_device_file(text, str(path))


def parse_device_file(text: str, file: str = "device file") -> DeviceFile:
    """The device file that *text* is; *file* is what problems call it.

    Raises:
        DeviceFileError: everything that is wrong with it.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DeviceFileError(file, [f"is not TOML: {error}"]) from None
    problems = Problems()
    made = _document(document, problems)
    if problems.found:
        raise DeviceFileError(file, problems.found)
    return made


def _document(document: Mapping[str, Any], problems: Problems) -> DeviceFile:
    problems.unknown_keys(document, "", ("device", "units", "faults"))
    head = problems.table(document, "device", "")
    problems.unknown_keys(head, "device", ("name", "word_order", "unknown_units", "seed"))
    order = problems.word_order(head, "device", "")
    units: dict[int | None, UnitTables] = {}
    rules = fault_rules(problems.table(document, "faults", ""), "faults", frozenset(), problems)
    for key, unit in problems.table(document, "units", "").items():
        path = f"units.{key}"
        number = _unit_number(key, path, problems)
        if not isinstance(unit, Mapping):
            problems.add(path, f"is a table, [units.{key}.holding] for instance, not {shown(unit)}")
            continue
        units[number] = _unit(unit, path, order, problems)
        which = frozenset() if number is None else frozenset((number,))
        rules = fault_rules(problems.table(unit, "faults", path), f"{path}.faults", which, problems) + rules
    if not units and not problems.found:
        problems.add("units", "there is none; begin with [units.1.holding] and 0 = [1, 2, 3]")
    return DeviceFile(
        name=problems.text(head, "name", "device", "Simulated device"),
        units={number: tables for number, tables in units.items() if number is not None},
        default=units.get(None),
        unknown_units=UNKNOWN_UNITS[problems.choice(head, "unknown_units", "device", UNKNOWN_UNITS, "0B")],
        rules=rules,
        seed=problems.whole(head, "seed", "device", 1),
    )


def _unit_number(key: str, path: str, problems: Problems) -> int | None:
    """The number of a unit; None for `any`."""
    if key == "any":
        return None
    if not (key.isascii() and key.isdecimal()) or int(key) > 255:
        problems.add(path, f"a unit is 0 to 255, or any, not {key}")
        return None
    return int(key)


def _unit(unit: Mapping[str, Any], path: str, order: str, problems: Problems) -> UnitTables:
    problems.unknown_keys(unit, path, (*_TABLES, "word_order", "faults"))
    order = problems.word_order(unit, path, order)
    tables = UnitTables()
    for name, table in _TABLES.items():
        reader = EntryReader(table, f"{path}.{name}", order, problems)
        entries = [reader.read(key, value) for key, value in problems.table(unit, name, path).items()]
        _place(tables, table, [entry for entry in entries if entry is not None], f"{path}.{name}", problems)
    return tables


def _place(tables: UnitTables, table: Table, entries: list[Entry], path: str, problems: Problems) -> None:
    """Take *entries* over, unless two of them take the same address."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.address):
        if entry.address < end:
            problems.add(f"{path}.{entry.address}", f"the entry before it takes addresses up to {end - 1}")
        end = max(end, entry.address + len(entry.items))
        tables.values[table][entry.address] = entry.items
        if entry.moving is not None:
            tables.moving.append(entry.moving)
