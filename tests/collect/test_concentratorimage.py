"""Images: a read is what was put there last, whatever lies around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.collect.concentratorimage import BAD, GONE, GOOD, HOLE, BitImage, RegisterImage
from mbap.errors import ExceptionResponse, GatewayTargetFailedToRespond, IllegalDataAddress

SIZE = 40
PUTS = st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, 1)), max_size=60)
READS = st.tuples(st.integers(0, SIZE + 20), st.integers(1, 60))
STATES = st.lists(st.sampled_from((HOLE, GOOD, BAD, GONE)), min_size=SIZE, max_size=SIZE)


@given(PUTS, READS)
def test_bits_are_what_was_put_last(puts: list[tuple[int, int]], read: tuple[int, int]) -> None:
    image, model = BitImage(SIZE, refuse_holes=False), [False] * (SIZE + 80)
    image.mark(0, SIZE, GOOD)
    for address, value in puts:
        image.put(address, value)
        model[address] = bool(value)
    start, count = min(read[0], SIZE - 1), read[1]
    assert image.read(start, count) == model[start : start + count]


@given(PUTS, READS)
def test_registers_are_what_was_put_last(puts: list[tuple[int, int]], read: tuple[int, int]) -> None:
    image, model = RegisterImage(SIZE, refuse_holes=False), [0] * (SIZE + 80)
    image.mark(0, SIZE, GOOD)
    for number, (address, _) in enumerate(puts):
        image.put(address, number.to_bytes(2, "big"))
        model[address] = number
    start, count = min(read[0], SIZE - 1), read[1]
    assert image.read(start, count) == model[start : start + count]


@given(STATES, READS, st.booleans())
def test_what_a_read_gives_follows_from_what_it_touches(
    states: list[int], read: tuple[int, int], refuse_holes: bool
) -> None:
    image = RegisterImage(SIZE, refuse_holes=refuse_holes)
    image.state[:] = bytes(states)
    start, count = read
    touched = (states + [HOLE] * 100)[start : start + count]
    expected: type[ExceptionResponse] | None = None
    if BAD in touched:
        expected = GatewayTargetFailedToRespond
    elif GOOD not in touched:
        expected = IllegalDataAddress
    if refuse_holes and {HOLE, GONE} & set(touched):
        expected = IllegalDataAddress
    if expected is None:
        assert len(image.read(start, count)) == count
    else:
        with pytest.raises(expected):
            image.read(start, count)


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 1)), max_size=40))
def test_bits_of_a_register_leave_the_others_alone(puts: list[tuple[int, int]]) -> None:
    image, model = RegisterImage(1, refuse_holes=False), 0
    image.mark(0, 1, GOOD)
    for bit, value in puts:
        image.put_bit(0, bit, value)
        model = model & ~(1 << bit) | value << bit
    assert image.read(0, 1) == [model]
