"""Texts as strings and keys of TOML, for all that writes files for people."""

from __future__ import annotations

import re

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def toml_text(text: str) -> str:
    """*text* as a string of TOML, with escapes for whatever is not to be printed."""
    return '"' + "".join(_escaped(one) for one in text) + '"'


def toml_key(key: str) -> str:
    """*key* as TOML has it: bare where that is possible."""
    return key if _BARE.fullmatch(key) else toml_text(key)


def _escaped(one: str) -> str:
    if one in '"\\':
        return "\\" + one
    if one.isprintable():
        return one
    number = ord(one)
    if 0xD800 <= number <= 0xDFFF:
        return "?"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
