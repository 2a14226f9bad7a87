"""Many values out of one read: the same as each alone."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.values import Encoding, block_decoder
from support.encodings import NUMBERS, encodings


@st.composite
def blocks(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, Encoding]]]:
    plain = encodings()
    scaled = st.builds(
        Encoding,
        st.sampled_from(NUMBERS),
        st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"]),
        st.sampled_from([1.0, 0.1, 10.0]),
        st.sampled_from([0.0, -40.0]),
    )
    bits = st.builds(Encoding, st.just("bool"), bit=st.integers(0, 15))
    fields = draw(st.lists(st.tuples(st.integers(0, 20), plain | scaled | bits), max_size=12))
    end = max((offset + encoding.count for offset, encoding in fields), default=0)
    return draw(st.binary(min_size=2 * end, max_size=2 * end)), fields


@given(blocks())
def test_a_block_decodes_to_what_each_value_alone_decodes_to(
    block: tuple[bytes, list[tuple[int, Encoding]]],
) -> None:
    data, fields = block
    alone = [encoding.decode(data[2 * at : 2 * (at + encoding.count)]) for at, encoding in fields]
    assert block_decoder(fields)(data) == alone


@given(st.lists(st.floats(width=32, allow_subnormal=False), min_size=1, max_size=62))
def test_a_block_of_floats_leaves_out_each_nan(values: list[float]) -> None:
    decode = block_decoder([(2 * at, Encoding("float32")) for at in range(len(values))])
    wanted = [value if math.isfinite(value) else None for value in values]
    assert decode(struct.pack(f">{len(values)}f", *values)) == wanted


def test_a_block_of_floats_whose_sum_overflows_keeps_them() -> None:
    decode = block_decoder([(0, Encoding("float64")), (4, Encoding("float64"))])
    assert decode(struct.pack(">2d", 1.7e308, 1.7e308)) == [1.7e308, 1.7e308]


def test_a_negative_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        block_decoder([(-1, Encoding())])


def test_a_short_read_is_an_error() -> None:
    with pytest.raises(struct.error):
        block_decoder([(0, Encoding("float32"))])(b"\0\0")
