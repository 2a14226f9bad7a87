"""PLC references <-> (table, zero-based address).

Counted from 0, as on the wire: `hr107 ir107 co107 di107` (or `hr0x6B`), `%MW107 %IW107 %M107 %I107`.
Counted from 1, as in manuals: `40108 30108 10108 00108`, six digits `400108`, `4x00108 3x.. 1x.. 0x..`.
One bit of a register: `hr107.3`, the lowest is 0. Several: `hr0..9`, `40001..40010`.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from mbap.records import Record


class Table(Enum):
    """The four tables of the Modbus data model (Application Protocol V1.1b3, 4.3)."""

    COILS = "coil"
    DISCRETE_INPUTS = "discrete"
    INPUT_REGISTERS = "input"
    HOLDING_REGISTERS = "holding"

    @property
    def holds_bits(self) -> bool:
        """True for coils and discrete inputs, False for the two tables of registers."""
        return self in (Table.COILS, Table.DISCRETE_INPUTS)


LAST_ADDRESS: Final = 0xFFFF


class Location(Record):
    """One place in a device: a table, the zero-based address, and for one bit of a register its number."""

    table: Table
    address: int
    bit: int | None = None

    def __str__(self) -> str:
        """Its short form, counted from 0: `hr107`, `hr107.3`."""
        return f"{_PREFIX[self.table]}{self.address}" + ("" if self.bit is None else f".{self.bit}")


class Item(Record):
    """What a user asks for in one word: where, how many, and how it is to be read.

    Attributes:
        text: the word as it was given.
        count: addresses of a span such as `hr0..9`; None for a single one, which is as long as its type.
        bit: of a register, such as `hr10.3`.
        type: what comes after the colon, for `mbap.values.parse_type`; where nothing does `uint16`, or `bool`
            for bits.
    """

    text: str
    table: Table
    address: int
    count: int | None = None
    bit: int | None = None
    type: str = "uint16"


def reference(table: Table, address: int) -> str:
    """The PLC reference of a zero-based address: `40108`; six digits, `410000`, from address 9999 on."""
    return _reference(table, address, long=address >= 9999)


def describe(table: Table, address: int, count: int = 1) -> str:
    """An address in both notations, for messages: `holding register 107 (reference 40108)`."""
    one, many = _NAMES[table]
    if count == 1:
        return f"{one} {address} (reference {reference(table, address)})"
    last = address + count - 1
    first_reference, last_reference = (_reference(table, end, long=last >= 9999) for end in (address, last))
    return f"{many} {address} to {last} (references {first_reference} to {last_reference})"


def parse_reference(text: str) -> Location:
    """The place that *text* names, in any of the notations above; upper and lower case are the same.

    Raises:
        ValueError: it names none, or could mean two; the sentence says how to write it.
    """
    word = text.strip().lower()
    place, dot, bit = word.partition(".")
    table, address = _place(place, text)
    if not dot:
        return Location(table, address)
    if table.holds_bits:
        raise ValueError(f"{text}: a {_NAMES[table][0]} is one bit already and has no .{bit}")
    if not re.fullmatch(_DIGITS, bit) or int(bit) > 15:
        raise ValueError(f"{text}: a bit of a register is .0 (lowest) to .15")
    return Location(table, address, int(bit))


def parse_item(text: str) -> Item:
    """What *text* asks for: `40108`, `40108:float32`, `hr0..9`, `hr0..9:float32`, `hr10.3`, `hr20:string/16`.

    A span is of addresses, both ends included: `hr0..9:float32` is five values.

    Raises:
        ValueError: the place cannot be read, or does not go with a type. The type itself is not looked at.
    """
    places, colon, given = text.strip().partition(":")
    first, dots, last = places.partition("..")
    location = parse_reference(first)
    if colon and not given.strip():
        raise ValueError(f"{text}: a type is missing after the colon, such as :float32")
    _check_bits(text, location, given.strip())
    count = _span(text, location, first, last) if dots else None
    return Item(text, location.table, location.address, count, location.bit, _type(location, given.strip()))


def parse_assignment(text: str) -> tuple[Item, str]:
    """The place and the value of `hr10=42`, `co3=on`, `hr10:int16,scale=0.1=-4.5`.

    Raises:
        ValueError: there is no value, or the place cannot be read.
    """
    found = re.fullmatch(_ASSIGNMENT, text.lstrip())
    if found is None:
        raise ValueError(f"{text}: a value is missing: write {text.strip(' =') or 'hr10'}=VALUE")
    return parse_item(found[1]), found[2]


_PREFIX: Final = {
    Table.COILS: "co",
    Table.DISCRETE_INPUTS: "di",
    Table.INPUT_REGISTERS: "ir",
    Table.HOLDING_REGISTERS: "hr",
}
_DIGIT: Final = {
    Table.COILS: "0",
    Table.DISCRETE_INPUTS: "1",
    Table.INPUT_REGISTERS: "3",
    Table.HOLDING_REGISTERS: "4",
}
_NAMES: Final = {
    Table.COILS: ("coil", "coils"),
    Table.DISCRETE_INPUTS: ("discrete input", "discrete inputs"),
    Table.INPUT_REGISTERS: ("input register", "input registers"),
    Table.HOLDING_REGISTERS: ("holding register", "holding registers"),
}
_OF_PREFIX: Final = {prefix: table for table, prefix in _PREFIX.items()}
_OF_DIGIT: Final = {digit: table for table, digit in _DIGIT.items()}
_OF_IEC: Final = {
    "mw": Table.HOLDING_REGISTERS,
    "iw": Table.INPUT_REGISTERS,
    "m": Table.COILS,
    "i": Table.DISCRETE_INPUTS,
}

# As text: `re` compiles each when it is first used, and keeps it.
_DIGITS: Final = r"[0-9]+"
_SHORT: Final = r"(hr|ir|co|di)(0x[0-9a-f]+|[0-9]+)"
_IEC: Final = r"%([a-z]*)([0-9]+)"
_CROSSED: Final = r"([0134])x([0-9]{1,6})"
_HEXADECIMAL: Final = r"0x([0-9a-f]+)"
_OPTION: Final = r"(?:scale|offset|bit|none|padding)="
_ASSIGNMENT: Final = rf"(?is)([^=,]*(?:,{_OPTION}[^=,]*|,(?!{_OPTION})[^=,]*)*)=(.+)"


def _reference(table: Table, address: int, *, long: bool) -> str:
    return f"{_DIGIT[table]}{address + 1:0{5 if long else 4}d}"


def _place(word: str, text: str) -> tuple[Table, int]:
    if found := re.fullmatch(_SHORT, word):
        return _OF_PREFIX[found[1]], _zero_based(int(found[2], 0 if "x" in found[2] else 10), text)
    if re.fullmatch(_DIGITS, word):
        return _digits(word, text)
    if found := re.fullmatch(_IEC, word):
        return _iec(found[1], int(found[2]), text)
    if (found := re.fullmatch(_CROSSED, word)) and not _looks_hexadecimal(word):
        return _OF_DIGIT[found[1]], _one_based(found[1], int(found[2]), LAST_ADDRESS + 1, text)
    raise ValueError(_not_understood(word, text))


def _digits(word: str, text: str) -> tuple[Table, int]:
    if len(word) not in (5, 6):
        raise ValueError(_ambiguous(int(word), text))
    if word[0] not in _OF_DIGIT:
        first = "references begin with 0 (coil), 1 (discrete input), 3 (input) or 4 (holding register)"
        raise ValueError(f"{text} is no reference: {first}")
    last = 9999 if len(word) == 5 else LAST_ADDRESS + 1
    return _OF_DIGIT[word[0]], _one_based(word[0], int(word[1:]), last, text)


def _one_based(digit: str, number: int, last: int, text: str) -> int:
    if not 1 <= number <= last:
        table, width = _OF_DIGIT[digit], 4 if last == 9999 else 5
        span = f"{digit}{1:0{width}d} to {digit}{last:0{width}d}"
        raise ValueError(f"{text} is no reference: {_NAMES[table][1]} are {span}, counted from 1")
    return number - 1


def _zero_based(address: int, text: str) -> int:
    if address > LAST_ADDRESS:
        raise ValueError(f"{text}: an address is 0 to {LAST_ADDRESS}")
    return address


def _iec(kind: str, number: int, text: str) -> tuple[Table, int]:
    if kind in _OF_IEC:
        return _OF_IEC[kind], _zero_based(number, text)
    if kind in ("md", "mf", "ml", "id", "qd"):
        advice = (
            f"makers count it differently: write the first register and a type, such as %MW{number}:float32"
        )
        raise ValueError(f"{text} is ambiguous: {advice}")
    known = "%MW (holding register), %IW (input register), %M (coil) and %I (discrete input) are known"
    raise ValueError(f"{text} is ambiguous: {known}; else write hr, ir, co or di and the address from 0")


def _looks_hexadecimal(word: str) -> bool:
    """`0x108` may be meant as 264, and `0x00108`, with the five or six digits of a reference, hardly."""
    return word.startswith("0x") and len(word) < 7


def _ambiguous(number: int, text: str) -> str:
    if number > LAST_ADDRESS:
        return f"{text} is neither an address (0 to {LAST_ADDRESS}) nor a reference of five or six digits"
    one_based = f", or {reference(Table.HOLDING_REGISTERS, number - 1)} if counted from 1" if number else ""
    zero_based = f"hr{number} (holding register) if counted from 0{one_based}"
    return f"{text} is ambiguous: write {zero_based}; ir, co and di are the other tables"


def _not_understood(word: str, text: str) -> str:
    if (found := re.fullmatch(_HEXADECIMAL, word)) and int(found[1], 16) <= LAST_ADDRESS:
        coil = f", or co{int(found[1]) - 1} for a coil" if found[1].isdecimal() and int(found[1]) else ""
        return f"{text} is ambiguous: write hr{word} for a hexadecimal address{coil}"
    if re.fullmatch(r"[0134]?[0-9]+-[0134]?[0-9]+|[a-z]{2}[0-9]+-[a-z]*[0-9]+", word):
        return f"{text} is no address: a span is written with two dots, {word.replace('-', '..')}"
    if re.fullmatch(r"m?[mi]w?[0-9]+", word):
        return f"{text} is no address: did you mean %{word.upper()}?"
    return f"{text!r} is no address: write 40108, hr107, ir107, co107, di107 or %MW107"


def _check_bits(text: str, location: Location, given: str) -> None:
    if location.bit is not None and given not in ("", "bool"):
        raise ValueError(f"{text}: one bit of a register is a bool, not {given}")
    if location.table.holds_bits and given not in ("", "bool"):
        raise ValueError(f"{text}: {_NAMES[location.table][1]} are bools and have no type {given}")


def _type(location: Location, given: str) -> str:
    if location.bit is not None:
        return f"bool,bit={location.bit}"
    return given or ("bool" if location.table.holds_bits else "uint16")


def _span(text: str, start: Location, first: str, last: str) -> int:
    end = parse_reference(_in_full(text, first.strip(), last.strip()))
    if start.bit is not None or end.bit is not None:
        raise ValueError(f"{text}: a span is of whole addresses, without bits")
    if end.table is not start.table:
        raise ValueError(f"{text}: both ends of a span are in one table")
    if end.address < start.address:
        raise ValueError(f"{text}: a span goes up: write {end}..{start.address}")
    return end.address - start.address + 1


def _in_full(text: str, first: str, last: str) -> str:
    """The end of a span as if it were written alone: `hr9` of `hr0..9`."""
    if not re.fullmatch(_DIGITS, last):
        return last
    if re.fullmatch(_DIGITS, first):
        if len(first) != len(last):
            raise ValueError(f"{text}: write both ends in full, such as 40001..40010")
        return last
    letters = re.match(r"[a-z]{2}|%[a-z]+|[0-9]x", first, re.IGNORECASE)
    return (letters[0] if letters else "") + last
