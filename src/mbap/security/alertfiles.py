"""The folder in which alerts and what was learned are kept, and wishes to a running process are left."""

from __future__ import annotations

import json
import math
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mbap.records import Record
from mbap.security.alerts import Alert, alert_from
from mbap.security.claiming import lock

VERSION: Final = 1
ALERTS: Final = "alerts.json"
LEARNED: Final = "learned.json"
MOST_WISHES: Final = 2_000
_LARGEST_WISH: Final = 8_192


class Wish(Record):
    """What somebody wants of the process that watches.

    Attributes:
        key: of the alert to accept; empty where it is to learn.
        learn_for: seconds to learn again; 0 where an alert is to be accepted.
        by: who wants it.
    """

    key: str = ""
    learn_for: float = 0.0
    by: str = ""


class AlertFolder:
    """The files in *path*: `alerts.json`, `learned.json`, and `wishes`, a folder of its own.

    One process writes, and any number read or wish; what is read is always whole.

    Raises:
        OSError: it cannot be made, or another process writes there.
    """

    def __init__(self, path: Path, *, for_writing: bool = False) -> None:
        self.path = path
        self._lock = -1
        if for_writing:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._wishes.mkdir(mode=0o700, exist_ok=True)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                lock(self._lock, path)
            except OSError:
                self.close()
                raise

    @property
    def _wishes(self) -> Path:
        return self.path / "wishes"

    def close(self) -> None:
        """Let another process write."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # --- alerts and what was learned ---

    def alerts(self) -> list[Alert]:
        """The alerts that were kept last.

        Raises:
            ValueError: the file is damaged, or of another version.
        """
        return [alert_from(one) for one in self._read(ALERTS).get("alerts", ())]

    def learned(self) -> dict[str, Any]:
        """What was learned, as it was kept last; raises like `alerts`."""
        return self._read(LEARNED)

    def write(self, name: str, document: Mapping[str, object]) -> None:
        """Keep *document* as `ALERTS` or `LEARNED`.

        Raises:
            OSError: the disk does not take it; what was kept before is still there.
        """
        write_whole(self.path / name, {"version": VERSION, **document})

    # --- wishes ---

    def wish(self, wish: Wish) -> None:
        """Leave *wish* for the process that writes here, or will.

        Raises:
            OSError: the folder is not there, or may not be written.
        """
        if not self.path.is_dir():
            raise OSError(f"{self.path} is not a folder in which alerts are kept")
        self._wishes.mkdir(exist_ok=True)
        document = {name: getattr(wish, name) for name in Wish.__match_args__}
        write_whole(self._wishes / f"{uuid.uuid4().hex}.json", document)

    def wishes(self) -> list[Wish]:
        """Those that nobody has fulfilled yet."""
        return [wish for _, wish in self._each_wish() if wish is not None]

    def take_wishes(self) -> list[Wish]:
        """The same, and they are gone then."""
        taken = []
        for path, wish in self._each_wish():
            path.unlink(missing_ok=True)
            if wish is not None:
                taken.append(wish)
        return taken

    def _each_wish(self) -> Iterator[tuple[Path, Wish | None]]:
        for path in sorted(self._wishes.glob("*.json"))[:MOST_WISHES]:
            yield path, _wish_in(path)

    # --- files ---

    def _read(self, name: str) -> dict[str, Any]:
        path = self.path / name
        try:
            document = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path} is damaged: {error}; move it away to begin anew") from None
        if not isinstance(document, dict) or document.get("version") != VERSION:
            raise ValueError(f"{path} is of another version than {VERSION}: move it away to begin anew")
        return document


def _wish_in(path: Path) -> Wish | None:
    try:
        with path.open(encoding="utf-8") as file:
            document = json.loads(file.read(_LARGEST_WISH))
        seconds = float(document["learn_for"])
        if not 0 <= seconds < math.inf:
            return None
        return Wish(str(document["key"]), seconds, str(document["by"])[:100])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_whole(path: Path, document: Mapping[str, object]) -> None:
    """Write *document* so that there is either all of it or what was there before."""
    partial = path.with_name(f"{path.name}.part")
    try:
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(json.dumps(document))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
