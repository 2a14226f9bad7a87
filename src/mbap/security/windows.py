"""Opening a maintenance window of a running guard: a wish in its folder, which it takes up within seconds."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mbap.records import Record
from mbap.security.alertfiles import write_whole

MOST: Final = 100
_LARGEST: Final = 4_096


class WindowWish(Record):
    """What somebody wants of a window.

    Attributes:
        window: its name in the policy.
        seconds: for how long it is to be open; 0 closes it.
        by: who wants it, for the trail.
    """

    window: str
    seconds: float = 0.0
    by: str = ""


def wish_window(folder: Path, wish: WindowWish) -> None:
    """Leave *wish* in *folder* for the guard that keeps its alerts there.

    Raises:
        OSError: the folder is not there, or may not be written.
    """
    if not folder.is_dir():
        raise OSError(f"{folder} is not a folder in which a guard keeps its alerts")
    place = folder / "windows"
    place.mkdir(exist_ok=True, mode=0o700)
    document = {"window": wish.window, "seconds": wish.seconds, "by": wish.by}
    write_whole(place / f"{uuid.uuid4().hex}.json", document)


def take_windows(folder: Path) -> list[WindowWish]:
    """The wishes in *folder*, the oldest first, which are gone then; what cannot be read is removed."""
    return list(_taken(folder / "windows"))


def _taken(place: Path) -> Iterator[WindowWish]:
    try:
        found = sorted(place.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)[:MOST]
    except OSError:
        return
    for path in found:
        wish = _wish_in(path)
        path.unlink(missing_ok=True)
        if wish is not None:
            yield wish


def _wish_in(path: Path) -> WindowWish | None:
    try:
        if path.stat().st_size > _LARGEST:
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
        return WindowWish(str(found["window"]), float(found["seconds"]), str(found.get("by", "")))
    except (OSError, ValueError, TypeError, KeyError):
        return None
