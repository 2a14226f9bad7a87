"""The reports of `mbap capture`: counts and activity over time, as tables and as data."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Final

from mbap.cli.capturerows import Phrases, exchange_row, print_csv
from mbap.cli.capturetext import clock, day, delay_text
from mbap.cli.counted import amount
from mbap.cli.printable import json_text, printable
from mbap.cli.tables import console_width, table, wrapped
from mbap.cli.times import format_time
from mbap.diagnose.capturestats import Row, Statistics
from mbap.diagnose.timeline import Activity, Talker, Timeline
from mbap.diagnose.wording import asked, end_text, exception_text, place, said
from mbap.diagnose.wordingrarer import asked_rarer
from mbap.durations import format_duration
from mbap.protocol.fields import function_name

MOST_BLOCKS: Final = 40
"""Blocks and talkers that are printed; JSON has all."""
_COUNTS: Final = ("asked", "answered", "refused", "silent", "mean", "longest")
_BAR: Final = 20
_NARROW: Final = 100
"""Columns of a console in which there is no room for everything."""


class StatisticsReport:
    """Who talks to whom, functions, blocks, exceptions, slow answers."""

    def __init__(self, slow: float, form: str) -> None:
        self._statistics = Statistics(slow)
        self.take = self._statistics.take
        self._form = form

    def end(self) -> None:
        """Print it."""
        if self._form == "csv":
            print_csv(CSV_BLOCKS, map(_block_cells, self._statistics.rows))
        elif self._form == "json":
            print(json_text({"stats": _as_data(self._statistics)}))
        else:
            print(self._text())

    def _text(self) -> str:
        statistics, width = self._statistics, console_width()
        whole = statistics.whole()
        if not whole.requests + whole.answers:
            return "no Modbus was seen"
        rows = statistics.rows
        heads = _COUNTS if width > _NARROW else _COUNTS[:-1]
        parts = [_sentence(statistics, width), _talks(statistics.talks(), heads, width)]
        parts += [_functions(statistics.functions(), heads, width), _blocks(rows, width)]
        parts += [_exceptions(rows, width), _slowest(statistics, width)]
        return "\n\n".join(part for part in parts if part)


def _sentence(statistics: Statistics, width: int) -> str:
    whole = statistics.whole()
    parts = [
        f"{amount(whole.requests, 'request')} from {day(whole.first)} {clock(whole.first)} to"
        f" {day(whole.last)} {clock(whole.last)} UTC"
    ]
    for count, what in (
        (statistics.writes(), "of them writes"),
        (whole.exceptions.total(), "answered with exceptions"),
        (whole.unanswered, "unanswered"),
        (whole.slow, "answered slowly"),
        (whole.repeated, "sent again before an answer came"),
        (whole.unasked, f"answer{'s' * (whole.unasked != 1)} without a request"),
        (statistics.together, "of blocks beyond the first 20,000"),
    ):
        if count:
            parts.append(f"{count:,} {what}")
    return "\n".join(textwrap.wrap(", ".join(parts), width))


def _counts(row: Row) -> tuple[str, ...]:
    numbers = (row.requests, row.answers - row.exceptions.total(), row.exceptions.total(), row.unanswered)
    longest = delay_text(row.longest) if row.mean is not None else "-"
    return (*(f"{number:,}" if number else "-" for number in numbers), delay_text(row.mean), longest)


def fitted(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int], width: int) -> str:
    """A table whose first column gives way where the others would not fit: it goes on below."""
    rows = [[printable(one) for one in row] for row in rows]
    rest = sum(2 + max(len(row[at]) for row in (heads, *rows)) for at in range(1, len(heads)))
    room, lines = max(width - rest, 10), list[Sequence[str]]()
    for first, *others in rows:
        begin, *further = wrapped(first, room, "  ") or [""]
        lines += [(begin, *others), *((part, *("" for _ in others)) for part in further)]
    return table(heads, lines, right)


def _more(count: int, what: str) -> str:
    return f"\n... and {amount(count, what)} more; --json has all" if count > 0 else ""


def _ends(row: Row | Talker) -> str:
    if row.unit < 0:
        return "others"
    return f"{row.client} -> {end_text(row.server, row.server_port)}"


def _unit(row: Row | Talker) -> str:
    return str(row.unit) if row.unit >= 0 else "-"


def _talks(talks: Sequence[Row], heads: Sequence[str], width: int) -> str:
    rows = [(_ends(row), _unit(row), *_counts(row)[: len(heads)]) for row in talks[:MOST_BLOCKS]]
    made = fitted(("client -> server", "unit", *heads), rows, range(1, 8), width)
    return made + _more(len(talks) - MOST_BLOCKS, "line")


def _functions(functions: Sequence[Row], heads: Sequence[str], width: int) -> str:
    rows = [
        (function_name(row.function), str(row.function), *_counts(row)[: len(heads)]) for row in functions
    ]
    return fitted(("function", "code", *heads), rows, range(1, 8), width)


def block_text(row: Row) -> str:
    """What is asked, without the values that are written."""
    if row.request is None:
        return function_name(row.function)
    return asked_rarer(row.request) or ", ".join(
        f"{'write' if writes else 'read'} {place(where, address, count)}"
        for where, address, count, writes in row.request.spans()
    )


def _blocks(rows: Sequence[Row], width: int) -> str:
    cells = [
        (
            block_text(row),
            _unit(row),
            f"{row.requests:,}",
            "-" if row.period is None else delay_text(row.period),
            delay_text(row.mean),
            _ends(row),
        )
        for row in rows[:MOST_BLOCKS]
    ]
    heads = ("block", "unit", "asked", "period", "mean", "client -> server")
    return fitted(heads, cells, range(1, 5), width) + _more(len(rows) - MOST_BLOCKS, "block")


def _exceptions(rows: Sequence[Row], width: int) -> str:
    wrong = [
        (
            f"{exception_text(code).removeprefix('exception ')}: {block_text(row)}",
            _unit(row),
            f"{count:,}",
            _ends(row),
        )
        for row in rows
        for code, count in sorted(row.exceptions.items())
    ]
    if not wrong:
        return ""
    made = fitted(("exception", "unit", "times", "client -> server"), wrong[:MOST_BLOCKS], (1, 2), width)
    return made + _more(len(wrong) - MOST_BLOCKS, "line")


def _slowest(statistics: Statistics, width: int) -> str:
    if not statistics.whole().slow:
        return ""
    rows = [
        (f"{asked(one)}: {said(one, 4)}", str(one.unit), delay_text(delay), clock(one.time), str(one.frame))
        for delay, one in statistics.slowest
    ]
    return fitted(("slowest answers", "unit", "after", "asked at", "packet"), rows, (1, 2, 4), width)


def _as_data(statistics: Statistics) -> dict[str, Any]:
    whole = statistics.whole()
    return {
        **_row_data(whole),
        "writes": statistics.writes(),
        "talks": [{**_ends_data(row), **_row_data(row)} for row in statistics.talks()],
        "functions": [{"function": row.function, **_row_data(row)} for row in statistics.functions()],
        "blocks": [_block_data(row) for row in statistics.rows],
        "slowest": [exchange_row(one, Phrases()) for _, one in statistics.slowest],
        "blocks_left_out": statistics.together,
    }


def _row_data(row: Row) -> dict[str, Any]:
    return {
        "requests": row.requests,
        "answers": row.answers,
        "exceptions": {str(code): count for code, count in sorted(row.exceptions.items())},
        "unanswered": row.unanswered,
        "unasked": row.unasked,
        "repeated": row.repeated,
        "slow": row.slow,
        "mean_ms": None if row.mean is None else round(row.mean / 1000, 3),
        "longest_ms": None if row.mean is None else row.longest / 1000,
        "first": format_time(row.first),
        "last": format_time(row.last),
    }


def _ends_data(row: Row | Talker) -> dict[str, Any]:
    return {
        "client": row.client,
        "server": row.server,
        "server_port": row.server_port,
        "unit": row.unit if row.unit >= 0 else None,
    }


def _block_data(row: Row) -> dict[str, Any]:
    spans = row.request.spans() if row.request is not None else ()
    return {
        **_ends_data(row),
        "function": row.function,
        "spans": [
            {"table": where.value, "address": address, "count": count, "writes": writes}
            for where, address, count, writes in spans
        ],
        "period_ms": None if row.period is None else row.period / 1000,
        **_row_data(row),
    }


CSV_BLOCKS: Final = (
    *("client", "server", "server_port", "unit", "function", "what", "table", "address", "count", "writes"),
    *("requests", "answers", "exceptions", "unanswered", "unasked", "repeated", "slow"),
    *("period_ms", "mean_ms", "longest_ms", "first", "last"),
)
CSV_TIMES: Final = ("time", "exchanges", "writes", "exceptions", "unanswered")


def _block_cells(row: Row) -> list[object]:
    """A block as a row of `CSV_BLOCKS`; of function 23 the part that is done first; `what` has both."""
    data = _block_data(row)
    span: dict[str, Any] = next(iter(data["spans"]), {})
    return [
        *_ends_data(row).values(),
        row.function,
        block_text(row),
        *(span.get(key) for key in ("table", "address", "count")),
        row.writes,
        *(row.requests, row.answers, row.exceptions.total()),
        *(data[key] for key in CSV_BLOCKS[13:]),
    ]


class TimelineReport:
    """Activity over time, and who appeared when."""

    def __init__(self, form: str) -> None:
        self._timeline = Timeline()
        self.take = self._timeline.take
        self._form = form

    def end(self) -> None:
        """Print it."""
        data = _timeline_data(self._timeline)
        if self._form == "csv":
            print_csv(CSV_TIMES, (list(row.values()) for row in data["rows"]))
        elif self._form == "json":
            print(json_text({"timeline": data}))
        else:
            print(self._text())

    def _text(self) -> str:
        rows, talkers = self._timeline.rows(), self._timeline.talkers()
        if not rows:
            return "no Modbus was seen"
        most = max(row.exchanges for _, row in rows)
        width, long = console_width(), self._timeline.width
        bar = _BAR if width > _NARROW else _BAR // 2
        cells = [_activity(_begin(time, long), row, most, bar) for time, row in rows]
        heads = (f"each {format_duration(long / 1e6)}", "exchanges", "writes", "refused", "silent", "")
        return f"{fitted(heads, cells, range(1, 5), width)}\n\n{_talkers(talkers, width)}"


def _begin(time: int, width: int) -> str:
    return f"{day(time)} {clock(time)}" if width < 1_000_000 else f"{day(time)} {clock(time)[:8]}"


def _activity(begin: str, row: Activity, most: int, length: int) -> tuple[str, ...]:
    counts = (row.exchanges, row.writes, row.exceptions, row.unanswered)
    bar = "#" * max(round(length * row.exchanges / most), 1)
    return (begin, *(f"{count:,}" if count else "-" for count in counts), bar)


def _talkers(talkers: Sequence[Talker], width: int) -> str:
    digits = 12 if width > _NARROW else 8
    rows = [
        (
            _ends(one),
            _unit(one),
            f"{one.exchanges:,}",
            clock(one.first)[:digits],
            clock(one.last)[:digits],
            "-" if one.first_write is None else clock(one.first_write)[:digits],
        )
        for one in talkers[:MOST_BLOCKS]
    ]
    heads = ("who, in order of appearance", "unit", "exchanges", "first", "last", "first write")
    return fitted(heads, rows, (1, 2), width) + _more(len(talkers) - MOST_BLOCKS, "line")


def _timeline_data(timeline: Timeline) -> dict[str, Any]:
    return {
        "width_ms": timeline.width / 1000,
        "rows": [
            {
                "time": format_time(time),
                "exchanges": row.exchanges,
                "writes": row.writes,
                "exceptions": row.exceptions,
                "unanswered": row.unanswered,
            }
            for time, row in timeline.rows()
        ],
        "talkers": [
            {
                **_ends_data(one),
                "exchanges": one.exchanges,
                "first": format_time(one.first),
                "last": format_time(one.last),
                "first_write": None if one.first_write is None else format_time(one.first_write),
            }
            for one in timeline.talkers()
        ],
        "left_out": timeline.left_out,
    }
