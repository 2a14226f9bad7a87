"""A place and what it holds in one word, as `mbap read` takes it."""

from __future__ import annotations

from mbap.addresses import Location, Table
from mbap.values import Encoding

_PLAIN = ("", "A", "AB", "ABCD", "ABCDEFGH")


def item(table: Table, address: int, encoding: Encoding) -> str:
    """`hr100:float32,CDAB`, `ir0:uint16,scale=0.1`; the sentinels of a profile are left out."""
    length = f"/{encoding.length}" if encoding.length else ""
    options = [] if encoding.order in _PLAIN else [encoding.order]
    options += [] if encoding.scale == 1 else [f"scale={encoding.scale:g}"]
    options += [] if encoding.offset == 0 else [f"offset={encoding.offset:g}"]
    return ",".join([f"{Location(table, address)}:{encoding.type}{length}", *options])


def shown(table: Table, address: int, encoding: Encoding, value: object) -> str:
    """The same with its value: `hr0:float32,CDAB is 230.5`."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f"{item(table, address, encoding)} is {text}"
