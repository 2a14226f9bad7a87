"""Where `mbap capture` reads from: files, standard input, and tcpdump that it starts itself."""

from __future__ import annotations

import io
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from mbap.cli.printable import printable
from mbap.cli.progress import Tell, progress
from mbap.diagnose.capture import Capture, Captured
from mbap.diagnose.overheardlines import OverheardLines

_BUFFER: Final = 1 << 20
_TELL_EVERY: Final = 1 << 22
"""Bytes after which the progress bar moves on."""


def words_of(text: str, words: Sequence[str]) -> str:
    """One filter out of the option and the words on the command line."""
    parts = [part for part in (text.strip(), " ".join(words).strip()) if part]
    return parts[0] if len(parts) == 1 else " && ".join(f"({part})" for part in parts)


class Stoppable(io.RawIOBase):
    """A file that is at its end as soon as somebody presses Ctrl-C, so that what was read is not lost.

    Attributes:
        stopped: whether that happened.
    """

    def __init__(self, file: io.RawIOBase | BinaryIO) -> None:
        self._descriptor = file.fileno()
        self._woken, self._wake = os.pipe()
        self._reading = False
        self.stopped = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        read = self._read_when_ready if os.name == "posix" else self._read
        data = b"" if self.stopped else read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _read_when_ready(self, size: int) -> bytes:
        """Wait for bytes or `stop`, then read: a signal cannot come between that and the use of what came."""
        select.select([self._descriptor, self._woken], [], [])
        return b"" if self.stopped else os.read(self._descriptor, size)

    def _read(self, size: int) -> bytes:
        """Where pipes cannot be waited for, `stop` has to end the reading itself."""
        self._reading = True
        try:
            return b"" if self.stopped else os.read(self._descriptor, size)
        except KeyboardInterrupt:
            return b""
        finally:
            self._reading = False

    def stop(self, *_: object) -> None:
        """Be at the end; called by a signal, which may come while it waits for bytes."""
        self.stopped = True
        os.write(self._wake, b"!")
        if self._reading:
            raise KeyboardInterrupt

    def close(self) -> None:
        if not self.closed:
            os.close(self._woken)
            os.close(self._wake)
        super().close()


class Input:
    """Exchanges, and what else there is to say of where they come from.

    Attributes:
        name: what it is called in messages.
        empty: it ended before it began.
        live: more comes while somebody looks.
        stored: all of it is there already.
        read: to be called when no more is read: what shows how far it has come is to go.
    """

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        ports: Sequence[int],
        *,
        stop: Stoppable | None = None,
        stored: bool = False,
    ) -> None:
        self.name, self.stored = printable(name), stored
        self._stop = stop
        self.read: Callable[[], None] = self._new_line
        buffered: Any = file if hasattr(file, "peek") else io.BufferedReader(file, _BUFFER)
        begins = buffered.peek(1)[:1]
        self.empty = not begins
        lines = begins == b"{"
        self.source: Capture | OverheardLines = (
            OverheardLines(buffered) if lines else Capture(buffered, ports=ports)
        )

    def _new_line(self) -> None:
        """What comes next does not stand behind the ^C that a terminal shows."""
        if self._stop is not None and self._stop.stopped and sys.stderr.isatty():
            click.echo(err=True)

    @property
    def live(self) -> bool:
        """Whether more comes while somebody looks."""
        return self._stop is not None

    @property
    def problem(self) -> str | None:
        """What is broken in it; being stopped in the middle of a packet is not."""
        return None if self._stop is not None and self._stop.stopped else self.source.problem

    def __iter__(self) -> Iterator[Captured]:
        return iter(self.source)


@contextmanager
def opened(
    file: str | None, interface: str | None, ports: Sequence[int], *, watched: bool
) -> Iterator[Input]:
    """What is read: *file*, `-` for standard input, or *interface* by tcpdump; with a bar where *watched*.

    Raises:
        ClickException: it cannot be opened; tcpdump is missing, or failed.
    """
    if interface is not None:
        with _tcpdump(interface, ports) as raw, _until_stopped(raw) as stop:
            source = Input(io.BufferedReader(stop, _BUFFER), interface, ports, stop=stop)
            if source.empty and not stop.stopped:
                raise click.ClickException(f"tcpdump on {printable(interface)} gave nothing")
            yield source
    elif file == "-":
        yield from _standard_input(ports)
    else:
        assert file is not None
        with _file(file) as raw_file, ExitStack() as shown:
            size = os.fstat(raw_file.fileno()).st_size
            told: io.RawIOBase = raw_file
            if watched and size:
                told = _Told(raw_file, size, shown.enter_context(progress("reading")))
            # What has no size is a pipe with a name, or a shell's <(...): more of it may come.
            source = Input(io.BufferedReader(told, _BUFFER), file, ports, stored=size > 0)
            source.read = shown.close
            yield source


def _file(path: str) -> io.FileIO:
    try:
        return Path(path).open("rb", buffering=0)
    except OSError as error:
        raise click.ClickException(f"{printable(path)} cannot be read: {error.strerror}") from None


def _standard_input(ports: Sequence[int]) -> Iterator[Input]:
    raw = sys.stdin.buffer
    try:
        raw.fileno()
    except OSError:  # it is no file of the system
        yield Input(raw, "standard input", ports)
        return
    with _until_stopped(raw) as stop:
        yield Input(io.BufferedReader(stop, _BUFFER), "standard input", ports, stop=stop)


@contextmanager
def _until_stopped(raw: BinaryIO) -> Iterator[Stoppable]:
    """*raw*, which Ctrl-C and SIGTERM end."""
    stop = Stoppable(raw)
    before = {number: signal.signal(number, stop.stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Told(io.RawIOBase):
    """A file that says how far it is read."""

    def __init__(self, file: io.RawIOBase, size: int, tell: Tell) -> None:
        self._file, self._size, self._tell = file, size, tell
        self._read = self._said = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        count = self._file.readinto(buffer)
        self._read += count or 0
        if self._read - self._said >= _TELL_EVERY:
            self._said = self._read
            self._tell(min(self._read / self._size, 1.0))
        return count


@contextmanager
def _tcpdump(interface: str, ports: Sequence[int]) -> Iterator[BinaryIO]:
    """What tcpdump sees on *interface*; only it needs the rights to look."""
    program = shutil.which("tcpdump")
    if program is None:
        raise click.ClickException(
            "tcpdump is not installed, and -i needs it: install the package tcpdump, or capture elsewhere and"
            " name the file"
        )
    wanted = " or ".join(f"tcp port {port}" for port in ports)
    command = [program, "-i", interface, "-s", "0", "-U", "-w", "-", wanted]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - a program of the system; no shell reads the words
    assert child.stdout is not None
    click.echo(f"capturing on {printable(interface)}; stop with Ctrl-C", err=True)
    try:
        yield child.stdout  # type: ignore[misc]
    finally:
        child.terminate()
        _, said = child.communicate()
        if child.returncode not in (0, -signal.SIGTERM, -signal.SIGINT):
            why = said.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise click.ClickException(
                f"tcpdump cannot capture on {printable(interface)}: {printable(why[0])}"
            )
