"""Text of strangers on a console: nothing in it moves the cursor, changes colours or makes lines."""

from __future__ import annotations

import json


def printable(text: str) -> str:
    r"""*text* with everything that cannot be printed as an escape: `\x1b[2J`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def json_text(data: object, indent: int | None = None) -> str:
    """*data* as JSON in which nothing is beyond printable ASCII."""
    return json.dumps(data, indent=indent).replace("\x7f", "\\u007f")


def _escaped(one: str) -> str:
    number = ord(one)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
