"""Brings documents to the disk in a thread of its own: whoever hands requests on must not wait for a disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

Document = Mapping[str, object]


class Saver:
    """Calls *write* with each name and document; of one that is handed in again meanwhile only the newest.

    Attributes:
        failures: how often it was in vain.
    """

    def __init__(self, write: Callable[[str, Document], None]) -> None:
        self._write = write
        self._changed = threading.Condition()
        self._wanted: dict[str, Document] = {}
        self._busy = self._closing = False
        self.failures = 0
        self._failed: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    def save(self, name: str, document: Document) -> None:
        """Have *document* written as *name*; returns at once."""
        with self._changed:
            self._wanted[name] = document
            self._changed.notify_all()

    def failed(self, name: str) -> bool:
        """Whether the last attempt to write *name* was in vain; asking makes it no longer so."""
        with self._changed:
            was = name in self._failed
            self._failed.discard(name)
            return was

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all is written, or was tried; False when that was not within *timeout* seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._wanted and not self._busy, timeout)

    def close(self) -> None:
        """Write what there is, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(10.0)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._closing)
                if not self._wanted:
                    return
                name = next(iter(self._wanted))
                document = self._wanted.pop(name)
                self._busy = True
            done = self._tried(name, document)
            with self._changed:
                self._busy = False
                if not done:
                    self.failures += 1
                    self._failed.add(name)
                self._changed.notify_all()

    def _tried(self, name: str, document: Document) -> bool:
        try:
            self._write(name, document)
        except OSError:
            return False
        return True
