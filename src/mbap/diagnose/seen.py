"""What registers and bits were, as far as reads and writes in a capture have shown it."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from mbap.addresses import Table
from mbap.diagnose.wording import Values, values_read, values_written
from mbap.protocol.exchanges import Exchange
from mbap.protocol.pdu import MaskWriteRegister
from mbap.protocol.wire import Registers

MOST_PAGES: Final = 20_000
"""Of 256 addresses each; values beyond them are not remembered, and counted."""
_PAGE: Final = 256
_BLANK: Final = bytes(_PAGE)
_KNOWN: Final = b"\1" * _PAGE

Device = tuple[str, int, int]
"""Server, its port, unit."""


class _Page:
    __slots__ = ("known", "values")

    def __init__(self) -> None:
        self.values = array("H", bytes(2 * _PAGE))
        self.known = bytearray(_BLANK)


class Run(NamedTuple):
    """Neighbours that are all known."""

    table: Table
    address: int
    values: list[int]


class Seen:
    """The last known values of every device.

    Attributes:
        left_out: values that were not remembered.
    """

    def __init__(self) -> None:
        self._pages: dict[tuple[Device, Table, int], _Page] = {}
        self.left_out = 0

    def take(self, exchange: Exchange) -> None:
        """Remember what *exchange* read, and what it wrote where the device said so."""
        found = values_read(exchange)
        if found is not None:
            self.put(device(exchange), found)
        if exchange.request is None or not exchange.request.writes or exchange.exception is not None:
            return
        if exchange.response is not None or exchange.server_port == 0:
            written = self.after(exchange)
            if written is not None and not (found is not None and _covers(found, written)):
                self.put(device(exchange), written)

    def put(self, of: Device, values: Values) -> None:
        """Remember *values*."""
        table, address, items = values
        words = _words(items)
        while words:
            room = _PAGE - address % _PAGE
            self._put(of, table, address, words[:room])
            address, words = address + room, words[room:]

    def _put(self, of: Device, table: Table, address: int, part: array[int]) -> None:
        number, offset = divmod(address, _PAGE)
        page = self._pages.get((of, table, number))
        if page is None:
            if len(self._pages) >= MOST_PAGES:
                self.left_out += len(part)
                return
            page = self._pages[of, table, number] = _Page()
        page.values[offset : offset + len(part)] = part
        page.known[offset : offset + len(part)] = _KNOWN[: len(part)]

    def get(self, of: Device, table: Table, address: int, count: int) -> list[int | None]:
        """What was there; None where nobody knows."""
        found: list[int | None] = []
        for at in range(address, address + count):
            page = self._pages.get((of, table, at // _PAGE))
            offset = at % _PAGE
            found.append(page.values[offset] if page is not None and page.known[offset] else None)
        return found

    def after(self, exchange: Exchange) -> Values | None:
        """What *exchange* writes where it is carried out; None where that is nothing, or unknown."""
        written = values_written(exchange)
        if written is not None or not isinstance(exchange.request, MaskWriteRegister):
            return written
        request = exchange.request
        (old,) = self.get(device(exchange), Table.HOLDING_REGISTERS, request.address, 1)
        if old is None:
            return None
        new = old & request.and_mask | request.or_mask & ~request.and_mask & 0xFFFF
        return Values(Table.HOLDING_REGISTERS, request.address, (new,))

    def devices(self) -> list[Device]:
        """Of which devices anything is known."""
        return sorted({of for of, _, _ in self._pages})

    def runs(self, of: Device) -> Iterator[Run]:
        """All that is known of a device, by table and in order of address."""
        for table in Table:
            numbers = sorted(number for one, where, number in self._pages if (one, where) == (of, table))
            yield from _runs(table, [(number, self._pages[of, table, number]) for number in numbers])


def _words(items: Sequence[int]) -> array[int]:
    """*items* as they are kept; from the wire where they are still as they were there."""
    if not isinstance(items, Registers):
        return array("H", map(int, items))
    words = array("H", items.wire)
    if sys.byteorder == "little":
        words.byteswap()
    return words


def _runs(table: Table, pages: Sequence[tuple[int, _Page]]) -> Iterator[Run]:
    run: Run | None = None
    for number, page in pages:
        for offset in range(_PAGE):
            address = number * _PAGE + offset
            if not page.known[offset]:
                continue
            if run is None or run.address + len(run.values) != address:
                if run is not None:
                    yield run
                run = Run(table, address, [])
            run.values.append(page.values[offset])
    if run is not None:
        yield run


def _covers(found: Values, written: Values) -> bool:
    """Function 23 reads behind its write: what it read is newer."""
    return found.address <= written.address and written.address + len(written.values) <= found.address + len(
        found.values
    )


def device(exchange: Exchange) -> Device:
    """Which device it is."""
    return exchange.server, exchange.server_port, exchange.unit
