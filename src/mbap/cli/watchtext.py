"""What is watched, as text: cells, marks of what changed, trends as a line of blocks, rows in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from mbap.addresses import describe
from mbap.cli.connecting import value_text
from mbap.diagnose.watching import Row
from mbap.errors import ExceptionResponse, ModbusError

BLOCKS: Final = "▁▂▃▄▅▆▇█"
ASCII: Final = "_.-~=+*#"
FRESH: Final = 3.0
"""Seconds for which a change is marked."""
HEADS: Final = ("address", "reference", "type", "value", "", "trend", "quality", "age", "ms", "errors")
SORTS: Final = ("address", "changed", "value", "errors")


def sparkline(trend: Iterable[float | None], width: int, steps: str = BLOCKS) -> str:
    """The last *width* of *trend*, lowest to highest; a space where nothing came."""
    last = list(trend)[-width:] if width > 0 else []
    known = [one for one in last if one is not None]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    return "".join(" " if one is None else steps[_step(one - low, span, len(steps))] for one in last)


def _step(above: float, span: float, steps: int) -> int:
    """The middle where nothing moves; a span beyond all floats has no steps either."""
    part = above / span if 0 < span < float("inf") else 0.5
    return min(int(part * steps), steps - 1)


def mark(row: Row, now: float) -> str:
    """`^`, `v` or `*` while a change is fresh: up, down, or neither."""
    if row.changed_at is None or now - row.changed_at > FRESH:
        return ""
    numbers = isinstance(row.value, int | float) and isinstance(row.before, int | float)
    if not numbers or isinstance(row.value, bool):
        return "*"
    return "^" if float(row.value or 0) > float(row.before or 0) else "v"


def age(row: Row, now: float) -> str:
    """How long ago the value came: `0.4s`, `12s`, `3m`, `2h`; `-` before anything came."""
    if row.read_at is None:
        return "-"
    seconds = max(now - row.read_at, 0.0)
    for limit, unit, size in ((10, "s", 1), (100, "s", 1), (6000, "m", 60)):
        if seconds < limit:
            return f"{seconds:.1f}{unit}" if limit == 10 else f"{seconds / size:.0f}{unit}"
    return f"{seconds / 3600:.0f}h"


def quality(row: Row) -> str:
    """In one word how good the value is: good, none (the device says so), old and why, or only why."""
    if row.trouble:
        return row.trouble
    if row.read_at is None:
        return "waiting"
    return "good" if row.value is not None else "none"


def cells(row: Row, now: float, trend: int = 20, steps: str = BLOCKS) -> tuple[str, ...]:
    """A row of the table, below `HEADS`."""
    return (
        row.place,
        row.reference,
        row.kind,
        value_text(row.encoding, row.value),
        mark(row, now),
        sparkline(row.trend, trend, steps),
        quality(row),
        age(row, now),
        "-" if row.latency is None else f"{row.latency * 1000:.1f}",
        str(row.errors) if row.errors else "",
    )


def chosen(rows: Sequence[Row], words: str, now: float) -> list[Row]:
    """Those of *rows* that have every word of *words*: in address, reference, type or quality.

    `changed` means those whose change is still marked, `bad` those that did not come.
    """
    return [row for row in rows if all(_has(row, word, now) for word in words.lower().split())]


def _has(row: Row, word: str, now: float) -> bool:
    if word == "changed":
        return bool(mark(row, now))
    if word == "bad":
        return bool(row.trouble)
    return any(word in text.lower() for text in (row.place, row.reference, row.kind, quality(row)))


def ordered(rows: Sequence[Row], by: str) -> list[Row]:
    """*rows* by one of `SORTS`: by address as they were asked for; the others greatest or newest first."""
    keys: dict[str, Callable[[Row], float]] = {
        "changed": lambda row: -(float("-inf") if row.changed_at is None else row.changed_at),
        "value": lambda row: -_size(row),
        "errors": lambda row: -row.errors,
    }
    return sorted(rows, key=keys[by]) if by in keys else list(rows)


def _size(row: Row) -> float:
    return float("-inf") if row.value is None or isinstance(row.value, str) else float(row.value)


def fitting(width: int, without: Collection[str] = ()) -> tuple[int, ...]:
    """Which of `HEADS` a table of *width* characters shows: `reference` only where there is room."""
    hidden = {*without, *(("reference",) if width < 100 else ())}
    return tuple(index for index, head in enumerate(HEADS) if head not in hidden)


def steps_for(encoding: str | None, terminal: str = "") -> str:
    """The characters of a trend that a *terminal* or file of *encoding* can show.

    The fonts of the Linux console have one block of the eight.
    """
    if terminal == "linux":
        return ASCII
    try:
        BLOCKS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS


def trouble(error: ModbusError) -> str:
    """What went wrong and what to do, without the device, which the first line names."""
    target = error.target
    if target is None:
        return str(error)
    said = str(error).removeprefix(f"{target}: ")
    if target.table is None or target.address is None or not isinstance(error, ExceptionResponse):
        return said
    return f"{describe(target.table, target.address, target.count)}: {said}"
