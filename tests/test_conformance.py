"""What docs/reference/conformance.md names exists: modules, classes, methods and tests."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs" / "reference" / "conformance.md"
TEXT = PAGE.read_text(encoding="utf-8")
PLACES = sorted(set(re.findall(r"`(mbap\.[\w.]+)`", TEXT)))
SHOWN = sorted(set(re.findall(r"`([\w/]+\.py::\w+)`", TEXT)))
# The numbers of the standards' own tables of contents, as far as a section asks for something.
APPLICATION = [
    *("4.1", "4.2", "4.3", "4.4", "4.5", "5", "7", "Annex A", "Annex B"),
    *(f"6.{n}" for n in range(1, 22)),
]
MESSAGING = [
    *("3.1.2", "3.1.3", "4.1", "4.2.1.1", "4.2.1.2", "4.2.2", "4.2.3", "4.3.1", "4.3.2", "4.3.3"),
    *("4.4.1.1", "4.4.1.2", "4.4.1.3", "4.4.1.4", "4.4.2.1", "4.4.2.2", "4.4.2.3", "4.4.2.4", "4.4.2.5"),
]


def exists(place: str) -> bool:
    """Whether *place* is a module, or what a module or a class in it has."""
    parts = place.split(".")
    for size in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:size]))
        except ModuleNotFoundError:
            continue
        for name in parts[size:]:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False


@cache
def names_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


@pytest.mark.parametrize("place", PLACES)
def test_where_something_is_done_exists(place: str) -> None:
    assert exists(place)


@pytest.mark.parametrize("shown", SHOWN)
def test_a_test_that_shows_something_exists(shown: str) -> None:
    file, _, name = shown.partition("::")
    assert name in names_in(TESTS / file)


@pytest.mark.parametrize(("part", "sections"), [(0, APPLICATION), (1, MESSAGING)], ids=["application", "tcp"])
def test_every_clause_has_its_row(part: int, sections: list[str]) -> None:
    text = TEXT.split("## Messaging on TCP/IP V1.0b")[part]
    assert [section for section in sections if f"\n| {section} |" not in text] == []


def test_every_row_names_where_and_what_shows_it() -> None:
    rows = [line for line in TEXT.splitlines() if re.match(r"\| (\d|Annex)", line)]
    assert len(rows) > 60
    assert [row for row in rows if "`mbap." not in row or ".py::" not in row] == []
