"""The one interface of whatever can carry out a request."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Protocol, TypeVar, runtime_checkable

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


class Waiter(Protocol):
    """Who waits for the outcome of a request: an `asyncio.Future`, or what does with less."""

    def done(self) -> bool:
        """Whether it has the outcome, or waits no more."""
        ...

    def set_result(self, outcome: Any, /) -> Callable[[], None] | None:
        """Take the *outcome*, which may be a `ModbusError`.

        Gives what is to be called when all that came together was given, if anything.
        """
        ...

    def cancel(self) -> bool:
        """Wait no more."""
        ...


class Relay(Protocol):
    """Carries requests out for who does not await them."""

    def relay(
        self,
        request: Request[Any],
        unit: int,
        waiter: Waiter,
        deadline: float | None,
        priority: Priority,
        origin: str,
    ) -> object:
        """Carry *request* out as `Executor.execute` does; *waiter* gets what comes of it, maybe at once.

        Gives what `give_up` takes.
        """
        ...

    def give_up(self, asked: Any, /) -> None:
        """Nobody waits for what *asked* stands for any more."""
        ...


@runtime_checkable
class Relaying(Protocol):
    """An executor that may have another way for requests that nobody awaits."""

    def relaying(self) -> Relay | None:
        """That way, for good; None: there is none."""
        ...
