"""What commands print, kept as files: at 80 and at 120 columns, with what varies masked in an explicit way.

A wanted change: run the tests with MBAP_UPDATE_SNAPSHOTS=1, look at the diff, commit the files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from support.commandline import CommandLine, Outcome

SNAPSHOTS = Path(__file__).parents[1] / "cli" / "snapshots"
WIDTHS = (80, 120)
ESCAPE = "\x1b"

Mask = tuple[str, str]
"""A regular expression, and what stands in the snapshot instead of what it matches."""

PORT: Mask = (r"(?<=127\.0\.0\.1:)\d+\b", "PPPPP")
"""As long as the port that a system hands out, so that lines are broken at the same place."""
DURATION: Mask = (r"\b\d+(\.\d+)? ?(us|ms|s)\b", "N \\2")
CLOCK: Mask = (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "YYYY-MM-DDThh:mm:ssZ")


class Console:
    """Calls commands as a console of a certain width would, and compares what comes with a snapshot."""

    def __init__(self, run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
        self._run = run
        self._monkeypatch = monkeypatch

    def at(self, width: int, *arguments: str, given: bytes = b"") -> Outcome:
        """What the command prints where a line has room for *width* characters."""
        self._monkeypatch.setenv("COLUMNS", str(width))
        return self._run(*arguments, given=given)

    def same(
        self,
        name: str,
        width: int,
        *arguments: str,
        masks: Sequence[Mask] = (),
        given: bytes = b"",
        data: bool = False,
    ) -> Outcome:
        """Run the command and compare both its streams and its exit code with the snapshot *name*.

        *data*: standard output is for programs, so that its lines may be of any length. What is on standard
        error may always be: a sentence there is one line, for logs.
        """
        done = self.at(width, *arguments, given=given)
        compare(
            name, width, transcript(arguments, done, masks), fits=None if data else masked(done.out, masks)
        )
        return done


def transcript(arguments: Sequence[str], done: Outcome, masks: Sequence[Mask] = ()) -> str:
    """The command and what it printed, as a snapshot keeps it."""
    command = " ".join(["mbap", *(f"'{one}'" if " " in one or not one else one for one in arguments)])
    parts = [f"$ {command}\n{done.out}"]
    if done.err:
        parts.append(f"--- standard error\n{done.err}")
    if done.code:
        parts.append(f"--- exit code {done.code}\n")
    return masked("".join(part if part.endswith("\n") else part + "\n" for part in parts), masks)


def masked(text: str, masks: Sequence[Mask]) -> str:
    """*text* with what varies from run to run replaced."""
    for pattern, instead in masks:
        text = re.sub(pattern, instead, text)
    return text


def compare(name: str, width: int, found: str, *, fits: str | None = None) -> None:
    """Fail unless *found* is the snapshot *name*, no line ends in a space, and those of *fits* have room."""
    kept = SNAPSHOTS / f"{name}-{width}.txt"
    if os.environ.get("MBAP_UPDATE_SNAPSHOTS") == "1":
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(found, encoding="utf-8", newline="\n")
    assert found == (kept.read_text(encoding="utf-8") if kept.exists() else "no snapshot yet")
    assert ESCAPE not in found
    assert [line for line in found.splitlines() if line != line.rstrip()] == []
    assert [line for line in (fits or "").splitlines() if len(line) > width] == []
