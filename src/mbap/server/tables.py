"""A device's memory: the addresses that exist, with their values as they go over the wire.

Every contiguous range is one bytearray, so that a read is one slice, which also makes it a snapshot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import Generic, TypeVar, overload

from mbap.addresses import Table, describe
from mbap.errors import IllegalDataAddress
from mbap.protocol.wire import Bits, Registers

ADDRESSES = 0x10000

T = TypeVar("T", int, bool)
W = TypeVar("W", Registers, Bits)

Stretch = tuple[int, int, bytearray]
"""Addresses without a gap: the first, the one behind the last, and their values."""

Values = Sequence[int] | Mapping[int, Sequence[int]]
"""A table's values: a list from address 0 on, or lists by the address at which they begin."""


class _Memory(ABC, Generic[T, W]):
    """What registers and bits share: ranges of addresses, found by bisection.

    From Python it is used like a list that may have holes: `memory[107]`, `memory[0:10]`, and assignment to
    either. `address in memory` tells whether an address exists, iterating gives the addresses.

    Raises:
        IndexError: not all of the addresses exist.
        ValueError: a value, or the number of values, does not fit.
    """

    __slots__ = ("_ranges", "_starts", "table")

    def __init__(self, table: Table, values: Values) -> None:
        self.table = table
        given = values if isinstance(values, Mapping) else {0: values}
        self._ranges = [
            (span, bytearray(wire.wire))
            for span, wire in _joined(table, {start: self._wire(items) for start, items in given.items()})
        ]
        self._starts = [span.start for span, _ in self._ranges]

    @property
    def ranges(self) -> tuple[range, ...]:
        """The addresses that exist, in order."""
        return tuple(span for span, _ in self._ranges)

    def read(self, address: int, count: int) -> W:
        """The values of *count* addresses from *address* on.

        Raises:
            IllegalDataAddress: not all of them exist.
        """
        start, memory = self._find(address, count)
        return self._get(memory, address - start, count)

    def write(self, address: int, values: W) -> None:
        """Set the addresses from *address* on, all of them or none.

        Raises:
            IllegalDataAddress: not all of them exist.
        """
        start, memory = self._find(address, len(values))
        self._set(memory, address - start, values)

    def stretch(self, address: int, count: int) -> Stretch | None:
        """The range in which these addresses are, with its memory; None where not all of them exist."""
        index = bisect_right(self._starts, address) - 1
        if index >= 0:
            span, memory = self._ranges[index]
            if address + count <= span.stop:
                return span.start, span.stop, memory
        return None

    def _find(self, address: int, count: int) -> tuple[int, bytearray]:
        found = self.stretch(address, count)
        if found is None:
            raise IllegalDataAddress
        return found[0], found[2]

    @abstractmethod
    def _wire(self, items: Sequence[int]) -> W: ...

    @abstractmethod
    def _get(self, memory: bytearray, offset: int, count: int) -> W: ...

    @abstractmethod
    def _set(self, memory: bytearray, offset: int, values: W) -> None: ...

    def __len__(self) -> int:
        return sum(len(span) for span, _ in self._ranges)

    def __iter__(self) -> Iterator[int]:
        return (address for span, _ in self._ranges for address in span)

    def __contains__(self, address: object) -> bool:
        return any(address in span for span, _ in self._ranges)

    def __repr__(self) -> str:
        ranges = ", ".join(f"{span.start}..{span.stop - 1}" for span in self.ranges)
        return f"<{self.table.value}: {ranges or 'nothing'}>"

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> W: ...
    def __getitem__(self, index: int | slice) -> T | W:
        span = self._span(index)
        values = self.read(span.start, len(span))
        return values if isinstance(index, slice) else values[0]  # type: ignore[return-value]

    @overload
    def __setitem__(self, index: int, value: int) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Sequence[int]) -> None: ...
    def __setitem__(self, index: int | slice, value: int | Sequence[int]) -> None:
        span = self._span(index)
        wire = self._wire(value if isinstance(value, Sequence) else (value,))
        if len(wire) != len(span):
            raise ValueError(f"{len(span)} addresses cannot take {len(wire)} values")
        self.write(span.start, wire)

    def _span(self, index: int | slice) -> range:
        """The addresses that *index* means; an open end means the end of the range."""
        if not isinstance(index, slice):
            span = range(index, index + 1)
        elif index.step not in (None, 1):
            raise ValueError("a slice of addresses has no step")
        else:
            start = index.start or 0
            span = range(start, self._end(start) if index.stop is None else index.stop)
        if not span:
            raise IndexError(f"there is no address in {span.start}:{span.stop}")
        try:
            self._find(span.start, len(span))
        except IllegalDataAddress:
            what = describe(self.table, span.start, len(span)) if _possible(span) else f"address {span.start}"
            raise IndexError(f"{what} does not exist here: {self!r}") from None
        return span

    def _end(self, start: int) -> int:
        return next((span.stop for span in self.ranges if start in span), start + 1)


