"""What a concentrator serves where: each entry is a point of a device, at an address of a unit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mbap.addresses import LAST_ADDRESS, Table, describe
from mbap.values import Encoding

STATUS_REGISTERS: Final = 2
"""Registers that tell of one entry: its quality, and its age in seconds."""

_BITS: Final = (Table.COILS, Table.DISCRETE_INPUTS)
_REGISTERS: Final = (Table.HOLDING_REGISTERS, Table.INPUT_REGISTERS)


@dataclass(frozen=True, slots=True)
class Entry:
    """One point where clients find it. It is a promise to them: nothing of it changes by itself.

    Attributes:
        encoding: how the value lies in the registers; None in a table of bits.
        measured_in: the engineering unit of what is served; it may be another than that of the point.
        status: the input register with the quality, the age is in the one behind it; None: there is none.
    """

    unit: int
    table: Table
    address: int
    encoding: Encoding | None
    device: str
    point: str
    measured_in: str = ""
    status: int | None = None

    @property
    def count(self) -> int:
        """How many registers, or bits, it takes."""
        return 1 if self.encoding is None else self.encoding.count

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.address + self.count

    @property
    def place(self) -> str:
        """Where it is, for a sentence."""
        return f"unit {self.unit} {describe(self.table, self.address, self.count)}"


def shown(tables: Iterable[Table]) -> dict[Table, Table]:
    """Which table of a unit is shown as which, where it has entries in *tables*.

    A client that can only read input registers finds holding registers there, and the other way round, as
    long as the unit has nothing else in the table it asks for; bits likewise.
    """
    own = set(tables)
    found = {}
    for one, other in (_BITS, _REGISTERS, _BITS[::-1], _REGISTERS[::-1]):
        found[one] = one if one in own or other not in own else other
    return found


def entry_faults(entries: Sequence[Entry]) -> Iterator[tuple[int, str]]:
    """(index, sentence) for each entry that cannot be served where it is."""
    for index, entry in enumerate(entries):
        if not 0 <= entry.unit <= 255:
            yield index, f"a unit is 0 to 255, not {entry.unit}"
        elif not 0 <= entry.address <= entry.end - 1 <= LAST_ADDRESS:
            yield index, f"{entry.point} does not fit: addresses are 0 to {LAST_ADDRESS}"
        elif entry.table.holds_bits != (entry.encoding is None):
            yield (
                index,
                f"a {entry.table.value} is one bit and has no type"
                if entry.encoding
                else (f"{entry.place} needs a type"),
            )
        elif entry.status is not None and not 0 <= entry.status < LAST_ADDRESS:
            yield index, f"the status of {entry.point} does not fit: addresses are 0 to {LAST_ADDRESS}"
    yield from _collisions(entries)


def _collisions(entries: Sequence[Entry]) -> Iterator[tuple[int, str]]:
    """Entries on addresses that others have. Points of one device may share, as they do in the device."""
    units: dict[int, set[Table]] = {}
    for entry in entries:
        units.setdefault(entry.unit, set()).add(entry.table)
    taken: dict[tuple[int, Table, int], Entry] = {}
    for index, entry in enumerate(entries):
        for address in range(entry.address, entry.end):
            other = taken.setdefault((entry.unit, entry.table, address), entry)
            if other.device != entry.device:
                yield index, f"{entry.place} is {other.device}.{other.point} already"
                break
    owners: dict[tuple[int, int], Entry] = {}
    for index, entry in enumerate(entries):
        if entry.status is None:
            continue
        table = shown(units[entry.unit])[Table.INPUT_REGISTERS]
        for address in range(entry.status, entry.status + STATUS_REGISTERS):
            owner = owners.setdefault((entry.unit, address), entry)
            clash = taken.get((entry.unit, table, address)) or (owner if owner is not entry else None)
            if clash is not None:
                where = f"unit {entry.unit} {describe(Table.INPUT_REGISTERS, address)}"
                yield (
                    index,
                    f"the status of {entry.point}, {where}, is of {clash.device}.{clash.point} already",
                )
                break
