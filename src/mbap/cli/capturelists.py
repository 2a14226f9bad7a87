"""The lists of `mbap capture`: a line for each exchange or write, for people or programs."""

from __future__ import annotations

import csv
import sys
from typing import Any, Final

from mbap.cli.capturerows import (
    CSV_EXCHANGES,
    CSV_WRITES,
    Phrases,
    cell,
    exchange_row,
    keep,
    write_row,
    write_text,
)
from mbap.cli.capturetext import clock, day, delay_text
from mbap.cli.printable import json_text, printable
from mbap.cli.tables import console_width, wrapped
from mbap.diagnose.capture import Captured
from mbap.diagnose.capturewrites import Writes
from mbap.diagnose.wording import end_text

_KEPT: Final = "\0"
"""Stands for the space in `1.0 ms`, at which no line ends; text that is printed has none."""
_FURTHER_IN: Final = " " * len("00:00:00.000  ")


class _Lines:
    """Lines with the ends of the connection, aligned as far as seen; a line for each new day.

    One that is too long for the console goes on below: its end says whether it was done or refused.
    """

    def __init__(self) -> None:
        self._width = console_width()
        self._ends: dict[tuple[str, str, int], str] = {}
        self._longest = 0
        self._day = ""

    def print(self, exchange: Captured, text: str, last: str = "") -> None:
        if (today := day(exchange.time)) != self._day:
            self._day = today
            print(f"{today} UTC")
        who = exchange.client, exchange.server, exchange.server_port
        ends = self._ends.get(who) or self._new_ends(who)
        begin = f"{clock(exchange.time)}  {ends:{self._longest}}  unit {exchange.unit:<3}  "
        line = f"{begin}{printable(text)}{'  ' + last.replace(' ', _KEPT) if last else ''}"
        lines = [line] if len(line) <= self._width else wrapped(line, self._width, _FURTHER_IN)
        print("\n".join(lines).replace(_KEPT, " "))

    def _new_ends(self, who: tuple[str, str, int]) -> str:
        client, server, port = who
        ends = printable(f"{client} -> {end_text(server, port)}")
        self._longest = max(self._longest, len(ends))
        return keep(self._ends, who, ends)


class Listing(_Lines):
    """A line for each exchange."""

    def __init__(self) -> None:
        super().__init__()
        self._phrases = Phrases()

    def take(self, exchange: Captured) -> None:
        last = delay_text(exchange.delay) if exchange.pdu and exchange.delay is not None else ""
        again, phrases = "again: " if exchange.repeated else "", self._phrases
        self.print(exchange, f"{again}{phrases.asked(exchange)}: {phrases.said(exchange)}", last)

    def end(self) -> None:
        pass


class WriteListing(_Lines):
    """A line for each write."""

    def __init__(self) -> None:
        super().__init__()
        self._writes = Writes()
        self._texts: dict[tuple[bytes, bytes | None, tuple[int | None, ...]], str] = {}

    def take(self, exchange: Captured) -> None:
        write = self._writes.take(exchange)
        if write is not None:
            key = exchange.pdu, exchange.response, write.old
            self.print(exchange, self._texts.get(key) or keep(self._texts, key, write_text(write)))

    def end(self) -> None:
        pass


class JsonLines:
    """An object a line; writes only where it is told to."""

    def __init__(self, writes: bool) -> None:
        self._writes = Writes() if writes else None
        self._phrases = Phrases()

    def take(self, exchange: Captured) -> None:
        row = _row(self._writes, self._phrases, exchange)
        if row is not None:
            print(json_text(row))

    def end(self) -> None:
        pass


class CsvLines:
    """CSV with a line of names; writes only where it is told to."""

    def __init__(self, writes: bool) -> None:
        self._writes = Writes() if writes else None
        self._phrases = Phrases()
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self._writer.writerow(CSV_WRITES if writes else CSV_EXCHANGES)

    def take(self, exchange: Captured) -> None:
        row = _row(self._writes, self._phrases, exchange)
        if row is not None:
            self._writer.writerow([cell(one) for one in row.values()])

    def end(self) -> None:
        pass


def _row(writes: Writes | None, phrases: Phrases, exchange: Captured) -> dict[str, Any] | None:
    if writes is None:
        return exchange_row(exchange, phrases)
    write = writes.take(exchange)
    return None if write is None else write_row(write)
