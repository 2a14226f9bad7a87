"""What docs/reference/mbaps.md says of each requirement: a row each, tests that exist, right sums."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from test_conformance import names_in

TESTS = Path(__file__).resolve().parent
TEXT = (TESTS.parent / "docs" / "reference" / "mbaps.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| R-(\d\d) \| ([^|]+) \| ([^|]+) \| ([^|]*) \| `([^`]+)` \|$", TEXT, re.MULTILINE)
NUMBERS = [number for number in range(1, 68) if number not in (9, 15)]


def test_every_requirement_has_its_row() -> None:
    assert [int(row[0]) for row in ROWS] == NUMBERS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"R-{row[0]}")
def test_what_shows_it_exists(row: tuple[str, ...]) -> None:
    file, _, name = row[4].partition("::")
    assert name in names_in(TESTS / file)


def test_the_sums_are_those_of_the_rows() -> None:
    counted = Counter(row[2] for row in ROWS)
    said = re.search(r"Of 65: (\d+) met, (\d+) choice, (\d+) partly, (\d+) not met", TEXT)
    assert said is not None
    assert [int(number) for number in said.groups()] == [
        counted[state] for state in ("met", "choice", "partly", "not met")
    ]
    assert sum(counted.values()) == len(NUMBERS)


def test_what_is_not_met_says_why() -> None:
    assert [row[0] for row in ROWS if row[2] in ("not met", "partly", "choice") and not row[3].strip()] == []
