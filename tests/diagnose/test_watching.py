"""Rows that are watched, and the few reads that bring them."""

from __future__ import annotations

import pytest

from mbap.addresses import Table
from mbap.diagnose.watching import (
    MOST_ROWS,
    TREND,
    TYPES,
    Row,
    blocks_of,
    next_order,
    next_type,
    retyped,
    rows_of,
)
from mbap.protocol.wire import Bits, Registers
from mbap.values import Encoding


def row(item: str, *words: int) -> Row:
    """The first row of *item*, with *words* taken at 1.0 where there are any."""
    one = rows_of([item])[0]
    if words:
        one.take(Registers.of(words), 1.0, 0.01)
    return one


def spans(*items: str) -> list[tuple[str, int, int]]:
    return [(one.table.value, one.address, one.count) for one in blocks_of(rows_of(items))]


def test_a_span_is_a_row_for_each_value() -> None:
    assert [one.place for one in rows_of(["hr0..5:float32", "co3"])] == ["hr0", "hr2", "hr4", "co3"]


def test_more_values_than_can_be_watched_are_a_sentence() -> None:
    with pytest.raises(ValueError, match="2001 values are more than can be watched at once"):
        rows_of([f"hr0..{MOST_ROWS}"])


def test_what_touches_is_read_together_and_a_gap_is_not_read() -> None:
    assert spans("hr0..3", "hr4:float32", "hr8", "co0..2") == [
        ("coil", 0, 3),
        ("holding", 0, 6),
        ("holding", 8, 1),
    ]


def test_the_order_in_which_items_are_named_does_not_matter_to_the_reads() -> None:
    assert spans("hr4", "hr0..3") == [("holding", 0, 5)]


def test_a_read_is_never_longer_than_a_request_may_be() -> None:
    assert spans("hr0..199") == [("holding", 0, 125), ("holding", 125, 75)]
    assert spans("hr0..199:float32")[0] == ("holding", 0, 124)


def test_two_rows_of_one_place_are_brought_by_one_read() -> None:
    rows = rows_of(["hr0:float32", "hr1"])
    (block,) = blocks_of(rows)
    block.take(Registers.of([0x4148, 7]), 1.0, 0.01)
    assert rows[1].value == 7


def test_an_answer_that_is_cut_off_misses_the_rows_at_its_end_only() -> None:
    rows = rows_of(["hr0..2"])
    (block,) = blocks_of(rows)
    block.take(Registers.of([1, 2]), 1.0, 0.01)
    assert [one.trouble for one in rows] == ["", "", "cut off"]


def test_half_of_a_block_is_a_block_of_half_its_rows() -> None:
    (block,) = blocks_of(rows_of(["hr0..4"]))
    assert [(one.address, one.count) for one in block.halves()] == [(0, 2), (2, 3)]


def test_the_first_value_is_no_change_and_another_is() -> None:
    one = row("hr0", 5)
    assert one.changed_at is None
    one.take(Registers.of([6]), 2.0, 0.01)
    assert one.before == 5
    assert one.value == 6
    assert one.changed_at == 2.0


def test_a_round_without_an_answer_keeps_the_value_and_its_age() -> None:
    one = row("hr0", 5)
    one.miss("silent")
    assert (one.value, one.read_at, one.errors, one.trouble) == (5, 1.0, 1, "silent")
    assert list(one.trend) == [5.0, None]


def test_a_trend_has_a_limit() -> None:
    one = row("hr0")
    for number in range(TREND + 5):
        one.take(Registers.of([number]), float(number), 0.01)
    assert list(one.trend) == [float(number) for number in range(5, TREND + 5)]


def test_text_and_no_value_have_no_place_in_a_trend() -> None:
    text = row("hr0:string/1", 0x4142)
    none = row("hr0:float32", 0x7FC0, 0)
    assert (list(text.trend), list(none.trend)) == ([None], [None])


def test_another_order_is_shown_at_once_from_what_is_here() -> None:
    one = row("hr0:float32", 0, 0x4148)
    one.reread(next_order(one))
    assert (one.kind, one.value) == ("float32,CDAB", 12.5)


def test_another_length_waits_for_the_next_answer() -> None:
    one = row("hr0", 5)
    one.reread(retyped(one, "float32"))
    assert (one.value, one.width, one.raw) == (None, 2, "")


def test_the_types_lead_around_and_back() -> None:
    one = row("hr0")
    seen = []
    for _ in TYPES:
        one.reread(next_type(one))
        seen.append(one.kind)
    assert seen == [*TYPES[1:], TYPES[0]]
    one.reread(next_type(one, -1))
    assert one.kind == TYPES[-1]


def test_an_order_survives_another_type() -> None:
    one = row("hr0:float32,CDAB")
    one.reread(next_type(one))
    assert one.kind == "uint64,CDAB"


def test_the_orders_lead_around() -> None:
    one = row("hr0:float32")
    seen = []
    for _ in range(4):
        one.reread(next_order(one))
        seen.append(one.kind)
    assert seen == ["float32,CDAB", "float32,BADC", "float32,DCBA", "float32"]


def test_a_scale_survives_another_order() -> None:
    one = row("hr0:int16,scale=0.1", 0x0100)
    one.reread(next_order(one))
    assert (one.value, one.item) == (0.1, "hr0:int16,BA,scale=0.1")


@pytest.mark.parametrize(
    "item", ["hr0", "hr0:float32,CDAB", "hr0:int16,scale=0.1", "hr3.4", "co2", "hr0:string/8"]
)
def test_the_item_of_a_row_is_read_as_that_row(item: str) -> None:
    one = row(item)
    assert row(one.item).encoding == one.encoding


@pytest.mark.parametrize("item", ["co0", "hr0.3", "di1"])
def test_a_bit_has_no_other_type_and_no_order(item: str) -> None:
    one = row(item)
    with pytest.raises(ValueError, match="no other way to read it"):
        next_type(one)
    with pytest.raises(ValueError, match="no other order"):
        next_order(one)


def test_a_type_that_reaches_beyond_the_last_address_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="65535"):
        retyped(row("hr65535"), "float32")


def test_bits_are_on_and_off() -> None:
    one = rows_of(["co0"])[0]
    one.take(Bits.of([True]), 1.0, 0.01)
    assert (one.value, one.raw, one.encoding, one.table) == (True, "", Encoding("bool"), Table.COILS)
