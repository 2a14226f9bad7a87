"""Hex as people paste it."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.protocol.hexdumps import payload
from mbap.protocol.hextext import parse_hex, parse_pasted


@pytest.mark.parametrize(
    "text",
    [
        "0001000a",
        "00 01 00 0A",
        "00:01:00:0a",
        "00-01-00-0a",
        "0001 000a\n",
        "0x00,0x01,0x00,0x0a",
        "{0x0, 0x1, 0x0, 0xA};",
        "[0x00, 0x01, 0x00, 0x0a]",
        "\\x00\\x01\\x00\\x0a",
        "'\\x00\\x01\\x00\\x0A'",
        "b'\\x00\\x01\\x00\\n'",
        'b"\\x00\\x01\\x00\\n"',
        "00\n01\r\n00\t0a",
        "0x0001000a",
        "b'0001000a'",
        "|00|01|00|0a|",
    ],
)
def test_every_way_of_writing_bytes_is_read(text: str) -> None:
    assert parse_hex(text) == b"\x00\x01\x00\x0a"


@given(st.binary(min_size=1), st.sampled_from([" ", ":", "-", "", ", ", "\n"]))
def test_bytes_written_in_hex_come_back(data: bytes, separator: str) -> None:
    assert parse_hex(separator.join(f"{byte:02x}" for byte in data)) == data


@given(st.binary().map(lambda data: b"\0" + data))
def test_what_python_prints_for_bytes_is_read(data: bytes) -> None:
    assert parse_hex(repr(data)) == data


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there are no bytes"),
        (" , ", "there are no bytes"),
        ("zz", "'z' in 'zz' is not hexadecimal"),
        ("00 0g", "'g' in '0g' is not hexadecimal"),
        ("123", "'123' has an odd number of digits"),
        ("00 1", "'1' has an odd number of digits"),
        ("b'\\x0'", "not a bytes literal"),
        ("b''", "there are no bytes"),
    ],
)
def test_what_is_no_hex_says_where(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        parse_hex(text)
    assert says in str(refused.value)


RTU = bytes.fromhex("010300000001840a")


@pytest.mark.parametrize(
    "line",
    [
        "2024-01-01 12:00:01.250 Tx: 01 03 00 00 00 01 84 0A",
        "000012-Tx:01 03 00 00 00 01 84 0A",
        "[RTU]>Tx > 12:34:56:789 - 01 03 00 00 00 01 84 0A ",
        "12:00:01 01 03 00 00 00 01 84 0A",
        "Jan  1 12:00:01 host mbd[12]: sent [01 03 00 00 00 01 84 0A]",
        "DEBUG send: 0x1 0x3 0x0 0x0 0x0 0x1 0x84 0xa",
        r"DEBUG:client:sent b'\x01\x03\x00\x00\x00\x01\x84\x0a'",
        "12:00:01.5 < 01:03:00:00:00:01:84:0a",
        "12:00:01.5 < 01-03-00-00-00-01-84-0a",
        "12:00:01 request 010300000001840a",
    ],
)
def test_the_bytes_at_the_end_of_a_line_of_a_log_are_found(line: str) -> None:
    assert parse_pasted(f"begin of the log\n{line}\n{line}\r\nend of it") == 2 * RTU


def test_ascii_frames_in_a_log_are_their_characters() -> None:
    assert parse_pasted("12:00 Tx :1103006B00037E\nRx :1103027F7E") == b":1103006B00037E\r\n:1103027F7E\r\n"


def test_text_without_bytes_is_refused_as_before() -> None:
    with pytest.raises(ValueError, match="is not hexadecimal"):
        parse_pasted("2024-01-01 12:00:01 nothing here")


FRAME = bytes.fromhex("0001 0000 0006 01 03 0000 0003")
ANSWER = bytes.fromhex("0001 0000 0009 01 03 06 0000 0000 004d")
PRINTED = {
    "libmodbus, and mbpoll -v": """\
debug enabled
Set mode=tcp
Connecting to [127.0.0.1]:15977
Slave configuration...: address = [1]
                        start reference = 1, count = 3

-- Polling slave 1...
[00][01][00][00][00][06][01][03][00][00][00][03]
Waiting for a confirmation...
<00><01><00><00><00><09><01><03><06><00><00><00><00><00><4D>
[1]: \t0
[2]: \t0
[3]: \t77
""",
    "pymodbus": """\
