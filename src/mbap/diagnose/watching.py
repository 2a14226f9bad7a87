"""What is watched: rows of values with their trends, and the few reads that bring them; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from mbap.addresses import Item, Location, Table, reference
from mbap.client.typed import MOST_BITS, MOST_REGISTERS, Reading, ReadRequest, Wire, read_request, reading
from mbap.values import Encoding, Value
from mbap.values.orders import ORDERS, order_kind

TREND: Final = 120
"""So many of the last values are kept for the trend of a row."""
TYPES: Final = ("uint16", "int16", "uint32", "int32", "float32", "uint64", "int64", "float64")
"""The types that one key leads through."""
MOST_ROWS: Final = 2000


@dataclass(slots=True, eq=False)
class Row:
    """One value that is watched.

    Attributes:
        table, address: where it begins; the address is zero-based.
        encoding: how it is read; `bool` for coils, discrete inputs and single bits.
        value: what came last; None for "no value", and before anything came.
        before: the value before the last change.
        changed_at: when it was last seen to change, on the clock of whoever asks; None: never.
        read_at: when it last came.
        latency: seconds between that request and its answer.
        trouble: why the last round did not bring it; empty where it did.
        errors: so many rounds did not bring it.
        trend: the last values as numbers, None where none came.
    """

    table: Table
    address: int
    encoding: Encoding
    bit: int | None = None
    value: Value | None = None
    before: Value | None = None
    changed_at: float | None = None
    read_at: float | None = None
    latency: float | None = None
    trouble: str = ""
    errors: int = 0
    trend: deque[float | None] = field(default_factory=lambda: deque(maxlen=TREND))
    _words: Wire | None = None

    @property
    def width(self) -> int:
        """How many addresses the value takes."""
        return 1 if self.table.holds_bits else self.encoding.count

    @property
    def place(self) -> str:
        """Its address counted from 0: `hr107`."""
        return str(Location(self.table, self.address, self.bit))

    @property
    def reference(self) -> str:
        """The same as manuals count: `40108`."""
        return reference(self.table, self.address)

    @property
    def kind(self) -> str:
        """Its type, with the order where that is not the standard's: `float32,CDAB`."""
        one = self.encoding
        name = one.type + (f"/{one.length}" if one.length else "")
        if one.type == "bool" or one.order in ("AB", "ABCD", "ABCDEFGH"):
            return name
        return f"{name},{one.order if self.width not in (2, 4) or one.length else _short(one.order)}"

    @property
    def item(self) -> str:
        """What to ask for to get it: `hr107:float32,CDAB`."""
        return self.place if self.fixed else f"{self.place}:{self.kind}{_scaled(self.encoding)}"

    @property
    def raw(self) -> str:
        """What came last as it was on the wire: `41C8 0000`; empty before anything came."""
        if self._words is None or self.table.holds_bits:
            return ""
        return " ".join(f"{word:04X}" for word in self._words)

    @property
    def fixed(self) -> bool:
        """Whether there is one way only to read it: a bit."""
        return self.table.holds_bits or self.bit is not None

    def take(self, words: Wire, now: float, latency: float) -> None:
        """*words* came for it."""
        first, old = self._words is None, self.value
        self._words, self.read_at, self.latency, self.trouble = words, now, latency, ""
        self.value = self._decoded(words)
        if not first and self.value != old:
            self.before, self.changed_at = old, now
        self.trend.append(_number(self.value))

    def miss(self, trouble: str) -> None:
        """Nothing came for it, because of *trouble*; the last value stays."""
        self.trouble = trouble
        self.errors += 1
        self.trend.append(None)

    def reread(self, encoding: Encoding) -> None:
        """From now on it is read as *encoding*; what is here is shown so at once where it suffices."""
        words, same = self._words, encoding.count == self.encoding.count
        self.encoding = encoding
        self.trend.clear()
        self.before = self.changed_at = None
        self._words = words if same else None
        self.value = self._decoded(words) if same and words is not None else None

    def _decoded(self, words: Wire) -> Value | None:
        return bool(words[0]) if self.table.holds_bits else self.encoding.decode(words)


def _short(order: str) -> str:
    """The name that an order has for two registers, and that is taken for any number of them."""
    return ORDERS[2][order_kind(order)]


