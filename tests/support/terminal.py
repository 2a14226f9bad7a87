"""A program on a terminal of its own: what a person types, and what is then to be seen."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyte
import pytest

PATIENCE = 30.0
"""Seconds after which what was expected will not come any more."""
_START = """
import os, runpy, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))  # the first of its session: so it is its terminal, of Ctrl-C too
sys.argv[0] = "mbap"
runpy.run_module("mbap", run_name="__main__", alter_sys=True)
"""


class _Screen(pyte.Screen):
    """A screen that answers what programs ask a terminal, such as where the cursor is."""

    def __init__(self, width: int, height: int, answer: Callable[[str], None]) -> None:
        super().__init__(width, height)
        self._answer = answer

    def write_process_input(self, data: str) -> None:
        self._answer(data)


class Terminal:
    """Types into a program and reads its screen.

    Attributes:
        shown: everything that came, escape sequences and all.
    """

    def __init__(self, process: subprocess.Popen[bytes], controller: int, size: tuple[int, int]) -> None:
        self._process, self._controller = process, controller
        self._screen = _Screen(*size, self.type)
        self._stream = pyte.ByteStream(self._screen)
        self.shown = ""

    def type(self, keys: str) -> None:
        """Press *keys*."""
        os.write(self._controller, keys.encode())

    @property
    def screen(self) -> str:
        """What is to be seen, line by line, without what is empty at its end."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def until(self, text: str) -> str:
        """Wait until *text* is to be seen; gives the screen."""
        end = time.monotonic() + PATIENCE
        while text not in self.screen:
            if time.monotonic() > end or not self._more(end - time.monotonic()):
                raise AssertionError(f"{text!r} did not come:\n{self.screen}")
        return self.screen

    def until_last(self, text: str) -> None:
        """Wait until the last line ends with *text*: a prompt takes keys only from then on."""
        end = time.monotonic() + PATIENCE
        while not self.screen.endswith(text):
            if time.monotonic() > end or not self._more(end - time.monotonic()):
                raise AssertionError(f"{text!r} is not last:\n{self.screen}")

    def resize(self, width: int, height: int) -> None:
        """Make the terminal larger or smaller."""
        self._screen.resize(height, width)
        sized(self._controller, width, height)
        self._process.send_signal(signal.SIGWINCH)

    def end(self) -> int:
        """Wait for the end; the exit code."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._more(end - time.monotonic()):
            pass
        return self._process.wait(PATIENCE)

    def _more(self, patience: float) -> bool:
        """Take what comes next; False at the end."""
        ready, _, _ = select.select([self._controller], [], [], max(patience, 0))
        try:
            data = os.read(self._controller, 65536) if ready else b""
        except OSError:  # how Linux says that nobody has the other side open
            data = b""
        self._stream.feed(data)
        self.shown += data.decode(errors="replace")
        return bool(data)


def sized(descriptor: int, width: int, height: int) -> None:
    """Set the size of the terminal behind *descriptor*."""
    import fcntl
    import struct
    import termios

    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))


@contextmanager
def terminal(
    *arguments: str, size: tuple[int, int] = (80, 24), environment: dict[str, str] | None = None
) -> Iterator[Terminal]:
    """`mbap` with *arguments* on a terminal of *size*; *environment* beside that of the tests."""
    if sys.platform == "win32":
        pytest.skip("pseudo terminals are those of Unix")
    controller, own = os.openpty()
    sized(own, *size)
    process = subprocess.Popen(
        [sys.executable, "-c", _START, *arguments],
        stdin=own,
        stdout=own,
        stderr=own,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", **(environment or {})},
    )
    os.close(own)
    try:
        yield Terminal(process, controller, size)
    finally:
        process.kill()
        process.wait()
        os.close(controller)
