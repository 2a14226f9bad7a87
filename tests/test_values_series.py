"""Many values of one encoding: the same as each alone."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.protocol.wire import Registers
from mbap.values import Encoding
from support.encodings import encodings

ORDERS = ["ABCD", "CDAB", "BADC", "DCBA"]


@st.composite
def series(draw: st.DrawFn) -> tuple[bytes, Encoding, int]:
    encoding = draw(encodings())
    count = draw(st.integers(1, 5))
    spare = draw(st.integers(0, 2))
    size = 2 * (encoding.count * count + spare)
    return draw(st.binary(min_size=size, max_size=size)), encoding, count


@given(series())
def test_a_series_decodes_to_what_each_value_alone_decodes_to(case: tuple[bytes, Encoding, int]) -> None:
    wire, encoding, count = case
    step = 2 * encoding.count
    alone = tuple(encoding.decode(wire[at * step : (at + 1) * step]) for at in range(count))
    assert encoding.decoder(count)(Registers(wire)) == alone


@given(st.sampled_from(["float32", "float64"]), st.sampled_from(ORDERS), st.data())
def test_a_series_of_floats_leaves_out_each_nan(kind: str, order: str, data: st.DataObject) -> None:
    code, floats = (">f", st.floats(width=32)) if kind == "float32" else (">d", st.floats())
    values = data.draw(st.lists(floats, min_size=1, max_size=31))
    encoding = Encoding(kind, order)
    packed = (struct.pack(code, value) for value in values)
    wire = b"".join(_in_order(one, order) for one in packed)
    wanted = tuple(value if math.isfinite(value) else None for value in values)
    assert encoding.decoder(len(values))(Registers(wire)) == wanted


def _in_order(big_endian: bytes, order: str) -> bytes:
    words = [big_endian[at : at + 2] for at in range(0, len(big_endian), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    return b"".join(word[::-1] if order in ("BADC", "DCBA") else word for word in words)


@pytest.mark.parametrize("order", ORDERS)
def test_it_takes_wire_bytes_and_ints_as_well_as_registers(order: str) -> None:
    encoding = Encoding("float32", order)
    words = [*encoding.encode(1.5), *encoding.encode(-2.25)]
    registers = Registers.of(words)
    decode = encoding.decoder(2)
    assert decode(words) == decode(registers.wire) == decode(registers) == (1.5, -2.25)


@pytest.mark.parametrize("order", ORDERS)
def test_too_few_registers_are_refused(order: str) -> None:
    with pytest.raises(ValueError, match="2 values of float32 take 4 registers, not 3"):
        Encoding("float32", order).decoder(2)(Registers(bytes(6)))


def test_a_series_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="1 value or more, not 0"):
        Encoding().decoder(0)
