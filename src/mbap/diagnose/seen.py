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
MOST_WAITING: Final = 16_384
"""Different reads whose values nobody has asked for yet."""
_FUNCTION: Final = {
    Table.COILS: 1,
    Table.DISCRETE_INPUTS: 2,
    Table.HOLDING_REGISTERS: 3,
    Table.INPUT_REGISTERS: 4,
}
"""The function that reads each table: what waits of one does not matter to another."""
_READS: Final = frozenset(_FUNCTION.values())
_READ_AND_WRITE: Final = 23
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

    What was read waits until somebody wants to know a value of its device: of reads that are the same again
    and again only the last one then counts, and the others cost little.

    Attributes:
        left_out: values that were not remembered.
        waiting: how many reads wait; at most `MOST_WAITING`.
    """

    def __init__(self) -> None:
        self._pages: dict[tuple[Device, Table, int], _Page] = {}
        self._waiting: dict[tuple[str, int, int, int], dict[bytes, Exchange]] = {}
        self.waiting = 0
        self.left_out = 0

    def take(self, exchange: Exchange) -> None:
        """Remember what *exchange* read, and what it wrote where the device said so."""
        request, response = exchange.request, exchange.response
        if request is None:
            return
        if request.writes:
            self.wrote(exchange, self.after(exchange))
        elif response and response[0] in _READS and response[0] == exchange.pdu[0]:
            self._wait(exchange, response)

    def wrote(self, exchange: Exchange, written: Values | None) -> None:
        """Remember what *exchange*, a write, did: *written* is what `after` says of it."""
        found = values_read(exchange) if exchange.pdu[0] == _READ_AND_WRITE else None
        if found is not None:
            self._store(device(exchange), found)
        elif exchange.exception is not None or (exchange.response is None and exchange.server_port):
            return
        if written is not None and not (found is not None and _covers(found, written)):
            self._store(device(exchange), written)

    def _wait(self, exchange: Exchange, response: bytes) -> None:
        """Keep a read until its values are wanted; a later one that cannot be read replaces none."""
        of = exchange.server, exchange.server_port, exchange.unit, response[0]
        pdu = exchange.pdu
        waiting = self._waiting.get(of)
        if waiting is None:
            waiting = self._waiting[of] = {}
        before = waiting.get(pdu)
        if before is None:
            waiting[pdu] = exchange
            self.waiting += 1
            if self.waiting > MOST_WAITING:
                self._settle_all()
            return
        old = before.response
        if old is None or len(old) != len(response) or old[1] != response[1]:
            self._settle(of)  # all that is older, in its order
            self._waiting[of] = {pdu: exchange}
            self.waiting += 1
            return
        del waiting[pdu]  # it goes to the end
        waiting[pdu] = exchange

    def _settle_all(self) -> None:
        for of in list(self._waiting):
            self._settle(of)

    def _settle(self, of: tuple[str, int, int, int]) -> None:
        """Remember the reads that wait, in their order."""
        waiting = self._waiting.pop(of, None)
        if waiting:
            self.waiting -= len(waiting)
            for exchange in waiting.values():
                self._remember(exchange)

    def _remember(self, exchange: Exchange) -> None:
        found = values_read(exchange)
        if found is not None:
            self._put_all(device(exchange), found)

    def _store(self, of: Device, values: Values) -> None:
        self._settle((*of, _FUNCTION[values.table]))
        self._put_all(of, values)

    def _put_all(self, of: Device, values: Values) -> None:
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
        self._settle((*of, _FUNCTION[table]))
        number, offset = divmod(address, _PAGE)
        page = self._pages.get((of, table, number))
        if (
            page is not None
            and offset + count <= _PAGE
            and page.known[offset : offset + count] == _KNOWN[:count]
        ):
            return list(page.values[offset : offset + count])
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
        self._settle_all()
        return sorted({of for of, _, _ in self._pages})

    def runs(self, of: Device) -> Iterator[Run]:
        """All that is known of a device, by table and in order of address."""
        self._settle_all()
        for table in Table:
            numbers = sorted(number for one, where, number in self._pages if (one, where) == (of, table))
            yield from _runs(table, [(number, self._pages[of, table, number]) for number in numbers])


def _words(items: Sequence[int]) -> array[int]:
    """*items* as they are kept; from the wire where they are still as they were there."""
    if not isinstance(items, Registers):
        return array("H", tuple(items))
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
