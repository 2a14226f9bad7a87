"""The types a value can have in registers, by the one name each has here."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """What is fixed by a type's name: size in registers (0: as long as asked), struct code, family."""

    registers: int
    code: str
    family: str


TYPES: Final[dict[str, TypeFacts]] = {
    "bool": TypeFacts(1, "H", "bool"),
    "int16": TypeFacts(1, "h", "int"),
    "uint16": TypeFacts(1, "H", "int"),
    "int32": TypeFacts(2, "i", "int"),
    "uint32": TypeFacts(2, "I", "int"),
    "int64": TypeFacts(4, "q", "int"),
    "uint64": TypeFacts(4, "Q", "int"),
    "float16": TypeFacts(1, "e", "float"),
    "float32": TypeFacts(2, "f", "float"),
    "float64": TypeFacts(4, "d", "float"),
    "bcd16": TypeFacts(1, "H", "bcd"),
    "bcd32": TypeFacts(2, "I", "bcd"),
    "bcd64": TypeFacts(4, "Q", "bcd"),
    "string": TypeFacts(0, "s", "text"),
    "ascii": TypeFacts(0, "s", "text"),
    "latin1": TypeFacts(0, "s", "text"),
}
"""Every type. `string` is UTF-8, of which ASCII is a part."""

NO_VALUE: Final[dict[str, int]] = {
    "int16": 0x8000,
    "uint16": 0xFFFF,
    "int32": 0x8000_0000,
    "uint32": 0xFFFF_FFFF,
    "int64": 0x8000_0000_0000_0000,
    "uint64": 0xFFFF_FFFF_FFFF_FFFF,
}
"""What most devices send for "no value", named `default` in a list of sentinels; a float's is always NaN."""

NOT_BCD: Final[dict[str, int]] = {
    "bcd16": 0xFFFF,
    "bcd32": 0xFFFF_FFFF,
    "bcd64": 0xFFFF_FFFF_FFFF_FFFF,
}
"""What is written for "no value": F is no decimal digit."""

_OTHER_NAMES: Final = {
    "int": "int16 or int32",
    "uint": "uint16 or uint32",
    "float": "float32 or float64",
    "real": "float32",
    "lreal": "float64",
    "double": "float64",
    "single": "float32",
    "half": "float16",
    "word": "uint16",
    "dword": "uint32",
    "lword": "uint64",
    "qword": "uint64",
    "short": "int16",
    "ushort": "uint16",
    "long": "int32",
    "ulong": "uint32",
    "sint": "int16",
    "dint": "int32",
    "udint": "uint32",
    "lint": "int64",
    "ulint": "uint64",
    "bit": "bool",
    "boolean": "bool",
    "coil": "bool",
    "bcd": "bcd16 or bcd32",
    "str": "string",
    "text": "string",
    "char": "string",
    "utf8": "string",
    "utf-8": "string",
    "latin-1": "latin1",
    "iso-8859-1": "latin1",
}


def type_facts(name: str) -> TypeFacts:
    """What is fixed by the type *name*.

    Raises:
        ValueError: there is no such type; the sentence names the nearest.
    """
    facts = TYPES.get(name)
    if facts is None:
        raise ValueError(f"{name!r} is no type: {_nearest(name)}")
    return facts


def _nearest(name: str) -> str:
    lower = name.lower().strip()
    if lower in TYPES:
        return f"write {lower}"
    expanded = {"i": "int", "s": "int", "u": "uint", "f": "float"}.get(lower[:1], "") + lower[1:]
    known = _OTHER_NAMES.get(lower) or (expanded if expanded in TYPES else None)
    close = difflib.get_close_matches(lower, TYPES, n=1)
    suggestion = known or (close[0] if close else None)
    return f"did you mean {suggestion}?" if suggestion else f"the types are {', '.join(TYPES)}"
