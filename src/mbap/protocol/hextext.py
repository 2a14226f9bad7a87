"""Bytes as people paste them: hex in any of the ways that programs print it."""

from __future__ import annotations

import ast
import base64
import binascii
import re

from mbap.protocol.checksum import crc16
from mbap.protocol.hexdumps import dumped

_BETWEEN = re.compile(r"[\s:,;{}\[\]()<>\"'|-]+|\\x|0x", re.IGNORECASE)
_HEX_DIGITS = re.compile(r"[0-9a-fA-F]*")
_PREFIXED = re.compile(r"(?:0x|\\x)([0-9a-f])(?![0-9a-f])", re.IGNORECASE)
_MARKED = re.compile(r"(?<!\w)(?:\$|&h|16#)([0-9a-f]{2})\b|\b([0-9a-f]{2})h\b", re.IGNORECASE)
"""A byte as assemblers, BASIC and PLCs write it: `$1f`, `&H1F`, `16#1F`, `1Fh`."""


def parse_hex(text: str) -> bytes:
    r"""The bytes that *text* says: `00 01`, `0001`, `00:01`, `0x00, 0x01`, `\x00\x01`, `b'\x00\x01'`.

    Raises:
        ValueError: it is not hexadecimal, or a byte has only one digit.
    """
    literal = re.fullmatch(r"""\s*b(['"])(.*)\1\s*""", text, re.DOTALL)
    if literal and not _HEX_DIGITS.fullmatch(literal[2]):
        return _literal(text.strip())
    text = _MARKED.sub(r" \1\2 ", literal[2] if literal else text)
    words = [word for word in _BETWEEN.split(_PREFIXED.sub(r" 0\1 ", text)) if word]
    for word in words:
        _check(word)
    if not words:
        raise ValueError(
            "there are no bytes: give them in hexadecimal, such as 00 01 00 00 00 06 01 03 00 6b 00 03"
        )
    return bytes.fromhex("".join(words))


def parse_pasted(text: str) -> bytes:
    """The bytes in *text* as `parse_hex` reads them; where it is a log, those at the end of each line.

    `12:00:01 Tx: 01 03 00 00 00 0A C5 CD` is eight bytes: what stands before them on a line is left out.
    ASCII frames, which begin with a colon, are their characters. Dumps with offsets, of packets too, what
    libmodbus prints, buffers of Node.js, lists of decimal numbers, and base64 of a frame are known as well.

    Raises:
        ValueError: there are no bytes in it.
    """
    if text.lstrip().startswith(":"):
        return _characters(text)
    for known in (dumped, _bracketed, _buffers, _decimal, _of_base64):
        if (data := known(text)) is not None:
            return data
    try:
        return parse_hex(_COMMENT.sub("", text))
    except ValueError:
        lines = [_HEAD.sub(r"\1 ", _TAG.sub("", _COMMENT.sub("", line))) for line in text.splitlines()]
        frames = [ascii_frame for line in lines if (ascii_frame := _ASCII.search(line))]
        if frames:
            return _characters("\n".join(frame[0] for frame in frames))
        found = [match for line in lines if (match := _AT_THE_END.search(line))]
        if not found:
            raise
        return b"".join(parse_hex(match[0].rstrip("'\"])},.; \t")) for match in found)