def _scaled(encoding: Encoding) -> str:
    options = (("scale", encoding.scale, 1), ("offset", encoding.offset, 0))
    return "".join(f",{name}={value:g}" for name, value, plain in options if value != plain)


def _number(value: Value | None) -> float | None:
    """*value* as a place in a trend; text has none."""
    return None if value is None or isinstance(value, str) else float(value)


def rows_of(items: Sequence[str], order: str = "") -> list[Row]:
    """A row for each value of *items*, such as `hr0..20`, `40108:float32`, `co3`.

    Raises:
        ValueError: one cannot be understood, or they are more than can be watched.
    """
    rows = [row for item in items for row in _rows(reading(item, order))]
    if len(rows) > MOST_ROWS:
        raise ValueError(f"{len(rows)} values are more than can be watched at once, {MOST_ROWS}: name fewer")
    return rows


def _rows(one: Reading) -> Iterator[Row]:
    return (Row(one.item.table, address, one.encoding, one.item.bit) for address in one.addresses)


def retyped(row: Row, kind: str) -> Encoding:
    """The encoding that *kind* names for *row*: `float32`, `float32,CDAB`, `string/8`.

    Raises:
        ValueError: it names none, or reaches beyond the last address, or the row is one bit.
    """
    if row.fixed:
        raise ValueError(f"{row.place} is one bit: there is no other way to read it")
    return reading(Item(f"{row.place}:{kind}", row.table, row.address, None, None, kind)).encoding


def next_type(row: Row, step: int = 1) -> Encoding:
    """The encoding of *row* with the next of `TYPES`, in the same order of bytes."""
    known = row.encoding.type in TYPES
    index = (TYPES.index(row.encoding.type) + step) % len(TYPES) if known else 0
    order = row.encoding.order if known else ""
    return retyped(row, f"{TYPES[index]},{order}" if order else TYPES[index])


def next_order(row: Row) -> Encoding:
    """The encoding of *row* with the next order of bytes.

    Raises:
        ValueError: it has none, as text and bits have.
    """
    if row.fixed or row.encoding.length is not None or row.width not in ORDERS:
        raise ValueError(f"{row.place} is {row.encoding.type}: it has no other order of numbers")
    known = list(dict.fromkeys(ORDERS[row.width]))
    order = known[(known.index(row.encoding.order) + 1) % len(known)]
    one = row.encoding
    return Encoding(one.type, order, one.scale, one.offset, sentinels=one.sentinels)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One read, and the rows that its answer is for."""

    table: Table
    address: int
    count: int
    rows: tuple[Row, ...]

    @property
    def request(self) -> ReadRequest:
        """What to ask."""
        return read_request(self.table, self.address, self.count)

    def take(self, answer: Wire, now: float, latency: float) -> None:
        """Hand *answer* to the rows; one that is cut off has none for those at its end."""
        for row in self.rows:
            start = row.address - self.address
            if start + row.width > self.count:
                continue  # it was given a longer type while this was asked
            words = answer[start : start + row.width]
            if len(words) == row.width:
                row.take(words, now, latency)
            else:
                row.miss("cut off")

    def halves(self) -> tuple[Block, Block]:
        """Two reads instead of this one, where the device refuses some of its addresses."""
        half = len(self.rows) // 2
        return _block(self.rows[:half]), _block(self.rows[half:])


def blocks_of(rows: Sequence[Row], largest: Callable[[Table], int] | None = None) -> list[Block]:
    """The few reads that bring *rows*: what touches is read together, and what lies between is not read."""
    most = largest or _most
    blocks: list[list[Row]] = []
    for row in sorted(rows, key=lambda one: (one.table.value, one.address, one.width)):
        if blocks and _touches(blocks[-1], row, most(row.table)):
            blocks[-1].append(row)
        else:
            blocks.append([row])
    return [_block(one) for one in blocks]


def _most(table: Table) -> int:
    return MOST_BITS if table.holds_bits else MOST_REGISTERS


def _touches(block: Sequence[Row], row: Row, most: int) -> bool:
    last = max(one.address + one.width for one in block)
    end = max(last, row.address + row.width)
    return row.table is block[0].table and row.address <= last and end - block[0].address <= most


def _block(rows: Sequence[Row]) -> Block:
    start = min(one.address for one in rows)
    end = max(one.address + one.width for one in rows)
    return Block(rows[0].table, start, end - start, tuple(rows))
