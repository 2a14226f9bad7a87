"""Many equal things in one line: `192.168.1.[10-59]`, units `1-20,25`."""

from __future__ import annotations

import re

MOST = 10_000
_BRACKET = re.compile(r"\[([0-9,\s-]+)\]")


def numbers(text: str) -> list[str]:
    """`1-3,7` -> 1, 2, 3, 7; leading zeros of the first number are kept: `08-10` -> 08, 09, 10.

    Raises:
        ValueError: it is no such list, runs backwards or names a number twice.
    """
    found: list[str] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if match is None:
            raise ValueError(f"{text!r} is not a list of numbers and ranges such as 1-20,25")
        first, last = match[1], match[2] or match[1]
        if int(first) > int(last):
            raise ValueError(f"the range {part.strip()} runs backwards")
        if int(last) - int(first) >= MOST:
            raise ValueError(f"the range {part.strip()} is longer than {MOST}")
        found += [f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]
    if len(set(found)) < len(found):
        raise ValueError(f"{text!r} names a number twice")
    return found


def spelled_out(text: str) -> list[tuple[str, str]]:
    """(suffix, text) for each value of the [range] in *text*: one pair with no suffix where there is none.

    Brackets around an IPv6 address are no range, as they hold a colon.

    Raises:
        ValueError: the range is no range, or there is more than one.
    """
    ranges = _BRACKET.findall(text)
    if not ranges:
        return [("", text)]
    if len(ranges) > 1:
        raise ValueError(f"{text!r} has more than one [range]")
    return [(number, _BRACKET.sub(number, text)) for number in numbers(ranges[0])]
