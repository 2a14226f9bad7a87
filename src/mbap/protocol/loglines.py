"""Bytes in the lines of logs: behind times and words, at the end of a line or before what else it says."""

from __future__ import annotations

import re
from typing import Final

from mbap.protocol.notations import is_frame

_COMMENT: Final = re.compile(r"//.*$|/\*.*?(?:\*/|$)", re.MULTILINE)
_TAG: Final = re.compile(r"^.*?\b[TR]x[:>]\s*\d{3,}-(?=[0-9A-F]{2}\b)", re.IGNORECASE)
"""`Tx:000123-`, of which the number is none of the bytes."""
_HEAD: Final = re.compile(r"\[((?:[0-9A-F]{2} )+[0-9A-F]{2})\](?= [0-9A-F]{2}\b)", re.IGNORECASE)
"""A header that is set off from its PDU: `[9C 5A 00 00 00 06 01] 03 00 00 00 03`."""
_CAST: Final = re.compile(r"\(\s*(?:byte|char|unsigned char|uint8_t)\s*\)\s*")
"""`(byte) 0x83`, which Java wants from 0x80 on."""
_ASCII: Final = re.compile(
    r"(?<![0-9A-Fa-f]):(?:[0-9A-Fa-f]{2}){3,}(?=(?:\\r|\\n|<CR>|<LF>|\[CR\]|\[LF\]|['\"\s])*$)"
)
_BEHIND: Final = r"(?<![0-9A-Za-z.])(?<![0-9][:\-])(?<![0-9],)(?<![0-9],[ ])"
_RUNS: Final = r"""(?:
        (?:[0-9a-f]{2}[\s,]+){3,}[0-9a-f]{2}
        | (?:[0-9a-f]{2}:){3,}[0-9a-f]{2}
        | (?:[0-9a-f]{2}-){3,}[0-9a-f]{2}
        | (?:[0-9a-f]{2}\.){4,}[0-9a-f]{2}
        | (?:0x[0-9a-f]{1,2}[\s,]+){3,}0x[0-9a-f]{1,2}
        | (?:\\x[0-9a-f]{2}){4,}
        | (?:[0-9a-f]{4}[ ]){2,}(?:(?:[0-9a-f]{2}){1,2}[ ])*(?:[0-9a-f]{2}){1,2}
    )"""
_SOLID: Final = r"(?:[0-9a-f]{2}){4,}"
_FLAGS: Final = re.ASCII | re.IGNORECASE | re.VERBOSE
_RUN: Final = re.compile(rf"{_BEHIND}(?:{_RUNS}|(?P<solid>{_SOLID}))(?![0-9a-z]|[:.\-][0-9])", _FLAGS)
"""At least four bytes: fewer are dates and times; nor does it begin within one of these."""
_REST: Final = re.compile(r"""['"\])},.;\s]*""")
_ETHERNET_ADDRESS: Final = len("00:00:00:00:00:00")


def without_comments(text: str) -> str:
    """*text* without the comments and casts of source code."""
    return _CAST.sub("", _COMMENT.sub("", text))


def ascii_frames(text: str) -> list[str]:
    """The ASCII frames that lines of *text* end with, each from its colon on."""
    return [found[0] for line in text.splitlines() if (found := _ASCII.search(line))]


def runs_of_hex(text: str) -> list[str]:
    """The bytes in hexadecimal of each line of *text* that has some: at its end, or else the first in it."""
    lines = (_HEAD.sub(r"\1 ", _TAG.sub("", line)) for line in text.splitlines())
    return [run for line in lines if (run := _run_of_hex(line))]


def _run_of_hex(line: str) -> str:
    found = list(_RUN.finditer(line))
    if found and _REST.fullmatch(line, found[-1].end()):
        return found[-1][0]
    return next((one[0] for one in found if _may_be_bytes(one)), "")


def _may_be_bytes(found: re.Match[str]) -> bool:
    """Whether a run with more behind it is bytes: Ethernet addresses and long numbers are none."""
    run = found[0]
    if found["solid"]:
        return is_frame(bytes.fromhex(run))
    return len(run) != _ETHERNET_ADDRESS or run[2] not in ":-"
