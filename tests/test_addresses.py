"""Addresses: every notation, what is refused, and that both ways agree."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.addresses import (
    Item,
    Location,
    Table,
    describe,
    parse_assignment,
    parse_item,
    parse_reference,
    reference,
)

HOLDING = Table.HOLDING_REGISTERS
INPUT = Table.INPUT_REGISTERS
COILS = Table.COILS
DISCRETE = Table.DISCRETE_INPUTS

tables = st.sampled_from(Table)
addresses = st.integers(0, 0xFFFF)


@given(tables, addresses)
def test_a_reference_names_the_place_it_was_made_from(table: Table, address: int) -> None:
    assert parse_reference(reference(table, address)) == Location(table, address)


@given(tables, addresses, st.none() | st.integers(0, 15))
def test_the_short_form_of_a_location_names_it(table: Table, address: int, bit: int | None) -> None:
    location = Location(table, address, None if table.holds_bits else bit)
    assert parse_reference(str(location)) == location


@given(tables, addresses, addresses)
def test_a_span_has_both_ends_and_what_is_between(table: Table, one: int, other: int) -> None:
    low, high = sorted((one, other))
    item = parse_item(f"{Location(table, low)}..{Location(table, high)}")
    assert (item.table, item.address, item.count) == (table, low, high - low + 1)


@given(st.text(max_size=12))
def test_any_text_is_a_place_or_a_sentence(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_item(text)


def test_006b_on_the_wire_prints_as_address_107_and_reference_40108() -> None:
    assert describe(HOLDING, 0x006B) == "holding register 107 (reference 40108)"


def test_several_are_described_by_their_ends() -> None:
    assert describe(INPUT, 0, 10) == "input registers 0 to 9 (references 30001 to 30010)"


def test_references_of_one_description_have_the_same_length() -> None:
    assert describe(HOLDING, 9990, 20).endswith("(references 409991 to 410010)")


@pytest.mark.parametrize(
    ("text", "table", "address"),
    [
        ("00001", COILS, 0),
        ("09999", COILS, 9998),
        ("10001", DISCRETE, 0),
        ("19999", DISCRETE, 9998),
        ("30001", INPUT, 0),
        ("39999", INPUT, 9998),
        ("40001", HOLDING, 0),
        ("40108", HOLDING, 107),
        ("49999", HOLDING, 9998),
        ("000001", COILS, 0),
        ("065536", COILS, 65535),
        ("100001", DISCRETE, 0),
        ("165536", DISCRETE, 65535),
        ("300001", INPUT, 0),
        ("365536", INPUT, 65535),
        ("400001", HOLDING, 0),
        ("410000", HOLDING, 9999),
        ("465536", HOLDING, 65535),
        ("4x00108", HOLDING, 107),
        ("4X108", HOLDING, 107),
        ("3x00108", INPUT, 107),
        ("1x00108", DISCRETE, 107),
        ("0x00108", COILS, 107),
        ("0x065536", COILS, 65535),
        ("hr107", HOLDING, 107),
        ("HR107", HOLDING, 107),
        (" hr107 ", HOLDING, 107),
        ("hr0x6B", HOLDING, 107),
        ("ir0", INPUT, 0),
        ("co3", COILS, 3),
        ("di5", DISCRETE, 5),
        ("%MW107", HOLDING, 107),
        ("%IW107", INPUT, 107),
        ("%M107", COILS, 107),
        ("%I107", DISCRETE, 107),
    ],
)
def test_a_notation_names_its_place(text: str, table: Table, address: int) -> None:
    assert parse_reference(text) == Location(table, address)


@pytest.mark.parametrize("text", ["hr10.3", "40011.3", "%MW10.3", "4x00011.3"])
def test_a_bit_of_a_register_follows_a_dot(text: str) -> None:
    assert parse_reference(text) == Location(HOLDING, 10, 3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("00000", "coils are 00001 to 09999"),
        ("10000", "discrete inputs are 10001 to 19999"),
        ("30000", "input registers are 30001 to 39999"),
        ("40000", "holding registers are 40001 to 49999"),
        ("000000", "coils are 000001 to 065536"),
        ("400000", "holding registers are 400001 to 465536"),
        ("465537", "holding registers are 400001 to 465536"),
        ("4x0", "counted from 1"),
        ("4x65537", "counted from 1"),
        ("20001", "references begin with 0"),
        ("50001", "references begin with 0"),
        ("107", "write hr107 (holding register) if counted from 0, or 40107 if counted from 1"),
        ("0", "write hr0"),
        ("1234567", "neither an address"),
        ("0x6B", "write hr0x6b for a hexadecimal address"),
        ("0x108", "hr0x108 for a hexadecimal address, or co107 for a coil"),
        ("hr65536", "0 to 65535"),
        ("%MW65536", "0 to 65535"),
        ("%MX0.3", "ambiguous"),
        ("%MD10", "%MW10:float32"),
        ("%Q1", "ambiguous"),
        ("mw107", "did you mean %MW107?"),
        ("hr0-9", "written with two dots, hr0..9"),
        ("hr-1", "is no address"),
        ("holding", "is no address"),
        ("", "is no address"),
        ("co3.1", "one bit already"),
        ("hr1.16", ".0 (lowest) to .15"),
        ("hr1.", ".0 (lowest) to .15"),
        ("٤٠١٠٨", "is no address"),
    ],
)
def test_what_is_refused_says_why(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"address|reference|bit|ambiguous|counted") as refused:
        parse_reference(text)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("40108", Item("40108", HOLDING, 107)),
        ("40108:float32", Item("40108:float32", HOLDING, 107, type="float32")),
        ("hr0..9", Item("hr0..9", HOLDING, 0, count=10)),
        ("hr0..hr9", Item("hr0..hr9", HOLDING, 0, count=10)),
        ("40001..40010", Item("40001..40010", HOLDING, 0, count=10)),
        ("%IW4..7", Item("%IW4..7", INPUT, 4, count=4)),
        ("4x1..5", Item("4x1..5", HOLDING, 0, count=5)),
        ("hr5..5", Item("hr5..5", HOLDING, 5, count=1)),
        ("co0..7", Item("co0..7", COILS, 0, count=8, type="bool")),
        ("hr0..9:float32,CDAB", Item("hr0..9:float32,CDAB", HOLDING, 0, count=10, type="float32,CDAB")),
        ("hr10.3", Item("hr10.3", HOLDING, 10, bit=3, type="bool,bit=3")),
        ("hr20:string/16", Item("hr20:string/16", HOLDING, 20, type="string/16")),
        ("di5:bool", Item("di5:bool", DISCRETE, 5, type="bool")),
    ],
)
def test_an_item_is_read(text: str, item: Item) -> None:
    assert parse_item(text) == item


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hr9..0", "write hr0..9"),
        ("hr0..ir3", "in one table"),
        ("hr1.3..4", "without bits"),
        ("co3:float32", "coils are bools"),
        ("hr3.2:int16", "is a bool, not int16"),
        ("hr3:", "a type is missing"),
        ("40001..10", "both ends in full"),
    ],
)
def test_an_item_that_cannot_be_says_why(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        parse_item(text)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "place", "value"),
    [
        ("hr10=42", "hr10", "42"),
        ("co3=on", "co3", "on"),
        ("hr10:int16,scale=0.1=-4.5", "hr10:int16,scale=0.1", "-4.5"),
        ("hr10:int32,scale=0.1,CDAB=7", "hr10:int32,scale=0.1,CDAB", "7"),
        ("hr20:string/4=a=b c ", "hr20:string/4", "a=b c "),
    ],
)
def test_an_assignment_is_a_place_and_a_value(text: str, place: str, value: str) -> None:
    assert parse_assignment(text) == (parse_item(place), value)


@pytest.mark.parametrize("text", ["hr10", "hr10=", "hr10:int16,scale=0.1"])
def test_an_assignment_without_value_says_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"a value is missing: write \S+=VALUE"):
        parse_assignment(text)
