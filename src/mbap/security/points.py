"""What may be written into a quantity: its type, its limits, how far it may jump, which bits may change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mbap.addresses import Table, describe
from mbap.protocol.pdu.base import Request
from mbap.protocol.wire import Registers
from mbap.values import Encoding

Value = bool | int | float
_READ: Final = "read it first"
LASTING: Final = (6, 16, 22, 23, 5, 15)
"""The functions that write into tables."""


@dataclass(frozen=True, slots=True)
class Point:
    """A quantity, or several alike one behind the other, and what may be written there.

    Attributes:
        name: what the policy calls it.
        table, first, last: where it is.
        encoding: how one value lies in registers; None in a table of bits.
        low, high: the least and the greatest value; None: what the type holds.
        allowed: the only values; none: any.
        max_step: how far a value may be from the last one that was read or written here; None: any far.
        bits: which bits of a register may change; None: all.
        unknown: whether a write passes while the last value is not known, where it has to be.
    """

    name: str
    table: Table
    first: int
    last: int
    encoding: Encoding | None
    low: float | None = None
    high: float | None = None
    allowed: tuple[Value, ...] = ()
    max_step: float | None = None
    bits: int | None = None
    unknown: bool = False

    @property
    def width(self) -> int:
        """How many addresses one value takes."""
        return 1 if self.encoding is None else self.encoding.count

    @property
    def remembers(self) -> bool:
        """Whether the last value matters."""
        return self.max_step is not None or self.bits is not None

    @property
    def bounded(self) -> bool:
        """Whether not every value is allowed, or not every register is a value."""
        numbers = self.encoding is not None and self.encoding.type[:3] not in ("int", "uin")
        return numbers or bool(self.allowed) or self.low is not None or self.high is not None

    def begins(self, first: int, last: int) -> range:
        """The first address of each of its values that *first* to *last* touch."""
        begin = self.first + (max(first, self.first) - self.first) // self.width * self.width
        return range(begin, min(last, self.last) + 1, self.width)


class Written(NamedTuple):
    """What a request writes into neighbouring addresses.

    Attributes:
        values: bits, or registers.
        and_mask: of function 22: the bits that it leaves; 0 for others.
    """

    table: Table
    first: int
    values: Sequence[int]
    and_mask: int = 0

    @property
    def last(self) -> int:
        """The last address."""
        return self.first + len(self.values) - 1


def written_by(request: Request[Any]) -> Written | None:
    """What *request* writes into a table; None where it does not."""
    code = request.function_code
    if code not in LASTING:
        return None
    table = Table.COILS if code in (5, 15) else Table.HOLDING_REGISTERS
    got: Any = request
    if code == 22:
        return Written(table, got.address, (got.or_mask & ~got.and_mask & 0xFFFF,), got.and_mask)
    if code in (5, 6):
        return Written(table, got.address, (got.value,))
    return Written(table, got.write_address if code == 23 else got.address, got.values)


Last = Mapping[tuple[int, str, int], tuple[bytes, ...]]
"""What may be there now, by unit, point and first address: while a write is not answered, the value before it
and the one after it."""


def faults_of_write(point: Point, written: Written, unit: int, last: Last) -> Iterator[str]:
    """Why *written* may not be put into *point*: a sentence for each value, none where it may."""
    if written.table is not point.table:
        return
    for begin in point.begins(written.first, written.last):
        before = last.get((unit, point.name, begin)) or (None,)
        faults = (_fault(point, begin, written, one) for one in before)
        if fault := next(filter(None, faults), ""):
            yield f"{point.name}: {fault}"


def _fault(point: Point, begin: int, written: Written, last: bytes | None) -> str:
    end = begin + point.width - 1
    if begin < written.first or end > written.last:
        return f"a value takes {point.width} registers, and not all of {_place(point, begin)} are written"
    at = begin - written.first
    words = written.values[at : at + point.width]
    if written.and_mask:
        return _fault_of_mask(point, written, last)
    return _fault_of_value(point, words, last) or _fault_of_bits(point, words[0], last)


def _fault_of_mask(point: Point, written: Written, last: bytes | None) -> str:
    """Why a mask write may not be: what it changes is known, what comes of it only with the last value."""
    changed = ~written.and_mask & 0xFFFF
    if point.bits is not None and changed & ~point.bits:
        return f"only the bits {point.bits:#06x} may change, not {changed:#06x}"
    if not point.bounded and point.max_step is None:
        return ""
    if last is None:
        return "what a mask write makes of it is not known, because its last value is not"
    old = int.from_bytes(last, "big")
    return _fault_of_value(point, (old & written.and_mask | written.values[0],), last)


def _fault_of_value(point: Point, words: Sequence[int], last: bytes | None) -> str:
    value = value_of(point, words)
    if value is None:
        return "what is written is no number (NaN, infinite, or BCD without digits)"
    if point.allowed and value not in point.allowed:
        return f"{value} is none of {', '.join(map(str, point.allowed))}"
    if point.low is not None and value < point.low:
        return f"{value:g} is less than {point.low:g}"
    if point.high is not None and value > point.high:
        return f"{value:g} is more than {point.high:g}"
    return _fault_of_step(point, value, last)


def _fault_of_step(point: Point, value: Value, last: bytes | None) -> str:
    if point.max_step is None:
        return ""
    old = None if last is None else value_of(point, Registers(last))
    if old is None:
        return "" if point.unknown else f"its last value is not known, and it may not jump: {_READ}"
    if abs(value - old) > point.max_step:
        return f"from {old:g} to {value:g} is more than {point.max_step:g} at once"
    return ""


def _fault_of_bits(point: Point, word: int, last: bytes | None) -> str:
    if point.bits is None:
        return ""
    if last is None:
        return "" if point.unknown else f"its last value is not known, and only some bits may change: {_READ}"
    changed = word ^ int.from_bytes(last, "big")
    return f"only the bits {point.bits:#06x} may change, not {changed:#06x}" if changed & ~point.bits else ""


def value_of(point: Point, words: Sequence[int]) -> Value | None:
    """The value that *words* are; None where they are no number."""
    if point.encoding is None:
        return bool(words[0])
    value = point.encoding.decode(words if isinstance(words, Registers) else Registers.of(words))
    return None if value is None or isinstance(value, str) else value


def _place(point: Point, begin: int) -> str:
    return describe(point.table, begin, point.width)
