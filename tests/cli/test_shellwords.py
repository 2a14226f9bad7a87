"""The words of `mbap shell`: lines as commands, what Tab knows, and help."""

from __future__ import annotations

import pytest

from mbap.cli.shellwords import COMMANDS, Line, completions, explained, parse, parse_units


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("read hr0 co1", Line("read", ("hr0", "co1"))),
        ("R hr0", Line("read", ("hr0",))),
        ("exit", Line("quit")),
        ('write hr20:string/4="Pump 7"', Line("write", ("hr20:string/4=Pump 7",))),
        ("read hr0 # the first", Line("read", ("hr0",))),
        ("", Line("")),
    ],
)
def test_a_line_is_a_command_and_its_words(text: str, line: Line) -> None:
    assert parse(text) == line


@pytest.mark.parametrize(
    ("text", "length", "words"),
    [
        ("", 0, list(COMMANDS)),
        ("re", 2, ["read"]),
        ("unit", 4, ["unit", "units"]),
        ("read h", 1, ["hr"]),
        ("read hr1", 3, []),
        ("read hr1:flo", 3, ["float16", "float32", "float64"]),
        ("read hr0 hr1:st", 2, ["string/"]),
        ("read hr1:float32,C", 1, ["CDAB"]),
        ("read hr1:float32,sc", 2, ["scale="]),
        ("write co1=o", 1, ["on", "off"]),
        ("write hr1=", 0, []),
        ("order b", 1, ["BADC"]),
        ("help ty", 2, ["types"]),
        ("decode 00", 2, []),
    ],
)
def test_tab_knows_how_a_line_may_go_on(text: str, length: int, words: list[str]) -> None:
    assert completions(text) == (length, words)


def test_help_names_every_command() -> None:
    assert all(any(line.startswith(name) for line in explained().splitlines()) for name in COMMANDS)
    assert max(map(len, explained().splitlines())) <= 110


def test_units_are_ten_unless_told_otherwise() -> None:
    assert (parse_units([]), parse_units(["0..255"]), parse_units(["7"])) == (
        range(1, 11),
        range(256),
        range(7, 8),
    )
