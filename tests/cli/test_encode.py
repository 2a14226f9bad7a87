"""`mbap encode`: the frames it builds."""

from __future__ import annotations

import json

import pytest

from support.commandline import CommandLine
from vectors.frames import EXCHANGES

ARGUMENTS = {
    "read coils": "read co19 19",
    "read discrete inputs": "read di196 22",
    "read holding registers": "read 40108 3",
    "read input registers": "read ir8",
    "write single coil": "write co172=on",
    "write single register": "write hr1=3",
    "write multiple coils": "write co19..28=on,off,on,on,off,off,on,on,on,off",
    "write multiple registers": "write hr1=10 hr2=0x102",
    "mask write register": "mask hr4 --and 0x00F2 --or 0x0025",
    "read write multiple registers": "read-write hr3..8 hr14..16=255,255,255",
}
PDUS = {exchange.name: exchange.request_pdu for exchange in EXCHANGES}


@pytest.fixture
def mbap(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


def pdus(out: str) -> list[str]:
    return [line[21:] for line in out.splitlines()]


@pytest.mark.parametrize("name", PDUS)
def test_the_examples_of_the_standard_are_built(mbap: CommandLine, name: str) -> None:
    outcome = mbap("encode", *ARGUMENTS[name].split())
    assert bytes.fromhex(outcome.out)[7:] == PDUS[name]


def test_the_header_holds_transaction_length_and_unit(mbap: CommandLine) -> None:
    outcome = mbap("encode", "read", "hr0", "--unit", "17", "--transaction", "0x1501")
    assert outcome.out == "15 01 00 00 00 06 11 03 00 00 00 01\n"


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ("read hr107..109", ["03 00 6b 00 03"]),
        ("read ir8:float32", ["04 00 08 00 02"]),
        ("read hr10.3", ["03 00 0a 00 01"]),
        ("read hr0..130", ["03 00 00 00 7d", "03 00 7d 00 06"]),
        ("write hr10=42 hr11=7 co3=on", ["10 00 0a 00 02 04 00 2a 00 07", "05 00 03 ff 00"]),
        ("write hr10=42 hr12=7", ["06 00 0a 00 2a", "06 00 0c 00 07"]),
        ("write co1=on co2=off", ["0f 00 01 00 02 01 01"]),
        ("write hr1=3 --multiple", ["10 00 01 00 01 02 00 03"]),
        ("write co1=on --multiple", ["0f 00 01 00 01 01 01"]),
        ("write hr10.3=off hr11=1", ["16 00 0a ff f7 00 00", "06 00 0b 00 01"]),
        ("write hr0:float32=230.5 --order CDAB", ["10 00 00 00 02 04 80 00 43 66"]),
        ("write hr0:int16,scale=0.1=-4.5", ["06 00 00 ff d3"]),
        ("read-write hr0:float32 hr10:uint32=1", ["17 00 00 00 02 00 0a 00 02 04 00 00 00 01"]),
    ],
)
def test_places_and_values_become_requests(mbap: CommandLine, arguments: str, wanted: list[str]) -> None:
    assert pdus(mbap("encode", *arguments.split()).out) == wanted


def test_each_frame_has_the_next_transaction(mbap: CommandLine) -> None:
    out = mbap("encode", "write", "hr0=1", "hr5=1", "--transaction", "0xffff").out
    assert [line[:5] for line in out.splitlines()] == ["ff ff", "00 00"]


def test_json_says_what_each_frame_is(mbap: CommandLine) -> None:
    outcome = mbap("encode", "write", "hr1=3", "--unit", "5", "--json")
    assert json.loads(outcome.out) == [
        {"bytes": "000100000006050600010003", "transaction": 1, "unit": 5, "function_code": 6}
    ]


