"""Bytes as people paste them: hex in any of the ways that programs print it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Final

from mbap.protocol.hexdumps import dumped
from mbap.protocol.loglines import ascii_frames, runs_of_hex, without_comments
from mbap.protocol.notations import (
    base64_frame,
    base64_within,
    bracketed,
    buffers,
    decimal_list,
    decimals_within,
    strings,
)

_BETWEEN = re.compile(r"[\s:,;{}\[\]()<>\"'|-]+|\\x|0x", re.IGNORECASE)
_HEX_DIGITS = re.compile(r"[0-9a-fA-F]*")
_PREFIXED = re.compile(r"(?:0x|\\x)([0-9a-f])(?![0-9a-f])", re.IGNORECASE)
_MARKED = re.compile(
    r"(?<![\w#])(?:\$|&h|(?:b(?:yte)?#)?16#)([0-9a-f]{1,2})\b#?|\b([0-9a-f]{2})h\b", re.IGNORECASE
)
"""A byte as assemblers, BASIC and PLCs write it: `$1f`, `&H1F`, `16#1F`, `B#16#1F`, `1Fh`."""
_ENOUGH_MARKED: Final = 4
_SEPARATED: Final = re.compile(r"[0-9a-f]{2}(?:([._/+])[0-9a-f]{2})(?:\1[0-9a-f]{2}){2,}", re.IGNORECASE)
_END_OF_LINE: Final = re.compile(r"(?:\\r|\\n|<CR>|<LF>|\[CR\]|\[LF\]|['\"]|[\r\n])+\s*", re.IGNORECASE)
_BETWEEN_DIGITS: Final = re.compile(r"(?<=[:0-9A-Fa-f])[ \t]+(?=[0-9A-Fa-f])")


def parse_hex(text: str) -> bytes:
    r"""The bytes that *text* says: `00 01`, `0001`, `00:01`, `0x00, 0x01`, `\x00\x01`, `b'\x00\x01'`.

    Raises:
        ValueError: it is not hexadecimal, or a byte has only one digit.
    """
    literal = re.fullmatch(r"""\s*b(['"])(.*)\1\s*""", text, re.DOTALL)
    if literal and not _HEX_DIGITS.fullmatch(literal[2]):
        return _literal(text.strip())
    text = _MARKED.sub(lambda found: f" {found[1] or found[2]:0>2} ", literal[2] if literal else text)
    words = [word for word in _BETWEEN.split(_PREFIXED.sub(r" 0\1 ", text)) if word]
    for word in words:
        _check(word)
    if not words:
        raise ValueError(
            "there are no bytes: give them in hexadecimal, such as 00 01 00 00 00 06 01 03 00 6b 00 03"
        )
    return bytes.fromhex("".join(words))


def parse_pasted(text: str) -> bytes:
    """The bytes in *text* as `parse_hex` reads them; where it is a log, those of each line.

    `12:00:01 Tx: 01 03 00 00 00 0A C5 CD` is eight bytes: what stands around them on a line is left out.
    ASCII frames, which begin with a colon, are their characters. Dumps with offsets, of packets too, what
    libmodbus prints, strings and numbers of many languages, and base64 of a frame are known as well.

    Raises:
        ValueError: there are no bytes in it.
    """
    if text.lstrip().startswith(":"):
        return _characters([text])
    for known in (dumped, bracketed, buffers, decimal_list, base64_frame, strings, _marked):
        if (data := known(text)) is not None:
            return data
    text = without_comments(text)
    try:
        return _separated(text) or parse_hex(text)
    except ValueError:
        if (data := _in_lines(text)) is None:
            raise
        return data


def _in_lines(text: str) -> bytes | None:
    if frames := ascii_frames(text):
        return _characters(frames)
    if runs := runs_of_hex(text):
        return b"".join(map(parse_hex, (run.replace(".", " ") for run in runs)))
    return decimals_within(text) or base64_within(text)


def _separated(text: str) -> bytes | None:
    """`00.01.00`, `00_01_00`: whatever one sign stands between all bytes."""
    return bytes.fromhex(re.sub(r"[\W_]", "", text)) if _SEPARATED.fullmatch(text.strip()) else None


def _marked(text: str) -> bytes | None:
    """`16#1F`, `B#16#6`, `$1f`: bytes that say that they are some, wherever they stand."""
    found = [one or other for one, other in _MARKED.findall(text)]
    return bytes(int(digits, 16) for digits in found) if len(found) >= _ENOUGH_MARKED else None


def _characters(frames: Iterable[str]) -> bytes:
    """ASCII frames, each with the end of its line, however it is written."""
    lines = [_END_OF_LINE.sub("\r\n", frame.strip()).strip() for frame in frames]
    joined = "".join(f"{_BETWEEN_DIGITS.sub('', line)}\r\n" for line in lines)
    return joined.encode("ascii", "replace")


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