class RegisterMemory(_Memory[int, Registers]):
    """Holding or input registers."""

    __slots__ = ()

    def _wire(self, items: Sequence[int]) -> Registers:
        return items if isinstance(items, Registers) else Registers.of(items)

    def _get(self, memory: bytearray, offset: int, count: int) -> Registers:
        return Registers(bytes(memory[2 * offset : 2 * (offset + count)]))

    def _set(self, memory: bytearray, offset: int, values: Registers) -> None:
        memory[2 * offset : 2 * (offset + len(values))] = values.wire


class BitMemory(_Memory[bool, Bits]):
    """Coils or discrete inputs, eight to the byte."""

    __slots__ = ("_lock",)

    def __init__(self, table: Table, values: Values) -> None:
        # A bit cannot be set without its neighbours, and those may be set by another thread meanwhile.
        self._lock = Lock()
        super().__init__(table, values)

    def _wire(self, items: Sequence[int]) -> Bits:
        if isinstance(items, Bits):
            return items
        for item in items:
            if item not in (0, 1):
                raise ValueError(f"a coil or discrete input is True or False, not {item!r}")
        return Bits.of([bool(item) for item in items])

    def _get(self, memory: bytearray, offset: int, count: int) -> Bits:
        return Bits(packed(memory, offset, count), count)

    def _set(self, memory: bytearray, offset: int, values: Bits) -> None:
        first, shift = divmod(offset, 8)
        touched = slice(first, (offset + len(values) + 7) // 8)
        mask = ((1 << len(values)) - 1) << shift
        with self._lock:
            old = int.from_bytes(memory[touched], "little") & ~mask
            new = old | int.from_bytes(values.wire, "little") << shift
            memory[touched] = new.to_bytes(touched.stop - touched.start, "little")


def packed(memory: bytearray, offset: int, count: int) -> bytes:
    """*count* bits of *memory* from *offset* on, eight to the byte; what is left of the last byte is 0."""
    first, shift = divmod(offset, 8)
    whole = int.from_bytes(memory[first : (offset + count + 7) // 8], "little") >> shift
    return (whole & ((1 << count) - 1)).to_bytes((count + 7) // 8, "little")


def _joined(table: Table, given: Mapping[int, W]) -> list[tuple[range, W]]:
    """*given* in order of address, with neighbours joined so that a read may go across."""
    joined: list[tuple[range, W]] = []
    for start in sorted(given):
        span, wire = range(start, start + len(given[start])), given[start]
        if not span:
            continue
        _check(table, span, joined[-1][0] if joined else range(0))
        if joined and joined[-1][0].stop == start:
            before, first = joined.pop()
            span, wire = range(before.start, span.stop), _together(first, wire)
        joined.append((span, wire))
    return joined


def _together(first: W, second: W) -> W:
    if isinstance(first, Registers):
        return Registers(first.wire + bytes(second))
    return Bits.of([*first, *second])


def _check(table: Table, span: range, before: range) -> None:
    if not _possible(span):
        raise ValueError(f"{table.value}: addresses are 0 to 65535, not {span.start} to {span.stop - 1}")
    if span.start < before.stop:
        raise ValueError(f"{table.value}: address {span.start} is given twice")


def _possible(span: range) -> bool:
    return span.start >= 0 and span.stop <= ADDRESSES
