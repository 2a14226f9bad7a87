"""Typed reads and writes: "40108:float32" -> requests, and answers -> values. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from mbap.addresses import Item, Table, describe, parse_item
from mbap.client.dialogue import Dialogue
from mbap.client.leeway import Leeway
from mbap.errors import IllegalDataAddress, ProtocolError
from mbap.protocol.pdu import (
    READS,
    MaskWriteRegister,
    ReadCoils,
    ReadDiscreteInputs,
    ReadHoldingRegisters,
    ReadInputRegisters,
    Request,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.protocol.wire import Bits, Registers
from mbap.values import Encoding, Value, parse_type

MOST_REGISTERS, MOST_BITS = 125, 2000
BOOL = Encoding("bool")
TEXTS = ("string", "ascii", "latin1")

Answer: TypeAlias = Value | list[Value | None] | None
"""One value, None for "no value", or a list where a span was asked for."""
Given: TypeAlias = Value | Sequence[Value | None] | None
"""One value, or as many as a span takes."""
Wire: TypeAlias = Registers | Bits
ReadRequest: TypeAlias = ReadCoils | ReadDiscreteInputs | ReadHoldingRegisters | ReadInputRegisters


class _Undefined:
    """What an address has that the device refuses."""


_UNDEFINED = _Undefined()


@dataclass(frozen=True, slots=True)
class Reading:
    """What has to be asked for one item, and how its answers become values.

    Attributes:
        requests: to be carried out in this order; more than one where the span is longer than one read gives.
        encoding: how each value lies in registers; `bool` for bits.
    """

    item: Item
    encoding: Encoding
    requests: tuple[ReadRequest, ...]

    @property
    def width(self) -> int:
        """How many addresses one value takes."""
        return 1 if self.item.table.holds_bits else self.encoding.count

    @property
    def addresses(self) -> range:
        """The address of each value."""
        count = self.width if self.item.count is None else self.item.count
        return range(self.item.address, self.item.address + count, self.width)

    def dialogue(self, leeway: Leeway) -> Dialogue[Answer]:
        """Ask for the value; a list of them where the item is a span."""
        values = yield from self.values(leeway)
        return values[0] if self.item.count is None else values

    def values(self, leeway: Leeway) -> Dialogue[list[Value | None]]:
        """Ask for the values, in the order of `addresses`.

        At a device that refuses undefined registers, they are found and are None; where all are, the
        refusal is raised.
        """
        values: list[Value | None] = []
        for request in self.requests:
            try:
                values += self._decoded(request, (yield request))
            except IllegalDataAddress as refusal:
                if not leeway.quirks.no_gaps or request.count <= self.width:
                    raise
                leeway.used("no_gaps")
                found = yield from self._without_gaps(request)
                if all(one is _UNDEFINED for one in found):
                    raise refusal from None
                values += [None if isinstance(one, _Undefined) else one for one in found]
        return values

    def _without_gaps(self, request: ReadRequest) -> Dialogue[list[Value | _Undefined | None]]:
        """What the parts of a refused read give, halved again and again."""
        half = request.count // self.width // 2 * self.width
        found: list[Value | _Undefined | None] = []
        for start, count in ((0, half), (half, request.count - half)):
            part = type(request)(request.address + start, count)
            try:
                found += self._decoded(part, (yield part))
            except IllegalDataAddress:
                found += [_UNDEFINED] if count <= self.width else (yield from self._without_gaps(part))
        return found

    def _decoded(self, request: ReadRequest, answer: Wire) -> list[Value | None]:
        """The values of *answer*; of a short one those that came whole, and None for the others."""
        came = len(answer) // self.width
        missing = request.count // self.width - came
        if not missing:
            return list(decode_values(self.encoding, answer))
        if not came:
            raise ProtocolError(f"{len(answer)} of {request.count} registers came, too few for these values")
        return [*decode_values(self.encoding, answer[: came * self.width]), *[None] * missing]


def decode_values(encoding: Encoding, answer: Wire) -> Iterator[Value | None]:
    """The values of one answer, one after the other."""
    if isinstance(answer, Bits):
        yield from answer
    elif len(answer) == encoding.count:
        yield encoding.decode(answer)
    else:
        yield from encoding.decoder(len(answer) // encoding.count)(answer)


def reading(item: str | Item, word_order: str = "") -> Reading:
    """How to read *item*.

    Raises:
        ValueError: it cannot be understood; the sentence says how to write it.
    """
    place = parse_item(item) if isinstance(item, str) else item
    encoding = item_encoding(place, word_order)
    width = 1 if place.table.holds_bits else encoding.count
    count = width if place.count is None else place.count
    if count % width:
        raise ValueError(
            f"{place.text}: {count} registers are no whole number of {encoding.type}, {width} each"
        )
    most = MOST_BITS if place.table.holds_bits else MOST_REGISTERS // width * width
    last = place.address + count
    starts = range(place.address, last, most)
    requests = tuple(read_request(place.table, start, min(most, last - start)) for start in starts)
    return Reading(place, encoding, requests)


def read_request(table: Table, address: int, count: int) -> ReadRequest:
    """The request that reads *count* from *address* of *table*."""
    kind = cast("Callable[[int, int], ReadRequest]", READS[table])
    return kind(address, count)


@dataclass(frozen=True, slots=True)
class Writing:
    """What has to be sent to write one item, and how to see that it arrived.

    Attributes:
        given: the value, or the values of a span.
        request: the write.
        read_back: the read that shows what is there now.
    """

    item: Item
    encoding: Encoding
    given: Given
    request: Request[None]
    read_back: Request[Any]
    _expected: tuple[int, ...]
    _mask: int = 0xFFFF

    def agrees(self, answer: Wire) -> bool:
        """Whether *answer*, of `read_back`, is what was written."""
        return [word & self._mask for word in answer] == [word & self._mask for word in self._expected]

    def values(self, answer: Wire) -> list[Value | None]:
        """What *answer*, of `read_back`, says is there."""
        return list(decode_values(self.encoding, answer))


def writing(item: str | Item, given: Given, word_order: str = "") -> Writing:
    """How to write *given* to *item*, whole or not at all: in one request.

    Raises:
        ValueError: the item cannot be understood or written, or the value does not fit it.
    """
    place = parse_item(item) if isinstance(item, str) else item
    if place.table not in (Table.COILS, Table.HOLDING_REGISTERS):
        what = describe(place.table, place.address)
        raise ValueError(f"{place.text}: {what} can only be read; write to a coil or a holding register")
    encoding = item_encoding(place, word_order)
    if encoding.bit is not None:
        return _bit_writing(place, encoding, given)
    words = _words(place, encoding, given)
    request = _write_request(place, words)
    read_back = read_request(place.table, place.address, len(words))
    return Writing(place, encoding, given, request, read_back, words)


def _bit_writing(place: Item, encoding: Encoding, given: Given) -> Writing:
    and_mask, or_mask = encoding.masks(_single(place, given))
    request = MaskWriteRegister(place.address, and_mask, or_mask)
    read_back = read_request(place.table, place.address, 1)
    return Writing(place, encoding, given, request, read_back, (or_mask,), 0xFFFF & ~and_mask)


def _write_request(place: Item, words: tuple[int, ...]) -> Request[None]:
    if place.table is Table.COILS:
        bits = [bool(word) for word in words]
        return (
            WriteSingleCoil(place.address, bits[0])
            if len(bits) == 1
            else WriteMultipleCoils(place.address, bits)
        )
    if len(words) == 1:
        return WriteSingleRegister(place.address, words[0])
    return WriteMultipleRegisters(place.address, words)


def _words(place: Item, encoding: Encoding, given: Given) -> tuple[int, ...]:
    if place.count is None:
        return encoding.encode(_single(place, given))
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ValueError(f"{place.text}: a span takes a list of values, not {given!r}")
    words = tuple(word for value in given for word in encoding.encode(value))
    if len(words) != place.count:
        raise ValueError(f"{place.text}: {place.count // encoding.count} values are needed, not {len(given)}")
    return words


def _single(place: Item, given: Given) -> Value:
    if given is None or (isinstance(given, Sequence) and not isinstance(given, str)):
        raise ValueError(f"{place.text}: one value is needed, not {given!r}")
    return given


def item_encoding(place: Item, word_order: str = "") -> Encoding:
    """How the values of *place* lie in registers; where it names no order, by *word_order*.

    Raises:
        ValueError: its type cannot be understood.
    """
    if place.table.holds_bits:
        return BOOL
    try:
        return parse_type(_sized(place), word_order)
    except ValueError as wrong:
        raise ValueError(f"{place.text}: {wrong}") from None


def _sized(place: Item) -> str:
    """The type of *place*; text that names no length takes the whole span."""
    name, comma, options = place.type.partition(",")
    if place.count is not None and name.strip() in TEXTS:
        return f"{name.strip()}/{place.count}{comma}{options}"
    return place.type
