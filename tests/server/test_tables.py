"""A device's memory: ranges, holes, all or nothing, and access from Python."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.errors import IllegalDataAddress
from mbap.protocol.wire import Bits, Registers
from mbap.server.tables import BitMemory, RegisterMemory


def registers(values: object) -> RegisterMemory:
    return RegisterMemory(Table.HOLDING_REGISTERS, values)  # type: ignore[arg-type]


def bits(values: object) -> BitMemory:
    return BitMemory(Table.COILS, values)  # type: ignore[arg-type]


def test_a_list_begins_at_address_0() -> None:
    assert registers([7, 8, 9]).read(1, 2) == [8, 9]


def test_a_range_is_a_list_too() -> None:
    assert registers(range(10_000)).read(9_999, 1) == [9_999]


def test_lists_can_begin_anywhere() -> None:
    assert registers({100: [1, 2], 200: [3]}).read(200, 1) == [3]


def test_a_read_goes_across_lists_that_touch() -> None:
    assert registers({2: [3], 0: [1, 2]}).read(0, 3) == [1, 2, 3]


def test_bits_that_touch_are_joined_too() -> None:
    assert bits({0: [True, False, True], 3: [True]}).read(1, 3) == [False, True, True]


@pytest.mark.parametrize(("address", "count"), [(0, 1), (99, 2), (101, 2), (102, 1), (150, 60)])
def test_a_read_that_touches_what_does_not_exist_is_refused(address: int, count: int) -> None:
    with pytest.raises(IllegalDataAddress):
        registers({100: [1, 2], 200: [3]}).read(address, count)


def test_a_write_that_does_not_fit_changes_nothing() -> None:
    memory = registers([1, 2, 3])
    with pytest.raises(IllegalDataAddress):
        memory.write(2, Registers.of([8, 9]))
    assert memory[0:3] == [1, 2, 3]


def test_what_was_read_does_not_change_when_the_memory_does() -> None:
    memory = registers([1, 2])
    before = memory.read(0, 2)
    memory[0] = 99
    assert before == [1, 2]


def test_an_empty_table_has_no_address() -> None:
    memory = registers([])
    assert len(memory) == 0
    with pytest.raises(IllegalDataAddress):
        memory.read(0, 1)


def test_the_last_address_is_65535() -> None:
    assert registers({65_535: [5]}).read(65_535, 1) == [5]


def test_addresses_beyond_65535_are_refused() -> None:
    with pytest.raises(ValueError, match="addresses are 0 to 65535, not 65535 to 65536"):
        registers({65_535: [5, 6]})


def test_an_address_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="address 2 is given twice"):
        registers({0: [1, 2, 3], 2: [4]})


@pytest.mark.parametrize("value", [-1, 65_536, 1.5, "7"])
def test_what_is_no_register_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="a register is an int from 0 to 65535"):
        registers([value])


def test_what_is_no_bit_is_refused() -> None:
    with pytest.raises(ValueError, match="is True or False, not 2"):
        bits([0, 1, 2])


def test_items_and_slices_are_read_like_those_of_a_list() -> None:
    memory = registers({10: [1, 2, 3, 4]})
    assert memory[11] == 2
    assert memory[10:12] == [1, 2]
    assert memory[12:] == [3, 4]


def test_items_and_slices_are_set_like_those_of_a_list() -> None:
    memory = registers([0, 0, 0, 0])
    memory[0] = 7
    memory[2:4] = [8, 9]
    assert memory[0:4] == [7, 0, 8, 9]


def test_a_slice_takes_as_many_values_as_it_has_addresses() -> None:
    with pytest.raises(ValueError, match="2 addresses cannot take 3 values"):
        registers([0, 0, 0])[0:2] = [1, 2, 3]


def test_an_index_that_does_not_exist_says_what_does() -> None:
    with pytest.raises(IndexError, match=r"holding register 7 \(reference 40008\).*0\.\.2, 5\.\.5"):
        registers({0: [1, 2, 3], 5: [4]})[7]


@pytest.mark.parametrize("index", [-1, slice(3, 3), slice(65_530, 65_540)])
def test_a_negative_or_empty_index_is_an_index_error(index: int | slice) -> None:
    with pytest.raises(IndexError):
        registers([1, 2, 3])[index]


def test_a_step_is_refused() -> None:
    with pytest.raises(ValueError, match="no step"):
        registers([1, 2, 3])[0:3:2]


def test_an_address_is_in_the_memory_when_it_exists() -> None:
    memory = registers({5: [1, 2]})
    assert [address in memory for address in (4, 5, 6, 7)] == [False, True, True, False]


def test_iterating_gives_the_addresses() -> None:
    assert list(registers({5: [1, 2], 9: [3]})) == [5, 6, 9]


def test_a_coil_is_set_and_read_as_a_bool() -> None:
    memory = bits([False] * 20)
    memory[9] = True
    assert memory[9] is True
    assert memory[8:11] == [False, True, False]


@given(
    st.lists(st.booleans(), min_size=1, max_size=60),
    st.data(),
)
def test_bits_written_anywhere_are_read_back_and_leave_the_others_alone(
    start: list[bool], data: st.DataObject
) -> None:
    memory = bits(start)
    address = data.draw(st.integers(0, len(start) - 1))
    values = data.draw(st.lists(st.booleans(), min_size=1, max_size=len(start) - address))
    memory.write(address, Bits.of(values))
    expected = start[:address] + values + start[address + len(values) :]
    assert memory.read(0, len(start)) == expected
