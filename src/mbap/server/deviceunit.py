"""One unit of a device file: its tables, and what it has beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

from mbap.addresses import Table, describe
from mbap.protocol.pdu.fifo import MOST_QUEUED
from mbap.protocol.pdu.files import RECORDS
from mbap.protocol.pdu.identification import LONGEST_OBJECT, ObjectId
from mbap.server.deviceentry import Entry, EntryReader, Moving, Traces, is_word
from mbap.server.devicefaults import tearing_rules
from mbap.server.diagnostics import DiagnosticAccess
from mbap.server.faults import Rule
from mbap.server.fileproblems import Problems, shown
from mbap.server.formula import Formula, Place
from mbap.values import Encoding

T = TypeVar("T")

Holes = Literal["refused", "silent", "zero"]
HOLES: tuple[Holes, ...] = get_args(Holes)
ACCESS: tuple[DiagnosticAccess, ...] = get_args(DiagnosticAccess)
_TABLES = {table.value: table for table in Table}
_KEYS = (
    *_TABLES,
    *("word_order", "faults", "identification", "files", "fifos", "largest_read", "holes"),
    *("server_id", "exception_status", "diagnostics"),
)
_OBJECTS = {member.name.lower(): int(member) for member in ObjectId}
_FIRST_OWN_OBJECT = 128


@dataclass(slots=True)
class UnitTables:
    """What one unit has.

    Attributes:
        values: by table and address.
        moving: those among them that move.
        encodings: how the values lie that are more than one plain register.
        identification: the objects of function 43/14, by number.
        files, fifos: registers by the number of the file, or the address of the queue.
        server_id, exception_status, diagnostics: as `Device` takes them.
        largest_read: a read of more registers is answered with exception 03; None: as the standard allows.
        holes: what a read gets that touches an address that does not exist.
        tearing: when values of several registers are of two moments.
    """

    values: dict[Table, dict[int, list[int]]] = field(default_factory=lambda: {table: {} for table in Table})
    moving: list[Moving] = field(default_factory=list)
    encodings: dict[Place, Encoding] = field(default_factory=dict)
    identification: dict[int, bytes] = field(default_factory=dict)
    files: dict[int, list[int]] = field(default_factory=dict)
    fifos: dict[int, list[int]] = field(default_factory=dict)
    server_id: bytes | None = None
    exception_status: int | None = None
    diagnostics: DiagnosticAccess = "read"
    largest_read: int | None = None
    holes: Holes = "refused"
    tearing: tuple[Rule, ...] = ()


def read_unit(
    unit: Mapping[str, Any], path: str, order: str, number: int, problems: Problems, traces: Traces
) -> UnitTables:
    """The unit that stands at *path*; what is wrong with it goes to *problems*."""
    problems.unknown_keys(unit, path, _KEYS)
    order = problems.word_order(unit, path, order)
    tables = UnitTables(
        identification=_identification(problems.table(unit, "identification", path), path, problems),
        files=_numbered(unit, "files", path, (1, 0xFFFF), RECORDS, problems),
        fifos=_numbered(unit, "fifos", path, (0, 0xFFFF), MOST_QUEUED, problems),
        server_id=problems.octets(unit, "server_id", path, b"") or None,
        exception_status=_number(unit, "exception_status", path, (0, 255), problems),
        diagnostics=_known(ACCESS, problems.choice(unit, "diagnostics", path, ACCESS, "read")),
        largest_read=_number(unit, "largest_read", path, (1, 125), problems),
        holes=_known(HOLES, problems.choice(unit, "holes", path, HOLES, HOLES[0])),
        tearing=tearing_rules(problems.table(unit, "faults", path), f"{path}.faults", problems),
    )
    for name, table in _TABLES.items():
        reader = EntryReader(table, f"{path}.{name}", order, number, problems, traces)
        entries = [reader.read(key, value) for key, value in problems.table(unit, name, path).items()]
        _place(tables, table, [entry for entry in entries if entry is not None], f"{path}.{name}", problems)
    _check_formulas(tables, path, problems)
    return tables


def _place(tables: UnitTables, table: Table, entries: list[Entry], path: str, problems: Problems) -> None:
    """Take *entries* over, unless two of them take the same address."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.address):
        if entry.address < end:
            problems.add(f"{path}.{entry.address}", f"the entry before it takes addresses up to {end - 1}")
        end = max(end, entry.address + len(entry.items))
        tables.values[table][entry.address] = entry.items
        tables.moving += entry.moving
        if entry.encoding is not None:
            tables.encodings[table, entry.address] = entry.encoding


