"""The `mbap` command as a process of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 30.0


def mbap(*arguments: str, cwd: Path | None = None, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run `mbap` with *arguments* to its end."""
    command = [sys.executable, "-m", "mbap", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)


class Running:
    """An `mbap` process that goes on, and what it has printed on standard error so far."""

    def __init__(self, *arguments: str, cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mbap", *arguments],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def said(self) -> str:
        """Standard error so far."""
        with self._changed:
            return "\n".join(self._lines)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until standard error matches *pattern*."""
        ends = time.monotonic() + PATIENCE
        with self._changed:
            while True:
                if match := re.search(pattern, "\n".join(self._lines)):
                    return match
                left = ends - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    raise AssertionError(f"{pattern!r} was not said:\n" + "\n".join(self._lines))
                self._changed.wait(min(left, 0.5))

    def page(self) -> str:
        """The address of the page, as it was printed, without the slash at its end."""
        return self.wait_for(r"page:\s+(http://\S+?)/?$|page:\s+(http://\S+?)/?\n")[0].split()[1].rstrip("/")

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send the signal and wait for the end; gives the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end; gives the exit code."""
        code = self.process.wait(timeout=PATIENCE)
        self._reader.join(timeout=PATIENCE)
        return code


@contextmanager
def running(*arguments: str, cwd: Path | None = None) -> Iterator[Running]:
    """An `mbap` process for the length of the block; killed at its end if it still runs."""
    program = Running(*arguments, cwd=cwd)
    try:
        yield program
    finally:
        if program.process.poll() is None:
            program.process.kill()
        program.wait()
        for pipe in (program.process.stdout, program.process.stderr):
            if pipe is not None:
                pipe.close()


def get_json(url: str) -> dict[str, Any]:
    """The JSON document at *url*, whatever its status."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            document = json.load(answer)
    except urllib.error.HTTPError as refusal:
        document = json.load(refusal)
    assert isinstance(document, dict)
    return document


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until *condition* holds, by asking it again and again."""
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends, f"waited in vain for: {what}"
        time.sleep(0.02)