2026-11-30 18:51:49,123 DEBUG tcp:196 Connection to Modbus server established. Socket ('127.0.0.1', 49512)
2026-11-30 18:51:49,124 DEBUG base:76 send: 0x0 0x1 0x0 0x0 0x0 0x6 0x1 0x3 0x0 0x0 0x0 0x3
2026-11-30 18:51:49,124 DEBUG base:76 Processing: 0x0 0x1 0x0 0x0 0x0 0x9 0x1 0x3 0x6 0x0 0x0 0x0 0x0 0x0 0x4d
2026-11-30 18:51:49,124 DEBUG decoders:86 decoded PDU function_code(3 sub -1) -> \
ReadHoldingRegistersResponse(dev_id=0, transaction_id=0, address=0, count=0, bits=[], registers=[0, 0, 77])
""",
    "pyModbusTCP": """\
DEBUG:pyModbusTCP.client:(127.0.0.1:15977:1) Tx [00 01 00 00 00 06 01] 03 00 00 00 03
DEBUG:pyModbusTCP.client:(127.0.0.1:15977:1) Rx [00 01 00 00 00 09 01] 03 06 00 00 00 00 00 4D
""",
    "Modbus Poll": """\
Tx:000123-00 01 00 00 00 06 01 03 00 00 00 03
Rx:000124-00 01 00 00 00 09 01 03 06 00 00 00 00 00 4D
""",
    "Node.js": """\
request <Buffer 00 01 00 00 00 06 01 03 00 00 00 03>
answer <Buffer 00 01 00 00 00 09 01 03 06 00 00 00 00 00 4d>
""",
    "JSON of Node-RED": """\
{"type":"Buffer","data":[0,1,0,0,0,6,1,3,0,0,0,3]}
{"type":"Buffer","data":[0,1,0,0,0,9,1,3,6,0,0,0,0,0,77]}
""",
    "tcpdump -X": """\
