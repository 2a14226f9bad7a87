"""What a client decides about one call, whichever front it came through: times, repeats, final errors."""

from __future__ import annotations

import math
from typing import Any, Generic, TypeVar

from mbap.client.breaker import chance
from mbap.client.options import JITTER, LinkOptions
from mbap.errors import (
    Acknowledge,
    CertificateRefused,
    ConnectFailed,
    ConnectionLost,
    ExceptionResponse,
    GatewayTargetFailedToRespond,
    IllegalFunction,
    ModbusError,
    NotAsked,
    OutcomeUnknown,
    ProtocolError,
    ResponseTimeout,
    ServerDeviceBusy,
    Target,
)
from mbap.protocol.pdu import Request

R = TypeVar("R")

SILENCES = 3
"""So many timeouts in a row, and not an answer between them, and the connection is made anew."""
DIAGNOSTICS = 8
_REPEATABLE = (ResponseTimeout, ConnectionLost, ProtocolError, GatewayTargetFailedToRespond, Acknowledge)
READ_ONLY = "not written: there was no TLS, and what goes on by plain Modbus in its place is read-only"
ROLE_ADVICE = (
    "it does not have this function code; or, over TLS, the role in your certificate has no right to it: look"
    " at the role with mbap certs show, and at what the server lets it do"
)
_HOPELESS = (NotAsked, CertificateRefused)
_NO_USABLE_ANSWER = (ResponseTimeout, ConnectionLost, ProtocolError)


class Job(Generic[R]):
    """One request with its times, as the user of a client gave it.

    Attributes:
        timeout: seconds for one attempt.
        deadline: seconds for the whole call; None until `bound` says what its attempts need.
        give_up_at: the deadline on the clock of the client.
        tried: how often it was repeated.
        answered: False where nobody answers: a broadcast, or what makes a device listen only.
    """

    __slots__ = (
        "answered",
        "deadline",
        "give_up_at",
        "options",
        "request",
        "timeout",
        "tried",
        "unit",
        "unit_assumed",
    )

    def __init__(
        self,
        request: Request[R],
        unit: int,
        options: LinkOptions,
        *,
        now: float,
        timeout: float | None = None,
        deadline: float | None = None,
        unit_assumed: bool = False,
        answered: bool = True,
    ) -> None:
        check_unit(unit)
        self.request = request
        self.unit = unit
        self.options = options
        self.timeout = options.attempt_timeout if timeout is None else timeout
        self.deadline = deadline
        self.give_up_at = math.inf if deadline is None else now + deadline
        self.tried = 0
        self.unit_assumed = unit_assumed
        self.answered = answered and (request.function_code != DIAGNOSTICS or _is_answered(request))

    def bound(self, now: float, ahead: int, allowance: tuple[float, float]) -> None:
        """Without a deadline it gets the one that it needs with all its attempts, after *ahead* others."""
        if self.deadline is None:
            self.deadline = (ahead + 1) * (self.timeout * allowance[0] + allowance[1])
            self.give_up_at = now + self.deadline

    def attempt_timeout(self, now: float, on_line: float = 0.0) -> float:
        """How long an attempt that begins now may take; *on_line* is how long it takes on a serial line."""
        return min(self.timeout + on_line, self.give_up_at - now)

    def overdue(self, now: float, why: str = "") -> ResponseTimeout | None:
        """The error to end with when the deadline has passed before anything was sent, because of *why*."""
        if now < self.give_up_at:
            return None
        return ResponseTimeout(f"the deadline of {self.deadline:g} s passed before it could be sent{why}")

    def take_retry(self, error: ModbusError, now: float) -> float | None:
        """How long to pause before trying once more after *error*; None where it is not repeated.

        A read is, and what a busy device refused to do. Other writes never are, nor what was never begun
        because there was no connection, and no attempt begins that cannot finish.
        """
        if self.tried >= self.options.retries or not self._is_repeatable(error):
            return None
        pauses = self.options.retry_pauses
        pause = pauses[min(self.tried, len(pauses) - 1)] * (1 + JITTER * (2 * chance() - 1))
        if self.give_up_at - now < pause + self.timeout:
            return None
        self.tried += 1
        return pause

    def _is_repeatable(self, error: ModbusError) -> bool:
        if isinstance(error, ServerDeviceBusy):
            return True
        if self.request.writes or isinstance(error, _HOPELESS) or not isinstance(error, _REPEATABLE):
            return False
        return self.tried > 0 or not isinstance(error, ConnectFailed)

    def failure(self, error: ModbusError, endpoint: str, *, sent: bool) -> ModbusError:
        """What the user gets for *error*: it names its target, and a write in doubt is `OutcomeUnknown`."""
        target = self._target(endpoint)
        if isinstance(error, IllegalFunction) and endpoint.startswith("tls"):
            error.advice = ROLE_ADVICE
        if not (sent and self.request.writes and _leaves_doubt(error)):
            return error.at(target)
        doubt = OutcomeUnknown(f"the write was sent, but then: {error.reason}; it may have been carried out")
        doubt.__cause__ = error.at(target)
        return doubt.at(target)

    def _target(self, endpoint: str) -> Target:
        table, address, count, _writes = next(iter(self.request.spans()), (None, None, 1, False))
        function = self.request.title
        return Target(endpoint, self.unit, self.unit_assumed, function, table, address, count)


