"""The one interface of whatever can carry out a request."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol, TypeVar

from mbap.protocol.pdu.base import Request

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class RequestFor(Protocol[R_co]):
    """Any request whose answer gives an R: so many requests with different results fit into one list."""

    def decode_response(self, pdu: bytes) -> R_co:
        """The result that *pdu* is; see `Request`."""
        ...


class Priority(IntEnum):
    """Who goes first where several wait for one line; smaller goes first."""

    FIRST = -10
    WRITE = 0
    READ = 10
    POLL = 20
    LAST = 30


class Executor(Protocol):
    """Carries out requests: a link to an endpoint, a client, a simulated device in a test."""

    async def execute(
        self,
        request: Request[R],
        unit: int,
        *,
        deadline: float | None = None,
        priority: Priority = Priority.READ,
        origin: str = "",
    ) -> R:
        """Carry out *request* at *unit* and give its result.

        *deadline* is in seconds from now and bounds the whole call: queue, connect, pauses, attempts.
        *origin* says on whose behalf, for fairness and for the log.

        Raises:
            ModbusError: one of its kinds; see `mbap.errors`.
        """
        ...
