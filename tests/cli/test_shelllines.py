"""Where the lines of `mbap shell` come from: its prompt, and the history that it keeps."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mbap.cli import shelllines
from mbap.cli.shelllines import KEPT, history_file, keep, loaded


def test_history_is_kept_for_the_next_session_and_for_nobody_else(tmp_path: Path) -> None:
    kept = tmp_path / "mbap" / "shell-history"
    keep(kept, "read hr0")
    keep(kept, "read hr1")
    assert loaded(kept) == ["read hr0", "read hr1"]
    if os.name == "posix":
        assert kept.stat().st_mode & 0o077 == 0


def test_a_history_has_a_limit(tmp_path: Path) -> None:
    kept = tmp_path / "shell-history"
    kept.write_text("".join(f"read hr{n}\n" for n in range(5 * KEPT)), encoding="utf-8")
    assert loaded(kept)[-1] == f"read hr{5 * KEPT - 1}"
    assert len(kept.read_text(encoding="utf-8").splitlines()) == KEPT


def test_a_history_that_cannot_be_kept_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = tmp_path / "file" / "shell-history"
    keep(kept, "read hr0")
    assert loaded(kept) == []
    assert loaded(None) == []


def test_the_history_is_where_the_system_wants_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert history_file() == tmp_path / "mbap" / "shell-history"
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.setattr(sys, "platform", "win32")
    assert history_file() == tmp_path / "local" / "mbap" / "shell-history"


def test_the_prompt_remembers_and_asks(tmp_path: Path) -> None:
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    kept = tmp_path / "shell-history"
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        prompting = shelllines.Prompting(kept)
        keys.send_text("types\r")
        assert prompting.line("> ") == "types"
        keys.send_text("\x1b[A\r")
        assert prompting.line("> ") == "types"
        keys.send_text("y\r")
        assert prompting.sure("write? ")
        keys.send_text("\x04")
        with pytest.raises(EOFError):
            prompting.line("> ")
    assert loaded(kept) == ["types", "types"]


def test_the_prompt_completes_what_the_words_say() -> None:
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document

    found = shelllines.completer().get_completions(Document("read hr1:flo"), CompleteEvent())
    assert [(one.text, one.start_position) for one in found] == [
        ("float16", -3),
        ("float32", -3),
        ("float64", -3),
    ]


class Terminal:
    """A standard input at which somebody sits."""

    def isatty(self) -> bool:
        return True


def test_without_prompt_toolkit_there_is_a_plain_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setitem(sys.modules, "prompt_toolkit", None)
    lines = shelllines.lines_for_console()
    assert isinstance(lines, shelllines.Plain)
    monkeypatch.setattr("builtins.input", lambda prompt: "y")
    assert (lines.line("> "), lines.sure("write? ")) == ("y", True)
