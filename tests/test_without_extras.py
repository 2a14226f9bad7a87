"""Where only click is installed: the library works, and a command says in a sentence what it lacks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mbap.cli.main import COMMANDS

EXTRAS = [
    *("cryptography", "prompt_toolkit", "pydantic", "pydantic_core", "rich"),
    *("serialx", "starlette", "textual", "uvicorn", "uvloop", "websockets"),
]
BLOCKER = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {EXTRAS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which Python finds none of the optional packages."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "sitecustomize.py").write_text(BLOCKER, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(folder)}


def mbap(bare: dict[str, str], *words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    script = "from mbap.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, *words],
        env=bare, cwd=folder, capture_output=True, encoding="utf-8", timeout=30,
    )  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_its_help(bare: dict[str, str], command: str) -> None:
    done = mbap(bare, command, "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_decoding_a_frame_needs_nothing_else(bare: dict[str, str]) -> None:
    done = mbap(bare, "decode", "000100000006010300000002")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [("read", "rtu:///dev/x", "hr0"), ("sniff", "rtu:///dev/x")])
def test_without_the_library_for_serial_lines_the_user_reads_what_to_install(
    bare: dict[str, str], words: tuple[str, ...]
) -> None:
    done = mbap(bare, *words)
    assert done.returncode == 3
    assert "serial lines need: pip install 'mbap[serial]'" in done.stderr


def test_simulating_a_device_needs_nothing_else(bare: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "device.toml").write_text("[units.1.holding]\n0 = 7\n", encoding="utf-8")
    done = mbap(bare, "serve", "--check", "device.toml", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_values_are_watched_as_text_with_nothing_else_and_on_a_terminal_the_user_reads_what_to_install(
    bare: dict[str, str],
) -> None:
    words = ("watch", "127.0.0.1:1", "hr0", "--times", "1")
    assert mbap(bare, *words).stdout.splitlines()[-1].startswith("hr0")
    script = "import sys; sys.stdout.isatty = lambda: True; from mbap.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, *words], env=bare, capture_output=True, encoding="utf-8", timeout=30
    )
    assert done.stderr == "error: this command needs: pip install 'mbap[tui]'\n"
    assert done.returncode == 1


@pytest.mark.parametrize("words", [("up", "site.toml"), ("demo", "--for", "1s"), ("profile", "list")])
def test_a_command_says_what_to_install(bare: dict[str, str], tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "site.toml").write_text('[site]\nname = "here"\n', encoding="utf-8")
    done = mbap(bare, *words, folder=tmp_path)
    assert re.fullmatch(r"error: .* needs?: pip install 'mbap\[\w+\]'\n", done.stderr)
    assert done.returncode in (1, 2)
