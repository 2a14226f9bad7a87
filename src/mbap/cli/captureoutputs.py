"""What `mbap capture` makes of exchanges: each output takes one after another, several from one pass."""

from __future__ import annotations

import csv
import os
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from mbap.cli.counted import amount
from mbap.cli.printable import json_text, printable
from mbap.cli.times import format_time
from mbap.diagnose.capturewrites import Write, Writes
from mbap.diagnose.wording import asked, end_text, listed, place, said

if TYPE_CHECKING:
    from mbap.cli.captureinput import Input
    from mbap.diagnose.capture import Captured


class Output(Protocol):
    """Something that is made of exchanges."""

    def take(self, exchange: Captured) -> None:
        """Take the next one."""

    def end(self) -> None:
        """There are no more."""


_DEFAULT_WIDTH: Final = 1000
_MOST_VALUES: Final = 125


def console_width() -> int:
    """How long a line may be: as wide as the console, or as COLUMNS says; where neither is, any length."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size().columns
    return _DEFAULT_WIDTH


def clipped(text: str, width: int) -> str:
    """*text* in *width* columns, with an ellipsis where it is longer."""
    return text if len(text) <= width else text[: max(width - 3, 0)] + "..."


def delay_text(microseconds: float | None) -> str:
    """`4.2 ms`, `1.50 s`, `-` for none."""
    if microseconds is None:
        return "-"
    return f"{microseconds / 1e6:.2f} s" if abs(microseconds) >= 1e6 else f"{microseconds / 1e3:.1f} ms"


def clock(time: int) -> str:
    """The time of day in UTC, to the millisecond."""
    return f"{_moment(time):%H:%M:%S.%f}"[:-3]


def day(time: int) -> str:
    """The date in UTC."""
    return f"{_moment(time):%Y-%m-%d}"


def _moment(time: int) -> datetime:
    try:
        return datetime.fromtimestamp(time / 1e6, UTC)
    except (ValueError, OverflowError, OSError):  # a hostile file has any time
        return datetime.fromtimestamp(0, UTC)


class _Lines:
    """Lines with the ends of the connection, aligned as far as seen; a line for each new day."""

    def __init__(self) -> None:
        self._width = console_width()
        self._ends = 0
        self._day = ""

    def print(self, exchange: Captured, text: str, last: str = "") -> None:
        if (today := day(exchange.time)) != self._day:
            self._day = today
            print(f"{today} UTC")
        ends = printable(f"{exchange.client} -> {end_text(exchange.server, exchange.server_port)}")
        self._ends = max(self._ends, len(ends))
        begin = f"{clock(exchange.time)}  {ends:{self._ends}}  unit {exchange.unit:<3}  "
        room = self._width - len(begin) - (len(last) + 2 if last else 0)
        print(f"{begin}{clipped(printable(text), room)}{'  ' + last if last else ''}")


class Listing(_Lines):
    """A line for each exchange."""

    def take(self, exchange: Captured) -> None:
        last = delay_text(exchange.delay) if exchange.pdu and exchange.delay is not None else ""
        again = "again: " if exchange.repeated else ""
        self.print(exchange, f"{again}{asked(exchange)}: {said(exchange, _MOST_VALUES)}", last)

    def end(self) -> None:
        pass


class WriteListing(_Lines):
    """A line for each write."""

    def __init__(self) -> None:
        super().__init__()
        self._writes = Writes()

    def take(self, exchange: Captured) -> None:
        write = self._writes.take(exchange)
        if write is not None:
            self.print(exchange, write_text(write))

    def end(self) -> None:
        pass


def write_text(write: Write) -> str:
    """`hr5: 3 -> 7`, and what the device said where it is not that it is done."""
    exchange = write.exchange
    outcome = "" if write.done else f" ({said(exchange, 0)})"
    if write.table is None:
        return asked(exchange) + outcome
    where = place(write.table, write.address, len(write.old))
    old = " ".join("?" if one is None else str(one) for one in write.old)
    new = "?" if write.new is None else listed(write.new, _MOST_VALUES)
    return f"{where}: {old} -> {new}{outcome}"


def exchange_row(exchange: Captured) -> dict[str, Any]:
    """An exchange as data."""
    request = exchange.request
    span = request.spans()[:1] if request is not None else ()
    table, address, count, _ = span[0] if span else (None, None, None, None)
    return {
        "time": format_time(exchange.time),
        "client": exchange.client,
        "client_port": exchange.client_port,
        "server": exchange.server,
        "server_port": exchange.server_port,
        "unit": exchange.unit,
        "transaction": exchange.transaction,
        "function": exchange.function_code,
        "table": None if table is None else table.value,
        "address": address,
        "count": count,
        "request": exchange.pdu.hex() or None,
        "answer": None if exchange.response is None else exchange.response.hex(),
        "exception": exchange.exception,
        "ms": None if exchange.delay is None or not exchange.pdu else exchange.delay / 1000,
        "repeated": exchange.repeated,
        "frame": exchange.frame,
        "answer_frame": exchange.response_frame,
        "what": asked(exchange),
        "said": said(exchange, _MOST_VALUES),
    }


def write_row(write: Write) -> dict[str, Any]:
    """A write as data."""
    exchange = write.exchange
    return {
        "time": format_time(exchange.time),
        "client": exchange.client,
        "server": exchange.server,
        "server_port": exchange.server_port,
        "unit": exchange.unit,
        "function": exchange.function_code,
        "table": None if write.table is None else write.table.value,
        "address": write.address if write.table is not None else None,
        "old": list(write.old),
        "new": None if write.new is None else list(write.new),
        "done": write.done,
        "exception": exchange.exception,
        "frame": exchange.frame,
    }


class JsonLines:
    """An object a line; writes only where it is told to."""

    def __init__(self, writes: bool) -> None:
        self._writes = Writes() if writes else None

    def take(self, exchange: Captured) -> None:
        row = _row(self._writes, exchange)
        if row is not None:
            print(json_text(row))

    def end(self) -> None:
        pass


class CsvLines:
    """CSV with a line of names; writes only where it is told to."""

    def __init__(self, writes: bool) -> None:
        self._writes = Writes() if writes else None
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self._writer.writerow(CSV_WRITES if writes else CSV_EXCHANGES)

    def take(self, exchange: Captured) -> None:
        row = _row(self._writes, exchange)
        if row is not None:
            self._writer.writerow([cell(one) for one in row.values()])

    def end(self) -> None:
        pass


CSV_EXCHANGES: Final = (
    *("time", "client", "client_port", "server", "server_port", "unit", "transaction", "function", "table"),
    *("address", "count", "request", "answer", "exception", "ms", "repeated", "frame", "answer_frame"),
    *("what", "said"),
)
CSV_WRITES: Final = (
    *(
        "time",
        "client",
        "server",
        "server_port",
        "unit",
        "function",
        "table",
        "address",
        "old",
        "new",
        "done",
    ),
    *("exception", "frame"),
)


def _row(writes: Writes | None, exchange: Captured) -> dict[str, Any] | None:
    if writes is None:
        return exchange_row(exchange)
    write = writes.take(exchange)
    return None if write is None else write_row(write)


def cell(value: object) -> object:
    """*value* for a spreadsheet: text that it would take for a formula gets a quote in front."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list):
        value = " ".join("?" if one is None else str(one) for one in value)
    if isinstance(value, str):
        value = printable(value)
        return f"'{value}" if value[:1] in ("=", "+", "-", "@") else value
    return value


