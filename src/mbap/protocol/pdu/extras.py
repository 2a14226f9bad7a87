"""What a device may offer beyond its four tables, each a protocol of its own.

`Request.apply` asks the tables it is given whether they are one of these; where they are not, the answer is
exception 01: the device does not have that function. A device has as many of them as it likes; one that is
`Extras` has all.

Every method may raise an `ExceptionResponse`, which is then the answer, and has changed nothing in that case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mbap.protocol.wire import Registers

if TYPE_CHECKING:
    from mbap.protocol.pdu.files import FileRecordData
    from mbap.protocol.pdu.status import CommEventCounter, CommEventLog


@runtime_checkable
class Fifos(Protocol):
    """Queues of registers (function code 24)."""

    def read_fifo(self, address: int) -> Registers:
        """What is in the queue at *address*, oldest first; reading takes nothing out.

        More than 31 registers are answered with exception 03.

        Raises:
            IllegalDataAddress: there is no queue.
        """
        ...


@runtime_checkable
class Files(Protocol):
    """Files of up to 10,000 records of one register each (function codes 20 and 21)."""

    def read_file(self, file: int, record: int, count: int) -> Registers:
        """*count* records from *record* on.

        Raises:
            IllegalDataAddress: not all of them exist.
        """
        ...

    def write_files(self, records: Sequence[FileRecordData]) -> None:
        """Write all of *records*, in that order, or none.

        Raises:
            IllegalDataAddress: not all of them exist.
        """
        ...


@runtime_checkable
class SerialStatus(Protocol):
    """What a device on a serial line knows of itself (function codes 7, 8, 11 and 12)."""

    def exception_status(self) -> int:
        """Eight outputs of the device's own choice, the first lowest: 0 to 255."""
        ...

    def diagnostics(self, sub_function: int, data: bytes) -> bytes:
        """Carry out a sub-function and give the data of the answer.

        *sub_function* is one of `SubFunction` and *data* what the standard allows for it. The answer is a
        counter or the diagnostic register in two bytes, for every other sub-function *data* again.

        Raises:
            IllegalFunction: the device does not have this sub-function.
            NoAnswer: nothing may be answered: it listens only from now on, or has done so.
        """
        ...

    def event_counter(self) -> CommEventCounter:
        """Whether it is busy, and how many requests it has carried out."""
        ...

    def event_log(self) -> CommEventLog:
        """The same, with the messages counted and the newest 64 events."""
        ...


@runtime_checkable
class ServerIdentity(Protocol):
    """What a device says of its type and state (function code 17)."""

    def server_id(self) -> bytes:
        """Its identifier, FF where it runs or 00, and what else there is to say: up to 251 bytes."""
        ...


@runtime_checkable
class Identified(Protocol):
    """A device that can be identified (function code 43, type 14)."""

    def identification(self) -> Mapping[int, bytes]:
        """Its objects by number; `check_objects` says what they have to be."""
        ...


@runtime_checkable
class Extras(Fifos, Files, SerialStatus, ServerIdentity, Identified, Protocol):
    """All of it."""
