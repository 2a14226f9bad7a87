"""`mbap probe --all`: every reading of a place, as a table."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mbap.cli.probeall import readings_table
from mbap.diagnose.probereadings import BY_WIDTH
from mbap.diagnose.probeword import ORDER_NAMES
from mbap.values import Encoding

NAMES = [name for names in BY_WIDTH.values() for name in names]


@given(
    st.sampled_from(NAMES),
    st.sampled_from(ORDER_NAMES),
    st.lists(st.integers(0, 0xFFFF), min_size=4, max_size=8),
)
def test_every_reading_is_in_the_table_exactly_or_to_six_digits(
    name: str, order: str, words: list[int]
) -> None:
    encoding = Encoding(name, order)
    value = encoding.decode(words[: encoding.count])
    line = next(line for line in readings_table(words).splitlines() if line.split()[0] == name)
    shown = line.split()[1 + ORDER_NAMES.index(order)]
    if value is None:
        assert shown == "-"
    else:
        assert shown in (encoding.text(value), f"{value:.6g}")


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=8))
def test_the_table_fits_80_characters(words: list[int]) -> None:
    assert max(map(len, readings_table(words).splitlines())) <= 76


def test_a_last_register_is_read_as_one_only() -> None:
    assert [line.split()[0] for line in readings_table([0x4142]).splitlines()] == [
        *("type", "uint16", "int16", "bcd16", "float16", "text")
    ]
