"""Files: records that requests read and write, and that the program sees as lists."""

from __future__ import annotations

from typing import TypeVar

import pytest

from mbap.errors import IllegalDataAddress, IllegalFunction
from mbap.protocol.pdu import FileRecord, FileRecordData, ReadFileRecord, Request, WriteFileRecord
from mbap.server.device import Device
from mbap.server.handler import Call, Peer

R = TypeVar("R")


def ask(device: Device, request: Request[R]) -> R:
    return device.handle(Call(request, 1, Peer()))


@pytest.fixture
def device() -> Device:
    return Device(files={3: [0, 0x0D20, 5], 4: [0, 0x0DFE, 0x0020]})


def test_groups_are_read_as_in_the_standards_example(device: Device) -> None:
    answer = ask(device, ReadFileRecord([FileRecord(4, 1, 2), FileRecord(3, 1, 2)]))
    assert [list(group) for group in answer] == [[0x0DFE, 0x0020], [0x0D20, 5]]


def test_groups_are_written_in_their_order(device: Device) -> None:
    ask(device, WriteFileRecord([FileRecordData(3, 0, [1, 2]), FileRecordData(3, 1, [9])]))
    assert device.files[3][:] == [1, 9, 5]


def test_nothing_is_written_when_one_group_does_not_exist(device: Device) -> None:
    with pytest.raises(IllegalDataAddress):
        ask(device, WriteFileRecord([FileRecordData(3, 0, [1]), FileRecordData(4, 2, [1, 2])]))
    assert device.files[3][:] == [0, 0x0D20, 5]


@pytest.mark.parametrize("record", [FileRecord(5, 0, 1), FileRecord(4, 3, 1), FileRecord(4, 2, 2)])
def test_what_does_not_exist_is_exception_02(device: Device, record: FileRecord) -> None:
    with pytest.raises(IllegalDataAddress):
        ask(device, ReadFileRecord([record]))


def test_a_device_without_files_does_not_have_the_function() -> None:
    with pytest.raises(IllegalFunction):
        ask(Device(), ReadFileRecord([FileRecord(1, 0, 1)]))
    with pytest.raises(IllegalFunction):
        ask(Device(), WriteFileRecord([FileRecordData(1, 0, [1])]))


def test_a_program_reads_and_sets_records_like_those_of_a_list(device: Device) -> None:
    file = device.files[4]
    file[0] = 7
    file[1:] = [8, 9]
    file[-1] += 1
    assert (list(file), len(file), file[1], repr(file)) == ([7, 8, 10], 3, 8, "<file of 3 records>")
    assert (list(device.files), len(device.files)) == ([3, 4], 2)


@pytest.mark.parametrize(("where", "what"), [(slice(0, 2), [1]), (slice(0, 3, 2), [1, 2]), (0, 65_536)])
def test_what_does_not_fit_is_refused(device: Device, where: int | slice, what: int | list[int]) -> None:
    with pytest.raises(ValueError, match=r"records in a row cannot take|0 to 65535"):
        device.files[4][where] = what


def test_a_record_that_does_not_exist_is_an_index_error(device: Device) -> None:
    with pytest.raises(IndexError):
        device.files[4][3] = 1


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({0: [1]}, "numbers from 1 to 65535, not 0"),
        ({1: [0] * 10_001}, "at most 10,000 records, not 10,001"),
        ({1: [65_536]}, "0 to 65535"),
    ],
)
def test_files_that_cannot_be_are_refused(files: dict[int, list[int]], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Device(files=files)
