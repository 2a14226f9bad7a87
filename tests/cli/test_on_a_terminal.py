"""`mbap shell` and `mbap watch` on a terminal, as a person sees them."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

import mbap
from mbap import Device
from mbap.errors import NoAnswer
from mbap.server.handler import Call
from support import peers
from support.terminal import terminal

R = TypeVar("R")


class Deaf:
    """A device that says nothing about holding register 2, and that remembers that it was asked."""

    def __init__(self) -> None:
        self.device = Device(holding_registers=[20, 21, 22])
        self.asked = threading.Event()

    def handle(self, call: Call[R]) -> R | Awaitable[R]:
        if getattr(call.request, "address", None) == 2:
            self.asked.set()
            raise NoAnswer
        return self.device.handle(call)


@pytest.fixture
def deaf() -> Deaf:
    return Deaf()


@pytest.fixture
def url(deaf: Deaf) -> Iterator[str]:
    with mbap.serving(deaf) as url:
        yield url


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Where the history is kept, and no other."""
    return {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}


def test_the_prompt_completes_and_brings_lines_back(url: str, home: dict[str, str]) -> None:
    with terminal("shell", url, environment=home) as shell:
        shell.until_last("unit 1>")
        shell.type("rea\t")
        shell.until("unit 1> read")
        shell.type(" hr0\r")
        shell.until("40001      hr0      20")
        shell.until_last("unit 1>")
        shell.type("\x04")
        assert shell.end() == 0
    with terminal("shell", url, environment=home) as shell:
        shell.until_last("unit 1>")
        shell.type("\x1b[A")
        shell.until("unit 1> read hr0")


def test_ctrl_c_during_a_read_leaves_the_prompt_and_the_connection(
    url: str, deaf: Deaf, home: dict[str, str]
) -> None:
    with terminal("shell", url, "--timeout", "20s", environment=home) as shell:
        shell.until_last("unit 1>")
        shell.type("read hr2\r")
        assert deaf.asked.wait(20)
        shell.type("\x03")
        shell.until("cancelled")
        shell.until_last("unit 1>")
        shell.type("read hr1\r")
        shell.until("40002      hr1      21")
        shell.until_last("unit 1>")
        shell.type("\x04")
        assert shell.end() == 0


def test_a_device_that_went_away_is_connected_to_again(home: dict[str, str]) -> None:
    url = f"tcp://127.0.0.1:{peers.free_port()}"
    with terminal("shell", url, environment=home) as shell:
        shell.until_last("unit 1>")
        for value in (20, 30):
            with mbap.serving(Device(holding_registers=[value]), url):
                shell.until_last("unit 1>")
                shell.type("read hr0\r")
                shell.until(f"40001      hr0      {value}")
        shell.until_last("unit 1>")
        shell.type("read hr0\r")
        shell.until("refused")
        shell.until_last("unit 1>")
        shell.type("quit\r")
        assert shell.end() == 3


def test_the_table_follows_the_terminal_and_gives_it_back(url: str) -> None:
    with terminal("watch", url, "hr0..1") as table:
        table.until("? help  q quit")
        assert table.until("21").splitlines()[1].startswith("address  type")
        assert "\x1b[?1049h" in table.shown
        table.resize(120, 30)
        table.until("reference")
        table.type("q")
        assert table.end() == 0
        assert "\x1b[?1049l" in table.shown


def test_a_terminal_that_only_prints_gets_text_without_escapes(url: str) -> None:
    with terminal("watch", url, "hr0", "--times", "1", environment={"TERM": "dumb"}) as table:
        assert table.end() == 0
        assert "hr0      40001" in table.screen
        assert "\x1b" not in table.shown


def test_without_the_package_for_it_a_sentence_says_what_to_install(url: str, tmp_path: Path) -> None:
    (tmp_path / "textual.py").write_text(
        "raise ModuleNotFoundError('No module named textual', name='textual')\n"
    )
    with terminal("watch", url, "hr0", environment={"PYTHONPATH": str(tmp_path)}) as table:
        assert table.end() != 0
        assert table.screen == "error: this command needs: pip install 'mbap[tui]'"
