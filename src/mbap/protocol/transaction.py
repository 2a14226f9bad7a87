"""One request on its way, as the client's session sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeAlias, TypeVar, cast

from mbap.errors import ModbusError
from mbap.protocol.pdu.base import Request

R = TypeVar("R")


class Transaction(Generic[R]):
    """One request on its way.

    Attributes:
        answered: False for one that nobody need answer: it ends without an error when its time is over.
        sent: its bytes were handed out: from then on the device may act on it.
        deadline: when the session gives up on it; None until it is sent.
        strays: how many answers to nothing had come when it was sent.
        on_end: called once with the transaction when it ends, if set.
    """

    __slots__ = (
        "_error",
        "_result",
        "answered",
        "deadline",
        "done",
        "number",
        "on_end",
        "request",
        "sent",
        "strays",
        "timeout",
        "unit",
    )

    def __init__(self, request: Request[R], unit: int, timeout: float, answered: bool = True) -> None:
        self.request = request
        self.unit = unit
        self.timeout = timeout
        self.answered = answered
        self.number = 0
        self.sent = False
        self.done = False
        self.deadline: float | None = None
        self.strays = 0
        self.on_end: Callable[[Transaction[R]], None] | None = None
        self._result: R | None = None
        self._error: ModbusError | None = None

    @property
    def broadcast(self) -> bool:
        """Whether it is to everybody, so that no answer counts."""
        return not self.answered and self.unit == 0

    @property
    def error(self) -> ModbusError | None:
        """What it ended with, if it failed."""
        return self._error

    def result(self) -> R:
        """What the device answered; raises what it ended with otherwise."""
        if not self.done:
            raise RuntimeError("the transaction has not ended yet")
        if self._error is not None:
            raise self._error
        return cast("R", self._result)

    def end(self, *, result: R | None = None, error: ModbusError | None = None) -> None:
        """End it, which happens once."""
        self.done, self._result, self._error = True, result, error
        if self.on_end is not None:
            self.on_end(self)


AnyTransaction: TypeAlias = Transaction[Any]


def end_all(transactions: Iterable[AnyTransaction], error: ModbusError) -> list[AnyTransaction]:
    """End all *transactions* with *error*; gives them."""
    from copy import copy

    ended = list(transactions)
    for transaction in ended:
        # Each gets an error of its own: whoever names its target must not change another's.
        transaction.end(error=copy(error))
    return ended
