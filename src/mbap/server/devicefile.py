"""The device file, which says what a simulated device has: read, checked, and every fault of it reported.

Plain dataclasses and the standard library: the simulator works with nothing else installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mbap.errors import ExceptionCode
from mbap.filefaults import FileFaults, parse_text, read_text
from mbap.server.admission import PRESETS, WHEN_FULL, Admission, Preset
from mbap.server.deviceentry import Moving, Traces
from mbap.server.devicefaults import fault_rules
from mbap.server.deviceunit import UnitTables, read_unit
from mbap.server.faults import Rule
from mbap.server.fileproblems import Problems, shown
from mbap.server.trace import Trace, read_trace

__all__ = ["DeviceFile", "Moving", "UnitTables", "parse_device_file", "read_device_file"]

UNKNOWN_UNITS: dict[str, int | None] = {
    "0B": int(ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND),
    "0A": int(ExceptionCode.GATEWAY_PATH_UNAVAILABLE),
    "silent": None,
}
_HEAD = ("name", "word_order", "unknown_units", "seed", "preset", "connections", "when_full")


@dataclass(frozen=True, slots=True)
class DeviceFile:
    """What stands in a device file.

    Attributes:
        default: the tables of `[units.any]`, which answer for every unit that is not named.
        unknown_units: the exception that other units get; None for silence.
        admission: how many connections it takes; None: as many as the server does.
    """

    name: str
    units: dict[int, UnitTables]
    default: UnitTables | None = None
    unknown_units: int | None = int(ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND)
    rules: tuple[Rule, ...] = ()
    seed: int = 1
    admission: Admission | None = None


def read_device_file(path: str | Path) -> DeviceFile:
    """The device file at *path*.

    Raises:
        FileFaults: it cannot be read or is wrong; everything that is wrong with it, line by line.
    """
    return parse_device_file(read_text(path), str(path), Path(path).parent)


def parse_device_file(text: str, file: str = "device file", folder: Path | None = None) -> DeviceFile:
    """The device file that *text* is; *file* is what faults call it, and traces are looked for in *folder*.

    Raises:
        FileFaults: everything that is wrong with it, line by line.
    """
    document, lines = parse_text(text, file)
    problems = Problems(file, lines)
    made = _document(document, problems, _traces_in(folder or Path()))
    problems.end()
    return made


def _traces_in(folder: Path) -> Traces:
    @cache
    def trace(name: str) -> Trace:
        try:
            return read_trace(folder / Path(name).expanduser())
        except (FileFaults, RuntimeError) as wrong:  # the latter for the home of somebody who does not exist
            raise ValueError(str(wrong)) from None

    return trace


def _document(document: Mapping[str, Any], problems: Problems, traces: Traces) -> DeviceFile:
    problems.unknown_keys(document, "", ("device", "units", "faults"))
    head = problems.table(document, "device", "")
    problems.unknown_keys(head, "device", _HEAD)
    order = problems.word_order(head, "device", "")
    units: dict[int | None, UnitTables] = {}
    rules = fault_rules(problems.table(document, "faults", ""), "faults", frozenset(), problems)
    for key, unit in problems.table(document, "units", "").items():
        path = f"units.{key}"
        number = _unit_number(key, path, problems)
        if not isinstance(unit, Mapping):
            problems.add(path, f"is a table, [units.{key}.holding] for instance, not {shown(unit)}")
            continue
        units[number] = read_unit(unit, path, order, number or 1, problems, traces)
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
        admission=_admission(head, problems),
    )


def _unit_number(key: str, path: str, problems: Problems) -> int | None:
    """The number of a unit; None for `any`."""
    if key == "any":
        return None
    if not (key.isascii() and key.isdecimal()) or int(key) > 255:
        problems.add(path, f"a unit is 0 to 255, or any, not {key}")
        return None
    return int(key)


def _admission(head: Mapping[str, Any], problems: Problems) -> Admission | None:
    """How many connections the device takes, of its own or by its preset."""
    if not {"preset", "connections", "when_full"} & set(head):
        return None
    chosen = Preset()
    if "preset" in head:
        chosen = PRESETS[problems.choice(head, "preset", "device", PRESETS, "meter")]
    most = problems.whole(head, "connections", "device", chosen.most)
    if head.get("preset") in (None, *PRESETS) and not chosen.fewest <= most <= chosen.most:
        kind = f"a {head['preset']} takes" if "preset" in head else "it is"
        problems.add("device.connections", f"{kind} {chosen.fewest} to {chosen.most}, not {most}")
    when_full = problems.choice(head, "when_full", "device", WHEN_FULL, chosen.when_full)
    return Admission(most, next(rule for rule in WHEN_FULL if rule == when_full))
