"""Exchanges and writes as text, and as rows of data."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

from mbap.cli.printable import printable
from mbap.cli.times import format_time
from mbap.diagnose.capture import Captured
from mbap.diagnose.capturewrites import Write
from mbap.diagnose.wording import asked, listed, place, said

MOST_VALUES: Final = 125
_Key = TypeVar("_Key")


_MOST_KEPT: Final = 4096
_FORMULA: Final = frozenset("=+-@")


class Phrases:
    """What was asked and said in words; most of it comes again and again, and is put into words once."""

    def __init__(self) -> None:
        self._asked: dict[bytes, str] = {}
        self._said: dict[tuple[bytes, bytes | None], str] = {}

    def asked(self, exchange: Captured) -> str:
        """As `wording.asked`."""
        text = self._asked.get(exchange.pdu)
        if text is None:
            text = asked(exchange)
            if exchange.pdu:  # without a request it is the answer that tells
                keep(self._asked, exchange.pdu, text)
        return text

    def said(self, exchange: Captured) -> str:
        """As `wording.said`, with all values."""
        key = exchange.pdu, exchange.response
        return self._said.get(key) or keep(self._said, key, said(exchange, MOST_VALUES))


def keep(texts: dict[_Key, str], key: _Key, text: str) -> str:
    """Keep *text* for the next time that it is wanted, and give it."""
    if len(texts) >= _MOST_KEPT:
        texts.clear()
    texts[key] = text
    return text


def write_text(write: Write) -> str:
    """`hr5: 3 -> 7`, and what the device said where it is not that it is done."""
    exchange = write.exchange
    outcome = "" if write.done else f" ({said(exchange, 0)})"
    if write.table is None:
        return asked(exchange) + outcome
    where = place(write.table, write.address, len(write.old))
    old = " ".join("?" if one is None else str(one) for one in write.old)
    new = "?" if write.new is None else listed(write.new, MOST_VALUES)
    return f"{where}: {old} -> {new}{outcome}"


def exchange_row(exchange: Captured, phrases: Phrases) -> dict[str, Any]:
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
        "what": phrases.asked(exchange),
        "said": phrases.said(exchange),
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


def print_csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a line of names, and the rows."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows([cell(one) for one in row] for row in rows)


def cell(value: object) -> object:
    """*value* for a spreadsheet: text that it would take for a formula gets a quote in front."""
    if isinstance(value, str):
        value = printable(value)
        return f"'{value}" if value[:1] in _FORMULA else value
    if isinstance(value, list):
        return cell(" ".join("?" if one is None else str(one) for one in value))
    return int(value) if isinstance(value, bool) else value
