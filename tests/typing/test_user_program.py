"""Type checkers of users see what the library gives: to the element, and without complaint."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support import npm

PROGRAM = Path(__file__).parent / "user_program.py"


def test_mypy_in_strict_mode_has_nothing_against_a_users_program(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_bytes(PROGRAM.read_bytes())
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(program)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.peer
def test_pyright_has_nothing_against_a_users_program(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_bytes(PROGRAM.read_bytes())
    found = pyright(tmp_path, str(program))
    assert [one["message"] for one in found["generalDiagnostics"]] == []
    assert found["summary"]["filesAnalyzed"] == 1


def pyright(folder: Path, *arguments: str) -> dict[str, Any]:
    """What pyright says, strict; *folder* is where it works."""
    script = npm.node_modules() / "pyright" / "index.js"
    settings = json.dumps({"typeCheckingMode": "strict"})
    (folder / "pyrightconfig.json").write_text(settings, encoding="utf-8")
    command = npm.node(script, "--pythonpath", sys.executable, "--outputjson", *arguments)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    said: dict[str, Any] = json.loads(done.stdout)
    return said
