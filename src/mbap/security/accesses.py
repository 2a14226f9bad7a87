"""What a request does, one side at a time: function 23 is a write and a read, and has to be allowed both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from mbap.addresses import Table, parse_item
from mbap.protocol.pdu.base import Request
from mbap.security.functions import READS, WRITES, sub_function

Range = tuple[int, int]
"""The first and the last of some addresses, or units."""
Ranges = tuple[Range, ...]
ALL_ADDRESSES: Final[Ranges] = ((0, 0xFFFF),)


class Access(NamedTuple):
    """One side of a request.

    Attributes:
        sub: of function 8 and 43; 0 for others.
        side: `READS` or `WRITES`.
        table: None where nothing is addressed: files, diagnostics, functions that are not known here.
        first, last: the addresses it touches.
    """

    code: int
    sub: int
    side: int
    table: Table | None = None
    first: int = 0
    last: int = 0

    @property
    def amount(self) -> int:
        """How many addresses it touches."""
        return self.last - self.first + 1


def accesses(request: Request[Any]) -> tuple[Access, ...]:
    """The sides of *request*, in the order in which they are done; at least one."""
    code = request.function_code
    spans = request.spans()
    if not spans:
        return (Access(code, sub_function(request), WRITES if request.writes else READS),)
    return tuple(
        Access(code, 0, WRITES if writes else READS, table, address, address + count - 1)
        for table, address, count, writes in spans
    )


def inside(ranges: Ranges, first: int, last: int) -> bool:
    """Whether all from *first* to *last* are in *ranges*, which neither overlap nor touch."""
    return any(low <= first and last <= high for low, high in ranges)


def touches(ranges: Ranges, first: int, last: int) -> bool:
    """Whether any from *first* to *last* is in *ranges*."""
    return any(low <= last and first <= high for low, high in ranges)


def joined(ranges: list[Range]) -> Ranges:
    """*ranges* in order, with those that overlap or touch as one."""
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return tuple(merged)


def parse_ranges(text: str, most: int, what: str) -> Ranges:
    """The ranges in `0-99,200`.

    Raises:
        ValueError: it is none, or goes beyond *most*; *what* says of what.
    """
    ranges: list[Range] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isascii() and first.isdecimal() and (last if dash else "0").isdecimal()):
            raise ValueError(f'"{text}" is no range of {what}: write 7, 0-99 or 0-99,200')
        low, high = int(first), int(last or first)
        if not low <= high <= most:
            raise ValueError(f'"{part.strip()}": {what} are 0 to {most}, and a range of them rises')
        ranges.append((low, high))
    return joined(ranges)


def parse_references(texts: Iterable[str]) -> dict[Table, Ranges]:
    """The ranges in `40101-40110,hr200` and the like, by their tables.

    Raises:
        ValueError: one of them is no reference, or means one bit or a type.
    """
    found: dict[Table, list[Range]] = {}
    for text in (part.strip() for whole in texts for part in whole.split(",")):
        item = parse_item(text if ".." in text else text.replace("-", "..", 1))
        if ":" in text or item.bit is not None:
            raise ValueError(f'"{text}": a rule is about whole addresses: write 40101-40110 or hr100..109')
        found.setdefault(item.table, []).append((item.address, item.address + (item.count or 1) - 1))
    return {table: joined(ranges) for table, ranges in found.items()}


def ranges_text(ranges: Ranges) -> str:
    """*ranges* as `parse_ranges` reads them."""
    return ",".join(f"{low}" if low == high else f"{low}-{high}" for low, high in ranges)
