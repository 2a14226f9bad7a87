"""The environment for the list of materials: made once, and again when what it depends on changes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from supply import installed


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were run, in a root of its own; none of them fails."""
    commands: list[list[str]] = []
    venv = tmp_path / ".venv-app"

    def call(command: list[str], **options: object) -> int:
        venv.mkdir(exist_ok=True)
        commands.append(command)
        return 0

    for name in installed.DESCRIBES_INSTALL:
        (tmp_path / name).write_text("as it was", encoding="utf-8")
    monkeypatch.setattr(installed, "ROOT", tmp_path)
    monkeypatch.setattr(installed, "VENV", venv)
    monkeypatch.setattr(subprocess, "call", call)
    return commands


def test_it_is_made_once(called: list[list[str]], tmp_path: Path) -> None:
    for _ in range(2):
        assert installed.python().is_relative_to(tmp_path / ".venv-app")
    assert [command[2] for command in called] == ["venv", "pip"]
    assert called[1][-1] == ".[app]"


def test_it_is_made_anew_when_other_packages_are_wanted(called: list[list[str]], tmp_path: Path) -> None:
    installed.python()
    (tmp_path / "pyproject.toml").write_text("changed", encoding="utf-8")
    installed.python()
    assert len(called) == 4


def test_one_that_cannot_be_made_is_a_sentence_and_tried_again(
    called: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    works = subprocess.call
    monkeypatch.setattr(subprocess, "call", lambda command, **options: 1)
    with pytest.raises(SystemExit, match=r"could not install mbap\[app\]"):
        installed.python()
    monkeypatch.setattr(subprocess, "call", works)
    installed.python()
    assert len(called) == 2
