"""Saying a few bytes over a connection of its own, and listening to whatever comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from mbap.diagnose.doctor.asking import Clock, Sleep
from mbap.errors import ConnectFailed
from mbap.transport import opening

MOST_BYTES = 4096
QUIET = 0.15
"""After so many seconds without another byte, what came is complete."""


class Patience(NamedTuple):
    """Seconds to wait for the first byte, and for another one after it."""

    first: float
    between: float


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back.

    Attributes:
        data: the bytes, 4,096 at most.
        seconds: until the first of them; None where there were none.
        ended: the other side closed the connection, before or after.
        failed: there was no connection at all, and why.
    """

    data: bytes = b""
    seconds: float | None = None
    ended: bool = False
    failed: ConnectFailed | None = None


def say(
    make: Callable[[], opening.Wire],
    *words: bytes,
    patience: float,
    rest: float = 0.0,
    quiet: float = QUIET,
    clock: Clock = time.perf_counter,
    sleep: Sleep = time.sleep,
) -> list[Heard]:
    """Connect by *make*, and wait *patience* seconds after each of *words* for the first byte of an answer.

    An answer is complete after *quiet* seconds without another byte. Between it and the next words are *rest*
    seconds. Nothing more is said after a silence, or the end
    of the connection. Without a connection there is one `Heard` that tells why.
    """
    try:
        wire = make()
    except ConnectFailed as error:
        return [Heard(failed=error)]
    heard: list[Heard] = []
    try:
        for sentence in words:
            if heard:
                sleep(rest)
            heard.append(_listen(wire, sentence, Patience(patience, quiet), clock))
            if heard[-1].ended or not heard[-1].data:
                break
    finally:
        wire.close()
    return heard


def _listen(wire: opening.Wire, words: bytes, patience: Patience, clock: Clock) -> Heard:
    data, seconds, ended = b"", None, False
    began = clock()
    try:
        if words:
            wire.send(words)
        while len(data) < MOST_BYTES:
            wait = patience.between if data else began + patience.first - clock()
            if wait <= 0:
                break
            wire.settimeout(wait)
            more = wire.recv(MOST_BYTES)
            if not more:
                ended = True
                break
            seconds = clock() - began if seconds is None else seconds
            data += more
    except (TimeoutError, BlockingIOError):
        pass
    except OSError:
        ended = True
    return Heard(data, seconds, ended)
