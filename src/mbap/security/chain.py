"""Lines that vouch for each other: each has the digest of the line before, and one of itself."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from mbap.records import Record

NOTHING: Final = "0" * 64
"""What the first line of all has for the digest of the line before."""
_TAIL: Final = re.compile(rb'(.*),"hash":"([0-9a-f]{64})"\}', re.DOTALL)
_UNTAGGED: Final = b"mbap audit trail"


class Link(NamedTuple):
    """The place of a line: its number, from 1, and its digest."""

    number: int
    digest: str


MOST_LINES: Final = 10**12 - 1
"""The highest number of a line: names of files have room for twelve digits."""
START: Final = Link(0, NOTHING)


class Fault(Record):
    """The first thing that is wrong with a chain.

    Attributes:
        line: in which line, from 1; one after the last where lines are missing at the end.
        reason: what, in a sentence.
    """

    line: int
    reason: str


def forge(before: Link, fields: Mapping[str, object], key: bytes = b"") -> tuple[bytes, Link]:
    """The line with *fields* that follows *before*, without a line end, and its link.

    Nothing in it is a control character, whatever *fields* hold: they are escaped, with all beyond ASCII.
    """
    number = before.number + 1
    text = json.dumps({"n": number, "prev": before.digest, **fields}, separators=(",", ":"), default=str)
    head = text[:-1].replace("\x7f", "\\u007f").encode("ascii")
    digest = _digest(head, key)
    return head + f',"hash":"{digest}"}}'.encode("ascii"), Link(number, digest)


def link_of(line: bytes) -> Link | None:
    """What *line* says of itself, unverified; None where it is no line of a chain."""
    parts = _TAIL.fullmatch(line)
    fields = _fields(line)
    if parts is None or fields is None or not isinstance(number := fields.get("n"), int):
        return None
    if not 1 <= number <= MOST_LINES:
        return None
    return Link(number, parts[2].decode("ascii"))


class Checker:
    """Checks line after line, over as many files as there are.

    Attributes:
        first, last: the places of the first and the last line that was right; None before there is one.
    """

    def __init__(self, key: bytes = b"") -> None:
        self._key = key
        self.first: Link | None = None
        self.last: Link | None = None

    def wrong(self, line: bytes) -> str:
        """What is wrong with *line* where it stands, in a sentence; empty where nothing is."""
        link = link_of(line)
        if link is None:
            return "it is not a line of an audit trail"
        parts = _TAIL.fullmatch(line)
        assert parts is not None  # or it would have no link
        if not hmac.compare_digest(_digest(parts[1], self._key), link.digest):
            return "it was changed: its digest is another" + (
                "" if self._key else " (or it was made with a key)"
            )
        if reason := self._misplaced(link, line):
            return reason
        self.first = self.first or link
        self.last = link
        return ""

    def _misplaced(self, link: Link, line: bytes) -> str:
        previous = (_fields(line) or {}).get("prev")
        before = self.last
        if before is None:
            if link.number == 1 and previous != NOTHING:
                return "it says to be the first of all, and names one before"
            return ""
        if link.number != before.number + 1:
            return _gap(before.number, link.number)
        return "" if previous == before.digest else "it does not follow the line before: that is another one"


def check(lines: Iterable[bytes], key: bytes = b"") -> Fault | None:
    """The first fault in *lines*; None where each vouches for the one before."""
    checker = Checker(key)
    for at, line in enumerate(lines, 1):
        if reason := checker.wrong(line):
            return Fault(at, reason)
    return None


def _gap(before: int, number: int) -> str:
    if number > before + 1:
        return f"lines {before + 1} to {number - 1} are missing before it"
    return f"its number is {number} after {before}: lines were put in, repeated or moved"


def _digest(head: bytes, key: bytes) -> str:
    return hmac.new(key or _UNTAGGED, head, "sha256").hexdigest()


def _fields(line: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
