"""`mbap history`: look into, export and copy the file that `mbap up` keeps."""

from __future__ import annotations

import difflib
import fnmatch
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from mbap.cli import history_export
from mbap.cli.groups import Listing
from mbap.cli.progress import progress
from mbap.cli.tables import table
from mbap.cli.times import format_time, parse_time
from mbap.durations import format_duration, parse_duration
from mbap.sinks.base import Series, StoreError
from mbap.sinks.sqlite import SqliteStore
from mbap.sinks.sqlite_reports import LevelReport

_FILE = click.argument("file", type=click.Path(path_type=Path))
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=Listing, short_help="list, export and measure what was stored")
def command() -> None:
    """Look into the history FILE that `mbap up` keeps; it may be running meanwhile.

    \b
    Examples:
      mbap history list history.db
      mbap history export history.db --point main.power --from 24h -o power.csv
      mbap history backup history.db history-copy.db
    """


@command.command("list")
@_FILE
@_AS_JSON
def list_series(file: Path, as_json: bool) -> None:
    """List the points in FILE: how many samples each has, and from when to when (UTC).

    \b
    Example:
      mbap history list history.db
    """
    with SqliteStore(file, read_only=True) as store:
        reports = list(store.reports())
    rows = [(_name(one.series), one.samples, _time(one.first), _time(one.last)) for one in reports]
    heads = ("point", "samples", "first", "last")
    if as_json:
        _echo_json([dict(zip(heads, row, strict=True)) for row in rows])
    else:
        click.echo(table(heads, [[str(cell or "-") for cell in row] for row in rows], right={1}))


@command.command()
@_FILE
@_AS_JSON
def stats(file: Path, as_json: bool) -> None:
    """Show how large FILE is and what it holds.

    \b
    Example:
      mbap history stats history.db
    """
    with SqliteStore(file, read_only=True) as store:
        numbers, levels = store.statistics(), store.levels()
    facts = {
        "file": str(file),
        "bytes": numbers.bytes,
        "series": numbers.series,
        "samples": numbers.samples,
        "bytes_per_sample": round(numbers.bytes / numbers.samples, 1) if numbers.samples else None,
        "oldest": _time(numbers.oldest),
        "newest": _time(numbers.newest),
        "duplicates": numbers.duplicates,
        "too_old": numbers.too_old,
    }
    if as_json:
        _echo_json({**facts, "levels": [_level(level) for level in levels]})
        return
    for name, fact in facts.items():
        click.echo(f"{name.replace('_', ' '):18}{'-' if fact is None else fact}")
    click.echo()
    rows = [[str(cell or "-") for cell in _level(level).values()] for level in levels]
    click.echo(table(("level", "rows", "oldest", "newest", "removed before"), rows, right={1}))


@command.command()
@_FILE
@click.option(
    "--point",
    "points",
    metavar="POINT",
    multiple=True,
    help="device.point, also with * and ?; may be repeated.",
)
@click.option(
    "--from",
    "start",
    metavar="TIME",
    help="From this time on: 2025-06-01T14:30, or 24h (ago). UTC without a zone.",
)
@click.option("--to", "end", metavar="TIME", help="To before this time.")
@click.option(
    "--step", metavar="DURATION", help="One row for each 1m, 15m, 1h, ...: lowest, mean and highest."
)
@click.option(
    "--wide", is_flag=True, help="With --step: one row a time, a column with the mean of each point."
)
@click.option("-o", "--output", type=click.Path(), default="-", help="Write to this file; - is the console.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object a line instead of CSV.")
def export(
    file: Path,
    points: tuple[str, ...],
    start: str | None,
    end: str | None,
    step: str | None,
    wide: bool,
    output: str,
    as_json: bool,
) -> None:
    """Export samples, or one row a period, from FILE as CSV; times are UTC.

    Without --point all points are exported, without --from and --to all that is stored.

    \b
    Examples:
      mbap history export history.db --point main.power --from 24h
      mbap history export history.db --point 'main.*' --step 1h --wide -o main.csv
      mbap history export history.db --from 2025-06-01 --json
    """
    if wide and step is None:
        raise ValueError("--wide needs --step: samples of different points do not have the same times")
    with SqliteStore(file, read_only=True) as store:
        selection = history_export.Selection(
            _matching(store.series(), points), *_range(store, start, end, step), _step(step), wide
        )
        write = history_export.write_json if as_json else history_export.write_csv
        with _output(output) as to, progress("exporting") as tell:
            write(to, history_export.heads(selection), history_export.rows(store, selection, tell))
    if output != "-":
        click.echo(f"written: {output}, {Path(output).stat().st_size:,} bytes", err=True)


