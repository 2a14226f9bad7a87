"""Points and profiles as plain data."""

from __future__ import annotations

from mbap.addresses import Table
from mbap.collect.registermap import Kind, Point
from mbap.values import Encoding


def test_a_point_takes_as_many_registers_as_its_type() -> None:
    point = Point("energy", Table.INPUT_REGISTERS, 100, Encoding("float64"))
    assert (point.count, point.last) == (4, 103)


def test_a_point_in_a_table_of_bits_takes_one() -> None:
    point = Point("running", Table.COILS, 7)
    assert (point.count, point.last) == (1, 7)


def test_points_can_be_members_of_a_set() -> None:
    one = Point("mode", Table.HOLDING_REGISTERS, 1, Encoding(), kind=Kind.STATE, states={0: "off"})
    same = Point("mode", Table.HOLDING_REGISTERS, 1, Encoding(), kind=Kind.STATE, states={0: "off"})
    assert len({one, same}) == 1
