"""What may be written into a quantity."""

from __future__ import annotations

import struct

import pytest

from mbap.protocol.pdu import (
    MaskWriteRegister,
    ReadHoldingRegisters,
    ReadWriteMultipleRegisters,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.protocol.wire import Registers
from mbap.security.ledger import Ledger
from mbap.security.policy import Policy
from support.policies import allowing, judged


def limited(*lines: str, address: str = "5") -> Policy:
    point = "\n".join(["[points.p]", f'address = "{address}"', *lines])
    return allowing('points = "p"', 'function = ["read", "write"]', rest=point)


def words(code: str, *values: float) -> tuple[int, ...]:
    wire = struct.pack(f">{len(values)}{code}", *values)
    return struct.unpack(f">{len(wire) // 2}H", wire)


@pytest.mark.parametrize(
    ("kind", "code", "inside", "outside"),
    [
        ("int16", "h", (-5, 0, 5), (-6, 6, -32768)),
        ("uint16", "H", (0, 5), (6, 65535)),
        ("int32", "i", (-5, 5), (-6, 6, 2**31 - 1)),
        ("uint32", "I", (0, 5), (6, 2**32 - 1)),
        ("int64", "q", (-5, 5), (-6, 2**63 - 1)),
        ("uint64", "Q", (5,), (6, 2**64 - 1)),
        ("float32", "f", (-5.0, 4.99), (-5.01, 5.01, float("nan"), float("inf"), -float("inf"))),
        ("float64", "d", (-5.0, 5.0), (5.0001, float("nan"), float("inf"))),
    ],
)
def test_a_value_is_of_its_type_and_within_its_limits(
    kind: str, code: str, inside: tuple[float, ...], outside: tuple[float, ...]
) -> None:
    width = struct.calcsize(f">{code}") // 2
    policy = limited(f'type = "{kind}"', "min = -5", "max = 5", address=f"5-{4 + width}")
    for value in inside:
        assert judged(policy, WriteMultipleRegisters(5, words(code, value))).passes
    for value in outside:
        assert judged(policy, WriteMultipleRegisters(5, words(code, value))).field == "points"


def test_the_order_of_words_counts() -> None:
    policy = limited('type = "uint32"', 'word_order = "CDAB"', "max = 5", address="5-6")
    assert judged(policy, WriteMultipleRegisters(5, (5, 0))).passes
    assert not judged(policy, WriteMultipleRegisters(5, (0, 5))).passes


def test_the_limits_are_of_the_scaled_value() -> None:
    policy = limited("scale = 0.1", "max = 5")
    assert judged(policy, WriteSingleRegister(5, 50)).passes
    assert not judged(policy, WriteSingleRegister(5, 51)).passes


def test_only_some_values_may_be_allowed() -> None:
    policy = limited("in = [0, 2]")
    assert [value for value in range(5) if judged(policy, WriteSingleRegister(5, value)).passes] == [0, 2]


def test_every_one_of_several_values_is_looked_at() -> None:
    policy = limited('type = "uint32"', "max = 5", address="5-8")
    assert judged(policy, WriteMultipleRegisters(5, (0, 1, 0, 5))).passes
    assert judged(policy, WriteMultipleRegisters(7, (0, 5))).passes
    assert not judged(policy, WriteMultipleRegisters(5, (0, 1, 0, 6))).passes
    assert not judged(policy, WriteMultipleRegisters(6, (0, 0))).passes


@pytest.mark.parametrize("address", [4, 6])
def test_half_of_a_value_is_refused_even_with_its_neighbours(address: int) -> None:
    policy = allowing(
        'points = "p"',
        "function = 16",
        'address = { holding = "0-20" }',
        rest='[points.p]\naddress = "5-6"\ntype = "float32"',
    )
    verdict = judged(policy, WriteMultipleRegisters(address, (0, 0)))
    assert "not all of" in verdict.reason


def test_function_23_is_limited_like_any_write() -> None:
    policy = limited("max = 5")
    assert judged(policy, ReadWriteMultipleRegisters(5, 1, 5, (5,))).passes
    assert judged(policy, ReadWriteMultipleRegisters(5, 1, 5, (6,))).field == "points"


def test_coils_are_limited_to_one_value() -> None:
    policy = limited('table = "coil"', "in = [false]", address="5-6")
    assert judged(policy, WriteSingleCoil(5, False)).passes
    assert not judged(policy, WriteSingleCoil(5, True)).passes
    assert not judged(policy, WriteMultipleCoils(5, (False, True))).passes


# --- masks ---


def test_a_mask_write_may_change_the_named_bits_only() -> None:
    policy = limited("bits = 0x0003")
    assert judged(policy, MaskWriteRegister(5, 0xFFFC, 0x0002)).passes
    assert not judged(policy, MaskWriteRegister(5, 0xFFFB, 0x0004)).passes


def test_a_whole_write_may_change_the_named_bits_of_what_was_last_there() -> None:
    policy = limited("bits = 0x0003")
    ledger = Ledger(policy)
    assert not judged(policy, WriteSingleRegister(5, 1), ledger=ledger).passes
    known(ledger, 0x0100)
    assert judged(policy, WriteSingleRegister(5, 0x0103), ledger=ledger).passes
    assert not judged(policy, WriteSingleRegister(5, 0x0001), ledger=ledger).passes


def test_a_mask_write_into_a_limited_value_needs_the_last_one() -> None:
    policy = limited("max = 5", "max_step = 100")
    ledger = Ledger(policy)
    assert not judged(policy, MaskWriteRegister(5, 0xFFFE, 1), ledger=ledger).passes
    known(ledger, 4)
    assert judged(policy, MaskWriteRegister(5, 0xFFFE, 1), ledger=ledger).passes
    assert not judged(policy, MaskWriteRegister(5, 0xFFFD, 2), ledger=ledger).passes


def test_a_mask_that_leaves_no_bit_is_a_whole_write() -> None:
    assert judged(limited("max = 5"), MaskWriteRegister(5, 0, 5)).passes
    assert not judged(limited("max = 5"), MaskWriteRegister(5, 0, 6)).passes


def test_a_mask_write_cannot_make_a_float_of_bits() -> None:
    policy = limited('type = "float16"')
    assert not judged(policy, MaskWriteRegister(5, 0x03FF, 0x7C00)).passes


# --- steps ---


def known(ledger: Ledger, value: int) -> None:
    """The device was read, and has *value* at register 5."""
    read = ReadHoldingRegisters(5, 1)
    ledger.answered(1, read, Registers.of((value,)), ledger.sent(1, read))


def test_a_value_may_go_so_far_at_once() -> None:
    policy = limited("max_step = 5")
    ledger = Ledger(policy)
    known(ledger, 100)
    assert [v for v in range(90, 111) if judged(policy, WriteSingleRegister(5, v), ledger=ledger).passes] == [
        *range(95, 106)
    ]


def test_a_value_of_another_unit_is_another_value() -> None:
    policy = limited("max_step = 5")
    ledger = Ledger(policy)
    known(ledger, 100)
    assert not judged(policy, WriteSingleRegister(5, 100), ledger=ledger, unit=2).passes


def test_the_first_write_may_be_allowed() -> None:
    assert judged(limited("max_step = 5", 'first = "allow"'), WriteSingleRegister(5, 1000)).passes


def test_a_write_next_to_the_point_needs_a_right_of_its_own() -> None:
    assert judged(limited("max = 5"), WriteSingleRegister(6, 1)).field == "default"
