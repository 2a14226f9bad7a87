"""What `mbap poll` was asked for, in mbpoll's terms: checked, and turned into requests and lines. Pure."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mbap.addresses import LAST_ADDRESS, Item, Table, reference
from mbap.cli.pollreport import readable
from mbap.client.typed import Reading, Writing, reading, writing
from mbap.errors import (
    ConnectFailed,
    ConnectionLost,
    ExceptionResponse,
    ModbusError,
    OutcomeUnknown,
    ResponseTimeout,
)

Format = Literal["bit", "dec", "hex", "int16", "string", "int", "float"]

TABLES: Final = {
    "0": Table.COILS,
    "1": Table.DISCRETE_INPUTS,
    "3": Table.INPUT_REGISTERS,
    "4": Table.HOLDING_REGISTERS,
}
NAMES: Final = {
    Table.COILS: "discrete output (coil)",
    Table.DISCRETE_INPUTS: "discrete input",
    Table.INPUT_REGISTERS: "input register",
    Table.HOLDING_REGISTERS: "output (holding) register",
}
FORMATS: Final[dict[str, Format]] = {
    "": "dec",
    "hex": "hex",
    "int16": "int16",
    "string": "string",
    "int": "int",
    "float": "float",
}
_TYPES: Final[dict[Format, str]] = {
    "bit": "bool",
    "dec": "uint16",
    "hex": "uint16",
    "int16": "int16",
    "string": "uint16",
    "int": "int32",
    "float": "float32",
}
_WORDS: Final = {
    0x01: "Illegal function",
    0x02: "Illegal data address",
    0x03: "Illegal data value",
    0x04: "Slave device or server failure",
    0x05: "Acknowledge",
    0x06: "Slave device or server is busy",
    0x08: "Memory parity error",
    0x0A: "Gateway path unavailable",
    0x0B: "Target device failed to respond",
}
MOST_VALUES: Final = 125
_NUMBER: Final = re.compile("0|[1-9][0-9]{0,8}|0[xX][0-9a-fA-F]{1,8}")


@dataclass(frozen=True, slots=True)
class Kind:
    """What `-t` says: a table, and how its values are shown."""

    table: Table
    format: Format

    @property
    def wide(self) -> bool:
        """Whether a value takes two registers."""
        return self.format in ("int", "float")

    def described(self, *, big: bool) -> str:
        """As mbpoll describes it: `32-bit float (little endian), input register table`."""
        if self.format == "bit":
            return NAMES[self.table]
        size = "16-bit register"
        if self.wide:
            what = "integer" if self.format == "int" else "float"
            size = f"32-bit {what} ({'big' if big else 'little'} endian)"
        return f"{size}, {NAMES[self.table]} table"


def parse_kind(text: str) -> Kind:
    """The kind of `0`, `1`, `3`, `4`, `4:hex`, `4:int16`, `4:string`, `4:int`, `4:float`.

    Raises:
        ValueError: it is none.
    """
    digit, colon, form = text.partition(":")
    if digit not in TABLES:
        known = "0 (coils), 1 (discrete inputs), 3 (input) and 4 (holding registers) are"
        raise ValueError(f"-t {text}: there is no table {digit}; {known}")
    table, form = TABLES[digit], form.lower()
    if form not in FORMATS or (colon and not form):
        raise ValueError(f"-t {text}: a format is hex, int16, string, int or float")
    if table.holds_bits and form:
        raise ValueError(f"-t {text}: bits have no format: write -t {digit}")
    return Kind(table, "bit" if table.holds_bits else FORMATS[form])


def parse_units(text: str) -> tuple[int, ...]:
    """The units of `1`, `32,33,36:40`: each once, in order.

    Raises:
        ValueError: there is none, or one beyond 255.
    """
    try:
        return _listed(text, range(256))
    except ValueError:
        raise ValueError(f"-a {text}: units are 0 to 255, as 1 or 32,33,36:40") from None


def parse_starts(text: str, *, zero: bool) -> tuple[int, ...]:
    """The references of `1`, `1,5,20:24`: each once, in order; counted from 0 with *zero*.

    Raises:
        ValueError: there is none, or one that cannot be.
    """
    first = 0 if zero else 1
    known = range(first, LAST_ADDRESS + first + 1)
    try:
        return _listed(text, known)
    except ValueError:
        hint = "; -0 counts from 0" if text == "0" else ""
        raise ValueError(
            f"-r {text}: references are {known[0]} to {known[-1]}, as 100, 0x64 or 1,5,20:24{hint}"
        ) from None


def _listed(text: str, known: range) -> tuple[int, ...]:
    """The numbers of `32,33,36:40`, each once, in order."""
    found: dict[int, None] = {}
    for part in text.split(","):
        first, colon, last = part.partition(":")
        ends = [first, last] if colon else [first, first]
        if not all(_NUMBER.fullmatch(one) and int(one, 0) in known for one in ends):
            raise ValueError(text)
        low, high = sorted(int(one, 0) for one in ends)
        found.update(dict.fromkeys(range(low, high + 1)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Part:
    """Values that lie behind each other, and are read together.

    Attributes:
        start: the reference of the first, as it was given.
        reading: the reads; two where one does not give so many.
    """

    start: int
    reading: Reading


@dataclass(frozen=True, slots=True)
class Asked:
    """Which values of which units.

    Attributes:
        starts: as they were given: counted from 1, or from 0 with *zero*. Of several, each is one value.
        big: the first register has the upper half of 32 bits.
        hexadecimal: references are shown so.
    """

    units: tuple[int, ...]
    kind: Kind
    starts: tuple[int, ...] = (1,)
    count: int = 1
    zero: bool = False
    big: bool = False
    hexadecimal: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST_VALUES:
            raise ValueError(f"-c {self.count}: 1 to {MOST_VALUES} values are read")
        if self.count > 1 and len(self.starts) > 1:
            raise ValueError(f"-c {self.count}: of a list of references each is one value: leave -c out")
        beyond = max(self.starts)
        if self._address(beyond) + self.count * self.width > LAST_ADDRESS + 1:
            last = reference(self.kind.table, LAST_ADDRESS)
            raise ValueError(f"-r {beyond} -c {self.count} reaches beyond the last reference, {last}")

    @property
    def width(self) -> int:
        """The addresses of one value."""
        return 2 if self.kind.wide else 1

    def _address(self, start: int) -> int:
        """Zero-based."""
        return start if self.zero else start - 1

    def described(self) -> str:
        """Where it begins, as mbpoll describes it: `1, count = 10`, or `[1,5]`."""
        if len(self.starts) > 1:
            return f"[{','.join(map(str, self.starts))}]"
        return f"{self.starts[0]}, count = {self.count}"

    def parts(self) -> Iterator[Part]:
        """What is read: one after the other, those that follow each other at once."""
        for start, values in _runs(self.starts, self.width):
            yield Part(start, reading(self._item(start, max(values, self.count)), self._order))

    def writing(self, values: Sequence[int | float | bool]) -> Writing:
        """The write of *values*.

        Raises:
            ValueError: they do not fit, or the table cannot be written.
        """
        if self.kind.table not in (Table.COILS, Table.HOLDING_REGISTERS):
            raise ValueError(f"an {NAMES[self.kind.table]} can only be read: -t 0 and -t 4 can be written")
        return writing(self._item(self.starts[0], self.count), list(values), self._order)

    def lines(self, start: int, words: Sequence[int]) -> Iterator[str]:
        """A line for each value in *words*, which begin at *start*: `[1]: <tab>20`."""
        form = "0x{:04X}" if self.hexadecimal else "{}"
        for index in range(0, len(words), self.width):
            value = self._own_order(words[index : index + self.width])
            yield f"[{form.format(start + index)}]: \t{_text(value, self.kind)}"

    @property
    def _order(self) -> str:
        return "" if self.kind.table.holds_bits else "ABCD" if self.big else "CDAB"

    def _own_order(self, words: Sequence[int]) -> Sequence[int]:
        return words if self.big else list(reversed(words))

    def _item(self, start: int, count: int) -> Item:
        kind = self.kind
        text = f"-t {kind.table.value} -r {start}"
        return Item(text, kind.table, self._address(start), count * self.width, None, _TYPES[kind.format])


def _runs(starts: Sequence[int], width: int) -> Iterator[tuple[int, int]]:
    """Where each run of values that lie behind each other begins, and how many they are."""
    first = 0
    for index, start in enumerate(starts, 1):
        if starts[index : index + 1] != (start + width,):
            yield starts[first], index - first
            first = index


def _text(words: Sequence[int], kind: Kind) -> str:
    if kind.format == "bit":
        return str(int(words[0]))
    wire = struct.pack(f">{len(words)}H", *words)
    if kind.format == "float":
        text = f"{struct.unpack('>f', wire)[0]:g}"
        return "-nan" if text == "nan" and words[0] & 0x8000 else text
    signed = int.from_bytes(wire, "big", signed=True)
    if kind.format == "hex":
        return f"0x{words[0]:04X}"
    if kind.format == "string":
        return readable(wire)
    if kind.format == "dec":
        return str(words[0]) if signed >= 0 else f"{words[0]} ({signed})"
    return str(signed)


def parse_value(text: str, kind: Kind) -> int | float | bool:
    """What *text* at the end of the command line is to be written.

    Raises:
        ValueError: it is no value of that kind.
    """
    if kind.format == "string":
        raise ValueError("text can only be read: `mbap write HOST 40001:string/4=PUMP` writes it")
    if kind.format == "bit":
        if text not in ("0", "1"):
            raise ValueError(f"{text!r} is no bit: write 0 or 1")
        return text == "1"
    try:
        return float(text) if kind.format == "float" else int(text, 0)
    except ValueError:
        raise ValueError(_no_number(text, kind)) from None


def _no_number(text: str, kind: Kind) -> str:
    if text.isascii() and text.isdigit():
        return (
            f"{text!r} is octal to mbpoll, {_octal(text)}: write {text.lstrip('0')} without zeros before it"
        )
    what = "number" if kind.format == "float" else "whole number, such as 42 or 0x2A"
    return f"{text!r} is no {what}"


def _octal(text: str) -> str:
    try:
        return str(int(text, 8))
    except ValueError:
        return "and none of it"


def words_of(error: ModbusError) -> str:
    """*error* in the words that mbpoll prints after `failed: `."""
    if isinstance(error, ExceptionResponse):
        return _WORDS.get(error.code, f"exception {error.code:02X}")
    if isinstance(error, ResponseTimeout | OutcomeUnknown):
        return "Connection timed out"
    if isinstance(error, ConnectFailed):
        return "Connection failed"
    return "Connection reset by peer" if isinstance(error, ConnectionLost) else "Invalid data"


@dataclass(slots=True)
class Statistics:
    """What is printed at the end: requests, answers, errors."""

    sent: int = 0
    received: int = 0

    @property
    def errors(self) -> int:
        """Requests without an answer of use."""
        return self.sent - self.received

    def text(self, where: str) -> str:
        """Two lines, as mbpoll ends."""
        loss = 100 * self.errors / self.sent if self.sent else 0.0
        counts = f"{self.sent} frames transmitted, {self.received} received, {self.errors} errors"
        return f"--- {where} poll statistics ---\n{counts}, {loss:.1f}% frame loss"
