"""The order of bytes and registers: names, the words that vendors use, and what each name means.

A is the most significant byte. ABCD is the standard's own order; CDAB has the registers exchanged, BADC the
bytes within each register, DCBA both. All names are accepted for values of any size, so that one order can be
said for a whole device: CDAB is AB for an `int16` and GHEFCDAB for a `float64`.
"""

from __future__ import annotations

from typing import Final

ORDERS: Final[dict[int, tuple[str, str, str, str]]] = {
    1: ("AB", "AB", "BA", "BA"),
    2: ("ABCD", "CDAB", "BADC", "DCBA"),
    4: ("ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA"),
}
"""By size in registers: the plain order, registers exchanged, bytes exchanged, both exchanged."""

STRING_ORDERS: Final = ("AB", "BA", "0A", "A0")
"""Of text: two characters a register, the same exchanged, one in the low byte, one in the high byte."""

VENDOR_WORDS: Final[dict[str, str]] = {
    "big endian": "ABCD",
    "most significant word first": "ABCD",
    "high word first": "ABCD",
    "network order": "ABCD",
    "no swap": "ABCD",
    "Motorola": "ABCD",
    "1234": "ABCD",
    "word swap": "CDAB",
    "low word first": "CDAB",
    "least significant word first": "CDAB",
    "little endian word order": "CDAB",
    "mid-little endian": "CDAB",
    "little endian byte swap": "CDAB",
    "Modicon": "CDAB",
    "3412": "CDAB",
    "byte swap": "BADC",
    "mid-big endian": "BADC",
    "big endian byte swap": "BADC",
    "2143": "BADC",
    "little endian": "DCBA",
    "byte and word swap": "DCBA",
    "Intel": "DCBA",
    "4321": "DCBA",
}
"""Words found in manuals, and the order they mostly mean. Check with a known value: makers differ."""

_AMBIGUOUS: Final = {"little endian": "DCBA, but many manuals mean CDAB"}

_KINDS: Final[dict[str, int]] = {
    name: kind for names in ORDERS.values() for kind, name in reversed(list(enumerate(names)))
}


def order_kind(order: str) -> int:
    """0 plain, 1 registers exchanged, 2 bytes exchanged, 3 both; nothing given is plain.

    Raises:
        ValueError: *order* is none; a vendor's word is translated in the sentence.
    """
    if not order:
        return 0
    kind = _KINDS.get(order.upper())
    if kind is None:
        raise ValueError(_no_order(order))
    return kind


def _no_order(order: str) -> str:
    word = order.lower().replace("-", " ").replace("_", " ")
    for name, meaning in VENDOR_WORDS.items():
        if name.lower().replace("-", " ") == word:
            return f"the order {order!r} is written {_AMBIGUOUS.get(name, meaning)}"
    names = "ABCD, CDAB (registers exchanged), BADC (bytes exchanged) or DCBA (both)"
    return f"{order!r} is no order: write {names}"


def for_size(order: str, registers: int) -> str:
    """The name of *order* for a value of so many registers: CDAB is GHEFCDAB for four.

    Raises:
        ValueError: *order* is none.
    """
    return ORDERS[registers][order_kind(order)]


def for_text(order: str) -> str:
    """One of `STRING_ORDERS`; of the orders for numbers only the exchange of bytes matters to text.

    Raises:
        ValueError: *order* is none.
    """
    if order.upper() in STRING_ORDERS:
        return order.upper()
    return "BA" if order_kind(order) >= 2 else "AB"
