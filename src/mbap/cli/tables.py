"""Plain text tables: aligned columns, no lines, readable in any console and by `awk`."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """*rows* below *heads* in aligned columns; those whose index is in *right* are aligned right."""
    everything = [tuple(heads), *(tuple(row) for row in rows)]
    widths = [max(len(row[column]) for row in everything) for column in range(len(heads))]
    return "\n".join(_line(row, widths, right) for row in everything)


def _line(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    cells = [
        cell.rjust(width) if column in right else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def many(count: int, what: str) -> str:
    """`1 device`, `2 devices`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
