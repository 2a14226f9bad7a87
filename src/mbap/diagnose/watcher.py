"""Asks for what is watched, round after round, politely: one request at a time, and none after a silence."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from mbap.diagnose.watching import Block, Row, blocks_of
from mbap.errors import (
    ConnectionLost,
    ExceptionResponse,
    IllegalDataAddress,
    ModbusError,
    NotAsked,
    ProtocolError,
    ResponseTimeout,
)
from mbap.protocol.pdu import Request

R = TypeVar("R")

REPLANNED = 60
"""After so many rounds it is tried again to read together what was refused together."""
MOST_REFUSED = 16
"""After so many refusals in a round, what was refused before or lay beside it has its turn in a later one."""


class Asked(Protocol):
    """What carries out requests: an `AsyncClient`."""

    async def execute(self, request: Request[R], *, deadline: float | None = None) -> R:
        """Carry out *request*."""
        raise NotImplementedError


@dataclass(slots=True)
class Watcher:
    """Reads rows again and again.

    Attributes:
        rows: what is watched.
        error: what the last round met first; None where everything came.
        rounds, requests, failures: so many were carried out, sent, and without an answer of use.
        latency: seconds of the slowest answer of the last round.
    """

    device: Asked
    rows: Sequence[Row]
    deadline: float | None = None
    clock: Callable[[], float] = time.monotonic
    error: ModbusError | None = None
    rounds: int = 0
    requests: int = 0
    failures: int = 0
    latency: float | None = None
    _blocks: list[Block] = field(default_factory=list)
    _slowest: float | None = None
    _suspects: set[Block] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.plan()

    def plan(self) -> None:
        """Plan the reads anew: the type of a row has changed."""
        self._blocks = blocks_of(self.rows)
        self._suspects.clear()

    async def round(self) -> None:
        """Ask once for everything; when nobody answers, the rest is not tried."""
        if self.rounds % REPLANNED == 0 and len(self._suspects) <= MOST_REFUSED:
            self.plan()
        asked, self._slowest = self._blocks, None
        done, first = await self._ask_all(list(reversed(asked)))
        if self._blocks is asked:  # nobody planned anew meanwhile
            self._blocks = done
        self.error, self.latency = first, self._slowest  # until then those of the last round are shown
        self.rounds += 1

    async def _ask_all(self, waiting: list[Block]) -> tuple[list[Block], ModbusError | None]:
        """The blocks as they could be read, and the first error; the last of *waiting* comes first."""
        done: list[Block] = []
        later: list[Block] = []
        first: ModbusError | None = None
        refused = 0
        while waiting:
            block = waiting.pop()
            if refused >= MOST_REFUSED and block in self._suspects:
                later.append(block)
                _not_brought(block, IllegalDataAddress())
                continue
            error = await self._ask(block)
            refused += isinstance(error, IllegalDataAddress)
            if parts := self._suspected(block, error):
                waiting += reversed(parts)
                continue
            done.append(block)
            if error is not None:
                first = first or error
                self._missed(block, error)
            if isinstance(error, ConnectionLost | ResponseTimeout):
                for one in reversed(waiting):
                    _not_brought(one, error)
                return [*later, *done, *reversed(waiting)], first
        return [*later, *done], first

    def _suspected(self, block: Block, error: ModbusError | None) -> Sequence[Block]:
        """What is asked instead of *block*, where some of its addresses were refused; remembers those."""
        self._suspects.discard(block)
        if not isinstance(error, IllegalDataAddress):
            return ()
        parts = block.halves() if len(block.rows) > 1 else ()
        self._suspects.update(parts or (block,))
        return parts

    async def _ask(self, block: Block) -> ModbusError | None:
        self.requests += 1
        start = self.clock()
        try:
            answer: Any = await self.device.execute(block.request, deadline=self.deadline)
        except ModbusError as error:
            return error
        now = self.clock()
        self._slowest = max(self._slowest or 0.0, now - start)
        block.take(answer, now, now - start)
        return None

    def _missed(self, block: Block, error: ModbusError) -> None:
        self.failures += 1
        _not_brought(block, error)


def _not_brought(block: Block, error: ModbusError) -> None:
    for row in block.rows:
        row.miss(short(error))


def short(error: ModbusError) -> str:
    """*error* in a word or two, for a column of a table."""
    if isinstance(error, ExceptionResponse):
        return f"exc {error.code:02X}"
    kinds: list[tuple[type[ModbusError], str]] = [
        (NotAsked, "offline"),
        (ResponseTimeout, "silent"),
        (ConnectionLost, "offline"),
        (ProtocolError, "nonsense"),
    ]
    return next((word for kind, word in kinds if isinstance(error, kind)), "failed")
