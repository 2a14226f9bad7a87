"""What a server has counted, on the console: at the end, and whenever SIGUSR1 asks for it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import asyncio

    from mbap.server.faults import Faults
    from mbap.server.limits import ServerStatistics

_SAID_FIRST = frozenset({"requests", "accepted", "connections"})


def amount(count: int, name: str) -> str:
    """`1 request`, `2,000 requests`."""
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def as_sentence(when: str, counted: ServerStatistics, faults: Faults | None) -> str:
    """`stopped after 12 requests on 2 connections; answers 11, exceptions 1`: what is 0 is left out."""
    said = f"{when} {amount(counted.requests, 'request')} on {amount(counted.accepted, 'connection')}"
    parts = [
        f"{name.replace('_', ' ')} {count:,}"
        for name, count in asdict(counted).items()
        if count and name not in _SAID_FIRST
    ]
    parts += [f"{kind.replace('_', ' ')} on purpose {count:,}" for kind, count in _made(faults).items()]
    if counted.connections:
        parts.insert(0, f"open {counted.connections:,}")
    return f"{said}; {', '.join(parts)}" if parts else said


def as_json(counted: ServerStatistics, faults: Faults | None) -> str:
    """One object on one line, with every counter."""
    return json.dumps({**asdict(counted), "faults": _made(faults)})


def _made(faults: Faults | None) -> dict[str, int]:
    return {} if faults is None else dict(faults.happened)


@contextmanager
def on_sigusr1(loop: asyncio.AbstractEventLoop, say: Callable[[], None]) -> Iterator[None]:
    """SIGUSR1 calls *say* in *loop* while the block runs; where a system has no such signal, nothing does."""
    number = getattr(signal, "SIGUSR1", None)
    if number is None:
        yield
        return
    before = signal.signal(number, lambda *_: loop.call_soon_threadsafe(say))
    try:
        yield
    finally:
        signal.signal(number, before)


def say(text: str, *, as_data: bool) -> None:
    """Print *text*: data to the standard output, sentences to the standard error."""
    click.echo(text, err=not as_data)