_COMMENT = re.compile(r"//.*$|/\*.*?\*/", re.MULTILINE)
_TAG = re.compile(r"^.*?\b[TR]x[:>]\s*\d{3,}-(?=[0-9A-F]{2}\b)", re.IGNORECASE)
"""`Tx:000123-`, of which the number is none of the bytes."""
_HEAD = re.compile(r"\[((?:[0-9A-F]{2} )+[0-9A-F]{2})\](?= [0-9A-F]{2}\b)", re.IGNORECASE)
"""A header that is set off from its PDU: `[9C 5A 00 00 00 06 01] 03 00 00 00 03`."""
_BRACKETED = re.compile(r"(?:[\[<][0-9A-F]{2}[\]>]){2,}", re.IGNORECASE)
_BUFFER = re.compile(r"<Buffer((?: [0-9a-f]{2})+)(?: \.\.\. (\d+) more bytes?)?>", re.IGNORECASE)
_NUMBERS = r"[\[{]\s*(\d{1,3}(?:\s*,\s*\d{1,3})+)\s*,?\s*[\]}]"
_DECIMAL = re.compile(rf"\s*(?:[\w\s*:\[\]]+=)?\s*{_NUMBERS}\s*;?\s*")
_JSON_BUFFER = re.compile(rf'"Buffer"\s*,\s*"data"\s*:\s*{_NUMBERS}')
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4}){2,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def _bracketed(text: str) -> bytes | None:
    """`[00][01]` and `<00><01>`: what libmodbus sends and gets, and whatever is built on it."""
    found = _BRACKETED.findall(text)
    return bytes.fromhex("".join(re.sub(r"[\[\]<>]", "", one) for one in found)) if found else None


def _buffers(text: str) -> bytes | None:
    """`<Buffer 00 01>`, as Node.js prints bytes."""
    found = _BUFFER.findall(text)
    if cut := next((more for _, more in found if more), None):
        raise ValueError(f"{cut} bytes were left out where this was printed: print it with toString('hex')")
    return bytes.fromhex("".join(digits for digits, _ in found)) if found else None


def _decimal(text: str) -> bytes | None:
    """`[0, 1, 0, 0]`: numbers that are not all of two digits; `{"type": "Buffer", "data": [0, 1]}`."""
    whole = _DECIMAL.fullmatch(text)
    lists = [whole[1]] if whole else _JSON_BUFFER.findall(text)
    numbers = [one.strip() for found in lists for one in found.split(",")]
    if not any(len(one) != 2 for one in numbers) or any(int(one) > 255 for one in numbers):
        return None
    return bytes(map(int, numbers))


def _of_base64(text: str) -> bytes | None:
    """A frame in base64: other words are too easily taken for it."""
    packed = "".join(text.split())
    if _BASE64.fullmatch(packed) is None or _HEX_DIGITS.fullmatch(packed):
        return None
    try:
        data = base64.b64decode(packed, validate=True)
    except binascii.Error:
        return None
    is_tcp = len(data) >= 8 and not any(data[2:4]) and 2 <= int.from_bytes(data[4:6], "big") <= len(data) - 6
    return data if is_tcp or not crc16(data) else None


_ASCII = re.compile(r"(?<![0-9A-Fa-f]):(?:[0-9A-Fa-f]{2}){3,}\s*$")
_BEHIND = r"(?<![0-9A-Za-z.])(?<![0-9][:\-])"
_AT_THE_END = re.compile(
    _BEHIND
    + r"""(?:
        (?:[0-9a-f]{2}[\s,]+){3,}[0-9a-f]{2}
        | (?:[0-9a-f]{2}:){3,}[0-9a-f]{2}
        | (?:[0-9a-f]{2}-){3,}[0-9a-f]{2}
        | (?:0x[0-9a-f]{1,2}[\s,]+){3,}0x[0-9a-f]{1,2}
        | (?:\\x[0-9a-f]{2}){4,}
        | (?:[0-9a-f]{2}){4,}
    )['"\])},.;\s]*$""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
"""At least four bytes: fewer are dates and times; nor does it begin within one of these."""


def _characters(text: str) -> bytes:
    lines = re.sub(r"(?:\\r|\\n|\s)+", "\r\n", text.strip()).removesuffix("\r\n")
    return f"{lines}\r\n".encode("ascii", "replace")


def _literal(text: str) -> bytes:
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        raise ValueError(f"{text[:40]} is not a bytes literal of Python") from None
    assert isinstance(value, bytes)
    return value


def _check(word: str) -> None:
    """Raises `ValueError` unless *word* is bytes in hexadecimal."""
    if wrong := re.search(r"[^0-9a-f]", word, re.IGNORECASE):
        raise ValueError(
            f"{wrong[0]!r} in {word[:40]!r} is not hexadecimal: the digits are 0 to 9 and a to f"
        )
    if len(word) % 2:
        raise ValueError(f"{word[:40]!r} has an odd number of digits: a byte has two")
