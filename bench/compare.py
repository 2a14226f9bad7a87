"""Servers, clients and the rest of the library beside others, and beside the least Python that does the same.

    python3 dev bench compare                                   everything, about a quarter of an hour
    python3 dev bench compare --quick                           one short round of each
    python bench/compare.py --only server --contender mbap,raw  what is wanted while tuning
    python bench/compare.py --only client --contender mbap,raw --row 'one after another'

Everything runs over loopback. Contenders take turns; CPU is that of the least round.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.building import CannotBuild
from bench.measuring import one_core
from bench.rows import AREAS, TABLES, Table
from bench.turns import Effort, Measured, measure, sink, versions

from bench import tables

_NEEDS_SINK = ("client", "process")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare what is asked for and print it."""
    options = parser().parse_args(arguments)
    begun = time.monotonic()
    print(about(), flush=True)
    found: list[Measured] = []
    for measured in compared(options):
        found.append(measured)
        show(measured)
    print("\n## Targets\n")
    print(tables.summary([verdict for one in found for verdict in tables.verdicts(one)]))
    print(f"\n{absent(found)}\nTook {time.monotonic() - begun:.0f} s; load average at the end {load()}.")
    return 0


def parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(prog="dev bench compare", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default=",".join(AREAS), help="of " + ", ".join(AREAS))
    parser.add_argument(
        "--contender", default="", help="only those with one of these in their names: mbap,raw"
    )
    parser.add_argument("--row", default="", help="only tables whose title has this (a regular expression)")
    parser.add_argument("--rounds", type=int, default=3, help="the least CPU of so many counts")
    parser.add_argument("--seconds", type=float, default=0.6, help="for each cell")
    parser.add_argument("--quick", action="store_true", help="one short round")
    return parser


def compared(options: argparse.Namespace) -> Iterator[Measured]:
    """Each table that is asked for, as soon as it is filled."""
    effort = Effort(1, 0.3) if options.quick else Effort(options.rounds, options.seconds)
    chosen = [
        table for table in TABLES if table.area in options.only.split(",") and _fits(table, options.row)
    ]
    chosen = [_only(table, options.contender) for table in chosen]
    for table in chosen:
        try:
            with one_core(), sink() if table.area in _NEEDS_SINK else nullcontext(0) as port:
                measured = measure(table, replace(effort, port=port))
        except CannotBuild as why:
            print(f"\n{table.title}: left out, {why}")
            continue
        yield measured
        if (taken := tables.memory(measured)) is not None:
            yield taken


def _fits(table: Table, pattern: str) -> bool:
    titles = [table.title, *(target.title for target in table.targets)]
    return any(re.search(pattern, title, re.IGNORECASE) for title in titles)


def _only(table: Table, names: str) -> Table:
    """*table* without the contenders that are not wanted; with those that their ratios are to."""
    wanted = {
        title for title in table.contenders if any(n.lower() in title.lower() for n in names.split(","))
    }
    wanted |= {table.contenders[title].raw for title in wanted}
    return replace(table, contenders={t: one for t, one in table.contenders.items() if t in wanted})


def show(measured: Measured) -> None:
    """Print one table, and what became of its targets."""
    print(f"\n### {measured.table.title}\n\n{tables.filled(measured)}\n", flush=True)


def absent(found: Sequence[Measured]) -> str:
    """A sentence with all that is not installed."""
    names = sorted({name.split(",")[0] for one in found for name in one.absent})
    return f"Not installed here: {', '.join(names)}." if names else "Everything was there."


def about() -> str:
    """Where, when and with what it is measured."""
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, load average {load()}; {versions()}"
    )


def load() -> str:
    """How busy the machine is, where it can be told."""
    return " ".join(f"{value:.1f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"


if __name__ == "__main__":
    sys.exit(main())
