"""One entry of a table in a device file: what stands at an address, and how it moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mbap.addresses import Table
from mbap.server.devicemotion import MOTIONS, TEXTS, Fields, Wrong, ends, read_motion
from mbap.server.fileproblems import Problems, shown
from mbap.server.formula import Formula
from mbap.server.trace import Trace
from mbap.server.waves import Motion, Steps
from mbap.values import Encoding

_ENCODING_KEYS = ("type", "order", "scale", "offset", "length")
_KINDS: dict[str, tuple[str, ...]] = {"value": ("count",), **MOTIONS}
_TRACE_KEYS = ("trace", "unit", "address", "count")

Traces = Callable[[str], Trace]
"""Gives the trace that a device file names, read once."""


@dataclass(frozen=True, slots=True)
class Moving:
    """A value that moves: where it is, and how it lies there; a bit has no encoding."""

    table: Table
    address: int
    encoding: Encoding | None
    motion: Motion | Formula

    @property
    def span(self) -> range:
        """The addresses it takes."""
        return range(self.address, self.address + (1 if self.encoding is None else self.encoding.count))


class Entry(NamedTuple):
    """What an entry puts into a table, from *address* on.

    Attributes:
        items: the registers or bits to begin with.
        moving: what of it moves.
        encoding: how its first value lies there, for formulas that look at it; None: as it is.
    """

    address: int
    items: list[int]
    moving: tuple[Moving, ...] = ()
    encoding: Encoding | None = None


@dataclass(slots=True)
class EntryReader:
    """Reads the entries of one table; *path* is where that table is, *order* the word order to assume.

    *unit* is the unit whose table it is, and which a trace is searched for.
    """

    table: Table
    path: str
    order: str
    unit: int
    problems: Problems
    traces: Traces

    def read(self, key: str, value: object) -> Entry | None:
        """The entry at the address *key*; None when it is wrong, which is then among the problems."""
        path = f"{self.path}.{key}"
        if not (key.isascii() and key.isdecimal()) or int(key) > 0xFFFF:
            self.problems.add(path, f"an address is 0 to 65535, as on the wire, not {key}")
            return None
        try:
            entry = self._entry(int(key), value, path)
        except Wrong:
            return None
        except ValueError as error:
            self.problems.add(path, str(error))
            return None
        if entry.address + len(entry.items) > 0x10000:
            self.problems.add(path, f"it takes {len(entry.items)} addresses, and the last one is 65535")
            return None
        return entry

    def _entry(self, address: int, value: object, path: str) -> Entry:
        if not isinstance(value, Mapping):
            return Entry(address, self._plain(value if isinstance(value, list) else [value]))
        if "trace" in value:
            return self._recorded(address, value, path)
        kind = self._kind(value, path)
        keys = () if self.table.holds_bits else _ENCODING_KEYS
        self.problems.unknown_keys(value, path, (kind, *_KINDS[kind], *keys))
        fields = Fields(value, path, self.problems)
        encoding = None if self.table.holds_bits else self._encoding(fields)
        if kind != "value":
            motion = read_motion(kind, encoding, fields)
            fields.end()
            return self._moving(address, motion, encoding)
        count = fields.whole("count", 1)
        fields.end()
        if not 1 <= count <= 0x10000:
            raise ValueError(f"count is 1 to 65536, not {count}")
        if encoding is None:
            return Entry(address, self._plain([value["value"]]) * count)
        return Entry(address, _items(encoding, value["value"]) * count, (), encoding)

    def _moving(self, address: int, motion: Motion | Formula, encoding: Encoding | None) -> Entry:
        if encoding is not None:
            for end in ends(motion):
                encoding.encode(end)
        if isinstance(motion, Formula):
            items = [0] * (1 if encoding is None else encoding.count)
        else:
            items = _items(encoding, motion.at(0.0))
        return Entry(address, items, (Moving(self.table, address, encoding, motion),), encoding)

    def _recorded(self, address: int, value: Mapping[str, Any], path: str) -> Entry:
        """The registers that a trace has, from that address on."""
        self.problems.unknown_keys(value, path, _TRACE_KEYS)
        fields = Fields(value, path, self.problems)
        unit, start = fields.whole("unit", self.unit), fields.whole("address", address)
        count, name = fields.whole("count", 1), fields.text("trace", "")
        fields.end()
        known = self.traces(name).registers(unit)
        places = {(self.table, start + offset): address + offset for offset in range(count)}
        missing = next((at for place in places if place not in known for at in place[1:]), None)
        if missing is not None:
            raise ValueError(f"{name} has no {self.table.value} {missing} of unit {unit}")
        encoding = None if self.table.holds_bits else Encoding()
        moving = [Moving(self.table, at, encoding, known[place]) for place, at in places.items()]
        return Entry(address, [int(_first(item.motion)) for item in moving], tuple(moving))

    def _kind(self, given: Mapping[str, Any], path: str) -> str:
        kinds = [kind for kind in _KINDS if kind in given]
        if len(kinds) != 1:
            if not kinds:
                self.problems.unknown_keys(given, path, (*_KINDS, "trace", *_ENCODING_KEYS))
            names = f"{', '.join(_KINDS)} and trace"
            raise ValueError(f"needs one of {names}{', not several' if kinds else ''}")
        return kinds[0]

    def _plain(self, items: list[Any]) -> list[int]:
        """*items*, which are bits or registers as they are."""
        bits = self.table.holds_bits
        for item in items:
            if _is_bit(item) if bits else is_word(item):
                continue
            wanted = "true or false" if bits else "a whole number from 0 to 65535"
            advice = "" if bits else f'; other values: {{ value = {shown(item)}, type = "float32" }}'
            raise ValueError(f"is {wanted}, not {shown(item)}{advice}")
        if not items:
            raise ValueError("is an empty list")
        return [int(item) for item in items]

    def _encoding(self, fields: Fields) -> Encoding:
        kind = fields.text("type", "uint16")
        own_order = fields.text("order", "")
        return Encoding(
            kind,
            own_order or ("" if kind in TEXTS else self.order),
            fields.number("scale", 1.0),
            fields.number("offset", 0.0),
            fields.whole("length", 0) or None,
        )


def _first(motion: Motion | Formula) -> float:
    return motion.values[0] if isinstance(motion, Steps) else 0.0


def _items(encoding: Encoding | None, value: Any) -> list[int]:
    return [int(value >= 0.5)] if encoding is None else list(encoding.encode(value))


def _is_bit(item: object) -> bool:
    return isinstance(item, bool) or (isinstance(item, int) and item in (0, 1))


def is_word(item: object) -> bool:
    """Whether *item* is a register as it is."""
    return isinstance(item, int) and not isinstance(item, bool) and 0 <= item <= 0xFFFF