def test_what_is_built_decodes(mbap: CommandLine) -> None:
    frame = mbap("encode", "read", "40108", "3").out
    assert "holding registers 107 to 109" in mbap("decode", "-", given=frame.encode()).out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("read hr0..3 4", "hr0..3 says by itself how many"),
        ("read hr0.3 4", "hr0.3 says by itself how many"),
        ("read hr0 126", "count is 1 to 125, not 126"),
        ("read 107", "107 is ambiguous"),
        ("write ir1=3", "can only be read"),
        ("write hr1=65536", "uint16 takes 0 to 65535"),
        ("write hr1", "a value is missing"),
        ("mask co1 --and 1 --or 1", "holding registers only"),
        ("mask hr1 --and 0x10000 --or 1", "0x10000 is not 0 to 65535"),
        ("mask hr1 --and x --or 1", "'x' is no number"),
        ("read-write ir1 hr1=1", "holding registers only"),
        ("read-write hr1 co1=on", "function 23 writes holding registers that follow one another"),
        ("read-write hr1 hr1=1 hr5=1", "function 23 writes holding registers that follow one another"),
        ("read-write hr1 hr1.3=on", "function 23 writes holding registers that follow one another"),
    ],
)
def test_what_cannot_be_built_is_a_sentence_and_code_2(mbap: CommandLine, arguments: str, says: str) -> None:
    outcome = mbap("encode", *arguments.split())
    assert says in outcome.err
    assert outcome.code == 2


# Rarer functions, and serial lines


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ("function 7", "07"),
        ("function 66 01 02", "42 01 02"),
        ("diagnostics 0 A537", "08 00 00 a5 37"),
        ("diagnostics 0x0B", "08 00 0b 00 00"),
        ("device-id", "2b 0e 01 00"),
        ("device-id extended --object 128", "2b 0e 03 80"),
        ("device-id object --object 2", "2b 0e 04 02"),
        ("file 4:1:2 3:9:2", "14 0e 06 00 04 00 01 00 02 06 00 03 00 09 00 02"),
        ("file 4:7=1711,1214,0x100D", "15 0d 06 00 04 00 07 00 03 06 af 04 be 10 0d"),
        ("fifo hr1246", "18 04 de"),
    ],
)
def test_a_rarer_function_is_built_as_the_standard_says(
    mbap: CommandLine, arguments: str, wanted: str
) -> None:
    assert pdus(mbap("encode", *arguments.split()).out) == [wanted]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("function 0", "0 is not in the range 1<=x<=127"),
        ("function 7 zz", "is not hexadecimal"),
        ("diagnostics 11 1234", "diagnostics, return bus message count does not go with the data 12 34"),
        ("file 4:7", "should be FILE:RECORD:COUNT to read, or FILE:RECORD=VALUES to write"),
        ("file 4:7:1 4:7=1", "one request reads or writes"),
        ("file 0:7:1", "file is 1 to 65535, not 0"),
        ("file 4:7=", "'' is no number"),
        ("fifo ir3", "a queue's pointer is a holding register"),
    ],
)
def test_what_cannot_be_built_of_a_rarer_function_is_a_sentence(
    mbap: CommandLine, arguments: str, says: str
) -> None:
    outcome = mbap("encode", *arguments.split())
    assert says in outcome.err
    assert outcome.code == 2


def test_an_rtu_frame_has_its_crc(mbap: CommandLine) -> None:
    out = mbap("encode", "read", "hr107..109", "--unit", "17", "--framing", "rtu").out
    assert out == "11 03 00 6b 00 03 76 87\n"


def test_an_ascii_frame_is_printed_as_it_is(mbap: CommandLine) -> None:
    out = mbap("encode", "read", "hr107..109", "--unit", "17", "--framing", "ascii").out
    assert out == ":1103006B00037E\n"


def test_a_serial_frame_has_no_transaction(mbap: CommandLine) -> None:
    (frame,) = json.loads(mbap("encode", "function", "7", "--framing", "rtu", "--json").out)
    assert frame == {"bytes": "010741e2", "transaction": None, "unit": 1, "function_code": 7}


@pytest.mark.parametrize("framing", ["tcp", "rtu", "ascii"])
def test_what_is_built_in_any_framing_is_told_by_decode(mbap: CommandLine, framing: str) -> None:
    frames = mbap("encode", "write", "hr0=1", "hr5=1", "--framing", framing).out
    outcome = mbap("decode", "-", "--json", given=frames.encode())
    assert [one["framing"] for one in json.loads(outcome.out)] == [framing] * 2
    assert outcome.code == 0
