"""What a device has besides its four tables: files, queues, an identification, and its end of the line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from mbap.errors import IllegalDataAddress, IllegalFunction
from mbap.protocol.wire import Registers
from mbap.server.diagnostics import DiagnosticAccess, Line
from mbap.server.fifo import Fifo
from mbap.server.files import FileStore

if TYPE_CHECKING:
    from mbap.protocol.pdu.files import FileRecordData
    from mbap.protocol.pdu.status import CommEventCounter, CommEventLog

Identification = Mapping[int, bytes | str]
"""Objects by number; `mbap.protocol.pdu.ObjectId` names those of the standard. Text is sent as UTF-8."""


class DeviceExtras:
    """The methods of `mbap.protocol.pdu.Extras`, on data of this device.

    What it was not given, it does not have: the function codes for it are answered with exception 01.

    Attributes:
        files: `device.files[1][0:3] = [1, 2, 3]`.
        fifos: `device.fifos[1246].put(440)`.
        line: counters, events and the exception status; see `Line`.
    """

    __slots__ = ("_identification", "_server_id", "fifos", "files", "line")

    def __init__(
        self,
        files: Mapping[int, Sequence[int]] | None,
        fifos: Mapping[int, Sequence[int]] | None,
        identification: Identification | None,
        server_id: bytes | None,
        exception_status: int | None,
        diagnostics: DiagnosticAccess,
    ) -> None:
        self.files: Final = FileStore(files or {})
        self.fifos: Final = {address: Fifo(values) for address, values in (fifos or {}).items()}
        for address in self.fifos:
            if not 0 <= address <= 0xFFFF:
                raise ValueError(f"queues have addresses from 0 to 65535, not {address}")
        self.line: Final = Line(diagnostics, exception_status)
        self.set_identification(identification or {})
        self.set_server_id(server_id)

    def set_identification(self, objects: Identification) -> None:
        """Be identified by *objects* from now on; where there are none, function code 43 gets exception 01.

        Raises:
            ValueError: a number is not 0 to 255, or an object has more than the 244 bytes that fit.
        """
        as_bytes = {
            number: value.encode("utf-8") if isinstance(value, str) else bytes(value)
            for number, value in objects.items()
        }
        if as_bytes:
            from mbap.protocol.pdu.identification import check_objects

            check_objects(as_bytes)
        self._identification = as_bytes

    def set_server_id(self, server_id: bytes | None) -> None:
        """Answer function code 17 with *server_id* from now on; None: with exception 01.

        Raises:
            ValueError: it has more than the 251 bytes that fit.
        """
        if server_id is not None:
            from mbap.protocol.pdu.status import LONGEST_SERVER_ID

            if len(server_id) > LONGEST_SERVER_ID:
                raise ValueError(f"a server id has at most {LONGEST_SERVER_ID} bytes, not {len(server_id)}")
        self._server_id = server_id

    # --- what requests ask for: see mbap.protocol.pdu.extras ---

    def read_fifo(self, address: int) -> Registers:
        """What is in the queue at *address*."""
        if not self.fifos:
            raise IllegalFunction
        if address not in self.fifos:
            raise IllegalDataAddress
        return self.fifos[address].read()

    def read_file(self, file: int, record: int, count: int) -> Registers:
        """*count* records of *file* from *record* on."""
        if not self.files:
            raise IllegalFunction
        return self.files.read(file, record, count)

    def write_files(self, records: Sequence[FileRecordData]) -> None:
        """Write all of *records*, or none."""
        if not self.files:
            raise IllegalFunction
        self.files.write(records)

    def exception_status(self) -> int:
        """The eight outputs."""
        if self.line.exception_status is None:
            raise IllegalFunction
        return self.line.exception_status

    def diagnostics(self, sub_function: int, data: bytes) -> bytes:
        """Carry out a sub-function of function code 8."""
        return self.line.diagnostics(sub_function, data)

    def event_counter(self) -> CommEventCounter:
        """Whether it is busy, and how many requests it has carried out."""
        return self.line.event_counter()

    def event_log(self) -> CommEventLog:
        """The same, with the messages on the line and the newest 64 events."""
        return self.line.event_log()

    def server_id(self) -> bytes:
        """What function code 17 gives."""
        if self._server_id is None:
            raise IllegalFunction
        return self._server_id

    def identification(self) -> Mapping[int, bytes]:
        """What function code 43 gives."""
        if not self._identification:
            raise IllegalFunction
        return self._identification
