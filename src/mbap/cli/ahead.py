"""What a command is at, on a line of its own below what it has printed, while somebody is looking."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import Self

UNSEEN = 1.0
"""Seconds after which there is something to see."""
_BAR = 20


class Ahead:
    """A bar on standard error with what comes next, from the first second on; none where that is no terminal.

    `tell` says how far it has come, `hide` takes the bar away, so that something can be printed.
    """

    def __init__(self, unseen: float = UNSEEN) -> None:
        self._seen_from = time.monotonic() + unseen
        self._looking = sys.stderr.isatty()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._text = ""
        self._shown = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hide()

    def tell(self, share: float, what: str) -> None:
        """So much is done, 0 to 1, and this is next."""
        if not self._looking:
            return
        full = round(share * _BAR)
        self._text = f"[{'#' * full}{'.' * (_BAR - full)}] {share:4.0%}  {what}"
        left = self._seen_from - time.monotonic()
        if left <= 0:
            self._show()
        elif self._timer is None:
            self._timer = threading.Timer(left, self._show)
            self._timer.daemon = True
            self._timer.start()

    def hide(self) -> None:
        """Take the bar away."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._write("")

    def _show(self) -> None:
        with self._lock:
            self._timer = None
            self._write(self._text[: shutil.get_terminal_size().columns - 1])

    def _write(self, text: str) -> None:
        if text or self._shown:
            ends = "" if text else "\r"
            print(f"\r{text.ljust(self._shown)}{ends}", end="", file=sys.stderr, flush=True)
        self._shown = len(text)
