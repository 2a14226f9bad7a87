"""Whether an audit trail is whole: every line of its files, and what its writer noted of its end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mbap.records import Record
from mbap.security.auditfile import files_of, lines_of, read_head
from mbap.security.chain import Checker, Link


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
        for number, line in enumerate(lines_of(path), 1):
            if reason := _fault(checker, line):
                return Verified(lines, checker.first, checker.last, str(path), number, reason)
            lines += 1
            if head is not None and checker.last is not None and checker.last.number == head.number:
                at_head = checker.last.digest
    verified = Verified(lines, checker.first, checker.last)
    return verified if head is None else _against(verified, files, head, at_head)


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
