"""Bytes as people paste them: hex in any of the ways that programs print it."""

from __future__ import annotations

import ast
import re

_BETWEEN = re.compile(r"[\s:,;{}\[\]()\"'|-]+|\\x|0x", re.IGNORECASE)
_HEX_DIGITS = re.compile(r"[0-9a-fA-F]*")
_PREFIXED = re.compile(r"(?:0x|\\x)([0-9a-f])(?![0-9a-f])", re.IGNORECASE)


def parse_hex(text: str) -> bytes:
    r"""The bytes that *text* says: `00 01`, `0001`, `00:01`, `0x00, 0x01`, `\x00\x01`, `b'\x00\x01'`.

    Raises:
        ValueError: it is not hexadecimal, or a byte has only one digit.
    """
    literal = re.fullmatch(r"""\s*b(['"])(.*)\1\s*""", text, re.DOTALL)
    if literal and not _HEX_DIGITS.fullmatch(literal[2]):
        return _literal(text.strip())
    text = literal[2] if literal else text
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
    ASCII frames, which begin with a colon, are their characters.

    Raises:
        ValueError: there are no bytes in it.
    """
    if text.lstrip().startswith(":"):
        return _characters(text)
    try:
        return parse_hex(text)
    except ValueError:
        lines = text.splitlines()
        frames = [ascii_frame for line in lines if (ascii_frame := _ASCII.search(line))]
        if frames:
            return _characters("\n".join(frame[0] for frame in frames))
        found = [match for line in lines if (match := _AT_THE_END.search(line))]
        if not found:
            raise
        return b"".join(parse_hex(match[0].rstrip("'\"])},.; \t")) for match in found)


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
