"""Bytes taken apart field by field, for people: name, value, meaning, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mbap.addresses import Table, describe

Meaning = Callable[[int], str]

FUNCTIONS: Final = {
    1: "read coils",
    2: "read discrete inputs",
    3: "read holding registers",
    4: "read input registers",
    5: "write single coil",
    6: "write single register",
    7: "read exception status",
    8: "diagnostics",
    11: "get comm event counter",
    12: "get comm event log",
    15: "write multiple coils",
    16: "write multiple registers",
    17: "report server id",
    20: "read file record",
    21: "write file record",
    22: "mask write register",
    23: "read/write multiple registers",
    24: "read FIFO queue",
    43: "encapsulated interface transport",
}
"""The public function codes of Application Protocol V1.1b3, section 5.1."""

SURPLUS: Final = "surplus"
"""The field of what is left over."""
ANSWERS_03: Final = "a server answers exception 03"
ANSWERS_02: Final = "a server answers exception 02"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a frame: where it begins in the input, its bytes, its name, value and meaning."""

    offset: int
    data: bytes
    name: str
    value: int | str
    meaning: str = ""


class CutOff(Exception):
    """The bytes end before the field does: the walk ends, and what is wrong stands in `faults`."""


class Cursor:
    """A walk along bytes, which gathers the fields and what is wrong with them.

    Attributes:
        fields: as far as they were taken.
        faults: sentences, each naming its field.
    """

    def __init__(self, data: bytes, offset: int = 0) -> None:
        self.fields: list[Field] = []
        self.faults: list[str] = []
        self._data = data
        self._at = 0
        self._offset = offset

    @property
    def left(self) -> int:
        """How many bytes were not taken yet."""
        return len(self._data) - self._at

    def number(self, name: str, size: int = 2, meaning: str | Meaning = "") -> int:
        """The next *size* bytes as a big-endian number.

        Raises:
            CutOff: there are fewer.
        """
        data = self._take(name, size)
        value = int.from_bytes(data, "big")
        self._add(data, name, value, meaning if isinstance(meaning, str) else meaning(value))
        return value

    def opaque(self, name: str, size: int, meaning: str) -> None:
        """The next *size* bytes, of which nothing more is said.

        Raises:
            CutOff: there are fewer.
        """
        self.text(name, size, _size, meaning)

    def text(self, name: str, size: int, value: Callable[[bytes], str], meaning: str = "") -> None:
        """The next *size* bytes, shown as *value* makes of them.

        Raises:
            CutOff: there are fewer.
        """
        data = self._take(name, size)
        self._add(data, name, value(data), meaning)

    def check(self, fits: bool, fault: str) -> None:
        """Note *fault* unless it *fits*."""
        if not fits:
            self.faults.append(fault)

    def end(self) -> None:
        """Note what is left over as a fault."""
        if self.left:
            self.faults.append(f"{amount(self.left)} too many at the end")
            self.opaque(SURPLUS, self.left, "belongs to no field")

    def _take(self, name: str, size: int) -> bytes:
        data = self._data[self._at : self._at + size]
        if len(data) < size:
            if data:
                self._add(data, name, _size(data), "cut off")
            self.faults.append(f"{name} is cut off: {amount(size)} needed, {len(data)} there")
            raise CutOff
        return data

    def _add(self, data: bytes, name: str, value: int | str, meaning: str) -> None:
        self.fields.append(Field(self._offset + self._at, data, name, value, meaning))
        self._at += len(data)


def amount(size: int) -> str:
    """`1 byte`, `2 bytes`."""
    return "1 byte" if size == 1 else f"{size} bytes"


def _size(data: bytes) -> str:
    return amount(len(data))


def function_name(code: int) -> str:
    """What the standard calls the function *code*."""
    if code in FUNCTIONS:
        return FUNCTIONS[code]
    return "user-defined function" if 65 <= code <= 72 or 100 <= code <= 110 else "unknown function"


def bit_list(mask: int) -> str:
    """`bits 0, 2`, `no bit`, `all bits` of sixteen."""
    found = [str(bit) for bit in range(16) if mask >> bit & 1]
    if len(found) == 16:
        return "all bits"
    return f"bit{'s' * (len(found) > 1)} {', '.join(found)}" if found else "no bit"


def registers(cursor: Cursor, size: int, table: Table | None, first: int | None) -> None:
    """Take *size* bytes as registers; *first* is the address of the first one, if it is known."""
    for index in range(size // 2):
        where = _nth(index, size // 2) if table is None or first is None else describe(table, first + index)
        cursor.number("register", 2, lambda value, where=where: where + _signed(value))  # type: ignore[misc]


def bits(cursor: Cursor, size: int, table: Table, first: int | None, count: int | None) -> None:
    """Take *size* bytes of bits; *first* and *count* are those of the request, if they are known."""
    count = 8 * size if count is None else count
    for start in range(0, 8 * size, 8):
        here = max(0, min(8, count - start))
        where = (
            f"bits {start} to {start + here - 1}" if first is None else _described(table, first + start, here)
        )
        cursor.text("bits", 1, lambda data, here=here: _digits(data[0], here), where)  # type: ignore[misc]


def _described(table: Table, address: int, count: int) -> str:
    return describe(table, address, count) if count else "padding"


def _digits(byte: int, count: int) -> str:
    return " ".join(str(byte >> bit & 1) for bit in range(count))


def _nth(index: int, count: int) -> str:
    return f"register {index + 1} of {count}"


def _signed(value: int) -> str:
    return f"; signed {value - 0x10000}" if value >= 0x8000 else ""