def _check_formulas(tables: UnitTables, path: str, problems: Problems) -> None:
    """Each formula looks at what exists, and none at itself, however far round."""
    formulas = {(item.table, item.address): item for item in tables.moving if _places(item)}
    for (table, address), item in formulas.items():
        where = f"{path}.{table.value}.{address}"
        for place in sorted(_places(item), key=lambda place: (place[0].value, place[1])):
            if not _exists(tables.values[place[0]], place[1]):
                problems.add(where, f"it looks at {describe(*place)}, which does not exist")
        if (table, address) in _reached(item, formulas):
            problems.add(where, "it looks at itself")


def _exists(values: Mapping[int, list[int]], address: int) -> bool:
    return any(start <= address < start + len(items) for start, items in values.items())


def _places(item: Moving) -> frozenset[Place]:
    return item.motion.places if isinstance(item.motion, Formula) else frozenset()


def _reached(item: Moving, formulas: Mapping[Place, Moving]) -> set[Place]:
    """What a formula looks at, and what that looks at, and so on."""
    reached: set[Place] = set()
    ahead = list(_places(item))
    while ahead:
        place = ahead.pop()
        if place not in reached:
            reached.add(place)
            if place in formulas:
                ahead += _places(formulas[place])
    return reached


def _identification(given: Mapping[str, Any], path: str, problems: Problems) -> dict[int, bytes]:
    objects: dict[int, bytes] = {}
    for key, value in given.items():
        where = f"{path}.identification.{key}"
        number = _OBJECTS.get(key, _own_object(key))
        if number is None:
            problems.unknown_keys({key: value}, f"{path}.identification", (*_OBJECTS, "128 to 255"))
        elif not isinstance(value, str):
            problems.add(where, f"is text in quotes, not {shown(value)}")
        elif len(value.encode()) > LONGEST_OBJECT:
            problems.add(where, f"has {len(value.encode())} bytes, and {LONGEST_OBJECT} fit into an answer")
        else:
            objects[number] = value.encode()
    return objects


def _own_object(key: str) -> int | None:
    number = int(key) if key.isascii() and key.isdecimal() and len(key) == 3 else 0
    return number if _FIRST_OWN_OBJECT <= number <= 0xFF else None


def _numbered(
    unit: Mapping[str, Any], name: str, path: str, ends: tuple[int, int], most: int, problems: Problems
) -> dict[int, list[int]]:
    """The lists of registers of `[units.N.files]` or `[units.N.fifos]`, by number."""
    found: dict[int, list[int]] = {}
    for key, value in problems.table(unit, name, path).items():
        where = f"{path}.{name}.{key}"
        if not (key.isascii() and key.isdecimal()) or not ends[0] <= int(key) <= ends[1]:
            problems.add(where, f"its number is {ends[0]} to {ends[1]}, not {key}")
        elif not isinstance(value, list) or not all(is_word(item) for item in value):
            problems.add(where, f"is a list of whole numbers from 0 to 65535, {_instead(value)}")
        elif len(value) > most:
            problems.add(where, f"has {len(value)} registers, and {most} is the most")
        else:
            found[int(key)] = value
    return found


def _instead(value: object) -> str:
    """What *value* is, or has, in place of whole numbers."""
    if not isinstance(value, list):
        return f"not {shown(value)}"
    return f"and has {shown(next(item for item in value if not is_word(item)))}"


def _number(
    unit: Mapping[str, Any], key: str, path: str, ends: tuple[int, int], problems: Problems
) -> int | None:
    if key not in unit:
        return None
    number = problems.whole(unit, key, path, ends[0])
    if not ends[0] <= number <= ends[1]:
        problems.add(f"{path}.{key}", f"is {ends[0]} to {ends[1]}, not {number}")
    return number


def _known(known: tuple[T, ...], value: object) -> T:
    return next(item for item in known if item == value)