@command.command()
@_FILE
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace TARGET where there is one.")
def backup(file: Path, target: Path, overwrite: bool) -> None:
    """Copy FILE as it is now to TARGET, also while `mbap up` writes it.

    TARGET appears when the copy is whole. It is a history like any other.

    \b
    Example:
      mbap history backup history.db /mnt/usb/history-copy.db
    """
    if target.exists() and not overwrite:
        raise ValueError(f"{target} is there already: name another file, or add --overwrite")
    with SqliteStore(file, read_only=True) as store, progress("copying") as tell:
        store.backup(target, progress=tell)
    click.echo(f"copied {file} to {target}, {target.stat().st_size} bytes")


def _matching(series: Sequence[Series], patterns: Sequence[str]) -> list[Series]:
    """The *series* that one of *patterns* names; all without patterns."""
    names = {_name(one): one for one in series}
    chosen: dict[str, Series] = {} if patterns else names
    for pattern in patterns:
        found = {name: one for name, one in names.items() if fnmatch.fnmatchcase(name, pattern)}
        if not found:
            near = difflib.get_close_matches(pattern, names, n=1)
            advice = f"did you mean {near[0]}?" if near else "`mbap history list` shows the points"
            raise ValueError(f"there is no point {pattern} in this history: {advice}")
        chosen = chosen | found
    if not chosen:
        raise ValueError("this history is empty: there is nothing to export")
    return list(chosen.values())


def _range(store: SqliteStore, start: str | None, end: str | None, step: str | None) -> tuple[int, int]:
    """From when to before when; what is not given comes from what is stored."""
    now = int(time.time() * 1e6)
    oldest, newest = _extent(store.levels() if step else store.levels()[:1], now)
    begins = oldest if start is None else parse_time(start, now)
    ends = newest + 1 if end is None else parse_time(end, now)
    if ends <= begins:
        raise ValueError(f"from {format_time(begins)} to {format_time(ends)} there is no time: swap them")
    return begins, ends


def _extent(levels: Sequence[LevelReport], now: int) -> tuple[int, int]:
    """The oldest and newest time of *levels*, finest first; *now* where nothing is stored.

    A roll-up counts only when it ends before everything finer: its first row begins before its first sample.
    """
    oldest = newest = None
    for level in levels:
        if level.oldest is not None and (oldest is None or level.oldest + level.step <= oldest):
            oldest = level.oldest
        newest = level.newest if newest is None else newest
    return oldest or now, newest or now


def _step(text: str | None) -> int:
    if text is None:
        return 0
    step = round(parse_duration(text) * 1e6)
    if step < 1_000:
        raise ValueError(f"a step is at least 1ms, not {text}")
    return step


@contextmanager
def _output(name: str) -> Iterator[TextIO]:
    """The file *name*, which appears when it is complete, or the console."""
    if name == "-":
        with _console() as console:
            yield console
        return
    target = Path(name)
    partial = target.with_name(target.name + ".part")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            yield file
        partial.replace(target)
    except StoreError:
        raise
    except OSError as error:
        raise OSError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _console() -> Iterator[TextIO]:
    """Standard output; whoever reads it, such as `head`, may stop reading at any time."""
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _level(level: LevelReport) -> dict[str, object]:
    return {
        "level": format_duration(level.step / 1e6) if level.step else "samples",
        "rows": level.rows,
        "oldest": _time(level.oldest),
        "newest": _time(level.newest),
        "kept_from": _time(level.kept_from or None),
    }


def _time(time: int | None) -> str | None:
    return None if time is None else format_time(time)


def _name(series: Series) -> str:
    return f"{series.device}.{series.point}"


def _echo_json(data: object) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))
