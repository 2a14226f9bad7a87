"""Files: function codes 20 and 21.

Application Protocol V1.1b3, 6.14 and 6.15: one request reads or writes several groups of records.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from mbap.errors import IllegalDataAddress, IllegalFunction, ProtocolError
from mbap.protocol.pdu.base import (
    Request,
    Tables,
    as_registers,
    check_structure,
    expect_echo,
    expect_function,
    register,
    sizes,
)
from mbap.protocol.pdu.extras import Files
from mbap.protocol.wire import Registers

RECORDS = 10_000
"""How many records a file has: 0 to 9999."""
REFERENCE_TYPE = 6
MOST_READ_BYTES = 245
MOST_WRITTEN_BYTES = 251

_GROUP = struct.Struct(">BHHH")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Some records of one file: *count* from number *record* on.

    Raises:
        ValueError: *file* is not 1 to 65535, or not all of the records are 0 to 9999.
    """

    file: int
    record: int
    count: int

    def __post_init__(self) -> None:
        _argument_records(self.file, self.record, self.count)


@dataclass(frozen=True, slots=True)
class FileRecordData:
    """Records of one file with what to write into them: *values* from number *record* on.

    Raises:
        ValueError: as for `FileRecord`, or a value is not 0 to 65535.
    """

    file: int
    record: int
    values: Sequence[int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", as_registers(self.values))
        _argument_records(self.file, self.record, len(self.values))


@register
@dataclass(frozen=True, slots=True)
class ReadFileRecord(Request[tuple[Registers, ...]]):
    """Read groups of records out of files (function code 20).

    The result has as many Registers as there are groups. Two bytes and two for each record, all groups
    together, are at most 245: 121 records in one group.
    """

    records: Sequence[FileRecord]
    function_code: ClassVar[int] = 20

    def __post_init__(self) -> None:
        object.__setattr__(self, "records", tuple(self.records))
        _argument_groups(len(self.records), _answer_size(self.records), MOST_READ_BYTES, 35)

    def encode(self) -> bytes:
        groups = [_GROUP.pack(REFERENCE_TYPE, one.file, one.record, one.count) for one in self.records]
        return bytes((20, _GROUP.size * len(groups))) + b"".join(groups)

    @classmethod
    def decode(cls, pdu: bytes) -> ReadFileRecord:
        check_structure(len(pdu) >= 9 and pdu[1] == len(pdu) - 2)
        check_structure(pdu[1] <= MOST_READ_BYTES and pdu[1] % _GROUP.size == 0)
        groups = list(_GROUP.iter_unpack(pdu[2:]))
        check_structure(all(count >= 1 for *_, count in groups))
        check_structure(sum(2 + 2 * count for *_, count in groups) <= MOST_READ_BYTES)
        for kind, file, record, count in groups:
            _check_group(kind, file, record, count)
        return cls(tuple(FileRecord(file, record, count) for _, file, record, count in groups))

    def encode_response(self, result: tuple[Registers, ...]) -> bytes:
        counts = [len(registers) for registers in result]
        if counts != [one.count for one in self.records]:
            raise ValueError(f"{[one.count for one in self.records]} records were asked for, not {counts}")
        groups = [bytes((1 + len(one.wire), REFERENCE_TYPE)) + one.wire for one in result]
        return bytes((20, _answer_size(self.records))) + b"".join(groups)

    def decode_response(self, pdu: bytes) -> tuple[Registers, ...]:
        expect_function(pdu, 20)
        size = _answer_size(self.records)
        if len(pdu) != 2 + size or pdu[1] != size:
            raise ProtocolError(f"the records take {size} bytes, and the answer is {sizes(pdu)}")
        return tuple(self._groups(pdu))

    def _groups(self, pdu: bytes) -> Iterator[Registers]:
        at = 2
        for one in self.records:
            end = at + 2 + 2 * one.count
            if pdu[at] != 1 + 2 * one.count or pdu[at + 1] != REFERENCE_TYPE:
                raise ProtocolError(
                    f"{one.count} records of file {one.file} begin with the bytes"
                    f" {1 + 2 * one.count:02x} 06, not {pdu[at : at + 2].hex(' ')}"
                )
            yield Registers(pdu[at + 2 : end])
            at = end

    def apply(self, tables: Tables) -> tuple[Registers, ...]:
        if not isinstance(tables, Files):
            raise IllegalFunction
        return tuple(tables.read_file(one.file, one.record, one.count) for one in self.records)


@register
@dataclass(frozen=True, slots=True)
class WriteFileRecord(Request[None]):
    """Write groups of records into files (function code 21).

    Seven bytes and two for each record, all groups together, are at most 251: 122 records in one group.
    """

    records: Sequence[FileRecordData]
    function_code: ClassVar[int] = 21
    writes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "records", tuple(self.records))
        size = sum(_GROUP.size + 2 * len(one.values) for one in self.records)
        _argument_groups(len(self.records), size, MOST_WRITTEN_BYTES, 27)

    def encode(self) -> bytes:
        groups = b"".join(_written(one) for one in self.records)
        return bytes((21, len(groups))) + groups

    @classmethod
    def decode(cls, pdu: bytes) -> WriteFileRecord:
        check_structure(len(pdu) >= 11 and pdu[1] == len(pdu) - 2 <= MOST_WRITTEN_BYTES)
        groups = list(_groups_to_write(pdu))
        for kind, file, record, values in groups:
            _check_group(kind, file, record, len(values))
        return cls(tuple(FileRecordData(file, record, values) for _, file, record, values in groups))

    def encode_response(self, result: None) -> bytes:
        return self.encode()

    def decode_response(self, pdu: bytes) -> None:
        expect_echo(pdu, self.encode())

    def apply(self, tables: Tables) -> None:
        if not isinstance(tables, Files):
            raise IllegalFunction
        tables.write_files(self.records)


def _written(one: FileRecordData) -> bytes:
    values = as_registers(one.values)
    return _GROUP.pack(REFERENCE_TYPE, one.file, one.record, len(values)) + values.wire


def _groups_to_write(pdu: bytes) -> Iterator[tuple[int, int, int, Registers]]:
    """Reference type, file, record and values of each group; it ends exactly where the PDU does."""
    at = 2
    while at < len(pdu):
        check_structure(at + _GROUP.size <= len(pdu))
        kind, file, record, count = _GROUP.unpack_from(pdu, at)
        at += _GROUP.size
        check_structure(count >= 1 and at + 2 * count <= len(pdu))
        yield kind, file, record, Registers(pdu[at : at + 2 * count])
        at += 2 * count


def _answer_size(records: Sequence[FileRecord]) -> int:
    return sum(2 + 2 * one.count for one in records)


def _check_group(kind: int, file: int, record: int, count: int) -> None:
    if kind != REFERENCE_TYPE or file == 0 or record + count > RECORDS:
        raise IllegalDataAddress


def _argument_records(file: int, record: int, count: int) -> None:
    if not 1 <= file <= 0xFFFF:
        raise ValueError(f"file is 1 to 65535, not {file}")
    if not 0 <= record < RECORDS:
        raise ValueError(f"record is 0 to 9999, not {record}")
    if not 1 <= count <= RECORDS - record:
        raise ValueError(f"count from record {record} on is 1 to {RECORDS - record}, not {count}")


def _argument_groups(groups: int, size: int, most: int, most_groups: int) -> None:
    if not 1 <= groups <= most_groups:
        raise ValueError(f"one request has 1 to {most_groups} groups of records, not {groups}")
    if size > most:
        raise ValueError(f"these records take {size} bytes, and {most} fit: divide them among requests")
