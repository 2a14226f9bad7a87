"""Function codes 20 and 21."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.errors import ExceptionResponse, IllegalDataAddress, ProtocolError
from mbap.protocol.pdu import FileRecord, FileRecordData, ReadFileRecord, WriteFileRecord, decode_request
from mbap.protocol.wire import Registers
from support.extras import EveryExtra

words = st.integers(0, 0xFFFF)
READ = ReadFileRecord([FileRecord(4, 1, 2), FileRecord(3, 9, 2)])


def device() -> EveryExtra:
    made = EveryExtra()
    made.files = {3: list(range(300, 320)), 4: list(range(400, 420))}
    return made


@st.composite
def reads(draw: st.DrawFn) -> ReadFileRecord:
    records: list[FileRecord] = []
    left = 245
    while left >= 4 and (not records or draw(st.booleans())):
        count = draw(st.integers(1, (left - 2) // 2))
        records.append(FileRecord(draw(st.integers(1, 0xFFFF)), draw(st.integers(0, 10_000 - count)), count))
        left -= 2 + 2 * count
    return ReadFileRecord(records[:35])


@st.composite
def writes(draw: st.DrawFn) -> WriteFileRecord:
    records: list[FileRecordData] = []
    left = 251
    while left >= 9 and (not records or draw(st.booleans())):
        values = draw(st.lists(words, min_size=1, max_size=min((left - 7) // 2, 20)))
        record = draw(st.integers(0, 10_000 - len(values)))
        records.append(FileRecordData(draw(st.integers(1, 0xFFFF)), record, values))
        left -= 7 + 2 * len(values)
    return WriteFileRecord(records)


@given(reads(), st.data())
def test_any_read_and_its_answer_go_there_and_back(request_: ReadFileRecord, data: st.DataObject) -> None:
    assert decode_request(request_.encode()) == request_
    result = tuple(
        Registers(data.draw(st.binary(min_size=2 * one.count, max_size=2 * one.count)))
        for one in request_.records
    )
    pdu = request_.encode_response(result)
    assert len(pdu) <= 247
    assert request_.decode_response(pdu) == result


@given(writes())
def test_any_write_goes_there_and_back(request_: WriteFileRecord) -> None:
    assert len(request_.encode()) <= 253
    assert decode_request(request_.encode()) == request_
    request_.decode_response(request_.encode_response(None))


def test_the_largest_read_has_121_records() -> None:
    request_ = ReadFileRecord([FileRecord(1, 0, 121)])
    assert decode_request(request_.encode()) == request_
    with pytest.raises(ValueError, match="246 bytes, and 245 fit"):
        ReadFileRecord([FileRecord(1, 0, 122)])


def test_the_largest_write_has_122_records() -> None:
    assert len(WriteFileRecord([FileRecordData(1, 0, [0] * 122)]).encode()) == 253
    with pytest.raises(ValueError, match="253 bytes, and 251 fit"):
        WriteFileRecord([FileRecordData(1, 0, [0] * 123)])


@pytest.mark.parametrize(
    ("file", "record", "count", "words"),
    [
        (0, 0, 1, "file is 1 to 65535, not 0"),
        (65536, 0, 1, "file is"),
        (1, -1, 1, "record is 0 to 9999, not -1"),
        (1, 10_000, 1, "record is"),
        (1, 9_999, 2, "count from record 9999 on is 1 to 1, not 2"),
        (1, 0, 0, "count from record 0 on"),
    ],
)
def test_wrong_arguments_are_named(file: int, record: int, count: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FileRecord(file, record, count)
    with pytest.raises(ValueError, match=words):
        FileRecordData(file, record, [0] * count)


def test_a_request_without_or_with_too_many_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 35 groups of records, not 0"):
        ReadFileRecord([])
    with pytest.raises(ValueError, match="1 to 35 groups of records, not 36"):
        ReadFileRecord([FileRecord(1, 0, 1)] * 36)
    with pytest.raises(ValueError, match="1 to 27 groups of records, not 0"):
        WriteFileRecord([])


GROUP = "06 0004 0001 0002"
REFUSED = {
    "14 00": 3,
    "14 06 06 0004 0001 00": 3,
    "14 08 06 0004 0001 0002 06": 3,
    f"14 0E {GROUP}": 3,
    f"14 07 {GROUP} 00": 3,
    "14 F6" + "06 0004 0001 0002" * 35 + "00": 3,
    "14 F5" + "06 0004 0001 007C" * 35: 3,
    "14 07 06 0004 0001 8000": 3,
    "14 07 06 0004 0001 0000": 3,
    "14 07 06 0004 0001 007A": 3,
    "14 07 00 0004 0001 0002": 2,
    "14 07 07 0004 0001 0002": 2,
    "14 07 06 0000 0001 0002": 2,
    "14 07 06 0004 2710 0001": 2,
    "14 07 06 0004 270F 0002": 2,
    f"14 0E {GROUP} 06 0000 0001 0002": 2,
    "14 0E 07 0004 0001 0002 06 0004 0001 0000": 3,
    "15 00": 3,
    "15 07 06 0004 0007 0000": 3,
    "15 08 06 0004 0007 0001 06": 3,
    "15 09 06 0004 0007 FF80 06AF": 3,
    "15 09 06 0004 0007 0002 06AF": 3,
    "15 0B 06 0004 0007 0001 06AF 04BE": 3,
    "15 0A 06 0004 0007 0001 06AF": 3,
    "15 09 06 0004 0007 0001 06AF 00": 3,
    "15 09 05 0004 0007 0001 06AF": 2,
    "15 09 06 0000 0007 0001 06AF": 2,
    "15 09 06 0004 2710 0001 06AF": 2,
    "15 0B 06 0004 270F 0002 06AF 04BE": 2,
}


@pytest.mark.parametrize(("pdu", "code"), REFUSED.items(), ids=REFUSED.keys())
def test_what_breaks_the_standard_is_refused_with_its_code(pdu: str, code: int) -> None:
    """H067 to H073"""
    with pytest.raises(ExceptionResponse) as refused:
        decode_request(bytes.fromhex(pdu))
    assert refused.value.code == code


@pytest.mark.parametrize(
    "pdu",
    [
        "14 0C 05 06 0DFE 0020 05 06 33CD",
        "14 0C 00 06 0DFE 0020 05 06 33CD 0040",
        "14 0C 04 06 0DFE 0020 05 06 33CD 0040",
        "14 0C 05 07 0DFE 0020 05 06 33CD 0040",
        "14 0C 07 06 0DFE 0020 0005 03 06 33CD",
        "14 06 05 06 0DFE 0020",
        "14",
    ],
)
def test_an_answer_of_other_groups_is_a_protocol_error(pdu: str) -> None:
    """H109"""
    with pytest.raises(ProtocolError):
        READ.decode_response(bytes.fromhex(pdu))


def test_records_are_read_group_by_group() -> None:
    assert [list(group) for group in READ.apply(device())] == [[401, 402], [309, 310]]


def test_records_are_written_all_or_none() -> None:
    made = device()
    WriteFileRecord([FileRecordData(3, 0, [1, 2]), FileRecordData(4, 5, [3])]).apply(made)
    assert (made.files[3][:3], made.files[4][5]) == ([1, 2, 302], 3)
    with pytest.raises(IllegalDataAddress):
        WriteFileRecord([FileRecordData(3, 0, [9]), FileRecordData(5, 0, [9])]).apply(made)
    assert made.files[3][0] == 1


def test_records_that_do_not_exist_are_exception_02() -> None:
    with pytest.raises(IllegalDataAddress):
        ReadFileRecord([FileRecord(3, 19, 2)]).apply(device())


def test_a_result_of_other_counts_is_never_packed() -> None:
    with pytest.raises(ValueError, match="records were asked for"):
        READ.encode_response((Registers.of([1, 2]), Registers.of([3])))
