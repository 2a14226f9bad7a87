"""Plain text tables: aligned columns, no lines, readable in any console and by `awk`."""

from __future__ import annotations

import os
import re
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
    line below; where that is not enough each row is a block with a line for each cell that says something.
    Without *heads* there are rows only.
    """
    everything = [tuple(heads), *rows] if heads else rows
    columns, room = list(zip(*everything, strict=True)), console_width()
    widths = _fitted(columns, room)
    if heads and _together(widths) > room:
        return "\n\n".join(_block(heads, row) for row in rows)
    return "\n".join(line for row in everything for line in _lines(row, widths, right))


def paragraph(text: str) -> str:
    """*text* with each line broken into ones that fit into the console, later ones further in."""
    return "\n".join(part for line in text.splitlines() for part in _broken(line))


def _block(heads: Sequence[str], row: Sequence[str]) -> str:
    return table((), [(head, cell) for head, cell in zip(heads, row, strict=True) if cell not in ("", "-")])


def _broken(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return [line] if len(line) <= console_width() else wrapped(line, console_width(), indent)


def _fitted(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """How wide each of *columns* is: as its longest text, or less where that is needed; no word is cut."""
    widths = [max(map(len, column)) for column in columns]
    least = [max(len(word) for cell in column for word in _words(cell)) for column in columns]
    for _ in range(_together(widths) - room):
        able = [at for at, width in enumerate(widths) if width > max(least[at], _NARROWEST)]
        if not able:
            break
        widths[max(able, key=widths.__getitem__)] -= 1
    return widths


def _together(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _words(text: str) -> list[str]:
    return [part.strip() for part in _Wrapper.wordsep_simple_re.split(text)]


def _lines(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> Iterator[str]:
    cells = [
        [cell] if len(cell) <= width else wrapped(cell, width)
        for cell, width in zip(row, widths, strict=True)
    ]
    for parts in zip_longest(*cells, fillvalue=""):
        yield _line(parts, widths, right)


class _Wrapper(textwrap.TextWrapper):
    """Ends lines at spaces, and in lists such as `read,ident` behind commas."""

    wordsep_simple_re = re.compile(r"(\s+|(?<=\D,)(?=\S))")


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """*text* in lines of *width* at most, as far as its words allow; *indent* before later ones."""
    words = _Wrapper(width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)
    return words.wrap(text)


def _line(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    cells = [
        cell.rjust(width) if column in right else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return _GAP.join(cells).rstrip()


def many(count: int, what: str) -> str:
    """`1 device`, `2 devices`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
