"""Where the lines of `mbap shell` come from: a prompt with completion and history, or a pipe."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mbap.cli.shellwords import completions

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document

KEPT = 1000
"""Lines of history that are kept."""


class Lines(Protocol):
    """Gives lines, and answers to questions."""

    asks: bool
    """Whether somebody is there who can be asked."""

    def line(self, prompt: str) -> str:
        """The next line; `EOFError` at the end."""
        raise NotImplementedError

    def sure(self, question: str) -> bool:
        """Whether the answer to *question* is yes."""
        raise NotImplementedError


class Piped:
    """Lines of standard input, where nobody sits."""

    asks = False

    def line(self, prompt: str) -> str:
        """The next line; `EOFError` at the end."""
        text = sys.stdin.readline()
        if not text:
            raise EOFError
        return text.rstrip("\r\n")

    def sure(self, question: str) -> bool:
        """No: nobody was asked."""
        return False


class Plain:
    """A prompt without completion, where prompt_toolkit is not installed; the console edits the line."""

    asks = True

    def line(self, prompt: str) -> str:
        """The next line; `EOFError` at the end."""
        return input(prompt)

    def sure(self, question: str) -> bool:
        """Whether the answer to *question* is yes."""
        return _yes(input(question))


class Prompting:
    """A prompt with completion by Tab, history by the arrows, and search by Ctrl-R."""

    asks = True

    def __init__(self, kept: Path | None) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import InMemoryHistory

        self._kept = kept
        history = InMemoryHistory(loaded(kept))
        self._session: PromptSession[str] = PromptSession(
            history=history, completer=completer(), complete_while_typing=False
        )
        self._asking: PromptSession[str] = PromptSession()

    def line(self, prompt: str) -> str:
        """The next line; `EOFError` at the end."""
        text = self._session.prompt(prompt)
        if text.strip():
            keep(self._kept, text)
        return text

    def sure(self, question: str) -> bool:
        """Whether the answer to *question* is yes."""
        return _yes(self._asking.prompt(question))


def lines_for_console() -> Lines:
    """A prompt where standard input is a terminal, as good a one as is installed; else its lines."""
    if not sys.stdin.isatty():
        return Piped()
    try:
        return Prompting(history_file())
    except ImportError:
        return Plain()


def completer() -> Completer:
    """Completes a line as `completions` says."""
    from prompt_toolkit.completion import Completer, Completion

    class Words(Completer):
        def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
            length, words = completions(document.text_before_cursor)
            yield from (Completion(word, -length) for word in words)

    return Words()


def history_file() -> Path | None:
    """Where the history is kept; None where there is no home."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "mbap" / "shell-history"
    return Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "mbap" / "shell-history"


def loaded(kept: Path | None) -> list[str]:
    """The newest `KEPT` lines, the oldest first; none where there is no file. A longer file is cut."""
    if kept is None:
        return []
    try:
        with kept.open(encoding="utf-8", errors="replace") as file:
            newest = deque((line.rstrip("\n") for line in file), maxlen=KEPT)
        if kept.stat().st_size > 2 * sum(len(line.encode()) + 1 for line in newest):
            _write(kept, newest, "w")
    except OSError:
        return []
    return list(newest)


def keep(kept: Path | None, line: str) -> None:
    """Add *line*, for the next session; a history that cannot be written is none, and no error."""
    if kept is None:
        return
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        _write(kept, [line], "a")
    except OSError:
        return


def _write(kept: Path, lines: Iterable[str], mode: str) -> None:
    with open(kept, mode, encoding="utf-8", opener=_private) as file:
        file.writelines(f"{line}\n" for line in lines)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _yes(text: str) -> bool:
    return text.strip().lower() in ("y", "yes")
