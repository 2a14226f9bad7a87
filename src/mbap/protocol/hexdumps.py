"""Dumps of bytes with offsets in front: of hexdump, xxd, od, tcpdump -X, tshark -x and Wireshark."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_LINE: Final = re.compile(
    r"[>\s|]*(?P<sign>0x)?(?P<offset>[0-9a-f]{4,8})(?P<colon>:?)"
    r"(?P<bytes>(?:[ \t]{1,4}(?:[0-9a-f]{2}){1,2})*)"
    r"(?P<text>\s*|[ \t]+\|.*|[ \t]{2,}\S.*)",
    re.IGNORECASE,
)
_BASES: Final = (16, 8, 10)
_WORDS_OF_HEXDUMP: Final = 7
"""Digits of the offsets of hexdump and od, which print words in the machine's order unless told otherwise."""
_ETHERNET, _TCP = 14, 6


class _Line(NamedTuple):
    offset: str
    data: bytes


def dumped(text: str) -> bytes | None:
    """The bytes of the dumps in *text*, without headers of Ethernet, IP and TCP; None where there is none."""
    dumps: list[list[_Line]] = []
    for line in text.splitlines():
        found = _line(line)
        if found is None:
            continue
        if not int(found.offset, 16) or not dumps:
            dumps.append([])
        dumps[-1].append(found)
    bodies = [_joined(lines) for lines in dumps]
    if not bodies or None in bodies:
        return None
    return b"".join(payload(body) for body in bodies if body) or None


def _line(line: str) -> _Line | None:
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    groups = match["bytes"].split()
    if not _is_offset(match, groups):
        return None
    data = bytes.fromhex("".join(groups))
    if _is_of_words(match, groups):
        data = b"".join(data[at : at + 2][::-1] for at in range(0, len(data), 2))
    return _Line(match["offset"], data)


def _is_offset(match: re.Match[str], groups: list[str]) -> bool:
    """Whether the digits in front can be an offset, and not bytes that are written in groups, too."""
    if match["sign"] or match["colon"] or not groups:
        return True
    if len(match["offset"]) == len(groups[0]):
        return False
    set_off = len(match["offset"]) > len("0000") or match["bytes"][:2].isspace()
    return set_off and (_is_of_words(match, groups) or all(len(group) == 2 for group in groups))


def _is_of_words(match: re.Match[str], groups: list[str]) -> bool:
    bare = not match["sign"] and not match["colon"] and len(match["offset"]) == _WORDS_OF_HEXDUMP
    return bare and bool(groups) and all(len(group) == 4 for group in groups)


def _joined(lines: list[_Line]) -> bytes | None:
    """All bytes, where the offsets count them; a last line without any says how many there are."""
    for base in _BASES:
        data, fits = b"", True
        for offset, part in lines:
            at = _number(offset, base)
            last = offset is lines[-1].offset and not part
            fits = fits and at is not None and (at == len(data) or (last and at == len(data) - 1))
            data = data[:at] + part if fits and last else data + part
        if fits and data and (len(lines) > 1 or lines[0].offset.strip("0") == ""):
            return data
    return None


def _number(offset: str, base: int) -> int | None:
    try:
        return int(offset, base)
    except ValueError:
        return None


def payload(packet: bytes) -> bytes:
    """What TCP carries in *packet*, with Ethernet around it or not; *packet* itself where it is none."""
    if packet[12:14] in (b"\x08\x00", b"\x86\xdd") and (found := _in_ip(packet[_ETHERNET:])) is not None:
        return found
    found = _in_ip(packet)
    return packet if found is None else found


def _in_ip(packet: bytes) -> bytes | None:
    if len(packet) < 40:
        return None
    version, head = packet[0] >> 4, (packet[0] & 0x0F) * 4
    if version == 4 and head >= 20 and packet[9] == _TCP:
        segment = packet[head : int.from_bytes(packet[2:4], "big")]
    elif version == 6 and packet[6] == _TCP:
        segment = packet[40 : 40 + int.from_bytes(packet[4:6], "big")]
    else:
        return None
    begin = (segment[12] >> 4) * 4 if len(segment) >= 20 else 0
    return segment[begin:] if begin >= 20 else None
