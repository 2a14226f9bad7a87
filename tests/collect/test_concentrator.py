"""What clients of a concentrator get: values, 0B, 02, qualities and ages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mbap.addresses import Table
from mbap.collect.concentrator import MOST_FEEDS, Served
from mbap.collect.concentratorcells import GONE_FOREVER, NEVER, STALE
from mbap.collect.concentratorlayout import Style
from mbap.collect.concentratorline import AmongOthers
from mbap.collect.concentratormap import Entry
from mbap.collect.readings import Quality, Value
from mbap.collect.registermap import Point
from mbap.errors import (
    GatewayPathUnavailable,
    GatewayTargetFailedToRespond,
    IllegalDataAddress,
    IllegalFunction,
    NoAnswer,
)
from mbap.protocol.pdu import MaskWriteRegister, ReadHoldingRegisters, WriteSingleRegister
from mbap.server.handler import Call
from mbap.values import Encoding
from support.concentrating import LEVEL, MODE, NAMES, PEER, POINTS, POWER, Concentrated, device, readings
from support.meters import registers as points_in_a_row

INPUT, HOLDING = Table.INPUT_REGISTERS, Table.HOLDING_REGISTERS
FULL = (1.5, 2.3, 4, True, False)
STATUS = 40_000


def fed(**options: object) -> Concentrated:
    site = Concentrated(**options)  # type: ignore[arg-type]
    site.concentrator.update(readings(*FULL))
    return site


def test_each_point_keeps_type_order_and_scale() -> None:
    assert fed().registers(0, 4) == [*Encoding("float32", "CDAB").encode(1.5), 23, 4]


def test_normalised_points_are_abcd_in_plain_units() -> None:
    site = fed(style=Style(normal=True))
    assert site.registers(0, 5) == [
        *Encoding("float32").encode(1500.0),
        *Encoding("float32").encode(2.3),
        4,
    ]


def test_bits_are_coils_also_those_of_registers() -> None:
    assert fed().bits(0, 2) == [True, False]


def test_what_is_in_holding_registers_is_in_input_registers_too() -> None:
    assert fed().registers(0, 4, INPUT) == fed().registers(0, 4)


def test_what_is_in_coils_is_in_discrete_inputs_too() -> None:
    assert fed().bits(0, 2, Table.DISCRETE_INPUTS) == [True, False]


def test_a_new_reading_takes_the_place_of_the_old_one() -> None:
    site = fed()
    site.concentrator.update(readings(1.5, -2.0, 5, True, True))
    assert site.registers(2, 2) == [65516, 5]
    assert site.bits(0, 2) == [True, True]


def test_before_the_first_reading_there_is_no_value() -> None:
    with pytest.raises(GatewayTargetFailedToRespond):
        Concentrated().registers(0, 2)


def test_a_read_with_one_bad_value_is_refused_as_a_whole() -> None:
    site = fed()
    site.concentrator.update(readings(1.5, None, 4, True, False))
    assert site.registers(3, 1) == [4]
    with pytest.raises(GatewayTargetFailedToRespond):
        site.registers(0, 4)


def test_a_value_is_stale_after_three_periods() -> None:
    site = fed()
    site.clock.now += 31
    assert site.registers(2, 1) == [23]
    site.clock.now += 1
    with pytest.raises(GatewayTargetFailedToRespond):
        site.registers(2, 1)


def test_a_stale_value_comes_back_with_the_next_reading() -> None:
    site = fed(stale=2.0)
    site.clock.now += 3
    with pytest.raises(GatewayTargetFailedToRespond):
        site.registers(2, 1)
    site.concentrator.update(readings(*FULL))
    assert site.registers(2, 1) == [23]


def test_readings_in_time_are_never_stale() -> None:
    site = fed(stale=2.0)
    for _ in range(10):
        site.clock.now += 1.5
        site.concentrator.update(readings(*FULL))
        assert site.registers(2, 1) == [23]


def test_what_was_old_when_it_came_is_stale_at_once() -> None:
    site = Concentrated(stale=2.0)
    site.concentrator.update(readings(*FULL), age=5.0)
    with pytest.raises(GatewayTargetFailedToRespond):
        site.registers(2, 1)


def test_other_points_of_the_device_do_not_keep_a_value_alive() -> None:
    site = fed(stale=2.0)
    site.clock.now += 3
    site.concentrator.update(readings(7, names=("mode",)))
    assert site.registers(3, 1) == [7]
    with pytest.raises(GatewayTargetFailedToRespond):
        site.registers(2, 1)


def test_the_last_good_value_is_kept_when_that_is_wanted() -> None:
    site = fed(otherwise="last")
    site.concentrator.update(readings(None, None, None, None, None))
    site.clock.now += 1000
    assert site.registers(2, 2) == [23, 4]
    assert site.registers(STATUS + 2, 1, INPUT) == [STALE]


def test_the_age_is_that_of_the_last_good_value() -> None:
    site = fed(otherwise="last")
    site.clock.now += 20
    site.concentrator.update(readings(1.5, None, 4, True, False))
    assert site.registers(STATUS, 4, INPUT) == [0, 0, Quality.TIMEOUT, 20]


def test_the_last_good_value_is_known_after_a_change_of_the_site() -> None:
    site = fed(otherwise="last")
    site.clock.now += 20
    served = Served(site.entries, site.devices, "last")
    site.concentrator.replace(served)
    assert site.registers(2, 2) == [23, 4]
    assert site.registers(STATUS + 2, 2, INPUT) == [STALE, 20]


def test_after_a_change_of_the_site_values_have_to_come_anew() -> None:
    site = fed()
    site.concentrator.replace(Served(site.entries, site.devices))
    with pytest.raises(GatewayTargetFailedToRespond):
        site.registers(2, 1)


def test_no_value_is_served_as_the_sentinel_of_its_type_when_that_is_wanted() -> None:
    site = fed(otherwise="sentinel")
    site.concentrator.update(readings(None, None, None, None, None))
    assert site.registers(0, 4) == [0, 0x7FC0, 0x8000, 0xFFFF]


def test_bits_have_no_sentinel() -> None:
    site = fed(otherwise="sentinel")
    site.concentrator.update(readings(None, None, None, None, None))
    with pytest.raises(GatewayTargetFailedToRespond):
        site.bits(0, 1)


def test_a_value_that_would_be_the_sentinel_is_served_as_none() -> None:
    site = fed(otherwise="sentinel")
    site.concentrator.update(readings(1.0, 1.0, 0xFFFF, True, True))
    assert site.registers(3, 1) == [0xFFFF]
    assert site.registers(STATUS + 4, 1, INPUT) == [Quality.LIMITS]


def test_a_value_that_does_not_fit_its_type_is_bad() -> None:
    site = fed()
    site.concentrator.update(readings(1.0, 1e9, 4, True, True))
    assert site.registers(STATUS + 2, 1, INPUT) == [Quality.LIMITS]


def test_quality_and_age_are_registers() -> None:
    site = fed()
    site.concentrator.update(readings(1.5, None, 4, True, False, bad=Quality.exception(2)))
    site.clock.now += 12.7
    assert site.registers(STATUS, 4, INPUT) == [0, 12, 102, 12]


def test_a_point_that_was_never_read_says_so() -> None:
    assert Concentrated().registers(STATUS, 2, INPUT) == [NEVER, 0xFFFF]


def test_the_status_can_be_read_when_the_value_cannot() -> None:
    site = fed(stale=1.0)
    site.clock.now += 60
    assert site.registers(STATUS, 2, INPUT) == [STALE, 60]


def test_addresses_between_points_are_zero() -> None:
    assert fed().registers(0, 10)[4:] == [0] * 6


def test_a_read_without_any_point_is_refused() -> None:
    with pytest.raises(IllegalDataAddress):
        fed().registers(4, 10)


def test_holes_are_refused_when_that_is_wanted() -> None:
    site = fed(refuse_holes=True)
    assert site.registers(0, 4)[3] == 4
    with pytest.raises(IllegalDataAddress):
        site.registers(0, 5)


def test_a_unit_without_entries_has_no_path() -> None:
    with pytest.raises(GatewayPathUnavailable):
        fed().registers(0, 1, unit=2)


def test_on_a_serial_line_it_answers_for_its_own_units_only() -> None:
    line = AmongOthers(fed().concentrator)
    request = ReadHoldingRegisters(2, 1)
    assert line.handle(Call(request, 1, PEER)) == [23]
    for call in (Call(request, 2, PEER), Call(request, 0, PEER, broadcast=True)):
        with pytest.raises(NoAnswer):
            line.handle(call)
    assert line.refuse(1, IllegalFunction()).code == 1
    with pytest.raises(NoAnswer):
        line.refuse(2, IllegalFunction())


def test_other_functions_are_not_there() -> None:
    with pytest.raises(IllegalFunction):
        fed().ask(MaskWriteRegister(0, 0, 0))


def test_without_writes_a_write_is_no_function() -> None:
    with pytest.raises(IllegalFunction):
        fed().ask(WriteSingleRegister(3, 1))


def test_a_point_that_is_gone_is_never_taken_for_a_value() -> None:
    before = Concentrated()
    site = Concentrated(device(points=(POWER, MODE)), entries=before.entries)
    site.concentrator.update(readings(1.5, 4, names=("power", "mode")))
    assert site.registers(0, 4)[2:] == [0x8000, 4]
    assert site.registers(STATUS + 2, 1, INPUT) == [GONE_FOREVER]
    with pytest.raises(IllegalDataAddress):
        site.registers(2, 1)


def test_a_mirror_has_the_addresses_of_the_device() -> None:
    site = fed(style=Style("mirror"))
    assert site.registers(10, 2, INPUT) == list(Encoding("float32", "CDAB").encode(1.5))
    assert site.registers(20, 2) == [23, 4]
    assert site.bits(7, 1) == [True]


def test_a_bit_of_a_register_is_a_bit_of_it_in_a_mirror() -> None:
    site = fed(style=Style("mirror"))
    site.concentrator.update(readings(1.5, 2.3, 4, True, True))
    assert site.registers(30, 1) == [8]
    site.concentrator.update(readings(1.5, 2.3, 4, True, False))
    assert site.registers(30, 1) == [0]


def test_a_map_may_serve_in_another_unit_of_measure() -> None:
    entry = Entry(1, HOLDING, 0, Encoding("uint32"), "a", "power", "W")
    assert fed(entries=[entry], style=Style("map")).registers(0, 2) == [0, 1500]


def test_a_new_layout_serves_what_comes_next() -> None:
    site = fed()
    grown = device(points=(*POINTS, replace(LEVEL, name="level_2", address=40)))
    after = Concentrated(grown, entries=site.entries)
    after.concentrator.update(readings(*FULL, 7.0, names=(*NAMES, "level_2")))
    assert after.registers(0, 4) == site.registers(0, 4)
    assert after.registers(4, 1) == [70]


@pytest.mark.parametrize(
    ("encoding", "value"),
    [
        (Encoding("string", length=4), "PUMP 7"),
        (Encoding("latin1", "BA", length=2), "Fü"),
        (Encoding("uint64", scale=0.01), 123_456_789_012.34),
        (Encoding("int32", "DCBA", scale=0.001), -1_234_567.891),
        (Encoding("uint16", "BA"), 0x1234),
        (Encoding("float64", "CDAB"), 1e300),
        (Encoding("bcd32"), 12_345_678),
        (Encoding("float32", scale=0.5), 2.25),
    ],
)
def test_every_type_is_served_as_the_device_has_it(encoding: Encoding, value: Value) -> None:
    site = Concentrated(device(points=(Point("p", HOLDING, 5, encoding),)))
    site.concentrator.update(readings(value, names=("p",)))
    assert encoding.decode(site.registers(0, encoding.count)) == value


@pytest.mark.parametrize("value", ["PUMP 7 IS TOO LONG", 5])
def test_text_that_does_not_fit_is_bad(value: Value) -> None:
    site = Concentrated(device(points=(Point("p", HOLDING, 5, Encoding("string", length=4)),)))
    site.concentrator.update(readings(value, names=("p",)))
    assert site.registers(STATUS, 1, INPUT) == [Quality.LIMITS]


def test_values_and_status_are_not_read_together() -> None:
    close = fed(style=Style(status_from=5))
    assert close.registers(5, 2, INPUT) == [0, 0]
    with pytest.raises(IllegalDataAddress):
        close.registers(3, 3)


def test_status_registers_are_not_in_the_other_table_when_that_has_values() -> None:
    site = fed(style=Style("mirror"))
    assert site.registers(STATUS, 1, INPUT) == [0]
    with pytest.raises(IllegalDataAddress):
        site.registers(STATUS, 1)


def test_readings_in_ever_other_sets_of_points_are_taken_in() -> None:
    site = fed()
    for number in range(3 * MOST_FEEDS):
        site.concentrator.update(readings(5, 1, names=("mode", f"x{number}")))
    site.concentrator.update(readings(6, names=("mode",)))
    assert site.registers(3, 1) == [6]


def test_readings_of_what_is_not_served_change_nothing() -> None:
    site = fed()
    site.concentrator.update(readings(5, of="b", names=("mode",)))
    site.concentrator.update(readings(5, names=("comm_requests",)))
    assert site.registers(3, 1) == [4]


def test_every_read_is_what_was_written_there() -> None:
    many = device(points=points_in_a_row(300))
    site = Concentrated(many)
    names = tuple(point.name for point in many.profile.points)
    site.concentrator.update(readings(*range(300), names=names))
    for start in (0, 1, 99, 175):
        assert site.registers(start, 125) == list(range(start, start + 125))
