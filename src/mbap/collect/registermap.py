"""Points and profiles: what a device has in its registers, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mbap.addresses import Table
from mbap.client.quirks import NO_QUIRKS, Quirks
from mbap.values import Encoding


class Kind(Enum):
    """What a point's value is, which tells how to store, show and aggregate it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    STATE = "state"
    BITS = "bits"


@dataclass(frozen=True, slots=True)
class Point:
    """One named quantity of a device.

    Attributes:
        name: `[a-z][a-z0-9_]*`, stable for ever: history is kept under it.
        address: zero-based, as on the wire.
        encoding: None for a point in a table of bits.
        unit: the engineering unit, `V`, `kWh`, or empty.
        states: names of a state's values, or of a bit field's bits.
        low, high: outside of these a value is BAD (limits).
        writable: the lowest and highest value that may be written; None: not writable.
        key: one of the few values that an overview shows.
    """

    name: str
    table: Table
    address: int
    encoding: Encoding | None = None
    unit: str = ""
    description: str = ""
    group: str = "default"
    kind: Kind = Kind.GAUGE
    states: Mapping[int, str] = field(default_factory=dict, hash=False)
    low: float | None = None
    high: float | None = None
    writable: tuple[float, float] | None = None
    key: bool = False

    @property
    def count(self) -> int:
        """How many registers, or bits, the point takes."""
        return 1 if self.encoding is None else self.encoding.count

    @property
    def last(self) -> int:
        """The last address it takes."""
        return self.address + self.count - 1


@dataclass(frozen=True, slots=True)
class Profile:
    """A device's register map and what must be known to read it well.

    Attributes:
        largest: how many registers one read may ask for; `largest_bits` the same for bits.
        gap: how many unwanted registers are worth reading over; `gap_bits` the same for bits.
        forbidden: (table, first, last) that no read may touch.
        pause: seconds between two requests; `connect_pause` after connecting.
        timeout: seconds for one attempt; None: the connection's.
        quirks: how the device breaks the rules.
    """

    name: str
    title: str
    points: tuple[Point, ...]
    manufacturer: str = ""
    description: str = ""
    sources: tuple[str, ...] = ()
    largest: int = 125
    largest_bits: int = 2000
    gap: int = 10
    gap_bits: int = 128
    forbidden: tuple[tuple[Table, int, int], ...] = ()
    pause: float = 0.0
    connect_pause: float = 0.0
    timeout: float | None = None
    quirks: Quirks = NO_QUIRKS

    def largest_in(self, table: Table) -> int:
        """How much one read of *table* may ask for, its quirks considered."""
        if table.holds_bits:
            return min(self.largest_bits, self.quirks.largest_bits or self.largest_bits)
        return min(self.largest, self.quirks.largest_read or self.largest)

    def gap_in(self, table: Table) -> int:
        """How much that is unwanted a read of *table* may go over: nothing at a device that refuses it."""
        if self.quirks.no_gaps:
            return 0
        return self.gap_bits if table.holds_bits else self.gap
