"""Bytes as languages and programs write them other than in hexadecimal: strings, decimal numbers, base64."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Final

from mbap.protocol.checksum import SHORTEST_CHECKED, crc16

_BRACKETED: Final = re.compile(r"(?:[\[<](?:0x)?[0-9A-F]{2}[\]>]){2,}", re.IGNORECASE)
_IN_THREES: Final = re.compile(r"(?:[\[<]\d{3}[\]>]){4,}")
_BUFFER: Final = re.compile(r"<Buffer((?: [0-9a-f]{2})+)(?: \.\.\. (\d+) more bytes?)?>", re.IGNORECASE)
_NUMBER: Final = r"-?\d{1,3}"
_LIST: Final = rf"[\[{{(]\s*({_NUMBER}(?:(?:\s*,\s*|\s+){_NUMBER})+)\s*,?\s*[\]}})]"
_DECIMAL: Final = re.compile(rf"(?:[\w \t*:\[\]]+=|(?:new )?\w+(?:\[\]|\(\d+\))?)?\s*{_LIST}\s*;?")
_JSON_BUFFER: Final = re.compile(rf'"Buffer"\s*,\s*"data"\s*:\s*{_LIST}')
_LISTS: Final = re.compile(
    rf"{_LIST}|(?<![\w.\-])({_NUMBER}(?:,[ ]?{_NUMBER}){{3,}})(?![\w.])"
    r"|(?<![\w.\-])(\d{1,3}(?:-\d{1,3}){5,})(?![\w.\-])"
)
"""In brackets; as NModbus prints them, with commas alone; as modbus_tk does, with signs between them."""
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4}){2,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_YAML: Final = re.compile(r"!!binary \|\s*((?:[A-Za-z0-9+/]+={0,2}(?:\s+|$))+)")
_WORD: Final = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{8,}={0,2}(?![A-Za-z0-9+/=])")
_STRING: Final = re.compile(r"""(?<!\w)(b?)(['"])((?:(?!\2)[^\\\n]|\\.)*)\2""")
_NUMERIC: Final = re.compile(r"\\(?:x|[0-7]|u00)")
_ESCAPE: Final = re.compile(
    r"\\(?:x\{?(?P<hex>[0-9a-f]{1,2})\}?|u00(?P<wide>[0-9a-f]{2})|(?P<octal>[0-7]{1,3})|(?P<char>.))",
    re.IGNORECASE,
)
_CHARACTERS: Final = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def is_frame(data: bytes) -> bool:
    """Whether *data* begins with a whole frame of Modbus TCP, or is one of RTU with its right CRC."""
    is_tcp = len(data) >= 8 and not any(data[2:4]) and 2 <= int.from_bytes(data[4:6], "big") <= len(data) - 6
    return is_tcp or (len(data) >= SHORTEST_CHECKED and not crc16(data))


def bracketed(text: str) -> bytes | None:
    """`[00][01]` and `<00><01>`: what libmodbus and all built on it send and get; `[0x00]`; `[000]`."""
    found = _BRACKETED.findall(text)
    if found:
        return bytes.fromhex("".join(re.sub(r"0x|[\[\]<>]", "", one, flags=re.IGNORECASE) for one in found))
    return _numbers(re.findall(r"\d+", one) for one in _IN_THREES.findall(text))


def buffers(text: str) -> bytes | None:
    """`<Buffer 00 01>`, as Node.js prints bytes."""
    found = _BUFFER.findall(text)
    if cut := next((more for _, more in found if more), None):
        raise ValueError(f"{cut} bytes were left out where this was printed: print it with toString('hex')")
    return bytes.fromhex("".join(digits for digits, _ in found)) if found else None


def strings(text: str) -> bytes | None:
    r"""`"\x00\x01"`, `b'\x00k'`, `"\0\1"`: strings with escaped bytes in them, wherever they stand."""
    found = [body for _, _, body in _STRING.findall(text) if _NUMERIC.search(body)]
    try:
        return "".join(_ESCAPE.sub(_character, body) for body in found).encode("latin-1") or None
    except UnicodeEncodeError:
        return None


def _character(escape: re.Match[str]) -> str:
    if escape["octal"]:
        return chr(int(escape["octal"], 8) & 0xFF)
    digits = escape["hex"] or escape["wide"]
    return chr(int(digits, 16)) if digits else _CHARACTERS.get(escape["char"], escape["char"])


def decimal_list(text: str) -> bytes | None:
    """`[0, 1, 0, 0]`: numbers that are not all of two digits; `{"type": "Buffer", "data": [0, 1]}`."""
    whole = _DECIMAL.fullmatch(text.strip())
    lists = [whole[1]] if whole else _JSON_BUFFER.findall(text)
    numbers = [number for one in lists for number in _split(one)]
    return _numbers([numbers]) if any(len(one) != 2 for one in numbers) else None


def decimals_within(text: str) -> bytes | None:
    """The frames among the lists of decimal numbers in *text*; all of its only one."""
    lists = [_split(next(filter(None, found))) for found in _LISTS.findall(text)]
    of_bytes = [data for one in lists if (data := _numbers([one])) is not None]
    return b"".join(data for data in of_bytes if is_frame(data)) or (
        of_bytes[0] if len(lists) == len(of_bytes) == 1 else None
    )


def _split(numbers: str) -> list[str]:
    return re.findall(r"\d+", numbers) if re.match(r"\d+-", numbers) else re.findall(_NUMBER, numbers)


def _numbers(lists: Iterable[Iterable[str]]) -> bytes | None:
    """Decimal numbers as bytes; those of Java are below zero from 128 on."""
    numbers = [int(number) for one in lists for number in one]
    return (
        bytes(number & 0xFF for number in numbers)
        if numbers and all(-129 < n < 256 for n in numbers)
        else None
    )


def base64_frame(text: str) -> bytes | None:
    """A frame in base64: other words are too easily taken for it."""
    packed = "".join(text.split())
    return _frame_of(packed) if _BASE64.fullmatch(packed) else None


def base64_within(text: str) -> bytes | None:
    """The frames in base64 in *text*: in JSON, or as Wireshark follows a stream in YAML."""
    packed = ["".join(one.split()) for one in _YAML.findall(text)] or _WORD.findall(text)
    return b"".join(data for one in packed if (data := _frame_of(one)) is not None) or None


def _frame_of(packed: str) -> bytes | None:
    if re.fullmatch(r"[0-9a-fA-F]*", packed):
        return None
    try:
        data = base64.b64decode(packed, validate=True)
    except binascii.Error:
        return None
    return data if is_frame(data) else None
