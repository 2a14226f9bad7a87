"""What the screen of `mbap watch` shows, line by line; pure: the screen only draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from textwrap import wrap

from mbap.addresses import reference
from mbap.cli.connecting import value_text
from mbap.cli.watchtext import BLOCKS, HEADS, SORTS, age, cells, chosen, mark, ordered
from mbap.diagnose.watching import Row

KEYS = "t type  o order  e edit  space pause  s sort  / filter  w write  ? help  q quit"
FEW_KEYS = "? help  q quit"
"""For a screen on which the others have no room."""
HIGH = 20
"""From so many lines on, what is wrong is said beside what a key led to."""
WIDE = 100
"""From so many characters on, references have a column."""
_WIDTHS = {
    "address": 8,
    "reference": 9,
    "type": 12,
    "value": 13,
    "": 1,
    "quality": 8,
    "age": 5,
    "ms": 6,
    "errors": 6,
}
_SPARED = ("errors", "ms", "type", "age", "quality")
LEAST_TREND = 5
"""Characters below which a trend and its head show nothing."""
_RIGHT = ("value", "age", "ms", "errors")
_FRAME = 5
"""Lines that are no rows: title, heads, the chosen row in full, what is wrong, keys."""


class Look(Enum):
    """How a line is drawn; never by colour alone."""

    PLAIN = ""
    TITLE = "bold"
    HEADS = "underline"
    CHANGED = "bold not dim"
    OLD = "dim"
    CURSOR = "reverse"
    TROUBLE = "bold red"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the screen."""

    text: str
    look: Look = Look.PLAIN


@dataclass(slots=True)
class View:
    """Which rows are shown, in which order, and which of them is chosen.

    Attributes:
        cursor: the chosen row: it stays chosen when rows change places.
        top: the first line of rows that is seen.
        message: what the last key led to, until the next.
        words: what rows are filtered by.
    """

    rows: Sequence[Row]
    title: str
    steps: str = BLOCKS
    sort: str = "address"
    words: str = ""
    paused: bool = False
    message: str = ""
    cursor: Row | None = None
    top: int = 0

    def shown(self, now: float) -> list[Row]:
        """The rows that pass the filter, in order."""
        return ordered(chosen(self.rows, self.words, now), self.sort)

    def chosen_row(self, now: float) -> Row | None:
        """The row that keys work on; None where none is shown."""
        shown = self.shown(now)
        if self.cursor not in shown:
            self.cursor = shown[0] if shown else None
        return self.cursor

    def move(self, by: int, now: float) -> None:
        """Choose the row so many lines further down."""
        shown = self.shown(now)
        row = self.chosen_row(now)
        if row is not None:
            self.cursor = shown[min(max(shown.index(row) + by, 0), len(shown) - 1)]

    def next_sort(self) -> None:
        """Sort by the next of what can be sorted by."""
        self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
        self.message = f"sorted by {self.sort}"

    def lines(self, width: int, height: int, now: float, status: str, trouble: str) -> list[Line]:
        """The screen, *height* lines of at most *width* characters."""
        row, shown = self.chosen_row(now), self.shown(now)
        said = self._said(trouble, width, min(3, max(height - _FRAME, 1)), both=height >= HIGH)
        room = max(height - _FRAME - len(said) + 1, 1)
        self._scroll(shown, row, room)
        columns = widths(width)
        body = [self._line(one, columns, now) for one in shown[self.top : self.top + room]]
        if not shown:
            body = [Line(f"nothing matches {self.words!r}: / and Enter show everything again")]
        body += [Line("")] * (room - len(body))
        found = [
            Line(self._title(len(shown), status), Look.TITLE),
            Line(join(HEADS, columns), Look.HEADS),
            *body,
            Line("" if row is None else detail(row, now)),
            *said,
            Line(KEYS if width >= len(KEYS) else FEW_KEYS),
        ]
        return [Line(cut(line.text, width).ljust(width), line.look) for line in found]

    def _said(self, trouble: str, width: int, most: int, *, both: bool) -> list[Line]:
        """What the last key led to, else what is wrong: in as many lines as it needs, *most* at most.

        Where there is room for *both*, what is wrong has a line behind what the key led to.
        """
        text, look = (self.message, Look.PLAIN) if self.message else (trouble, Look.TROUBLE)
        lines = [Line(one, look) for one in wrap(text, width, max_lines=most, placeholder=" ~")]
        if both and self.message and trouble:
            lines.append(Line(trouble, Look.TROUBLE))
        return lines or [Line("")]

    def _title(self, shown: int, status: str) -> str:
        parts = [self.title, status, "PAUSED" if self.paused else ""]
        parts += [f"sort {self.sort}" if self.sort != "address" else ""]
        parts += [f"{shown} of {len(self.rows)} match {self.words!r}" if self.words else ""]
        return "  ".join(part for part in parts if part)

    def _scroll(self, shown: Sequence[Row], row: Row | None, room: int) -> None:
        index = shown.index(row) if row is not None else 0
        self.top = min(max(self.top, index - room + 1), index)
        self.top = max(min(self.top, len(shown) - room), 0)

    def _line(self, row: Row, columns: dict[str, int], now: float) -> Line:
        text = join(cells(row, now, columns.get("trend", 0), self.steps), columns)
        if row is self.cursor:
            return Line(text, Look.CURSOR)
        if row.trouble:
            return Line(text, Look.OLD)
        return Line(text, Look.CHANGED if mark(row, now) else Look.PLAIN)


def widths(width: int) -> dict[str, int]:
    """How wide each column is on a screen of *width* characters; the trend takes what is left.

    Where there is no room the columns of `_SPARED` are left out, one after the other.
    """
    known = {head: size for head, size in _WIDTHS.items() if head != "reference" or width >= WIDE}
    for head in _SPARED:
        if sum(known.values()) + len(known) - 1 > width:
            del known[head]
    left = width - sum(known.values()) - len(known)
    trend = {"trend": left} if left >= LEAST_TREND else {}
    return {head: (known | trend)[head] for head in HEADS if head in known or head in trend}


def join(texts: Sequence[str], columns: dict[str, int]) -> str:
    """One line of the table."""
    named = dict(zip(HEADS, texts, strict=True))
    return " ".join(
        cut(named[head], size).rjust(size) if head in _RIGHT else cut(named[head], size).ljust(size)
        for head, size in columns.items()
    )


def cut(text: str, width: int) -> str:
    """*text* in *width* characters, with `~` for what is left out."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "~"[:width]


def detail(row: Row, now: float) -> str:
    """The chosen row in full: both notations, what was on the wire, the value, and what it was before."""
    last = row.address + row.width - 1
    parts = [f"{row.place} ({row.reference})", row.kind]
    if last > row.address:
        parts[0] = f"{row.place}..{last} ({row.reference}..{reference(row.table, last)})"
    parts += [row.raw] if row.raw else []
    if row.read_at is not None:
        parts.append(f"= {value_text(row.encoding, row.value)}")
    if row.changed_at is not None:
        parts.append(f"(was {value_text(row.encoding, row.before)})")
    if row.trouble:
        parts.append(f"{row.trouble}, last read {age(row, now)} ago" if row.read_at else row.trouble)
    return " ".join(parts)
