"""Faults and their places: which line a key is on, what was probably meant."""

from __future__ import annotations

import pytest

from mbap.filefaults import Fault, FileFaults, KeyLines, nearest, path_text, shown, suggestion

TEXT = """\
top = 1

[site]          # a comment
name = "a"
"quoted key" = 2
[points.x]
address = 5
states = { 0 = "off" }
[[rows]]
a = 1
[[rows]]
a = 2
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 1),
        (("site",), 3),
        (("site", "name"), 4),
        (("site", "quoted key"), 5),
        (("points", "x"), 6),
        (("points", "x", "address"), 7),
        (("rows", 0, "a"), 10),
        (("rows", 1, "a"), 12),
    ],
)
def test_a_key_is_on_its_line(path: tuple[str | int, ...], line: int) -> None:
    assert KeyLines(TEXT).line(path) == line


def test_a_missing_key_is_on_the_line_of_its_table() -> None:
    assert KeyLines(TEXT).line(("points", "x", "table")) == 6


def test_what_is_inside_an_inline_table_is_on_the_line_of_its_key() -> None:
    assert KeyLines(TEXT).line(("points", "x", "states", "0")) == 8


def test_a_dotted_key_stands_for_the_tables_around_it() -> None:
    assert KeyLines("a = 1\nread.gap = 3\n").line(("read", "largest")) == 2


def test_what_is_nowhere_has_no_line() -> None:
    assert KeyLines(TEXT).line(("nothing",)) == 0


def test_a_repeated_key_is_found_with_both_lines() -> None:
    assert KeyLines("[a]\nx = 1\nx = 2\n").repeated() == [(("a", "x"), 3, 2)]


def test_the_same_key_in_two_rows_is_no_repetition() -> None:
    assert KeyLines(TEXT).repeated() == []


def test_a_fault_says_file_line_path_and_message() -> None:
    assert str(Fault("a.toml", 3, "read.gap", "is wrong")) == "a.toml:3 read.gap: is wrong"


def test_a_fault_of_the_whole_file_says_only_the_file() -> None:
    assert str(Fault("a.toml", 0, "", "is wrong")) == "a.toml: is wrong"


def test_a_fault_without_a_file_is_its_message() -> None:
    assert str(Fault("", 0, "", "is wrong")) == "is wrong"


def test_many_faults_are_one_error_with_a_line_each() -> None:
    error = FileFaults([Fault("a", 1, "", "x"), Fault("a", 2, "", "y")])
    assert (str(error), len(error.faults)) == ("a:1: x\na:2: y", 2)


def test_a_path_is_written_as_one_writes_it() -> None:
    assert path_text(("read", "forbidden", 1)) == "read.forbidden[1]"


@pytest.mark.parametrize(("word", "near"), [("adress", "address"), ("ADDRESS", "address"), ("xyz", None)])
def test_the_nearest_known_word_is_found(word: str, near: str | None) -> None:
    assert nearest(word, ["address", "table"]) == near


def test_without_a_near_word_the_known_ones_are_listed() -> None:
    assert suggestion("xyz", ["address", "table"]) == "; known are address, table"


def test_of_many_known_words_only_some_are_listed() -> None:
    assert suggestion("xyz", [f"word{n}" for n in range(20)], listed=2) == "; known are word0, word1, ..."


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        ("a", '"a"'),
        ("x" * 99, f'"{"x" * 57}..."'),
        ({}, "a table"),
        ([], "a list"),
        (1.5, "1.5"),
    ],
)
def test_values_are_shown_as_toml_has_them(value: object, text: str) -> None:
    assert shown(value) == text
