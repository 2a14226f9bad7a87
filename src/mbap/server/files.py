"""A device's files: records of one register each, which clients read and write (function codes 20 and 21)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, overload

from mbap.errors import IllegalDataAddress
from mbap.protocol.wire import Registers

if TYPE_CHECKING:
    from mbap.protocol.pdu.files import FileRecordData


class File:
    """The records of one file, from 0 on; used like a list of registers whose length is fixed.

    Raises:
        ValueError: there are more than 10,000, one is not 0 to 65535, or a slice would change the length.
        IndexError: not all of the records exist.
    """

    __slots__ = ("_memory",)

    def __init__(self, records: Sequence[int]) -> None:
        from mbap.protocol.pdu.files import RECORDS

        if len(records) > RECORDS:
            raise ValueError(f"a file has at most {RECORDS:,} records, not {len(records):,}")
        self._memory = bytearray(Registers.of(records).wire)

    def __len__(self) -> int:
        return len(self._memory) // 2

    def __iter__(self) -> Iterator[int]:
        return iter(Registers(bytes(self._memory)))

    def __repr__(self) -> str:
        return f"<file of {len(self)} records>"

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Registers: ...
    def __getitem__(self, index: int | slice) -> int | Registers:
        return Registers(bytes(self._memory))[index]

    def __setitem__(self, index: int | slice, value: int | Sequence[int]) -> None:
        span = range(len(self))[index]
        where = span if isinstance(span, range) else range(span, span + 1)
        wire = Registers.of(value if isinstance(value, Sequence) else (value,)).wire
        if where.step != 1 or len(wire) != 2 * len(where):
            raise ValueError(f"{len(where)} records in a row cannot take {len(wire) // 2} values")
        self._memory[2 * where.start : 2 * where.stop] = wire

    def read(self, record: int, count: int) -> Registers:
        """*count* records from *record* on.

        Raises:
            IllegalDataAddress: not all of them exist.
        """
        self.expect(record, count)
        return Registers(bytes(self._memory[2 * record : 2 * (record + count)]))

    def expect(self, record: int, count: int) -> None:
        """Raises `IllegalDataAddress` unless *count* records from *record* on exist."""
        if record + count > len(self):
            raise IllegalDataAddress


class FileStore(Mapping[int, File]):
    """A device's files by their numbers.

    Raises:
        ValueError: a number is not 1 to 65535, or the records are not those of a file.
    """

    __slots__ = ("_files", "_lock")

    def __init__(self, files: Mapping[int, Sequence[int]]) -> None:
        for number in files:
            if not 1 <= number <= 0xFFFF:
                raise ValueError(f"files have numbers from 1 to 65535, not {number}")
        self._files = {number: File(records) for number, records in files.items()}
        self._lock = Lock()

    def __getitem__(self, number: int) -> File:
        return self._files[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def read(self, number: int, record: int, count: int) -> Registers:
        """*count* records of file *number* from *record* on.

        Raises:
            IllegalDataAddress: not all of them exist.
        """
        with self._lock:
            return self._file(number).read(record, count)

    def write(self, groups: Sequence[FileRecordData]) -> None:
        """Write all of *groups*, in that order, or none.

        Raises:
            IllegalDataAddress: not all of the records exist.
        """
        with self._lock:
            for group in groups:
                self._file(group.file).expect(group.record, len(group.values))
            for group in groups:
                self._files[group.file][group.record : group.record + len(group.values)] = group.values

    def _file(self, number: int) -> File:
        if number not in self._files:
            raise IllegalDataAddress
        return self._files[number]
