"""One entry of a table in a device file: what stands at an address, and how it moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mbap.addresses import Table
from mbap.server.fileproblems import Problems, shown
from mbap.server.waves import SHAPES, Counter, Motion, Wave
from mbap.values import TYPES, Encoding

_TEXTS = ("string", "ascii", "latin1")
_ENCODING_KEYS = ("type", "order", "scale", "offset", "length")
_KINDS: dict[str, tuple[str, ...]] = {
    "value": ("count",),
    "wave": ("low", "high", "period", "phase", "duty"),
    "counter": ("per_second", "wraps_at"),
}


@dataclass(frozen=True, slots=True)
class Moving:
    """A value that moves: where it is, and how it lies there; a bit has no encoding."""

    table: Table
    address: int
    encoding: Encoding | None
    motion: Motion

    @property
    def span(self) -> range:
        """The addresses it takes."""
        return range(self.address, self.address + (1 if self.encoding is None else self.encoding.count))


class Entry(NamedTuple):
    """What an entry puts into a table, from *address* on."""

    address: int
    items: list[int]
    moving: Moving | None = None


class _Wrong(Exception):
    """What is wrong is among the problems already."""


@dataclass(slots=True)
class EntryReader:
    """Reads the entries of one table; *path* is where that table is, *order* the word order to assume."""

    table: Table
    path: str
    order: str
    problems: Problems

    def read(self, key: str, value: object) -> Entry | None:
        """The entry at the address *key*; None when it is wrong, which is then among the problems."""
        path = f"{self.path}.{key}"
        if not (key.isascii() and key.isdecimal()) or int(key) > 0xFFFF:
            self.problems.add(path, f"an address is 0 to 65535, as on the wire, not {key}")
            return None
        try:
            items, motion, encoding = self._content(value, path)
        except _Wrong:
            return None
        except ValueError as error:
            self.problems.add(path, str(error))
            return None
        address = int(key)
        if address + len(items) > 0x10000:
            self.problems.add(path, f"it takes {len(items)} addresses, and the last one is 65535")
            return None
        moving = None if motion is None else Moving(self.table, address, encoding, motion)
        return Entry(address, items, moving)

    def _content(self, value: object, path: str) -> tuple[list[int], Motion | None, Encoding | None]:
        if not isinstance(value, Mapping):
            return self._plain(value if isinstance(value, list) else [value]), None, None
        kind = self._kind(value, path)
        keys = () if self.table.holds_bits else _ENCODING_KEYS
        self.problems.unknown_keys(value, path, (kind, *_KINDS[kind], *keys))
        fields = _Fields(value, path, self.problems)
        encoding = None if self.table.holds_bits else self._encoding(fields)
        motion = None if kind == "value" else _motion(kind, encoding, fields)
        count = fields.whole("count", 1)
        fields.end()
        if motion is not None:
            _check_ends(motion, encoding)
            return _items(encoding, motion.at(0.0)), motion, encoding
        if not 1 <= count <= 0x10000:
            raise ValueError(f"count is 1 to 65536, not {count}")
        if encoding is None:
            return self._plain([value["value"]]) * count, None, None
        return _items(encoding, value["value"]) * count, None, encoding

    def _kind(self, given: Mapping[str, Any], path: str) -> str:
        kinds = [kind for kind in _KINDS if kind in given]
        if len(kinds) != 1:
            if not kinds:
                self.problems.unknown_keys(given, path, (*_KINDS, *_ENCODING_KEYS))
            raise ValueError("needs one of value, wave and counter" + (", not several" if kinds else ""))
        return kinds[0]

    def _plain(self, items: list[Any]) -> list[int]:
        """*items*, which are bits or registers as they are."""
        bits = self.table.holds_bits
        for item in items:
            if _is_bit(item) if bits else _is_word(item):
                continue
            wanted = "true or false" if bits else "a whole number from 0 to 65535"
            advice = "" if bits else f'; other values: {{ value = {shown(item)}, type = "float32" }}'
            raise ValueError(f"is {wanted}, not {shown(item)}{advice}")
        if not items:
            raise ValueError("is an empty list")
        return [int(item) for item in items]

    def _encoding(self, fields: _Fields) -> Encoding:
        kind = fields.text("type", "uint16")
        own_order = fields.text("order", "")
        return Encoding(
            kind,
            own_order or ("" if kind in _TEXTS else self.order),
            fields.number("scale", 1.0),
            fields.number("offset", 0.0),
            fields.whole("length", 0) or None,
        )


class _Fields:
    """The keys of one entry; `end` raises when one of those read was wrong."""

    def __init__(self, given: Mapping[str, Any], path: str, problems: Problems) -> None:
        self._given, self._path, self._problems = given, path, problems
        self._before = len(problems.found)

    def text(self, key: str, default: str) -> str:
        return self._problems.text(self._given, key, self._path, default)

    def number(self, key: str, default: float) -> float:
        return self._problems.number(self._given, key, self._path, default)

    def whole(self, key: str, default: int) -> int:
        return self._problems.whole(self._given, key, self._path, default)

    def seconds(self, key: str, default: float) -> float:
        return self._problems.duration(self._given, key, self._path, default)

    def choice(self, key: str, known: tuple[str, ...]) -> str:
        return self._problems.choice(self._given, key, self._path, known, known[0])

    def seed(self) -> int:
        """A number that differs from entry to entry and is the same in every run."""
        return sum(position * byte for position, byte in enumerate(self._path.encode(), start=1))

    def end(self) -> None:
        if len(self._problems.found) > self._before:
            raise _Wrong


def _motion(kind: str, encoding: Encoding | None, fields: _Fields) -> Motion:
    return _wave(encoding, fields) if kind == "wave" else _counter(encoding, fields)


def _wave(encoding: Encoding | None, fields: _Fields) -> Wave:
    shape = fields.choice("wave", SHAPES)
    return Wave(
        next(known for known in SHAPES if known == shape),
        fields.number("low", 0.0),
        fields.number("high", 1.0 if encoding is None else 100.0),
        fields.seconds("period", 60.0),
        fields.number("phase", 0.0),
        fields.number("duty", 0.5),
        fields.seed(),
    )


def _counter(encoding: Encoding | None, fields: _Fields) -> Counter:
    if encoding is None:
        raise ValueError("a coil or discrete input cannot count; use a wave")
    if encoding.type in (*_TEXTS, "bool"):
        raise ValueError(f"{encoding.type} cannot count; the types that can are {_counting_types()}")
    wraps_at = fields.number("wraps_at", 0.0) or _room(encoding)
    return Counter(fields.number("counter", 0.0), fields.number("per_second", 1.0), wraps_at)


def _counting_types() -> str:
    return ", ".join(name for name in TYPES if name not in (*_TEXTS, "bool"))


def _room(encoding: Encoding) -> float | None:
    """Where a counter of this encoding is full; None for floats, which only get coarser."""
    if encoding.type.startswith("float"):
        return None
    bits = 16 * encoding.count
    if encoding.type.startswith("bcd"):
        return 10.0 ** (bits // 4) * encoding.scale
    return 2.0 ** (bits - encoding.type.startswith("int")) * encoding.scale


def _check_ends(motion: Motion, encoding: Encoding | None) -> None:
    """Raises `ValueError` when a wave leaves what its type can hold."""
    if isinstance(motion, Wave) and encoding is not None:
        encoding.encode(motion.low)
        encoding.encode(motion.high)


def _items(encoding: Encoding | None, value: Any) -> list[int]:
    return [int(value >= 0.5)] if encoding is None else list(encoding.encode(value))


def _is_bit(item: object) -> bool:
    return isinstance(item, bool) or (isinstance(item, int) and item in (0, 1))


def _is_word(item: object) -> bool:
    return isinstance(item, int) and not isinstance(item, bool) and 0 <= item <= 0xFFFF
