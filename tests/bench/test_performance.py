"""bench.performance: the page that it writes."""

from __future__ import annotations

from bench.collector import HEAD
from bench.measuring import Cell
from bench.rows import SERVER_TABLES
from bench.turns import Measured

from bench import performance


def test_the_page_has_targets_the_collector_and_each_table() -> None:
    table = SERVER_TABLES[0]
    measured = Measured(
        table, {"mbap": [Cell(12.0, 1.0)], "raw asyncio": [Cell(10.0, 1.0)]}, absent=["tmodbus"]
    )
    page = performance.page("today, here", [measured], [["1,000 devices", *["1"] * (len(HEAD) - 1)]], 5)
    heads = [line for line in page.splitlines() if line.startswith("#")]
    assert heads == [
        "# Performance",
        "## What the project wants to reach",
        "## The collector",
        "## Server, 1 connection",
    ]
    assert "today, here. At the end" in page
    assert "Not installed here: tmodbus." in page
    assert "(5 rounds)" in page
    assert "{" not in page
