"""Carries out what a document says, in a folder of its own, with the devices that it tells of."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Timer
from types import TracebackType

import pytest

from support.documents import Block, Step, devices, matches, steps
from support.peers import free_port
from support.simulated import serve_file

PORT_OF_OURS = re.compile(r"(?:\b127\.0\.0\.1:|\blocalhost:|--port |--devices )(\d{4,5})\b")
NEIGHBOURS = 4
"""Ports of a document that are so close to each other stay so: `--devices` takes several in a row."""
PLAIN = re.compile(r"[\w./-]+( [^|;&<>]*)?")
TIMEOUT = 30.0


def free_ports(named: Sequence[int]) -> dict[int, int]:
    """A free port for each of *named*, which are in order; neighbours get neighbours."""
    found: dict[int, int] = {}
    last = 0
    for port in named:
        near = last and port - last <= NEIGHBOURS
        found[port] = found[last] + port - last if near else free_port()
        last = port
    return found


class Trial:
    """One document at work.

    A port that the document names on loopback is replaced by a free one wherever it occurs, and a host that
    it has a device for by the place where that device is simulated; what is printed is put back.
    """

    def __init__(self, document: Path, folder: Path) -> None:
        self._document = document
        self._folder = folder
        self._replaced: dict[str, str] = {}
        self._open = ExitStack()
        self._shell = shutil.which("sh")

    def __enter__(self) -> Trial:
        if self._shell is None:
            pytest.skip("needs a POSIX shell")
        for host, file in devices(self._document).items():
            self._replaced[host] = self._open.enter_context(serve_file(file)).removeprefix("tcp://")
        named = {int(port) for port in PORT_OF_OURS.findall(self._document.read_text(encoding="utf-8"))}
        self._replaced |= {str(theirs): str(ours) for theirs, ours in free_ports(sorted(named)).items()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def run(self, block: Block) -> None:
        """Write the block's file, run its Python or its commands; fails with the line that went wrong."""
        if file := block.notes.get("file"):
            (self._folder / file).write_text(self._ours(block.text), encoding="utf-8")
        elif block.language == "python":
            self._python(block)
        elif block.language in ("sh", "console"):
            *before, last = steps(block)
            for step in before:
                self._command(step, 0, runs_on=False)
            self._command(last, int(block.notes.get("exit", 0)), runs_on="runs on" in block.notes)

    def _python(self, block: Block) -> None:
        done = subprocess.run(
            [sys.executable, "-c", self._ours(block.text)],
            cwd=self._folder, timeout=TIMEOUT, encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if done.returncode != 0:
            pytest.fail(f"{self._document}:{block.line}: the block fails:\n{done.stdout}", pytrace=False)

    def _command(self, step: Step, exit_code: int, *, runs_on: bool) -> None:
        if step.command.endswith(" &"):
            self._start(step)
            return
        child = self._spawn(step.command)
        first = ""
        if runs_on:
            first = self._first_line(child)
            child.send_signal(signal.SIGINT)
        rest, _ = child.communicate(timeout=TIMEOUT)
        printed = first + rest
        allowed = {exit_code, 130} if runs_on else {exit_code}
        self._expect(step, child.returncode in allowed, f"exit {child.returncode}:\n{printed}")
        if step.output is not None:
            shown = self._theirs(printed)
            self._expect(step, matches(step.output, shown), f"it printed:\n{shown}")

    def _start(self, step: Step) -> None:
        """Start a command that ends in `&`, and go on when it printed its first line."""
        child = self._spawn(step.command.removesuffix("&"))
        self._open.callback(self._end, child)
        first = self._first_line(child)
        self._expect(step, bool(first) and not first.startswith("error"), f"it did not start: {first}")

    def _end(self, child: subprocess.Popen[str]) -> None:
        child.terminate()
        child.communicate(timeout=TIMEOUT)

    def _spawn(self, command: str) -> subprocess.Popen[str]:
        assert self._shell is not None
        scripts = str(Path(sys.executable).parent)
        environment = {**os.environ, "PATH": scripts + os.pathsep + os.environ["PATH"], "NO_COLOR": "1"}
        prefix = "exec " if PLAIN.fullmatch(command) else ""  # a signal must reach the command, not its shell
        return subprocess.Popen(
            [self._shell, "-c", prefix + self._ours(command)],
            cwd=self._folder, env=environment, encoding="utf-8",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def _first_line(self, child: subprocess.Popen[str]) -> str:
        assert child.stdout is not None
        alarm = Timer(TIMEOUT, child.kill)
        alarm.start()
        try:
            return child.stdout.readline()
        finally:
            alarm.cancel()

    def _ours(self, text: str) -> str:
        for theirs, ours in self._replaced.items():
            port = r"(?::502\b)?" if "." in theirs else ""
            text = re.sub(rf"\b{re.escape(theirs)}\b(?!\.\d){port}", ours, text)
        return text

    def _theirs(self, text: str) -> str:
        for theirs, ours in self._replaced.items():
            text = text.replace(ours, theirs)
        return text

    def _expect(self, step: Step, fine: bool, fault: str) -> None:
        if not fine:
            pytest.fail(f"{self._document}:{step.line}: $ {step.command}\n{fault}", pytrace=False)
