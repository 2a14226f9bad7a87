"""The one interface of whatever answers requests, and the handler that tells units apart."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from mbap.errors import ExceptionCode, ExceptionResponse, NoAnswer
from mbap.protocol.pdu.base import Request

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Peer:
    """Who sent a request.

    Attributes:
        address: the host, as the operating system prints it; empty where there is none.
        port: its port.
        listener: the URL on which it came in.
        role: the role in its certificate; None where there is no certificate.
    """

    address: str = ""
    port: int = 0
    listener: str = ""
    role: str | None = None


class Call(NamedTuple, Generic[R]):
    """A request received, for which unit, and from whom.

    A tuple and not a dataclass because one is made for every request.
    """

    request: Request[R]
    unit: int
    peer: Peer


class Handler(Protocol):
    """Whatever answers requests: a device, several units, a gateway, a firewall around another handler."""

    def handle(self, call: Call[R]) -> R | Awaitable[R]:
        """The result of *call*, or an awaitable of it when it cannot be given at once.

        Raises:
            ExceptionResponse: answered with its code.
            NoAnswer: nothing is sent.
            Disconnect: the connection is closed.
        """
        ...


class Units:
    """Hands each unit's requests to the handler of that unit.

    Args:
        handlers: the handlers by unit, 0 to 255.
        unknown: what other units get: an exception code (0B, "target failed to respond", unless told
            otherwise), None for silence, or a handler that answers for them.

    Raises:
        ValueError: a unit is not 0 to 255, or *unknown* is not an exception code.
    """

    __slots__ = ("_handlers", "_unknown")

    def __init__(
        self,
        handlers: Mapping[int, Handler],
        unknown: Handler | int | None = ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND,
    ) -> None:
        for unit in handlers:
            _check_unit(unit)
        if isinstance(unknown, int):
            ExceptionResponse(unknown)
        self._handlers = dict(handlers)
        self._unknown = unknown

    def handle(self, call: Call[R]) -> R | Awaitable[R]:
        """What the handler of the call's unit gives."""
        handler = self._handlers.get(call.unit)
        return self._other(call) if handler is None else handler.handle(call)

    def _other(self, call: Call[R]) -> R | Awaitable[R]:
        if self._unknown is None:
            raise NoAnswer
        if isinstance(self._unknown, int):
            raise ExceptionResponse(self._unknown)
        return self._unknown.handle(call)


def _check_unit(unit: object) -> None:
    if not isinstance(unit, int) or not 0 <= unit <= 255:
        raise ValueError(f"a unit is 0 to 255, not {unit!r}")
