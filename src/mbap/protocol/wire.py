"""Registers and Bits: what a read gives, kept as the bytes that were on the wire."""

from __future__ import annotations

import marshal
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, SupportsIndex, TypeVar, overload

_Self = TypeVar("_Self", bound="_OverWire[Any]")
_T = TypeVar("_T", bool, int)


class _OverWire(Sequence[_T]):
    """What Registers and Bits share: they behave as the tuple of their items, built when asked for."""

    __slots__ = ("_items", "wire")

    wire: bytes
    """The bytes on the wire, at no cost."""
    _items: tuple[_T, ...] | None

    def _tuple(self) -> tuple[_T, ...]:
        items = self._items
        if items is None:
            items = self._items = self._unpack()
        return items

    def _unpack(self) -> tuple[_T, ...]:
        raise NotImplementedError

    def __bytes__(self) -> bytes:
        return self.wire

    def __iter__(self) -> Iterator[_T]:
        return iter(self._tuple())

    def __contains__(self, item: object) -> bool:
        return item in self._tuple()

    def __hash__(self) -> int:
        return hash(self._tuple())

    def __repr__(self) -> str:
        return repr(list(self._tuple()))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (list, tuple)):
            return self._tuple() == tuple(other)
        if isinstance(other, _OverWire):
            return self._tuple() == other._tuple()
        return NotImplemented

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.wire,))


class Registers(_OverWire[int]):
    """Registers as they were on the wire: a sequence of ints from 0 to 65535.

    It equals a list or tuple with the same items, prints like a list, hashes like a tuple; slices are
    Registers again. `bytes(registers)`, or `.wire`, are its big-endian bytes.

    Raises:
        ValueError: *wire* has an odd number of bytes.
    """

    __slots__ = ()

    def __init__(self, wire: bytes = b"") -> None:
        if len(wire) & 1:
            raise ValueError(f"registers are two bytes each, and these are {len(wire)} bytes")
        self.wire = wire
        self._items = None

    @classmethod
    def of(cls, values: Sequence[int]) -> Registers:
        """Registers with *values*.

        Raises:
            ValueError: a value is not 0 to 65535.
        """
        try:
            return cls(struct.pack(f">{len(values)}H", *values))
        except struct.error:
            wrong = next(value for value in values if not _is_word(value))
            raise ValueError(f"a register is an int from 0 to 65535, not {wrong!r}") from None

    def _unpack(self) -> tuple[int, ...]:
        wire = self.wire
        try:
            return _UNPACK[len(wire)](wire)
        except KeyError:
            return _unpacking(len(wire))(wire)

    def __len__(self) -> int:
        return len(self.wire) >> 1

    @overload
    def __getitem__(self, index: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Registers: ...
    def __getitem__(self, index: SupportsIndex | slice) -> int | Registers:
        if type(index) is not slice:
            items = self._items
            if items is None:
                items = self._items = self._unpack()
            return items[index]
        start, stop, step = index.indices(len(self))
        if step == 1:
            return Registers(self.wire[2 * start : 2 * max(start, stop)])
        return Registers.of(self._tuple()[index])


def whole_registers(wire: bytes) -> Registers:
    """Registers of *wire*, whose number of bytes is known to be even: half as dear as calling the class."""
    made = _new(Registers)
    made.wire = wire
    made._items = None
    return made


_new = object.__new__


class Bits(_OverWire[bool]):
    """Coils or discrete inputs as they were on the wire: a sequence of bools.

    It equals a list or tuple with the same items, prints like a list, hashes like a tuple; slices are Bits
    again. `bytes(bits)`, or `.wire`, are its bytes, the first bit lowest in the first; bits after the last
    one are 0, whatever was sent there.

    Raises:
        ValueError: *wire* is not as long as *count* bits are.
    """

    __slots__ = ("_count",)

    def __init__(self, wire: bytes = b"", count: int = 0) -> None:
        if len(wire) != (count + 7) // 8:
            raise ValueError(f"{count} bits take {(count + 7) // 8} bytes, not {len(wire)}")
        if count & 7 and wire[-1] >> (count & 7):
            wire = wire[:-1] + bytes((wire[-1] & ((1 << (count & 7)) - 1),))
        self.wire = wire
        self._count = count
        self._items = None

    @classmethod
    def of(cls, values: Sequence[bool]) -> Bits:
        """Bits with *values*, each a bool, 0 or 1."""
        # A list, where it is neither: what has bytes of its own is not meant.
        items: Any = values if type(values) in (list, tuple) else [*values]
        count = len(items)
        try:
            # A letter for each bool, behind a head; what is no bool begins with another, which is no digit.
            number = int(marshal.dumps(items, 2)[: _HEAD - 1 : -1].translate(_DIGIT_OF_LETTER), 2)
        except ValueError:
            number = int(_digits(items)[::-1] or b"0", 2)
        return cls(number.to_bytes((count + 7) // 8, "little"), count)

    def _unpack(self) -> tuple[bool, ...]:
        count = self._count
        # The 1 in front keeps the zeros behind it; "0b1" is left out with it.
        digits = bin(int.from_bytes(self.wire, "little") | 1 << count)[:2:-1]
        return struct.unpack(f"{count}?", digits.encode("ascii").translate(_VALUE_OF))

    def __len__(self) -> int:
        return self._count

    def __reduce__(self) -> tuple[Any, ...]:
        return (Bits, (self.wire, self._count))

    @overload
    def __getitem__(self, index: SupportsIndex) -> bool: ...
    @overload
    def __getitem__(self, index: slice) -> Bits: ...
    def __getitem__(self, index: SupportsIndex | slice) -> bool | Bits:
        if not isinstance(index, slice):
            return self._tuple()[index]
        return Bits.of(self._tuple()[index])


def _digits(items: Sequence[Any]) -> bytes:
    """1 or 0 for each of *items*, whatever they are."""
    try:
        return bytes(items).translate(_DIGIT_OF)
    except (TypeError, ValueError):  # true or false, but no small number
        return bytes(map(bool, items)).translate(_DIGIT_OF)


# By way of a number and its binary digits: 6 to 7 times as quick as setting or testing bit by bit. To ask
# each item for its number takes twice as long as `marshal`, which only looks which of the two bools it is.
_HEAD = len(marshal.dumps([], 2))
_DIGIT_OF_LETTER = bytes(
    {ord("F"): ord("0"), ord("T"): ord("1")}.get(letter, ord("?")) for letter in range(256)
)
_DIGIT_OF = b"0" + b"1" * 255
_VALUE_OF = bytes(character == ord("1") for character in range(256))


_UNPACK: dict[int, Callable[[bytes], tuple[int, ...]]] = {}
"""By the number of bytes: those that one answer can bring, so 125 at most."""


def _unpacking(size: int) -> Callable[[bytes], tuple[int, ...]]:
    unpack = struct.Struct(f">{size // 2}H").unpack
    if size <= 250:
        _UNPACK[size] = unpack
    return unpack


def _is_word(value: object) -> bool:
    return isinstance(value, int) and 0 <= value <= 0xFFFF
