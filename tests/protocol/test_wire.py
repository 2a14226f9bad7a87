"""Registers and Bits behave as the tuple of their items and keep the bytes of the wire."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.protocol.wire import Bits, Registers

words = st.lists(st.integers(0, 0xFFFF), max_size=125)
bools = st.lists(st.booleans(), max_size=2000)


@given(words)
def test_registers_equal_the_list_and_the_tuple_they_were_made_of(values: list[int]) -> None:
    registers = Registers.of(values)
    assert registers == values
    assert registers == tuple(values)
    assert list(registers) == values


@given(words)
def test_registers_hash_like_a_tuple_and_print_like_a_list(values: list[int]) -> None:
    registers = Registers.of(values)
    assert hash(registers) == hash(tuple(values))
    assert repr(registers) == repr(values)


@given(words, st.slices(125))
def test_a_slice_of_registers_is_registers_with_the_same_items(values: list[int], part: slice) -> None:
    taken = Registers.of(values)[part]
    assert isinstance(taken, Registers)
    assert taken == values[part]


@given(bools)
def test_bits_equal_the_list_they_were_made_of(values: list[bool]) -> None:
    bits = Bits.of(values)
    assert bits == values
    assert len(bits) == len(values)
    assert repr(bits) == repr(values)


@given(bools, st.slices(2000))
def test_a_slice_of_bits_is_bits_with_the_same_items(values: list[bool], part: slice) -> None:
    assert Bits.of(values)[part] == values[part]


@given(bools)
def test_bits_put_the_first_bit_lowest_in_the_first_byte(values: list[bool]) -> None:
    wire = Bits.of(values).wire
    assert [bool(wire[i // 8] >> (i % 8) & 1) for i in range(len(values))] == values


def test_bytes_of_registers_are_big_endian() -> None:
    assert bytes(Registers.of([555, 0, 100])) == bytes.fromhex("022b 0000 0064")


def test_padding_bits_are_ignored() -> None:
    assert Bits(b"\xff", 3) == Bits(b"\x07", 3)
    assert Bits(b"\xff", 3).wire == b"\x07"


def test_an_index_past_the_end_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        Registers.of([1, 2])[2]
    with pytest.raises(IndexError):
        Bits.of([True] * 3)[3]


def test_half_a_register_is_refused() -> None:
    with pytest.raises(ValueError, match="two bytes each"):
        Registers(b"\x00\x01\x02")


def test_bits_of_the_wrong_length_are_refused() -> None:
    with pytest.raises(ValueError, match="9 bits take 2 bytes, not 1"):
        Bits(b"\x00", 9)


@pytest.mark.parametrize("value", [-1, 65536, 1.5, "7"])
def test_what_is_no_register_is_named(value: object) -> None:
    with pytest.raises(ValueError, match=f"not {value!r}"):
        Registers.of([1, value])  # type: ignore[list-item]


def test_registers_differ_from_what_is_no_sequence() -> None:
    assert Registers.of([1]) != 1
    assert Registers.of([0]) != Registers.of([1])


def test_both_survive_pickling() -> None:
    assert pickle.loads(pickle.dumps(Registers.of([1, 2]))) == [1, 2]
    assert pickle.loads(pickle.dumps(Bits.of([True, False]))) == [True, False]


def test_an_item_is_the_same_each_time_it_is_looked_up() -> None:
    values = list(range(200))
    registers = Registers.of(values)
    assert [registers[at] for at in range(200)] == [registers[at] for at in range(200)] == values


def test_what_is_in_it_is_found() -> None:
    assert 555 in Registers.of([555, 0, 100])
    assert 1 not in Registers.of([555, 0, 100])


def test_bits_are_made_of_whatever_is_true_or_false() -> None:
    values: list[Any] = [2, 0, 300, -1, 0.5, None, "a"]
    assert Bits.of(values) == [True, False, True, True, True, False, True]


anything = st.booleans() | st.none() | st.integers() | st.floats() | st.text() | st.binary() | st.just(...)


@given(st.lists(anything) | st.lists(anything).map(tuple))
def test_each_bit_is_the_truth_of_its_item(values: Any) -> None:
    assert Bits.of(values) == [bool(value) for value in values]


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 39), anything)
def test_one_item_among_bools_that_is_none_changes_no_other(values: list[Any], at: int, item: object) -> None:
    values[at:at] = [item]
    assert Bits.of(values) == [bool(value) for value in values]


def test_bits_are_made_of_items_and_not_of_the_bytes_of_what_holds_them() -> None:
    words: Any = Registers.of([1, 0, 7])
    assert Bits.of(words) == [True, False, True]