18:51:48.952663 IP localhost.49494 > localhost.15977: Flags [P.], seq 1:13, ack 1, win 64, length 12
\t0x0000:  4510 0040 7597 4000 4006 c70e 7f00 0001  E..@u.@.@.......
\t0x0010:  7f00 0001 c156 3e69 b483 805a 95aa a150  .....V>i...Z...P
\t0x0020:  8018 0040 fe34 0000 0101 080a 3fbb af86  ...@.4......?...
\t0x0030:  ecec 854c 0001 0000 0006 0103 0000 0003  ...L............
18:51:48.952675 IP localhost.15977 > localhost.49494: Flags [.], ack 13, win 64, length 0
\t0x0000:  4500 0034 6646 4000 4006 d67b 7f00 0001  E..4fF@.@..{....
\t0x0010:  7f00 0001 3e69 c156 95aa a150 b483 8066  ....>i.V...P...f
\t0x0020:  8010 0040 fe28 0000 0101 080a ecec 8560  ...@.(.........`
\t0x0030:  3fbb af86                                ?...
18:51:48.952915 IP localhost.15977 > localhost.49494: Flags [P.], seq 1:16, ack 13, win 64, length 15
\t0x0000:  4500 0043 6647 4000 4006 d66b 7f00 0001  E..CfG@.@..k....
\t0x0010:  7f00 0001 3e69 c156 95aa a150 b483 8066  ....>i.V...P...f
\t0x0020:  8018 0040 fe37 0000 0101 080a ecec 8560  ...@.7.........`
\t0x0030:  3fbb af86 0001 0000 0009 0103 0600 0000  ?...............
\t0x0040:  0000 4d                                  ..M
""",
    "tshark -x": """\
0000  00 00 00 00 00 00 00 00 00 00 00 00 08 00 45 10   ..............E.
0010  00 34 75 97 40 00 40 06 c7 0e 7f 00 00 01 7f 00   .@u.@.@.........
0020  00 01 c1 56 3e 69 b4 83 80 5a 95 aa a1 50 50 18   ...V>i...Z...P..
0030  00 40 fe 34 00 00 00 01 00 00 00 06 01 03 00 00   .@.4......?.....
0040  00 03                                             ..

0000  00 01 00 00 00 09 01 03 06 00 00 00 00 00 4d      ..............M
""",
}


@pytest.mark.parametrize("program", PRINTED)
def test_what_programs_print_is_read_as_it_is(program: str) -> None:
    assert parse_pasted(PRINTED[program]) == FRAME + ANSWER


BOTH = FRAME + bytes.fromhex("0002 0000 0006 01 03 0000 0003")


@pytest.mark.parametrize(
    "text",
    [
        "00000000: 0001 0000 0006 0103 0000 0003 0002 0000  ................\n"
        "00000010: 0006 0103 0000 0003                      ........",
        "00000000  00 01 00 00 00 06 01 03  00 00 00 03 00 02 00 00  |................|\n"
        "00000010  00 06 01 03 00 00 00 03                           |........|\n00000018",
        "0000000 0100 0000 0600 0301 0000 0300 0200 0000\n0000010 0600 0301 0000 0300\n0000018",
        "0000000 0100 0000 0600 0301 0000 0300 0200 0000\n0000020 0600 0301 0000 0300\n0000030",
        "0000000 00 01 00 00 00 06 01 03 00 00 00 03 00 02 00 00\n0000016 00 06 01 03 00 00 00 03\n0000024",
        "0000   00 01 00 00 00 06 01 03 00 00 00 03 00 02 00 00   ................\n"
        "0010   00 06 01 03 00 00 00 03                           ........",
        "AAEAAAAGAQMAAAADAAIAAAAG\nAQMAAAAD\n",
    ],
    ids=["xxd", "hexdump -C", "hexdump", "od -x", "od -A d -t x1", "Wireshark", "base64"],
)
def test_dumps_are_read_without_their_offsets_and_text(text: str) -> None:
    assert parse_pasted(text) == BOTH


def test_hexdump_says_at_its_end_that_a_byte_is_none() -> None:
    assert parse_pasted("0000000 0201 0003\n0000003\n") == b"\1\2\3"


@pytest.mark.parametrize(
    "text",
    [
        "0000 0000 0006 0103 006b 0003",
        "0000 00 00 00 06 01 03 00 6b 00 03",
        "00000000 0006 0103 006b 0003",
        "000000000006 0103 006b 0003",
    ],
)
def test_bytes_that_begin_with_zeros_are_no_offset(text: str) -> None:
    assert parse_pasted(text) == bytes.fromhex("0000 0000 0006 01 03 006b 0003")


@pytest.mark.parametrize(
    "text",
    [
        "[0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 3]",
        "data = [0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 3]",
        "uint8_t request[] = {0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 3};",
        "static const uint8_t request[12] = {0x00, 0x01, 0x00, 0x00, 0x00, 0x06,\n"
        " 0x01, 0x03, 0x00, 0x00, 0x00, 0x03};",
        "new byte[] { 0x00, 0x01, 0x00, 0x00, 0x00, 0x06, 0x01, 0x03, 0x00, 0x00, 0x00, 0x03 }",
        "bytearray(b'\\x00\\x01\\x00\\x00\\x00\\x06\\x01\\x03\\x00\\x00\\x00\\x03')",
        "AAEAAAAGAQMAAAAD",
        "$00 $01 $00 $00 $00 $06 $01 $03 $00 $00 $00 $03",
        "&H00 &H01 &H00 &H00 &H00 &H06 &H01 &H03 &H00 &H00 &H00 &H03",
        "16#00 16#01 16#00 16#00 16#00 16#06 16#01 16#03 16#00 16#00 16#00 16#03",
        "00h 01h 00h 00h 00h 06h 01h 03h 00h 00h 00h 03h",
        "00 01 00 00 00 06 /* header */ 01 03 00 00 00 03 // read hr0..2",
        "TX: 00-01-00-00-00-06-01-03-00-00-00-03",
        "00010000 00060103 00000003",
    ],
)
def test_a_frame_is_read_from_source_code_and_other_notations(text: str) -> None:
    assert parse_pasted(text) == FRAME


def test_a_buffer_that_was_printed_in_part_is_refused() -> None:
    with pytest.raises(ValueError, match="8 bytes were left out where this was printed"):
        parse_pasted("<Buffer 00 01 00 00 ... 8 more bytes>")


@pytest.mark.parametrize("text", ["abcdefgh", "this is no frame", "AAAAAAAA", "Zm9vYmFyYmF6"])
def test_words_are_not_taken_for_base64(text: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        parse_pasted(text if text != "AAAAAAAA" else "AAAAAAAg")


@given(st.text(alphabet="0123456789abcdefx: .|[]<>{},\n", max_size=200))
def test_any_text_is_bytes_or_a_sentence(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_pasted(text)


@given(st.binary(min_size=17, max_size=64))
def test_a_dump_of_any_bytes_gives_them_back(data: bytes) -> None:
    lines = [f"{at:08x}  {data[at : at + 16].hex(' ')}  |..|" for at in range(0, len(data), 16)]
    assert parse_pasted("\n".join(lines)) == payload(data)


LOGGED = {
    "pymodbus 3.5, before a partner's name": (
        "DEBUG transport:392 send: 0x0 0x1 0x0 0x0 0x0 0x6 0x1 0x3 0x0 0x0 0x0 0x3\n"
        "DEBUG transport:319 recv: 0x0 0x1 0x0 0x0 0x0 0x9 0x1 0x3 0x6 0x0 0x0 0x0 0x0 0x0 0x4d "
        "old_data:  addr=None"
    ),
    "socat -x -v": (
        "> 2024/01/01 12:00:00.000123  length=12 from=0 to=11\n"
        " 00 01 00 00 00 06 01 03 00 00 00 03              ............\n--\n"
        "< 2024/01/01 12:00:00.000456  length=15 from=0 to=14\n"
        " 00 01 00 00 00 09 01 03 06 00 00 00 00 00 4d     .............M\n--"
    ),
    "strace": (
        'sendto(3, "\\0\\1\\0\\0\\0\\6\\1\\3\\0\\0\\0\\3", 12, MSG_NOSIGNAL, NULL, 0) = 12\n'
        'recvfrom(3, "\\0\\1\\0\\0\\0\\t\\1\\3\\6\\0\\0\\0\\0\\0M", 260, 0, NULL, NULL) = 15'
    ),
    "modbus_tk": (
        "DEBUG modbus_tcp.send MainThread -> 0-1-0-0-0-6-1-3-0-0-0-3\n"
        "DEBUG modbus_tcp.recv MainThread <- 0-1-0-0-0-9-1-3-6-0-0-0-0-0-77"
    ),
    "NModbus": "TX: 0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 3\nRX: 0, 1, 0, 0, 0, 9, 1, 3, 6, 0, 0, 0, 0, 0, 77",
    "ModScan, in decimal": (
        "[000][001][000][000][000][006][001][003][000][000][000][003]\n"
        "[000][001][000][000][000][009][001][003][006][000][000][000][000][000][077]"
    ),
    "Wireshark, a stream followed in YAML": (
        "  - packet: 1\n    peer: 0\n    data: !!binary |\n      AAEAAAAGAQMAAAAD\n"
        "  - packet: 2\n    peer: 1\n    data: !!binary |\n      AAEAAAAJAQMGAAAA\n      AABN"
    ),
    "JSON with base64": '{"to": "AAEAAAAGAQMAAAAD"}\n{"from": "AAEAAAAJAQMGAAAAAABN", "topic": "a/b"}',
    "Python, in two literals": f"asked {FRAME!r}\nanswered {bytearray(ANSWER)!r}",
    "Wireshark, as escaped strings": (
        '"\\x00\\x01\\x00\\x00\\x00\\x06\\x01\\x03\\x00\\x00\\x00\\x03\\x00\\x01\\x00\\x00" \\\n'
        '"\\x00\\x09\\x01\\x03\\x06\\x00\\x00\\x00\\x00\\x00\\x4d"'
    ),
    "a dump in groups behind words": (
        "Tx: 0001 0000 0006 01 03 0000 0003\nRx: 0001 0000 0009 0103 0600 0000 0000 4d"
    ),
    "words behind the bytes": (
        "TX 00 01 00 00 00 06 01 03 00 00 00 03 (12 bytes) OK\n"
        "RX 00 01 00 00 00 09 01 03 06 00 00 00 00 00 4D   12:00:01.123"
    ),
    "a JSON log": (
        '{"tx": "000100000006010300000003", "n": 1}\n{"rx": "00010000000901030600000000004d", "n": 2}'
    ),
    "bytes in brackets with 0x": (
        "TX: [0x00][0x01][0x00][0x00][0x00][0x06][0x01][0x03][0x00][0x00][0x00][0x03]\n"
        "RX: [0x00][0x01][0x00][0x00][0x00][0x09][0x01][0x03][0x06][0x00][0x00][0x00][0x00][0x00][0x4D]"
    ),
}


@pytest.mark.parametrize("program", LOGGED)
def test_logs_are_read_whatever_stands_behind_the_bytes(program: str) -> None:
    assert parse_pasted(LOGGED[program]) == FRAME + ANSWER


@pytest.mark.parametrize(
    "text",
    [
        "request = b'\\x00\\x01\\x00\\x00\\x00\\x06\\x01\\x03\\x00k\\x00\\x03'",
        "bytearray(b'\\x00\\x01\\x00\\x00\\x00\\x06\\x01\\x03\\x00k\\x00\\x03')",
        "Can't send '\\x00\\x01\\x00\\x00\\x00\\x06\\x01\\x03\\x00k\\x00\\x03'",
        '"\\u0000\\u0001\\u0000\\u0000\\u0000\\u0006\\u0001\\u0003\\u0000k\\u0000\\u0003"',
        '"\\x{00}\\x{01}\\x{00}\\x{00}\\x{00}\\x{06}\\x{01}\\x{03}\\x{00}k\\x{00}\\x{03}"',
        "Sent: [0, 1, 0, 0, 0, 6, 1, 3, 0, 107, 0, 3]",
        "(0, 1, 0, 0, 0, 6, 1, 3, 0, 107, 0, 3)",
        "0, 1, 0, 0, 0, 6, 1, 3, 0, 107, 0, 3",
        "[0 1 0 0 0 6 1 3 0 107 0 3]",
        "Uint8Array(12) [\n  0, 1, 0, 0, 0,\n  6, 1, 3, 0, 107,\n  0, 3\n]",
        "new byte[] {0x00, 0x01, 0x00, 0x00, 0x00, 0x06, 0x01, 0x03, 0x00, (byte)0x6b, 0x00, (byte) 0x03}",
        "16#0, 16#1, 16#0, 16#0, 16#0, 16#6, 16#1, 16#3, 16#0, 16#6B, 16#0, 16#3",
        "B#16#00,B#16#01,B#16#00,B#16#00,B#16#00,B#16#06,B#16#01,B#16#03,B#16#00,B#16#6B,B#16#00,B#16#03",
        "\n".join(f"tx[{at}]  Byte  16#{byte:X}" for at, byte in enumerate(b"\0\1\0\0\0\6\1\3\0k\0\3")),
        "00.01.00.00.00.06.01.03.00.6b.00.03",
        "00_01_00_00_00_06_01_03_00_6b_00_03",
        "[10:00:00][V][modbus:200]: Modbus write: 00.01.00.00.00.06.01.03.00.6B.00.03 (12)",
        "\u201c00 01 00 00 00 06 01 03 00 6b 00 03\u201d",
    ],
)
def test_bytes_are_read_as_languages_and_controllers_write_them(text: str) -> None:
    assert parse_pasted(text) == bytes.fromhex("0001 0000 0006 01 03 006b 0003")


def test_numbers_of_java_are_below_zero_from_128_on() -> None:
    assert parse_pasted("[17, 3, 0, 107, 0, 3, 118, -121]") == bytes.fromhex("1103006B00037687")


def test_decimal_values_beside_bytes_in_hexadecimal_are_no_bytes() -> None:
    assert parse_pasted("send 01 03 00 00 00 01 84 0A\nregisters=[0, 0, 77, 1, 2]") == RTU


@pytest.mark.parametrize(
    "text",
    [
        ":1103006B00037E",
        ":1103006B00037E\\r\\n",
        ":1103006B00037E<CR><LF>",
        ": 11 03 00 6B 00 03 7E",
        "12:00:01 Tx :1103006B00037E\\r\\n",
        "b':1103006B00037E\\r\\n'",
    ],
)
def test_an_ascii_frame_is_read_however_its_end_is_written(text: str) -> None:
    assert parse_pasted(text) == b":1103006B00037E\r\n"


def test_an_ethernet_address_in_a_line_is_no_frame() -> None:
    with pytest.raises(ValueError, match="is not hexadecimal"):
        parse_pasted("link 02:42:0a:00:00:05 is up")


@pytest.mark.parametrize(
    "text",
    [
        " " * 40_000 + "x",
        "00 " * 13_000 + "x",
        "/*" * 20_000,
        "1, " * 13_000 + "x",
        "'\\x" * 13_000,
        "[1 " * 13_000,
    ],
    ids=["spaces", "bytes", "comments", "numbers", "strings", "lists"],
)
def test_a_long_text_of_one_thing_is_read_or_refused_at_once(text: str) -> None:
    begin = time.process_time()
    with contextlib.suppress(ValueError):
        parse_pasted(text)
    assert time.process_time() - begin < 2.0
