"""Hex as people paste it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
