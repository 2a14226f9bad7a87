"""Answers as a device did while it was recorded: the handler for a trace."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from mbap.addresses import Table
from mbap.errors import (
    ExceptionResponse,
    GatewayTargetFailedToRespond,
    IllegalDataAddress,
    IllegalFunction,
    NoAnswer,
    ProtocolError,
)
from mbap.protocol.pdu import READS
from mbap.protocol.pdu.base import Request
from mbap.protocol.wire import Bits, Registers
from mbap.server.handler import Call
from mbap.server.trace import PAUSE, Exchange, Trace
from mbap.server.waves import Steps

R = TypeVar("R")


class Replay:
    """A handler that answers from a trace, as fast as it can.

    A request that was recorded is answered as it was at that time of the recording, also by an exception or
    not at all. A read that was not recorded so is answered where each of its registers was read by others,
    and by exception 02 where not; every other request by exception 01, and units that the trace does not
    know by 0B. The trace begins anew when it is over.

    Attributes:
        units: the units of the trace.
        unfit: recorded answers that did not fit their request and were not given; they are silence here.
    """

    def __init__(self, trace: Trace, clock: Callable[[], float] = time.monotonic) -> None:
        self.units = tuple(sorted({exchange.unit for exchange in trace.exchanges}))
        self.unfit = 0
        self._device = trace.device or "a device"
        self._clock = clock
        self._began = clock()
        self._period = trace.seconds + PAUSE
        self._recorded: dict[tuple[int, bytes], list[Exchange]] = defaultdict(list)
        for exchange in trace.exchanges:
            self._recorded[exchange.unit, exchange.request].append(exchange)
        self._registers = {unit: trace.registers(unit) for unit in self.units}

    @property
    def contents(self) -> str:
        """What there is, in words."""
        count = sum(map(len, self._recorded.values()))
        which = ", ".join(map(str, self.units)) or "none"
        return (
            f"trace of {self._device}: {count:,} exchanges over {self._period - PAUSE:.1f} s, units: {which}"
        )

    def handle(self, call: Call[R]) -> R:
        """The answer that was recorded."""
        request, unit = call.request, call.unit
        if unit not in self._registers:
            raise GatewayTargetFailedToRespond
        seconds = (self._clock() - self._began) % self._period
        exchanges = self._recorded.get((unit, request.encode()))
        if exchanges is not None:
            return self._answer(request, _latest(exchanges, seconds))
        if not isinstance(request, tuple(READS.values())):
            raise IllegalFunction
        return cast("R", _composed(request, self._registers[unit], seconds))

    def _answer(self, request: Request[R], exchange: Exchange) -> R:
        if exchange.answer is None:
            raise NoAnswer
        if exchange.answer[0] & 0x80 and len(exchange.answer) > 1 and exchange.answer[1]:
            raise ExceptionResponse(exchange.answer[1])
        try:
            return request.decode_response(exchange.answer)
        except ProtocolError:
            self.unfit += 1
            raise NoAnswer from None


def _latest(exchanges: list[Exchange], seconds: float) -> Exchange:
    """The one that had begun by then; before the first, the first."""
    begun = [exchange for exchange in exchanges if exchange.at <= seconds]
    return begun[-1] if begun else exchanges[0]


def _composed(
    request: Request[R], known: Mapping[tuple[Table, int], Steps], seconds: float
) -> Registers | Bits:
    """What a read gives, from what each of its registers was."""
    ((table, address, count, _),) = request.spans()
    steps = [known.get((table, at)) for at in range(address, address + count)]
    if None in steps:
        raise IllegalDataAddress
    values = [int(step.at(seconds)) for step in steps if step is not None]
    return Bits.of([bool(value) for value in values]) if table.holds_bits else Registers.of(values)
