"""A survey of a unit's tables: what its walks want to know is asked, and what comes is understood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from mbap.client.dialogue import Dialogue
from mbap.diagnose.scan.walk import Walk
from mbap.errors import (
    Acknowledge,
    ConnectFailed,
    ConnectionLost,
    ExceptionResponse,
    GatewayPathUnavailable,
    GatewayTargetFailedToRespond,
    IllegalFunction,
    ModbusError,
    ProtocolError,
    ResponseTimeout,
    ServerDeviceBusy,
)
from mbap.protocol.pdu import READS, Request

DOUBTS: Final = 4
"""After so many questions in a row that the unit did not answer it is asked whether it is still there."""
AGAIN: Final = 3
"""So often in a row the same is asked when the answer does not fit, or there is no connection any more."""
_NOBODY = (GatewayPathUnavailable, GatewayTargetFailedToRespond)
_BUSY = (Acknowledge, ServerDeviceBusy)
_NO_ANSWER = (ResponseTimeout, ConnectionLost, *_NOBODY)


class Survey:
    """Walks through tables of one unit, in the order in which something is likely to be found.

    Attributes:
        walks: one a table.
        absent: the tables that the unit does not have.
        requests: how many were made; those whose answers were known from before count, too.
        most: end after so many; None: never.
        present: whether the unit itself has answered.
        tell: called after each answer.
    """

    def __init__(self, walks: Sequence[Walk], most: int | None = None) -> None:
        self.walks = list(walks)
        self.absent: list[Walk] = []
        self.requests = 0
        self.most = most
        self.present = False
        self.tell: Callable[[Survey], None] = lambda _survey: None
        self._share = 0.0
        self._good: Request[Any] | None = None
        self._again = 0
        self._silences = 0
        self._doubt_of: ModbusError | None = None
        self._doubted: list[tuple[Walk, int]] = []

    @property
    def ahead(self) -> int:
        """About how many requests are to come."""
        wanted = sum(walk.ahead for walk in self.walks)
        return wanted if self.most is None else min(wanted, max(self.most - self.requests, 0))

    @property
    def share(self) -> float:
        """The share of the requests that is done, 0 to 1; it never falls."""
        share = self.requests / max(self.requests + self.ahead, 1)
        self._share = max(self._share, share if self._next() else 1.0)
        return self._share

    @property
    def largest_read(self) -> int | None:
        """How many registers the unit gives at once, where that is less than the standard allows."""
        return min(
            (walk.limit for walk in self.walks if walk.limit and not walk.table.holds_bits), default=None
        )

    def dialogue(self) -> Dialogue[None]:
        """Ask until all is known, or *most* requests were made.

        What was known before an error stays known; what was silent just before it counts as unknown.

        Raises:
            ModbusError: the unit is not there, or not any more.
        """
        try:
            while (walk := self._next()) is not None and not self._used_up:
                yield from self._step(walk)
                self.tell(self)
            if self._doubt_of is not None:
                yield from self._still_there(self._doubt_of)
        finally:
            for walk, address in self._doubted:
                walk.refused.pop(address, None)

    @property
    def _used_up(self) -> bool:
        return self.most is not None and self.requests >= self.most

    def _next(self) -> Walk | None:
        """Whose question is the most promising."""
        asking = [(question.rank, at) for at, walk in enumerate(self.walks) if (question := walk.next())]
        return self.walks[min(asking)[1]] if asking else None

    def _step(self, walk: Walk) -> Dialogue[None]:
        question = walk.next()
        assert question is not None
        kind: Any = READS[walk.table]
        request = kind(question.address, question.count)
        try:
            self.requests += 1
            values = yield request
        except ModbusError as error:
            yield from self._not_read(walk, request, error)
        else:
            self._answered()
            self._good = request
            walk.read(values)

    def _answered(self) -> None:
        self.present = True
        self._again = self._silences = 0
        self._doubt_of = None
        self._doubted.clear()

    def _not_read(self, walk: Walk, request: Request[Any], error: ModbusError) -> Dialogue[None]:
        if self._worth_another(error):
            self._again += 1
        elif isinstance(error, _NO_ANSWER) and not isinstance(error, ConnectFailed):
            yield from self._doubt(walk, error)
        elif isinstance(error, ExceptionResponse) and not isinstance(error, (*_NOBODY, *_BUSY)):
            self._answered()
            self._good = self._good or request
            self._refused(walk, error)
        else:
            raise error

    def _worth_another(self, error: ModbusError) -> bool:
        """Whether to ask the same again: what happens at one address alone happens twice there."""
        if isinstance(error, ConnectFailed):
            return self.present and self._again < AGAIN - 1
        if isinstance(error, ConnectionLost):
            return self._again == 0
        return isinstance(error, ProtocolError) and self._again < AGAIN - 1

    def _refused(self, walk: Walk, refusal: ExceptionResponse) -> None:
        if isinstance(refusal, IllegalFunction) and not walk.values and not walk.refused:
            walk.absent()
            self.absent.append(walk)
        else:
            walk.refuse(refusal.code)

    def _doubt(self, walk: Walk, error: ModbusError) -> Dialogue[None]:
        """Nobody answered: is that so at these addresses alone?"""
        question = walk.next()
        assert question is not None
        self._again = 0
        self._silences += 1
        self._doubt_of = self._doubt_of or error
        doubtful = self._silences < DOUBTS
        if not doubtful:
            yield from self._still_there(self._doubt_of)
        walk.refuse(error.code if isinstance(error, ExceptionResponse) else 0)
        if doubtful:
            addresses = range(question.address, question.address + question.count)
            self._doubted += [(walk, address) for address in addresses if address in walk.refused]

    def _still_there(self, error: ModbusError) -> Dialogue[None]:
        """Ask once more for what was answered before.

        Raises:
            ModbusError: it is not answered any more either, or nothing ever was.
        """
        if self._good is None:
            raise error
        self.requests += 1
        try:
            yield self._good
        except ExceptionResponse as refusal:
            if isinstance(refusal, (*_NOBODY, *_BUSY)):
                raise
        self._answered()
