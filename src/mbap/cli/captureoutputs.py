"""What `mbap capture` makes of exchanges: each output takes one after another, several from one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from mbap.cli.counted import amount
from mbap.cli.newfile import check_new, write_new

if TYPE_CHECKING:
    from mbap.cli.captureinput import Input
    from mbap.diagnose.capture import Captured
    from mbap.diagnose.streams import Streams


class Output(Protocol):
    """Something that is made of exchanges."""

    def take(self, exchange: Captured) -> None:
        """Take the next one."""

    def end(self) -> None:
        """There are no more."""


class FileOutput:
    """A file that is made of what was seen.

    Raises:
        UsageError: the file is there already, or its folder is not.
    """

    def __init__(self, kind: str, path: Path, *, overwrite: bool) -> None:
        check_new(path, overwrite=overwrite)
        self._kind, self._path = kind, path
        self._made = _maker(kind)
        self.take = self._made.take

    def end(self) -> None:
        """Write it, and say so.

        Raises:
            ValueError: it cannot be made of what was seen.
            OSError: it cannot be written.
        """
        write_new(self._path, self._made.text())
        click.echo(f"{self._kind} written to {self._path}", err=True)


class Maker(Protocol):
    """Something that becomes the text of a file."""

    def take(self, exchange: Captured) -> None:
        """Take the next exchange."""

    def text(self) -> str:
        """The file."""


def _maker(kind: str) -> Maker:
    if kind == "device":
        from mbap.diagnose.capturedevice import DeviceFromCapture

        return DeviceFromCapture()
    if kind == "policy":
        return _PolicyMaker()
    from mbap.diagnose.captureprofile import ProfileFromCapture

    return ProfileFromCapture()


class _PolicyMaker:
    """A policy in which whatever was done is allowed; no rule is enabled before somebody has read it."""

    def __init__(self) -> None:
        from mbap.security.learning import Learned

        self._learned = Learned()

    def take(self, exchange: Captured) -> None:
        self._learned.take((exchange,))

    def text(self) -> str:
        from mbap.security.policytext import policy_text

        policy = self._learned.policy()
        if not policy.rules:
            raise ValueError("no request was seen: there is nothing to make rules of")
        return policy_text(policy)


def totals(source: Input, taken: int) -> str:
    """What was read, in a sentence."""
    from mbap.diagnose.capture import Capture

    read = source.source
    unit = "packet" if isinstance(read, Capture) else "line"
    parts = [f"{amount(taken, 'exchange')} in {amount(read.packets, unit)}"]
    if isinstance(read, Capture):
        streams = read.streams
        for count, name, what in (
            (streams.again, "TCP segment", "sent again"),
            (streams.conflicts, "segment", "sent again with other bytes"),
            (streams.lost, "gap", "where packets are missing"),
            (streams.cut, "packet", "captured in part only (tcpdump takes all of them with -s 0)"),
            (
                read.renumbered,
                "answer",
                "with another transaction number than the request that waited for it",
            ),
            (read.foreign, "byte", f"that {'is' if read.foreign == 1 else 'are'} not Modbus"),
        ):
            if count:
                parts.append(f"{amount(count, name)} {what}")
        skipped = ", ".join(f"{count:,} {why}" for why, count in read.segments.skipped.most_common(5))
        if skipped:
            parts.append(f"packets left out: {skipped}")
        parts += _unread(streams)
    return "; ".join(parts)


def _unread(streams: Streams) -> list[str]:
    """What is Modbus too, and was not read."""
    parts = [
        f"{amount(count, 'packet')} of what looks like Modbus on port {port}: -p {port} reads that"
        for port, count in streams.elsewhere.most_common(3)
    ]
    if streams.encrypted:
        parts.append(f"{amount(streams.encrypted, 'packet')} of TLS: what is in them cannot be read here")
    return parts


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say is to be made; of files the kind, `device`, `profile` or `policy`, and where."""

    stats: bool = False
    writes: bool = False
    timeline: bool = False
    files: Sequence[tuple[str, Path]] = ()
    as_csv: bool = False
    as_json: bool = False
    overwrite: bool = False
    slow: float = 1.0

    @property
    def form(self) -> str:
        """How it is printed: `csv`, `json` or `text`."""
        return "csv" if self.as_csv else "json" if self.as_json else "text"

    @property
    def lists(self) -> bool:
        """Whether there is a line for each exchange, or write."""
        reports = self.stats or self.timeline
        return self.writes or not (reports or (self.files and not self.as_csv and not self.as_json))


def outputs(wanted: Wanted) -> list[Output]:
    """Everything that is wanted."""
    from mbap.cli.capturelists import CsvLines, JsonLines, Listing, WriteListing

    made: list[Output] = []
    if wanted.as_csv and wanted.lists:
        made.append(CsvLines(wanted.writes))
    elif wanted.as_json and wanted.lists:
        made.append(JsonLines(wanted.writes))
    elif wanted.lists:
        made.append(WriteListing() if wanted.writes else Listing())
    made += _reports(wanted)
    return made + [FileOutput(kind, path, overwrite=wanted.overwrite) for kind, path in wanted.files]


def _reports(wanted: Wanted) -> list[Output]:
    from mbap.cli.capturereports import StatisticsReport, TimelineReport

    made: list[Output] = []
    if wanted.stats:
        made.append(StatisticsReport(wanted.slow, wanted.form))
    if wanted.timeline:
        made.append(TimelineReport(wanted.form))
    return made
