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
