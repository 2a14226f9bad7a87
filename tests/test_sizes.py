"""Nothing is longer than one idea needs: how many lines a function and a file may have."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST_FUNCTION, LONGEST_FILE = 40, 400
PLACES = ("bench", "dev", "fuzz", "robustness", "src", "supply", "tests")
everywhere = pytest.mark.parametrize("place", PLACES)


def files(place: str) -> Iterator[tuple[str, str]]:
    """The path and the text of each file of Python at *place*, a file or a folder."""
    where = ROOT / place
    for path in [where] if where.is_file() else sorted(where.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def functions(text: str) -> Iterator[tuple[str, int]]:
    """The functions in *text*, and how many lines each has below its signature and docstring."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[ast.get_docstring(node) is not None :]
            yield node.name, (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@everywhere
def test_no_function_has_more_than_forty_lines(place: str) -> None:
    found = [(path, name, lines) for path, text in files(place) for name, lines in functions(text)]
    assert found
    assert not [one for one in found if one[-1] > LONGEST_FUNCTION]


@everywhere
def test_no_file_has_more_than_four_hundred_lines(place: str) -> None:
    found = [(path, len(text.splitlines())) for path, text in files(place)]
    assert found
    assert not [one for one in found if one[-1] > LONGEST_FILE]


def test_neither_signature_nor_docstring_is_counted_and_a_function_within_is() -> None:
    text = (
        "def outer(\n    one: int,\n) -> None:\n"
        '    """It.\n\n    More.\n    """\n\n'
        '    def inner() -> None:\n        """Nothing."""\n\n'
        "    inner()\n"
    )
    assert dict(functions(text)) == {"outer": 4, "inner": 0}
