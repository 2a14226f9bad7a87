"""Where the samples lie: whole reads as rows, single samples beside them, and both seen as one table.

A *block* is a run of series that are read together and whose numbers follow each other: one read of it is one
row, with a column for each series. What stands alone goes into `singles`, a row a sample.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache

from mbap.collect.readings import Quality

WIDTHS = (8, 64)
"""Columns of the tables of reads: a column that is not used takes a byte of each row."""

WIDEST = WIDTHS[-1]

_FIRST_MARK = 48
"""A quality is kept as the character of this code and it: GOOD is `0`, a timeout `2`."""

Parameters = dict[str, int]


def table_of(width: int) -> str:
    """The table with the reads of *width* series, from 2 on."""
    return f"reads_{_columns(width)}"


def values_of(width: int) -> str:
    """The first *width* columns of values."""
    return ", ".join(f"v{place}" for place in range(width))


def marks(qualities: Sequence[Quality] | None) -> str | None:
    """*qualities* as a row keeps them; None: all are good."""
    if qualities is None or not any(qualities):
        return None
    return "".join(chr(_FIRST_MARK + quality) for quality in qualities)


def qualities_of(kept: str | None, width: int) -> list[int]:
    """What `marks` made of them."""
    return [0] * width if kept is None else [ord(mark) - _FIRST_MARK for mark in kept]


def source(connection: sqlite3.Connection, number: int) -> tuple[str, Parameters]:
    """A subquery with (time, value, quality) of a series from `:start` to before `:end`; its parameters."""
    blocks = connection.execute(_BLOCKS_OF, {"series": number, "reach": WIDEST - 1}).fetchall()
    shapes = tuple((table_of(last - first + 1), number - first) for _, first, last in blocks)
    names = {f"block{index}": block for index, (block, _, _) in enumerate(blocks)}
    return _subquery(shapes), {"series": number, **names}


_BLOCKS_OF = """
SELECT id, first, last FROM blocks WHERE first BETWEEN :series - :reach AND :series AND last >= :series
"""


@lru_cache(maxsize=1_024)
def _subquery(shapes: tuple[tuple[str, int], ...]) -> str:
    span = "AND time >= :start AND time < :end"
    arms = [
        f"SELECT time, v{place} AS value, {_quality(str(place))} AS quality FROM {table} "  # noqa: S608 - names of ours
        f"WHERE block = :block{index} {span}"
        for index, (table, place) in enumerate(shapes)
    ]
    arms.append(f"SELECT time, value, quality FROM singles WHERE series = :series {span}")  # noqa: S608
    return f"({' UNION ALL '.join(arms)})"


def schema() -> str:
    """The tables of reads and the views that show every sample as a row of its own."""
    tables = "".join(
        f"""
CREATE TABLE reads_{columns} (
    block INTEGER NOT NULL REFERENCES blocks (id),
    time INTEGER NOT NULL,
    qualities TEXT,
    {values_of(columns)}
);
CREATE UNIQUE INDEX reads_{columns}_by_time ON reads_{columns} (block, time);"""
        for columns in WIDTHS
    )
    return f"""{tables}
CREATE VIEW samples AS{_every("series.id AS series, time")}
    SELECT series, time, value, quality FROM singles;
CREATE VIEW readable_samples AS{_every(f"device, point, {_UTC}")}
    SELECT device, point, {_UTC}, value, quality FROM series CROSS JOIN singles ON singles.series = series.id;
"""  # noqa: S608 - names of ours


_UTC = "strftime('%Y-%m-%dT%H:%M:%f', time / 1e6, 'unixepoch') || 'Z' AS utc"


def _every(head: str) -> str:
    """Every sample out of the tables of reads; `UNION ALL` follows each."""
    return "".join(_samples_of(narrower + 1, columns, head) for narrower, columns in _spans())


def _samples_of(narrowest: int, columns: int, head: str) -> str:
    choice = " ".join(f"WHEN {place} THEN v{place}" for place in range(columns))
    return f"""
    SELECT {head}, CASE series.id - first {choice} END AS value, {_quality("series.id - first")} AS quality
    FROM series CROSS JOIN blocks ON first BETWEEN series.id - {columns - 1} AND series.id
         AND last >= series.id AND last - first BETWEEN {narrowest - 1} AND {columns - 1}
         CROSS JOIN reads_{columns} ON block = blocks.id
    UNION ALL"""  # noqa: S608 - names of ours


def _spans() -> Iterator[tuple[int, int]]:
    """(the widest that goes elsewhere, columns) of each table."""
    yield from zip((1, *WIDTHS), WIDTHS, strict=False)


def _quality(place: str) -> str:
    return f"coalesce(unicode(substr(qualities, {place} + 1, 1)) - {_FIRST_MARK}, 0)"


def _columns(width: int) -> int:
    return next(columns for columns in WIDTHS if columns >= width)
