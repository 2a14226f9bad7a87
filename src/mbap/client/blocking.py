"""The blocking client: a plain socket, no event loop, no thread of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from mbap.client.job import Job
from mbap.client.line import Line
from mbap.client.operations import BlockingOperations
from mbap.client.typed import Answer, Given, reading, writing
from mbap.errors import ModbusError
from mbap.protocol.pdu import Request
from mbap.transport.endpoint import parse_endpoint

R = TypeVar("R")


class BlockingUnit(BlockingOperations):
    """One unit on the connection of a client."""

    __slots__ = ("_assumed", "_line", "_retries", "_timeout", "number")

    def __init__(
        self, line: Line, number: int, *, timeout: float, retries: int, assumed: bool = False
    ) -> None:
        if not 0 <= number <= 255:
            raise ValueError(f"unit is 0 to 255, not {number}")
        if timeout <= 0:
            raise ValueError(f"timeout is more than 0 seconds, not {timeout:g}")
        if retries < 0:
            raise ValueError(f"retries is 0 or more, not {retries}")
        self._line = line
        self._timeout = timeout
        self._retries = retries
        self._assumed = assumed
        self.number = number

    def execute(self, request: Request[R], *, deadline: float | None = None) -> R:
        """Carry out *request* and give its result.

        *deadline* bounds the whole call, in seconds from now: connecting, attempts, everything.

        Raises:
            ModbusError: one of its kinds, see `mbap.errors`.
        """
        (outcome,) = self.execute_many((request,), deadline=deadline)
        if isinstance(outcome, ModbusError):
            raise outcome
        return outcome

    def execute_many(
        self, requests: Sequence[Request[R]], *, deadline: float | None = None
    ) -> list[R | ModbusError]:
        """Carry out *requests*, as many at once as `outstanding` says; results or errors in their order.

        *deadline* bounds all of them together, in seconds from now.
        """
        now = time.monotonic()
        jobs = [
            Job(
                request,
                self.number,
                timeout=self._timeout,
                now=now,
                deadline=deadline,
                retries=self._retries,
                unit_assumed=self._assumed,
            )
            for request in requests
        ]
        return self._line.carry_out(jobs)

    def unit(self, number: int, *, timeout: float | None = None) -> BlockingUnit:
        """Another unit on the same connection, with a timeout of its own if given."""
        return BlockingUnit(
            self._line, number, timeout=self._timeout if timeout is None else timeout, retries=self._retries
        )

    def read(self, item: str, *, word_order: str = "") -> Answer:
        """The value of *item*: `"40108:float32"`, `"hr10.3"`, `"co7"`; a list of them for `"hr0..9"`.

        None where the device says "no value". *word_order* is ABCD, CDAB, BADC or DCBA, or their names.

        Raises:
            ValueError: *item* cannot be understood; the sentence says how to write it.
            ModbusError: one of its kinds.
        """
        plan = reading(item, word_order)
        return plan.answer([self.execute(request) for request in plan.requests])

    def write(self, item: str, value: Given, *, word_order: str = "") -> None:
        """Write *value* to *item*: `write("40108:float32", 1.5)`, `write("co3", True)`.

        One bit of a register, `"hr10.3"`, is changed in the device by function code 22.

        Raises:
            ValueError: *item* or *value* cannot be understood, or *item* cannot be written.
            ModbusError: one of its kinds; `OutcomeUnknown` when nobody can say whether it was written.
        """
        self.execute(writing(item, value, word_order).request)

    def _execute(self, request: Request[Any]) -> object:
        return self.execute(request)


class Client(BlockingUnit):
    """A blocking Modbus client: `with mbap.Client("tcp://192.168.1.100", unit=6) as plc: ...`

    Connects on entry or at the first call, and anew at the next call after the connection was lost. Threads
    may share it: their calls are carried out one after the other.

    Args:
        url: `tcp://host:port`; a bare host will do, and `#5` at the end is the unit.
        unit: the unit that calls go to; 1 where neither this nor the URL says.
        timeout: seconds for one attempt, and for connecting. Looking up a name cannot be interrupted.
        retries: how often a read is repeated after silence or a lost connection. A write never is.
        outstanding: how many requests `execute_many` keeps on their way; many devices take only 1.

    Raises:
        ValueError: an argument is wrong.
        ConnectFailed: on entry, when no connection could be made.
    """

    __slots__ = ()

    def __init__(
        self,
        url: str,
        *,
        unit: int | None = None,
        timeout: float = 3.0,
        retries: int = 0,
        outstanding: int = 1,
    ) -> None:
        endpoint = parse_endpoint(url)
        number = endpoint.unit if unit is None else unit
        super().__init__(
            Line(endpoint, outstanding),
            1 if number is None else number,
            timeout=timeout,
            retries=retries,
            assumed=number is None,
        )

    def __enter__(self) -> Self:
        self._line.connect(self._timeout)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, for good."""
        self._line.close()
