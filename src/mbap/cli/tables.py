"""Plain text tables: aligned columns, no lines, readable in any console and by `awk`."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from typing import Final

_GAP: Final = "  "
_NARROWEST: Final = 12
"""A column is not made narrower to fit."""
_ANY_LENGTH: Final = 1000


def console_width() -> int:
    """How long a line may be: as wide as the console, or as COLUMNS says; where neither is, any length."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size().columns
    return _ANY_LENGTH


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """*rows* below *heads* in aligned columns; those whose index is in *right* are aligned right.

    Where that is wider than the console the widest columns are made narrower and their text goes on in the
    line below. Without *heads* there are rows only.
    """
    everything = [tuple(heads), *rows] if heads else rows
    widths = _fitted(list(zip(*everything, strict=True)), console_width())
    return "\n".join(line for row in everything for line in _lines(row, widths, right))


def _fitted(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """How wide each of *columns* is: as its longest text, or less where that is needed; no word is cut."""
    widths = [max(map(len, column)) for column in columns]
    least = [max(len(word) for cell in column for word in (cell.split() or [""])) for column in columns]
    for _ in range(sum(widths) + len(_GAP) * (len(widths) - 1) - room):
        able = [at for at, width in enumerate(widths) if width > max(least[at], _NARROWEST)]
        if not able:
            break
        widths[max(able, key=widths.__getitem__)] -= 1
    return widths


def _lines(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> Iterator[str]:
    cells = [
        [cell] if len(cell) <= width else textwrap.wrap(cell, width, break_on_hyphens=False)
        for cell, width in zip(row, widths, strict=True)
    ]
    for parts in zip_longest(*cells, fillvalue=""):
        yield _line(parts, widths, right)


def _line(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    cells = [
        cell.rjust(width) if column in right else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return _GAP.join(cells).rstrip()


def many(count: int, what: str) -> str:
    """`1 device`, `2 devices`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
