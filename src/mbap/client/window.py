"""How many requests may be on their way at once: as many as asked for, until the device proves unable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mbap.errors import ConnectionLost, ProtocolError, ResponseTimeout
from mbap.protocol.client import AnyTransaction

ENOUGH: Final = 3
"""So many requests that failed beside others prove it, where they are more than one in `OF` of all."""
OF: Final = 4
_MEMORY: Final = 256
_LOST_COUNTS: Final = 2


class Window:
    """The number of requests on their way at once over one connection; it steps down to 1 and stays there.

    What counts are requests that were on their way beside others: those without a usable answer, from a
    unit that answered another meanwhile, against those that got one. A connection that ends counts for two.

    Attributes:
        size: how many may be on their way.
        reason: why it stepped down, if it did.
    """

    __slots__ = ("_answered", "_endpoint", "_failed", "_last_answer", "_lost_at", "reason", "size")

    def __init__(self, size: int, endpoint: str) -> None:
        self.size = size
        self.reason = ""
        self._endpoint = endpoint
        self._answered = self._failed = 0
        self._last_answer: dict[int, float] = {}
        self._lost_at = -1.0

    def answered(self, units: Iterable[int], count: int, now: float) -> None:
        """*count* requests to *units*, 64 at most, were answered, and were on their way beside others."""
        for unit in units:
            self._last_answer[unit] = now
        self._answered += count
        if self._answered >= _MEMORY:
            self._answered -= _MEMORY // 2
            self._failed //= 2

    def ended(self, transaction: AnyTransaction, now: float) -> None:
        """*transaction* ended, which was on its way beside others."""
        error = transaction.error
        if error is None:
            self._last_answer[transaction.unit] = now
            self._answered += 1
            if self._answered >= _MEMORY:
                self._answered //= 2
                self._failed //= 2
        elif isinstance(error, ConnectionLost):
            counted = now == self._lost_at or not transaction.sent
            self._fail(0 if counted else _LOST_COUNTS, "ended the connection")
            self._lost_at = now
        elif isinstance(error, ProtocolError):
            self._fail(1, "answered wrongly")
        elif isinstance(error, ResponseTimeout):
            began = (transaction.deadline or now) - transaction.timeout
            if self._last_answer.get(transaction.unit, -1.0) >= began:
                self._fail(1, "left out answers")
        else:
            self._last_answer[transaction.unit] = now
            self._answered += 1

    def _fail(self, weight: int, what: str) -> None:
        self._failed += weight
        if self.size > 1 and self._failed >= ENOUGH and self._failed * OF > self._answered:
            self.reason = f"the device {what} while {self.size} requests were on their way"
            self.size = 1
            import logging

            logging.getLogger(__name__).warning(
                "%s: one request at a time from now on: %s", self._endpoint, self.reason
            )
