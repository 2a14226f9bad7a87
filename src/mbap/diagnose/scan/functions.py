"""Which function codes a device has, by asking each for something small."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mbap.diagnose.doctor.asking import Asking, Outcome
from mbap.errors import ConnectFailed, ConnectionLost, ModbusError
from mbap.protocol.pdu import Request
from mbap.protocol.pdu.bits import ReadCoils, ReadDiscreteInputs
from mbap.protocol.pdu.diagnostics import Diagnostics, SubFunction
from mbap.protocol.pdu.fifo import ReadFifoQueue
from mbap.protocol.pdu.files import FileRecord, ReadFileRecord
from mbap.protocol.pdu.identification import ReadDeviceIdentification
from mbap.protocol.pdu.opaque import Opaque
from mbap.protocol.pdu.registers import ReadHoldingRegisters, ReadInputRegisters
from mbap.protocol.pdu.status import (
    GetCommEventCounter,
    GetCommEventLog,
    ReadExceptionStatus,
    ReportServerId,
)

READING: Sequence[Request[Any]] = (
    ReadCoils(0, 1),
    ReadDiscreteInputs(0, 1),
    ReadHoldingRegisters(0, 1),
    ReadInputRegisters(0, 1),
    ReadExceptionStatus(),
    Diagnostics(SubFunction.RETURN_QUERY_DATA, b"\0\0"),
    GetCommEventCounter(),
    GetCommEventLog(),
    ReportServerId(),
    ReadFileRecord((FileRecord(1, 0, 1),)),
    ReadFifoQueue(0),
    ReadDeviceIdentification(1, 0),
)
"""A question for each function that changes nothing."""
TELLING = 4
"""So many that tell nothing are enough: they are the reads, of which every device has one."""
_NOTHING = b"\0" * 4
WRITING: Sequence[tuple[str, Request[Any]]] = (
    ("write multiple coils", Opaque(15, _NOTHING + b"\0")),
    ("write multiple registers", Opaque(16, _NOTHING + b"\0")),
    ("read write multiple registers", Opaque(23, _NOTHING * 2 + b"\0")),
)
"""Writes of no values: the standard wants them refused with 03, or 01 where there is no such function."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function code, and whether the device has it: yes, no, or unclear.

    Attributes:
        said: what came. ended_connection: whether that was the end of the connection.
        error: the same as a client has it.
    """

    code: int
    title: str
    present: bool | None
    said: str
    seconds: float
    ended_connection: bool = False
    error: ModbusError | None = None


def scan(
    asking: Asking,
    unit: int,
    *,
    writes: bool = False,
    tell: Callable[[float], None] = lambda _share: None,
) -> Iterator[Function]:
    """Ask *unit* for each function; those that write, with nothing to write, only with *writes*.

    Where none of the four reads, which come first, is answered or refused, the others are not asked.

    Raises:
        ConnectFailed: there is no connection, or none any more.
    """
    asked, told = questions(writes=writes), False
    for done, (title, request) in enumerate(asked):
        tell(done / len(asked))
        outcome = asking.ask(request, unit)
        if isinstance(outcome.error, ConnectFailed):
            raise outcome.error
        if outcome.silent:
            asking.renew()  # some answer nothing any more on a connection over which they were asked that
        ended = isinstance(outcome.error, ConnectionLost)
        present = has(outcome)
        yield Function(
            request.function_code, title, present, outcome.said, outcome.seconds, ended, outcome.error
        )
        told = told or present is not None
        if not told and done + 1 == TELLING:
            return


def questions(*, writes: bool) -> list[tuple[str, Request[Any]]]:
    """What is asked, with the title of each."""
    return [*((request.title, request) for request in READING), *(WRITING if writes else ())]


def has(outcome: Outcome) -> bool | None:
    """Whether the function is there, by what came of asking; None where that says nothing."""
    if outcome.code == 1:
        return False
    return True if outcome.present else None
