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
_MOST_PLACES: Final = 4096
"""Different requests of which it is known where their values are."""
_FUNCTION: Final = {
    Table.COILS: 1,
    Table.DISCRETE_INPUTS: 2,
    Table.HOLDING_REGISTERS: 3,
    Table.INPUT_REGISTERS: 4,
}
"""The function that reads each table: what waits of one does not matter to another."""
_READS: Final = frozenset(_FUNCTION.values())
_READ_AND_WRITE: Final = 23
_SAME_AGAIN: Final = _READS | {5, 6, 15, 16}
"""The functions of which the same request with the same answer says the same, whatever was there before."""
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


class _Place(NamedTuple):
    """Where the values of a request are, within one page, and what they are by its last answer."""

    page: _Page
    table: Table
    address: int
    words: array[int]
    response: bytes | None

    @property
    def part(self) -> slice:
        """Of the page."""
        begin = self.address % _PAGE
        return slice(begin, begin + len(self.words))


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
        self._places: dict[tuple[Device, bytes], _Place] = {}
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
        if exchange.exception is not None or (exchange.response is None and exchange.server_port):
            return
        if written is not None:
            self._store(exchange, written)
        if exchange.pdu[0] == _READ_AND_WRITE and (found := values_read(exchange)) is not None:
            self._store(exchange, found)  # it reads behind its write: that is newer

    def wrote_again(self, exchange: Exchange) -> tuple[Table, int, tuple[int, ...], tuple[int, ...]] | None:
        """What `wrote` does, in a fraction of the time, where write and answer are like those of one before.

        Gives table and address, what was there, and what is; None, with nothing done, where it is another.
        """
        place = self._places.get((device(exchange), exchange.pdu))
        if place is None or place.response != exchange.response:
            return None
        self._settle((exchange.server, exchange.server_port, exchange.unit, _FUNCTION[place.table]))
        values = place.page.values
        old = values[place.part]
        values[place.part] = place.words
        return place.table, place.address, tuple(old), tuple(place.words)

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
        place = self._places.get((device(exchange), exchange.pdu))
        if place is not None and place.response == exchange.response:
            place.page.values[place.part] = place.words
            return
        found = values_read(exchange)
        if found is not None:
            self._put_all(exchange, found)

    def _store(self, exchange: Exchange, values: Values) -> None:
        self._settle((*device(exchange), _FUNCTION[values.table]))
        self._put_all(exchange, values)

    def _put_all(self, exchange: Exchange, values: Values) -> None:
        of, (table, address, items) = device(exchange), values
        words = _words(items)
        if address % _PAGE + len(words) <= _PAGE:
            page = self._put(of, table, address, words)
            if page is not None and exchange.pdu[0] in _SAME_AGAIN:
                self._keep(exchange, _Place(page, table, address, words, exchange.response))
            return
        while words:
            room = _PAGE - address % _PAGE
            self._put(of, table, address, words[:room])
            address, words = address + room, words[room:]

    def _keep(self, exchange: Exchange, place: _Place) -> None:
        if len(self._places) >= _MOST_PLACES:
            self._places.clear()
        self._places[device(exchange), exchange.pdu] = place

    def _put(self, of: Device, table: Table, address: int, part: array[int]) -> _Page | None:
        number, offset = divmod(address, _PAGE)
        page = self._pages.get((of, table, number))
        if page is None:
            if len(self._pages) >= MOST_PAGES:
                self.left_out += len(part)
                return None
            page = self._pages[of, table, number] = _Page()
        page.values[offset : offset + len(part)] = part
        page.known[offset : offset + len(part)] = _KNOWN[: len(part)]
        return page

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


def device(exchange: Exchange) -> Device:
    """Which device it is."""
    return exchange.server, exchange.server_port, exchange.unit
