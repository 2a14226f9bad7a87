"""On a terminal: lines fit into it, and colours come where they tell something, and never with NO_COLOR."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest

import mbap
from mbap import Device
from support.console import ESCAPE, WIDTHS, on_terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo terminals")

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PLAIN = [
    "profile show sdm630",
    "decode 000100000006010300 6b0003 00010000000901030602 2b00000064",
    "read DEVICE hr0..3",
    "serve --listen tcp://127.0.0.1:0 --for 10ms",
    "policy --help",
]
"""What is the same for every reader, with or without a terminal."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with mbap.serving(Device(holding_registers=range(10)), "tcp://127.0.0.1:0") as url:
        yield url


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", PLAIN)
def test_lines_fit_into_the_terminal_and_have_no_escapes(url: str, command: str, width: int) -> None:
    shown = on_terminal(width, *command.replace("DEVICE", url).split())
    assert len(shown.splitlines()) > 2
    assert max(map(len, shown.splitlines())) <= width
    assert ESCAPE not in shown


def test_findings_of_the_doctor_are_in_colours_on_a_terminal() -> None:
    assert COLOUR.search(on_terminal(80, "doctor", "127.0.0.1:9"))


def test_with_no_color_there_is_none() -> None:
    shown = on_terminal(80, "doctor", "127.0.0.1:9", NO_COLOR="1")
    assert "refused" in shown
    assert not COLOUR.search(shown)


def test_the_width_of_the_terminal_may_be_overruled() -> None:
    shown = on_terminal(80, "profile", "show", "sdm630", COLUMNS="200")
    assert max(map(len, shown.splitlines())) > 100
