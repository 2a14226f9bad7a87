"""What clients of a route may do, as a list of rules; what no rule allows is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mbap.addresses import Table
from mbap.protocol.pdu.base import Request

_TABLES: Final[Mapping[str, Table]] = {
    "coil": Table.COILS,
    "coils": Table.COILS,
    "discrete": Table.DISCRETE_INPUTS,
    "holding": Table.HOLDING_REGISTERS,
    "input": Table.INPUT_REGISTERS,
}
_EXAMPLES: Final = 'write it like "read", "read input", "write holding 100-119" or "function 43"'
_RULE: Final = re.compile(r"(read|write)(?:\s+([a-z]+)(?:\s+(\d+)(?:\s*-\s*(\d+))?)?)?|function\s+(\d+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is allowed.

    Attributes:
        function: this function code, wherever it goes; None: reading or writing.
        writes: reading does not allow to write, nor writing to read.
        table: only there; None: everywhere, and what has no address.
        first, last: the zero-based addresses.
    """

    function: int | None = None
    writes: bool = False
    table: Table | None = None
    first: int = 0
    last: int = 0xFFFF

    def allows(self, table: Table, address: int, count: int, writes: bool) -> bool:
        """Whether all of these addresses may be read, or written."""
        if self.function is not None or writes != self.writes or self.table not in (None, table):
            return False
        return self.first <= address and address + count - 1 <= self.last


class Permission:
    """Some rules; a request is permitted when each address that it touches is allowed by one of them.

    Args:
        rules: `read`, `write`, `read input`, `write holding 100-119`, `function 43`. None: everything.
        read_only: nothing that writes is permitted, whatever the rules say.

    Raises:
        ValueError: a rule cannot be read.
    """

    __slots__ = ("_read_only", "_rules", "_written")

    def __init__(self, rules: Iterable[str] | None = None, *, read_only: bool = False) -> None:
        self._written = None if rules is None else tuple(rules)
        self._rules = None if self._written is None else tuple(_rule(text) for text in self._written)
        self._read_only = read_only

    def permits(self, request: Request[Any]) -> bool:
        """Whether clients may have *request* carried out."""
        if self._read_only and request.writes:
            return False
        rules = self._rules
        if rules is None or any(rule.function == request.function_code for rule in rules):
            return True
        spans = request.spans()
        if not spans:
            return any(r.table is None and r.function is None and r.writes == request.writes for r in rules)
        return all(any(rule.allows(*span) for rule in rules) for span in spans)

    def but_read_only(self) -> Permission:
        """The same without anything that writes."""
        return Permission(self._written, read_only=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Permission) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        said = ["read only"] if self._read_only else []
        said += [] if self._written is None else [", ".join(self._written) or "nothing"]
        return "; ".join(said) or "everything"


def _rule(text: str) -> Rule:
    match = _RULE.fullmatch(text.strip().lower())
    if match is None or (match[2] and match[2] not in _TABLES):
        raise ValueError(f"{text!r} is no rule of what is allowed: {_EXAMPLES}")
    if match[5]:
        return Rule(function=_number(match[5], 1, 127, text))
    first = _number(match[3] or "0", 0, 0xFFFF, text)
    last = _number(match[4] or match[3] or "65535", first, 0xFFFF, text)
    return Rule(None, match[1] == "write", _TABLES[match[2]] if match[2] else None, first, last)


def _number(digits: str, low: int, high: int, text: str) -> int:
    if not low <= int(digits) <= high:
        raise ValueError(f"{digits} in {text!r} has to be from {low} to {high}")
    return int(digits)


EVERYTHING: Final = Permission()
