"""Finding out speed and parity of a line on which others talk: each is tried until frames come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import click

from mbap.cli.tables import many

if TYPE_CHECKING:
    from mbap.transport.endpoint import Endpoint
    from mbap.transport.line import LineSettings

SPEEDS: Final = (9600, 19200, 38400, 115200, 57600, 4800, 2400, 1200)
PARITIES: Final = ("E", "N", "O")
ENOUGH: Final = 3
"""So many right frames and nothing wrong beside them prove it."""
HOPELESS: Final = 600
"""So many bytes without one right frame prove that it is not."""
_EACH: Final = 3.0
_STEP: Final = 0.05


@dataclass(frozen=True, slots=True)
class Trial:
    """What was heard with one setting.

    Attributes:
        frames: right ones. noise: bytes outside of them.
        faults: parity and framing errors that the driver has counted; None where it does not.
    """

    line: LineSettings
    bytes: int = 0
    frames: int = 0
    noise: int = 0
    faults: int | None = None

    @property
    def score(self) -> float:
        """More is better; 0 or less is no fit."""
        return self.frames - self.noise / 8 - (self.faults or 0) if self.frames else -self.noise

    @property
    def proven(self) -> bool:
        """Nothing fits better."""
        return self.frames >= ENOUGH and not self.noise and not self.faults


def candidates(line: LineSettings) -> Iterator[LineSettings]:
    """The settings to try; those of *line* first."""
    yield line
    for speed in SPEEDS:
        for parity in PARITIES:
            candidate = replace(line, baudrate=speed, parity=parity)
            if candidate != line:
                yield candidate


async def guess(endpoint: Endpoint, seconds: float | None) -> None:
    """Print the URL that works; *seconds* bounds the search, which takes over a minute at most without it.

    Raises:
        ClickException: none works; it says what was heard.
        ConnectFailed: the port cannot be opened.
    """
    from mbap.cli.running import signals

    if endpoint.line is None:
        raise ValueError(f"{endpoint.url}: over TCP the server at the other end knows speed and parity")
    async with signals() as stop:
        trials = await _trials(endpoint, time.monotonic() + (seconds or 3600.0), stop)
    best = max(trials, key=lambda trial: trial.score, default=None)
    if best is None or best.score <= 0:
        raise click.ClickException(_nothing(trials))
    click.echo(replace(endpoint, line=best.line).url)
    if best.line.parity != "N" and best.faults is None:
        other = "O" if best.line.parity == "E" else "E"
        click.echo(f"this port does not count parity errors: parity={other} may be right as well", err=True)


async def _trials(endpoint: Endpoint, end: float, stop: asyncio.Event) -> list[Trial]:
    from mbap.errors import ConnectFailed

    assert endpoint.line is not None
    trials: list[Trial] = []
    refusal: ConnectFailed | None = None
    for line in candidates(endpoint.line):
        if stop.is_set() or time.monotonic() >= end or (trials and trials[-1].proven):
            break
        try:
            trials.append(await _try(replace(endpoint, line=line), min(_EACH, end - time.monotonic()), stop))
        except ConnectFailed as error:
            refusal = error
            click.echo(f"{line}: {error.reason}", err=True)
            continue
        click.echo(_said(trials[-1]), err=True)
    if not trials and refusal is not None:
        raise refusal
    return trials


async def _try(endpoint: Endpoint, seconds: float, stop: asyncio.Event) -> Trial:
    """Listen with the settings of *endpoint* until they are proven or hopeless, *seconds* at most."""
    from mbap.cli.sniff import listening
    from mbap.transport.ear import listen
    from mbap.transport.line import LineSettings

    overhearing, frames = listening(endpoint)

    def silent(now: float) -> None:
        overhearing.silent(now, frames.silence() if hasattr(frames, "silence") else [])

    def so_far() -> Trial:
        heard = overhearing.heard
        noise = frames.noise if heard.frames else heard.bytes
        return Trial(endpoint.line or LineSettings(), heard.bytes, heard.frames, noise, ear.faults)

    ear = await listen(endpoint, overhearing.hear, silent)
    try:
        for _ in range(max(int(seconds / _STEP), 1)):
            await asyncio.sleep(_STEP)
            trial = so_far()
            if trial.proven or stop.is_set() or (trial.bytes > HOPELESS and not trial.frames):
                break
    finally:
        await ear.aclose()
    return trial


def _said(trial: Trial) -> str:
    if not trial.bytes:
        return f"{trial.line}: nothing heard"
    faults = f", {many(trial.faults, 'line fault')}" if trial.faults else ""
    return f"{trial.line}: {many(trial.frames, 'frame')} in {many(trial.bytes, 'byte')}{faults}"


def _nothing(trials: list[Trial]) -> str:
    if not any(trial.bytes for trial in trials):
        return (
            "nothing was heard with any setting: nobody talks, or the port is another, or A and B are swapped"
        )
    return (
        "bytes came, but no frames with any setting: another protocol, ascii:// instead of rtu://, or noise"
    )
