"""docs/reference/performance.md: the comparison and the collector, measured and written down in one go."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from bench.environments import ROOT
from bench.turns import Measured

from bench import collector, compare, tables

PAGE = ROOT / "docs" / "reference" / "performance.md"

TEMPLATE = Path(__file__).with_name("performance-page.md")


def write(*, quick: bool) -> int:
    """Measure all of it, print it, and write the page; *quick* makes one round, as the page then says."""
    begun = time.monotonic()
    options = compare.parser().parse_args(["--quick"] if quick else [])
    about = compare.about()
    print(about, flush=True)
    found: list[Measured] = []
    for measured in compare.compared(options):
        found.append(measured)
        compare.show(measured)
    rows = collector.rows(quick=quick)
    print(collector.table(rows))
    PAGE.write_text(page(about, found, rows, 1 if quick else options.rounds), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)} in {time.monotonic() - begun:.0f} s")
    return 0


def page(about: str, found: Sequence[Measured], rows: Sequence[Sequence[str]], rounds: int) -> str:
    """The page."""
    verdicts = [verdict for measured in found for verdict in tables.verdicts(measured)]
    each = [f"## {measured.table.title}\n\n{tables.filled(measured)}" for measured in found]
    return TEMPLATE.read_text(encoding="utf-8").format(
        about=f"{about}. At the end the load average was {compare.load()}. {compare.absent(found)}",
        rounds="one round" if rounds == 1 else f"{rounds} rounds",
        targets=tables.summary(verdicts),
        collector=collector.table(rows),
        tables="\n\n".join(each),
    )
