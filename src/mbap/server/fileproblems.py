"""What is wrong with a device file: gathered while it is read, so that all of it is reported at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mbap.durations import parse_duration
from mbap.filefaults import Fault, FileFaults, KeyLines, shown, suggestion
from mbap.values import Encoding

__all__ = ["Problems", "shown"]


class Problems:
    """Gathers problems, each with its line and the path of keys; what is wrong reads as its default.

    Attributes:
        found: the problems so far.
    """

    def __init__(self, file: str, lines: KeyLines) -> None:
        self.found: list[Fault] = []
        self._file = file
        self._lines = lines

    def add(self, path: str, sentence: str) -> None:
        """*sentence* is wrong with what is at *path*."""
        line = self._lines.line(tuple(path.split("."))) if path else 0
        self.found.append(Fault(self._file, line, path, sentence))

    def end(self) -> None:
        """Everything was looked at.

        Raises:
            FileFaults: there are problems; all of them, in the order of their lines.
        """
        if self.found:
            raise FileFaults(sorted(self.found, key=lambda fault: fault.line))

    def unknown_keys(self, table: Mapping[str, Any], path: str, known: Iterable[str]) -> None:
        """Report every key that is not *known*, with the nearest that is."""
        names = list(known)
        for key in table:
            if key not in names:
                self.add(_join(path, key), f"unknown key{suggestion(key, names, len(names))}")

    def table(self, parent: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
        """The table at *key*; empty where there is none."""
        value = parent.get(key, {})
        if isinstance(value, Mapping):
            return value
        self.add(_join(path, key), f"is a table, not {shown(value)}")
        return {}

    def text(self, parent: Mapping[str, Any], key: str, path: str, default: str) -> str:
        """The text at *key*."""
        value = parent.get(key, default)
        if isinstance(value, str):
            return value
        self.add(_join(path, key), f"is text in quotes, not {shown(value)}")
        return default

    def choice(
        self, parent: Mapping[str, Any], key: str, path: str, known: Iterable[str], default: str
    ) -> str:
        """The text at *key*, one of *known*."""
        value, names = self.text(parent, key, path, default), list(known)
        if value in names:
            return value
        self.add(_join(path, key), f'"{value}" cannot be{suggestion(value, names, len(names))}')
        return default

    def number(self, parent: Mapping[str, Any], key: str, path: str, default: float) -> float:
        """The number at *key*."""
        value = parent.get(key, default)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf"):
            return float(value)
        self.add(_join(path, key), f"is a number, not {shown(value)}")
        return default

    def whole(self, parent: Mapping[str, Any], key: str, path: str, default: int) -> int:
        """The whole number at *key*."""
        value = parent.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        self.add(_join(path, key), f"is a whole number, not {shown(value)}")
        return default

    def duration(self, parent: Mapping[str, Any], key: str, path: str, default: float) -> float:
        """The seconds of the duration at *key*."""
        if key not in parent:
            return default
        value = parent[key]
        try:
            if isinstance(value, str):
                return parse_duration(value)
            self.add(_join(path, key), f'is a duration with its unit, such as "2s", not {shown(value)}')
        except ValueError as error:
            self.add(_join(path, key), str(error))
        return default

    def octets(self, parent: Mapping[str, Any], key: str, path: str, default: bytes) -> bytes:
        """The bytes that stand in hexadecimal at *key*."""
        if key not in parent:
            return default
        try:
            return bytes.fromhex(self.text(parent, key, path, ""))
        except ValueError:
            self.add(_join(path, key), f'is hexadecimal such as "0d0a", not {shown(parent[key])}')
            return default

    def word_order(self, parent: Mapping[str, Any], path: str, default: str) -> str:
        """The order of bytes and registers at `word_order`."""
        value = self.text(parent, "word_order", path, default)
        try:
            Encoding("uint32", value)
        except ValueError as error:
            self.add(_join(path, "word_order"), str(error))
            return default
        return value


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
