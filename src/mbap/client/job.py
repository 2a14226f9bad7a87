"""What a client decides about one call, whichever front it came through: times, repeats, final errors."""

from __future__ import annotations

import copy
import math
import re
from functools import cache
from typing import Generic, TypeVar

from mbap.errors import (
    ConnectFailed,
    ConnectionLost,
    GatewayTargetFailedToRespond,
    ModbusError,
    NotAsked,
    OutcomeUnknown,
    ProtocolError,
    ResponseTimeout,
    Target,
)
from mbap.protocol.pdu import Request

R = TypeVar("R")

SILENCES = 3
"""So many timeouts in a row, and not a byte between them, and the connection is made anew."""
_REPEATABLE = (ResponseTimeout, ConnectionLost, ProtocolError, GatewayTargetFailedToRespond)
_NOT_SENT = (NotAsked, ConnectFailed)
_NO_USABLE_ANSWER = (ResponseTimeout, ConnectionLost, ProtocolError)


class Job(Generic[R]):
    """One request with its times, as the user of a client gave it.

    Attributes:
        timeout: seconds for one attempt.
        deadline: seconds for the whole call, or None.
        give_up_at: the deadline on the clock of the client.
        retries: how often it may still be repeated.
    """

    __slots__ = ("deadline", "give_up_at", "request", "retries", "timeout", "unit", "unit_assumed")

    def __init__(
        self,
        request: Request[R],
        unit: int,
        *,
        timeout: float,
        now: float,
        deadline: float | None = None,
        retries: int = 0,
        unit_assumed: bool = False,
    ) -> None:
        if not 0 <= unit <= 255:
            raise ValueError(f"unit is 0 to 255, not {unit}")
        self.request = request
        self.unit = unit
        self.timeout = timeout
        self.deadline = deadline
        self.give_up_at = math.inf if deadline is None else now + deadline
        self.retries = 0 if request.writes else retries
        self.unit_assumed = unit_assumed

    def attempt_timeout(self, now: float) -> float:
        """How long an attempt that begins now may take."""
        return min(self.timeout, self.give_up_at - now)

    def overdue(self, now: float) -> ResponseTimeout | None:
        """The error to end with when the deadline has passed before anything was sent."""
        if now < self.give_up_at:
            return None
        return ResponseTimeout(f"the deadline of {self.deadline:g} s passed before it could be sent")

    def take_retry(self, error: ModbusError, now: float) -> bool:
        """Whether to try once more after *error*: never a write, never an attempt that cannot finish."""
        if self.retries < 1 or isinstance(error, _NOT_SENT) or not isinstance(error, _REPEATABLE):
            return False
        if self.give_up_at - now < self.timeout:
            return False
        self.retries -= 1
        return True

    def failure(self, error: ModbusError, endpoint: str, *, sent: bool) -> ModbusError:
        """What the user gets for *error*: it names its target, and a write in doubt is `OutcomeUnknown`."""
        target = self._target(endpoint)
        if not (sent and self.request.writes and isinstance(error, _NO_USABLE_ANSWER)):
            return error.at(target)
        doubt = OutcomeUnknown(f"the write was sent, but then: {error.reason}; it may have been carried out")
        doubt.__cause__ = error.at(target)
        return doubt.at(target)

    def _target(self, endpoint: str) -> Target:
        table, address, count, _writes = next(iter(self.request.spans()), (None, None, 1, False))
        function = _in_words(type(self.request).__name__)
        return Target(endpoint, self.unit, self.unit_assumed, function, table, address, count)


@cache
def _in_words(name: str) -> str:
    """`ReadHoldingRegisters` -> `read holding registers`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


class Trust:
    """Whether a connection is worth keeping, by how its transactions end."""

    __slots__ = ("_broken", "_silences")

    def __init__(self) -> None:
        self._silences = 0
        self._broken = False

    @property
    def lost(self) -> bool:
        """True when nothing more should be sent on it: close it as soon as nothing is on its way."""
        return self._broken or self._silences >= SILENCES

    def heard(self) -> None:
        """Bytes came."""
        self._silences = 0

    def ended(self, error: ModbusError | None, *, torn: bool) -> None:
        """A transaction ended with *error*; *torn* says that an ADU is here in part.

        A missing unit behind a gateway alone proves nothing. An ADU whose rest does not come has a length
        that is wrong, and would swallow the next answer.
        """
        if isinstance(error, ProtocolError) or (torn and isinstance(error, ResponseTimeout)):
            self._broken = True
        elif isinstance(error, ResponseTimeout):
            self._silences += 1


def copy_of(error: ModbusError) -> ModbusError:
    """Another error like *error*, where several calls end for one reason: each names its own target."""
    another = copy.copy(error)
    another.__cause__ = error.__cause__
    return another