def _leaves_doubt(error: ModbusError) -> bool:
    """Whether a write that ended so may have been carried out."""
    if isinstance(error, CertificateRefused) and not error.guessed:
        return False  # who is refused in the handshake is not listened to
    return isinstance(error, _NO_USABLE_ANSWER)


def _is_answered(request: Request[Any]) -> bool:
    return bool(getattr(request, "answered", True))


def check_unit(unit: int) -> None:
    """Raises `ValueError` unless *unit* can be one."""
    if not 0 <= unit <= 255:
        raise ValueError(f"unit is 0 to 255, not {unit}")


def check_broadcast(request: Request[Any]) -> None:
    """Raises `ValueError` unless *request* can go to all at once: it writes, and gives nothing back."""
    from mbap.protocol.pdu import ReadWriteMultipleRegisters

    if not request.writes or isinstance(request, ReadWriteMultipleRegisters):
        raise ValueError(f"only what writes and is not answered can be broadcast, not {request.title}")


NEVER_SILENT = ": the line was never silent; another client, noise, or another speed or parity is on it"
"""Why nothing could be sent on a serial line."""
BABBLE = 0.1
"""Seconds after the last byte that nobody asked for during which a line counts as not silent."""


class Trust:
    """Whether a connection is worth keeping, by how its transactions end."""

    __slots__ = ("_broken", "_kept", "_silences")

    def __init__(self, *, kept: bool = False) -> None:
        """*kept*: there is nothing better to be had, as on a serial line."""
        self._kept = kept
        self._silences = 0
        self._broken = False

    @property
    def lost(self) -> bool:
        """True when nothing more should be sent on it: close it as soon as nothing is on its way."""
        return self._broken or self._silences >= SILENCES

    def ended(self, error: ModbusError | None, *, torn: bool) -> None:
        """A transaction ended with *error*; *torn* says that an ADU is here in part.

        A missing unit behind a gateway alone proves nothing. An ADU whose rest does not come has a length
        that is wrong, and would swallow the next answer. Answers that came too late prove nothing either:
        some devices stay one behind for ever.
        """
        if error is None or self._kept or isinstance(error, ExceptionResponse):
            self._silences = 0
        elif isinstance(error, ProtocolError) or (torn and isinstance(error, ResponseTimeout)):
            self._broken = True
        elif isinstance(error, ResponseTimeout):
            self._silences += 1


def copy_of(error: ModbusError) -> ModbusError:
    """Another error like *error*, where several calls end for one reason: each names its own target."""
    import copy

    another = copy.copy(error)
    another.__cause__ = error.__cause__
    return another
