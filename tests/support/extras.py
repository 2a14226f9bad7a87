"""A device in memory that has everything which `mbap.protocol.pdu.extras` names, and no tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mbap.addresses import Table
from mbap.errors import IllegalDataAddress, IllegalFunction
from mbap.protocol.pdu import CommEventCounter, CommEventLog, FileRecordData, SubFunction
from mbap.protocol.wire import Bits, Registers


class NoTables:
    """A device of whose four tables no address exists."""

    def read_bits(self, table: Table, address: int, count: int) -> Bits:
        raise IllegalDataAddress

    def read_registers(self, table: Table, address: int, count: int) -> Registers:
        raise IllegalDataAddress

    def write_bits(self, table: Table, address: int, values: Bits) -> None:
        raise IllegalDataAddress

    def write_registers(self, table: Table, address: int, values: Registers) -> None:
        raise IllegalDataAddress


class EveryExtra(NoTables):
    """Has queues, files, counters and an identification, all to be set by the test."""

    def __init__(self) -> None:
        self.fifos: dict[int, list[int]] = {}
        self.files: dict[int, list[int]] = {}
        self.objects: dict[int, bytes] = {}

    def read_fifo(self, address: int) -> Registers:
        if address not in self.fifos:
            raise IllegalDataAddress
        return Registers.of(self.fifos[address])

    def read_file(self, file: int, record: int, count: int) -> Registers:
        records = self.files.get(file, [])[record : record + count]
        if len(records) < count:
            raise IllegalDataAddress
        return Registers.of(records)

    def write_files(self, records: Sequence[FileRecordData]) -> None:
        for one in records:
            self.read_file(one.file, one.record, len(one.values))
        for one in records:
            self.files[one.file][one.record : one.record + len(one.values)] = list(one.values)

    def exception_status(self) -> int:
        return 0x6D

    def diagnostics(self, sub_function: int, data: bytes) -> bytes:
        if sub_function == SubFunction.RETURN_BUS_MESSAGE_COUNT:
            return b"\x00\x07"
        if sub_function == SubFunction.RETURN_QUERY_DATA:
            return data
        raise IllegalFunction

    def event_counter(self) -> CommEventCounter:
        return CommEventCounter(False, 3)

    def event_log(self) -> CommEventLog:
        return CommEventLog(False, 3, 4, b"\x40")

    def server_id(self) -> bytes:
        return b"\x2a\xff"

    def identification(self) -> Mapping[int, bytes]:
        return self.objects
