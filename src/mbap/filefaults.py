"""Faults of a file that somebody wrote: each with its place, all of them at once."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

Path = tuple[str | int, ...]
"""Where in a file: the keys and list indexes from the top."""

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]")
_ASSIGNMENT = re.compile(rf"\s*({_DOTTED})\s*=")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: in which file and line (0: the whole file), under which keys, and what is wrong."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        file = f"{self.file}:{self.line}" if self.line else self.file
        place = " ".join(part for part in (file, self.path) if part)
        return f"{place}: {self.message}" if place else self.message

    def as_json(self) -> dict[str, object]:
        """The same with names; a line of None is the whole file."""
        return {"file": self.file, "line": self.line or None, "path": self.path, "message": self.message}


class FileFaults(ValueError):
    """A file cannot be used: `faults` are all that is wrong with it, in the order of its lines."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class KeyLines:
    """On which line of a TOML text a key is, found by its path.

    It reads lines, not TOML: what it cannot tell (keys inside of an inline table) is on the line of the
    key around it.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        self._repeated: list[tuple[Path, int, int]] = []
        self._arrays: dict[Path, int] = {}
        table: Path = ()
        for number, line in enumerate(text.splitlines(), start=1):
            if header := _HEADER.match(line):
                table = self._open(_keys(header[2]), number, array=header[1] == "[[")
            elif assignment := _ASSIGNMENT.match(line):
                self._note(table + _keys(assignment[1]), number)

    def line(self, path: Path) -> int:
        """The line of *path*, or of the nearest thing around it; 0 where there is none."""
        for length in range(len(path), 0, -1):
            if number := self._lines.get(_texts(path[:length])):
                return number
        return 0

    def repeated(self) -> list[tuple[Path, int, int]]:
        """What is there twice: (path, the line that repeats it, the line of the first)."""
        return list(self._repeated)

    def _open(self, keys: Path, number: int, *, array: bool) -> Path:
        if not array:
            self._note(keys, number)
            return keys
        index = self._arrays.get(keys, 0)
        self._arrays[keys] = index + 1
        self._lines.setdefault(keys, number)
        self._lines[(*keys, str(index))] = number
        return (*keys, str(index))

    def _note(self, path: Path, number: int) -> None:
        first = self._lines.setdefault(path, number)
        if first != number:
            self._repeated.append((path, number, first))
        for length in range(1, len(path)):
            self._lines.setdefault(path[:length], number)


def _keys(dotted: str) -> Path:
    return tuple(key.strip("\"'") for key in re.findall(_KEY, dotted))


def _texts(path: Path) -> Path:
    return tuple(str(key) for key in path)


def read_text(path: str | FilePath) -> str:
    """The text of the file at *path*.

    Raises:
        FileFaults: it cannot be read, or is not UTF-8.
    """
    try:
        return FilePath(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileFaults([Fault(str(path), 0, "", f"is not UTF-8 text (byte {error.start})")]) from None
    except OSError as error:
        raise FileFaults([Fault(str(path), 0, "", f"cannot be read: {error.strerror or error}")]) from None


def parse_text(text: str, file: str) -> tuple[dict[str, Any], KeyLines]:
    """The document that the TOML *text* is, and its lines; *file* is what faults call it.

    Raises:
        FileFaults: it is not TOML, or has something twice.
    """
    lines = KeyLines(text)
    try:
        return tomllib.loads(text), lines
    except tomllib.TOMLDecodeError as error:
        raise FileFaults(_syntax_faults(error, lines, file)) from None


def _syntax_faults(error: tomllib.TOMLDecodeError, lines: KeyLines, file: str) -> list[Fault]:
    if repeated := lines.repeated():
        twice = {path for path, _, _ in repeated}
        return [
            Fault(file, line, path_text(path), f"is there twice; it is on line {first} already")
            for path, line, first in repeated
            if path[:-1] not in twice
        ]
    at = re.search(r"\s*\(at line (\d+), column (\d+)\)", str(error))
    message = str(error)[: at.start()] if at else str(error)
    column = f" (column {at[2]})" if at else ""
    return [Fault(file, int(at[1]) if at else 0, "", f"is not TOML: {message}{column}")]


def path_text(path: Path) -> str:
    """*path* as one writes it: `points.voltage.states`, `read.forbidden[1]`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")


def suggestion(word: str, known: Iterable[str], listed: int = 12) -> str:
    """The end of a sentence about an unknown *word*: the nearest known one, or what there is."""
    names = list(known)
    if near := nearest(word, names):
        return f'; did you mean "{near}"?'
    shown = ", ".join(names[:listed]) + (", ..." if len(names) > listed else "")
    return f"; known are {shown}" if names else ""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of *known* that was probably meant by *word*."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def shown(value: object) -> str:
    """*value* as TOML writes it, shortened: for a message."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}..."'
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return str(value)
