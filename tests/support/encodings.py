"""Hypothesis strategies: encodings of every type and order, and values for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from mbap.values import ORDERS, TYPES, Encoding

NUMBERS = [name for name, facts in TYPES.items() if facts.family in ("int", "float", "bcd")]
WHOLE = [name for name in NUMBERS if not name.startswith("float")]
TEXTS = [name for name, facts in TYPES.items() if facts.family == "text"]


def values_of(encoding: Encoding) -> st.SearchStrategy[Any]:
    """Values that *encoding* can hold."""
    bits = encoding.count * 16
    match TYPES[encoding.type].family:
        case "float":
            return st.floats(width=bits, allow_nan=False, allow_infinity=False)  # type: ignore[arg-type]
        case "bcd":
            return st.integers(0, 10 ** (bits // 4) - 1)
        case "bool":
            return st.booleans()
        case "text":
            room = encoding.count if encoding.order in ("0A", "A0") else 2 * encoding.count
            return st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=room)
    low = -(1 << bits - 1) if encoding.type.startswith("int") else 0
    return st.integers(low, low + (1 << bits) - 1)


@st.composite
def encodings(draw: st.DrawFn, types: Sequence[str] = tuple(TYPES)) -> Encoding:
    name = draw(st.sampled_from(types))
    size = TYPES[name].registers
    if name in TEXTS:
        length = draw(st.integers(1, 8))
        padding = draw(st.sampled_from(["nul", "space"]))
        order = draw(st.sampled_from(["", "AB", "BA", "0A", "A0", "CDAB", "BADC"]))
        return Encoding(name, order, length=length, padding=padding)
    return Encoding(name, draw(st.sampled_from(["", *ORDERS[size]])))
