"""mbap.cli.progress."""

from __future__ import annotations

import io
import sys

import pytest

from mbap.cli.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def use_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error is a terminal from now on. Not a fixture: pytest sets its own again before the test."""
    standing_in = Terminal()
    monkeypatch.setattr(sys, "stderr", standing_in)
    return standing_in


def test_nothing_is_shown_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("copying") as tell:
        tell(0.5)
    assert capsys.readouterr().err == ""


def test_a_bar_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    with progress("copying") as tell:
        tell(1.0)
    assert "copying" in terminal.getvalue()
    assert "100%" in terminal.getvalue()


def test_without_rich_a_percentage_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with progress("copying") as tell:
        for share in (0.0, 0.001, 0.5, 1.0):
            tell(share)
    assert terminal.getvalue().split("\r")[1:4] == ["copying   0 %", "copying  50 %", "copying 100 %"]
