"""Units behind one connection that answer, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mbap.client.dialogue import carry_out
from mbap.diagnose.doctor.asking import Asking
from mbap.diagnose.scan.executing import executing
from mbap.diagnose.scan.identity import who_is_it
from mbap.errors import ConnectionLost, ModbusError, ResponseTimeout
from mbap.protocol.pdu import Request
from mbap.protocol.pdu.registers import ReadHoldingRegisters

PATIENCE = 1.0
"""Seconds that a unit has at least to say who it is."""
LOST_IN_A_ROW = 3
"""After so many connections that ended or failed in a row the device is left alone."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that was asked: whether it answers, what came, after how long, and who it says it is.

    Attributes:
        error: why it does not answer, or what it refuses.
    """

    number: int
    present: bool
    said: str
    seconds: float
    identity: dict[str, str] = field(default_factory=dict)
    error: ModbusError | None = None


def scan(
    asking: Asking, numbers: Sequence[int], tell: Callable[[float], None] = lambda _share: None
) -> Iterator[Unit]:
    """Ask each of *numbers* for one register, and those that answer who they are.

    Raises:
        ConnectionLost: three times in a row there was no connection, or it ended.
    """
    lost = 0
    for done, number in enumerate(numbers):
        tell(done / len(numbers))
        outcome = asking.ask(ReadHoldingRegisters(0, 1), number)
        lost = lost + 1 if isinstance(outcome.error, ConnectionLost) else 0
        if outcome.error is not None and lost >= LOST_IN_A_ROW:
            raise outcome.error
        identity = identify(asking, number) if outcome.present else {}
        yield Unit(number, outcome.present, outcome.said, outcome.seconds, identity, outcome.error)


def identify(asking: Asking, unit: int) -> dict[str, str]:
    """Who *unit* says it is.

    It answers, so it is given time: some are slow to refuse a function, and forget what they are asked
    meanwhile. On a connection over which that was asked some answer nothing any more.
    """
    execute = executing(asking, unit, timeout=max(asking.timeout, PATIENCE))

    def ask(request: Request[Any]) -> Any:
        try:
            return execute(request)
        except ResponseTimeout:
            asking.renew()
            raise

    return carry_out(who_is_it(), ask)
