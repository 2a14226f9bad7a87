"""Many rows in few statements.

While a statement runs, the threads of this process go on, and a busy one may take 5 ms to give way again. So
few long statements keep up where many short ones fall behind.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache

from mbap.collect.readings import Value

Row = Sequence[Value | None]

_MOST_PARAMETERS = 4_500 if sqlite3.sqlite_version_info >= (3, 32) else 900
"""In one statement: older SQLite takes 999."""


def insert(connection: sqlite3.Connection, into: str, rows: Sequence[Row]) -> int:
    """Insert *rows*, all as wide as the first, by `INSERT ... INTO table (columns)`; gives how many were."""
    if not rows:
        return 0
    before, first, width = connection.total_changes, 0, len(rows[0])
    for size in _sizes(width):
        while len(rows) - first >= size:
            _execute(connection, _statement(into, width, size), rows[first : first + size])
            first += size
    return connection.total_changes - before


def _execute(connection: sqlite3.Connection, statement: str, rows: Sequence[Row]) -> None:
    bound: list[Value | None] = []
    for row in rows:
        bound += row
    try:
        connection.execute(statement, bound)
    except (OverflowError, UnicodeEncodeError):
        connection.execute(statement, [storable(value) for value in bound])


def _sizes(width: int) -> list[int]:
    """Rows of a statement, most first, down to 1; few sizes, because each is a statement to be remembered."""
    sizes = [max(1, _MOST_PARAMETERS // width)]
    while sizes[-1] > 1:
        sizes.append(max(1, sizes[-1] // 4))
    return sizes


@lru_cache(maxsize=256)
def _statement(into: str, width: int, rows: int) -> str:
    row = f"({', '.join('?' * width)})"
    return f"{into} VALUES {', '.join([row] * rows)}"


_LARGEST_INTEGER = 2**63


def storable(value: Value | None) -> Value | None:
    """*value* as SQLite can hold it: an integer beyond 64 bits as a float, text without half characters."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, int) and not -_LARGEST_INTEGER <= value < _LARGEST_INTEGER:
        return float(value)
    return value
