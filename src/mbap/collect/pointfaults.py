"""What can be wrong with a point of a profile file: in itself, with the reads, and with other points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mbap.addresses import Table, describe
from mbap.collect.registermap import Kind
from mbap.filefaults import Path
from mbap.values import Encoding
from mbap.values.types import type_facts

Faults = Iterator[tuple[Path, str]]

_NOT_FOR_BITS = ("type", "word_order", "length", "bit", "scale", "offset", "sentinels", "low", "high")
_WRITABLE = (Table.COILS, Table.HOLDING_REGISTERS)


class PointFields(Protocol):
    """A point as it stands in a file, each key with its value or its default."""

    @property
    def model_fields_set(self) -> set[str]: ...
    @property
    def table(self) -> str | None: ...
    @property
    def address(self) -> int | None: ...
    @property
    def reference(self) -> str | None: ...
    @property
    def scale(self) -> float: ...
    @property
    def states(self) -> Mapping[str, str]: ...
    @property
    def bits(self) -> Mapping[str, str]: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def writable(self) -> Sequence[float] | None: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def overlap(self) -> bool: ...
    def kind_meant(self) -> Kind: ...
    def place(self) -> tuple[Table, int]: ...
    def encoding(self, word_order: str) -> Encoding | None: ...


def point_faults(
    model: PointFields,
    word_order: str,
    largest: Mapping[bool, int],
    forbidden: Sequence[tuple[Table, int, int]],
) -> Faults:
    """What is wrong with one point in itself and with the reads that would fetch it."""
    placing = list(_place_faults(model))
    yield from placing
    if placing:
        return
    table, address = model.place()
    try:
        encoding = model.encoding(word_order)
    except ValueError as error:
        yield (), str(error)
        return
    count = 1 if encoding is None else encoding.count
    yield from _span_faults(table, address, count, largest[table.holds_bits], forbidden)
    if encoding is None:
        yield from _foreign_keys(model)
    yield from _range_faults(model, table, encoding)
    yield from _name_faults(model, encoding)


def _place_faults(model: PointFields) -> Faults:
    if model.reference is not None:
        for key in ("table", "address"):
            if getattr(model, key) is not None:
                yield (key,), "the reference says this already: give the one or the other"
        return
    for key in ("table", "address"):
        if getattr(model, key) is None:
            yield (key,), "is missing (or give a reference)"


def _span_faults(
    table: Table, address: int, count: int, largest: int, forbidden: Sequence[tuple[Table, int, int]]
) -> Faults:
    last = address + count - 1
    if last > 0xFFFF:
        yield (), f"it takes {count} registers from address {address} on, and the last address is 65535"
    if count > largest:
        yield (), f"it takes {count} registers, and the largest read is {largest}"
    for where, first, end in forbidden:
        if where is table and address <= end and last >= first:
            yield (
                (),
                f"{describe(table, address, count)} is within the forbidden {where.value} {first}..{end}",
            )


def _foreign_keys(model: PointFields) -> Faults:
    for key in _NOT_FOR_BITS:
        if key in model.model_fields_set and not (key == "type" and getattr(model, key) == "bool"):
            yield (key,), "coils and discrete inputs are bits, and have none"


def _range_faults(model: PointFields, table: Table, encoding: Encoding | None) -> Faults:
    if model.scale == 0:
        yield ("scale",), "a scale of 0 makes every value the same"
    if model.low is not None and model.high is not None and model.low > model.high:
        yield ("low",), f"the limits are reversed: {model.low:g} is above {model.high:g}"
    if encoding is not None and type_facts(encoding.type).family in ("text", "bool"):
        yield from (
            ((key,), f"{encoding.type} has no limits")
            for key in ("low", "high")
            if getattr(model, key) is not None
        )
    if model.writable is None:
        return
    if table not in _WRITABLE:
        yield ("writable",), f"{describe(table, model.place()[1])} cannot be written"
    elif model.writable[0] > model.writable[1]:
        yield ("writable",), f"the range is reversed: {model.writable[0]:g} is above {model.writable[1]:g}"


def _name_faults(model: PointFields, encoding: Encoding | None) -> Faults:
    if model.states and model.bits:
        yield ("bits",), "a point has states or bits, not both"
        return
    names, key = (model.bits, "bits") if model.bits else (model.states, "states")
    kind = model.kind_meant()
    if kind.value != {"states": "state", "bits": "bits"}[key] and names:
        yield ("kind",), f'it has {key}, so it is not of kind "{kind.value}"'
    if kind in (Kind.STATE, Kind.BITS) and not names:
        yield ("kind",), f'a point of kind "{kind.value}" needs {"states" if kind is Kind.STATE else "bits"}'
    if not names:
        return
    allowed = _allowed_numbers(encoding, key)
    if allowed is None:
        yield (key,), f"{encoding.type if encoding else 'a bit'} with this scale has no {key}"
        return
    yield from _number_faults(names, key, *allowed)


def _number_faults(names: Iterable[str], key: str, lowest: int, highest: int) -> Faults:
    for text in names:
        try:
            number = int(text, 0)
        except ValueError:
            yield (key, text), "the keys here are whole numbers"
            continue
        if not lowest <= number <= highest:
            yield (key, text), f"is beyond the type, which has {lowest} to {highest}"


def _allowed_numbers(encoding: Encoding | None, key: str) -> tuple[int, int] | None:
    """The lowest and the highest number that may have a name; None where none can."""
    if encoding is None or encoding.type == "bool":
        return (0, 1) if key == "states" else None
    facts = type_facts(encoding.type)
    if facts.family != "int" or encoding.scale != 1 or encoding.offset != 0:
        return None
    width = 16 * facts.registers
    if key == "bits":
        return 0, width - 1
    signed = encoding.type.startswith("int")
    return (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)


@dataclass(frozen=True, slots=True)
class Span:
    """Which registers or bits a point takes, and what decides whether others may take them too."""

    name: str
    table: Table
    address: int
    last: int
    bit: int | None
    is_bit_field: bool
    may_overlap: bool


def span_of(name: str, model: PointFields, word_order: str) -> Span | None:
    """The span of a point; None when it cannot be told because of faults reported already."""
    if list(_place_faults(model)):
        return None
    try:
        encoding = model.encoding(word_order)
    except ValueError:
        return None
    table, address = model.place()
    last = address + (1 if encoding is None else encoding.count) - 1
    bit = None if encoding is None else encoding.bit
    return Span(name, table, address, last, bit, model.kind_meant() is Kind.BITS, model.overlap)


def shared_registers(spans: Iterable[Span]) -> Iterator[tuple[str, str]]:
    """(name, sentence) for each point that shares registers with one before it and should not."""
    everything = sorted(spans, key=lambda span: span.address)
    for table in Table:
        for one, other in _meeting([span for span in everything if span.table is table]):
            if not (one.may_overlap or other.may_overlap or _may_share(one, other)):
                where = describe(table, other.address, min(one.last, other.last) - other.address + 1)
                yield other.name, f"it shares {where} with {one.name}; if that is meant, say overlap = true"


def _meeting(ordered: Iterable[Span]) -> Iterator[tuple[Span, Span]]:
    """Pairs that share an address; *ordered* is by address."""
    open_ones: list[Span] = []
    for new in ordered:
        open_ones = [old for old in open_ones if old.last >= new.address]
        yield from ((old, new) for old in open_ones)
        open_ones.append(new)


def _may_share(one: Span, other: Span) -> bool:
    if one.bit is not None and other.bit is not None:
        return one.bit != other.bit
    return (one.bit is not None and other.is_bit_field) or (other.bit is not None and one.is_bit_field)
