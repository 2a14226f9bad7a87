"""Whether an audit trail is whole: every line of its files, and what its writer noted of its end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from mbap.records import Record
from mbap.security.auditfile import files_of, lines_of, read_head
from mbap.security.chain import Checker, Link, link_of

_OLDER: Final = re.compile(r".*\.(\d{12})(\.[^.]*)?")


class Verified(Record):
    """What came of looking at a trail.

    Attributes:
        lines: those that are right, from the first on.
        first, last: their ends; None where there is no right line.
        file, line: where the first fault is; the line is counted from 1. Empty and 0 where there is none.
        fault: what it is, in a sentence; empty where there is none.
        vouched: the writer's note of the end was there, and fits.
    """

    lines: int
    first: Link | None
    last: Link | None
    file: str = ""
    line: int = 0
    fault: str = ""
    vouched: bool = False


def verify(path: Path, key: bytes = b"") -> Verified:
    """Look at the trail at *path*: its older files, itself, and the note of where it ends.

    Raises:
        OSError: it cannot be read.
    """
    head = read_head(path)  # before the lines, of which there may be more in a moment
    files = files_of(path)
    if head is None and not files:
        raise FileNotFoundError(f"there is no audit trail {path}")
    return verify_files(files, key, head)


def verify_files(files: Sequence[Path], key: bytes = b"", head: Link | None = None) -> Verified:
    """Look at *files* one after the other; *head* is where the trail must reach at least.

    Raises:
        OSError: one cannot be read.
    """
    checker, lines, at_head = Checker(key), 0, None
    for path in files:
        for number, line in enumerate(_lines_of(path), 1):
            if reason := _fault(checker, line) or (_wrong_begin(path, line, lines) if number == 1 else ""):
                return Verified(lines, checker.first, checker.last, str(path), number, reason)
            lines += 1
            if head is not None and checker.last is not None and checker.last.number == head.number:
                at_head = checker.last.digest
    verified = Verified(lines, checker.first, checker.last)
    return verified if head is None else _against(verified, files, head, at_head)


def _lines_of(path: Path) -> Iterator[bytes]:
    """Its lines; one that is cut off where there is none: no file of a trail is empty when it is complete."""
    lines = lines_of(path)
    return lines if path.stat().st_size or not _OLDER.fullmatch(path.name) else iter((b"\0",))


def _wrong_begin(path: Path, line: bytes, before: int) -> str:
    """What is wrong with *line* as the first of its file, with so many lines *before* in others.

    The name of an older file says its number. The newest begins with what the trail says of itself, but for a
    full disk.
    """
    link, older = link_of(line), _OLDER.fullmatch(path.name)
    if older and link is not None and link.number != int(older[1]):
        return f"the file should begin with line {int(older[1])}, and begins with {link.number}"
    if not older and not before and link is not None and link.number > 1 and b'"event":"audit"' not in line:
        return f"the file begins with line {link.number}, in the middle: lines before it were removed"
    return ""


def _fault(checker: Checker, line: bytes) -> str:
    return "it is cut off" if line.endswith(b"\0") else checker.wrong(line)


def _against(verified: Verified, files: Sequence[Path], head: Link, at_head: str | None) -> Verified:
    last = 0 if verified.last is None else verified.last.number
    if at_head == head.digest:
        return Verified(verified.lines, verified.first, verified.last, vouched=True)
    where = str(files[-1]) if files else ""
    if last < head.number:
        reason = f"lines {last + 1} to {head.number} are missing at the end"
    else:
        reason = f"line {head.number} of the trail is another one than its writer noted"
    return Verified(verified.lines, verified.first, verified.last, where, verified.lines + 1, reason)