def totals(source: Input, taken: int) -> str:
    """What was read, in a sentence."""
    from mbap.diagnose.capture import Capture

    read = source.source
    unit = "packet" if isinstance(read, Capture) else "line"
    parts = [f"{amount(taken, 'exchange')} in {amount(read.packets, unit)}"]
    if isinstance(read, Capture):
        streams = read.streams
        for count, what in (
            (streams.again, "TCP segments sent again"),
            (streams.conflicts, "sent again with other bytes"),
            (streams.lost, "gaps where packets are missing"),
            (read.foreign, "bytes that are not Modbus"),
        ):
            if count:
                parts.append(f"{count:,} {what}")
        skipped = ", ".join(f"{count:,} {why}" for why, count in read.segments.skipped.most_common(5))
        if skipped:
            parts.append(f"packets left out: {skipped}")
    return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say is to be made."""

    stats: bool = False
    writes: bool = False
    timeline: bool = False
    as_csv: bool = False
    as_json: bool = False
    slow: float = 1.0

    @property
    def lists(self) -> bool:
        """Whether there is a line for each exchange, or write."""
        return self.writes or self.as_csv or not (self.stats or self.timeline)


def outputs(wanted: Wanted) -> list[Output]:
    """Everything that is wanted."""
    made: list[Output] = []
    if wanted.as_csv:
        made.append(CsvLines(wanted.writes))
    elif wanted.as_json and wanted.lists:
        made.append(JsonLines(wanted.writes))
    elif wanted.lists:
        made.append(WriteListing() if wanted.writes else Listing())
    return made + _reports(wanted)


def _reports(wanted: Wanted) -> list[Output]:
    from mbap.cli.capturereports import StatisticsReport, TimelineReport

    made: list[Output] = []
    if wanted.stats:
        made.append(StatisticsReport(wanted.slow, as_json=wanted.as_json))
    if wanted.timeline:
        made.append(TimelineReport(as_json=wanted.as_json))
    return made
