"""Findings on the console: one a line, and below it what it means and what to do."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mbap.cli.tables import many

if TYPE_CHECKING:
    from mbap.diagnose.doctor.finding import Finding
    from mbap.diagnose.doctor.prescription import Prescription

WIDEST = 120
_COLOURS = {"ok": "green", "note": "cyan", "skipped": None, "warning": "yellow", "fault": "red"}
_INDENT = 23


def show_finding(finding: Finding) -> None:
    """Print *finding*."""
    mark, topic = finding.severity.value, finding.topic
    for index, line in enumerate(_wrapped(finding.seen)):
        head = (
            f"{click.style(mark.ljust(8), fg=_COLOURS[mark])} {topic.ljust(14)}"
            if not index
            else " " * _INDENT
        )
        _echo(head + line)
    for label, text in (("means", finding.means), ("try", finding.advice)):
        for index, line in enumerate(_wrapped(text, 7)):
            _echo(" " * _INDENT + (f"{label}: ".ljust(7) if not index else " " * 7) + line)


def show_prescription(prescription: Prescription | None) -> None:
    """Print what to write down."""
    if prescription is None:
        return
    if prescription.profile:
        _echo("\nfor its profile:\n" + textwrap.indent(prescription.profile, "  "))
    _echo(f"\nthis reads a value:\n  {prescription.command}")


def show_verdict(found: Sequence[Finding]) -> None:
    """Print how it ended, in one line."""
    parts = [_counted(found, "fault"), _counted(found, "warning")]
    _echo("\n" + ("; ".join(part for part in parts if part) or "nothing is wrong"))


def _counted(found: Sequence[Finding], kind: str) -> str:
    """`2 faults: units, values`; empty where there are none."""
    topics = [finding.topic for finding in found if finding.severity.value == kind]
    return f"{many(len(topics), kind)}: {', '.join(dict.fromkeys(topics))}" if topics else ""


def _wrapped(text: str, less: int = 0) -> list[str]:
    width = min(shutil.get_terminal_size().columns, WIDEST) - _INDENT - less
    return textwrap.wrap(text, max(width, 20), break_long_words=False, break_on_hyphens=False)


def _echo(text: str) -> None:
    """Print *text*, in colours only on a terminal, and not with NO_COLOR."""
    click.echo(text, color=False if os.environ.get("NO_COLOR") else None)
