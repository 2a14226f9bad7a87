"""Units of measure, and how points are normalised."""

from __future__ import annotations

import pytest

from mbap.addresses import Table
from mbap.collect.concentratorunits import conversion, normal, plain
from mbap.collect.registermap import Kind, Point
from mbap.values import Encoding


@pytest.mark.parametrize(
    ("given", "to", "value", "expected"),
    [
        ("kW", "W", 1.5, 1500),
        ("W", "kW", 1500, 1.5),
        ("MWh", "kWh", 2, 2000),
        ("mV", "V", 250, 0.25),
        ("bar", "kPa", 2, 200),
        ("l/min", "m³/h", 100, 6),
        ("°F", "°C", 212, 100),
        ("K", "°C", 300, 26.85),
        ("°C", "°F", 100, 212),
        ("min", "h", 90, 1.5),
        ("g", "kg", 500, 0.5),
    ],
)
def test_what_a_value_is_in_another_unit(given: str, to: str, value: float, expected: float) -> None:
    way = conversion(given, to)
    assert way is not None
    assert way(value) == pytest.approx(expected)
    assert way.inverse()(expected) == pytest.approx(value)


def test_nothing_is_done_where_nothing_has_to_be() -> None:
    assert conversion("kW", "kW") is None


@pytest.mark.parametrize(("given", "to"), [("V", "A"), ("", "W"), ("kW", "")])
def test_what_is_not_the_same_cannot_be_converted(given: str, to: str) -> None:
    with pytest.raises(ValueError, match="cannot be served as"):
        conversion(given, to)


@pytest.mark.parametrize("unit", ["", "m", "°", "%", "1/min", "V", "Pa", "kg", "Mode"])
def test_a_unit_without_prefix_stays_itself(unit: str) -> None:
    assert plain(unit)[0] == unit


def point(encoding: Encoding | None, unit: str = "", kind: Kind = Kind.GAUGE) -> Point:
    return Point("p", Table.HOLDING_REGISTERS, 0, encoding, unit, kind=kind)


@pytest.mark.parametrize(
    ("given", "served"),
    [
        (point(Encoding("uint16", "DCBA")), (Encoding("uint16"), "")),
        (point(Encoding("int32", "CDAB")), (Encoding("int32"), "")),
        (point(Encoding("int16", scale=0.1), "V"), (Encoding("float32"), "V")),
        (point(Encoding("uint16"), "kW"), (Encoding("float32"), "W")),
        (point(Encoding("float32"), "kWh", Kind.COUNTER), (Encoding("float64"), "Wh")),
        (point(Encoding("uint64", scale=0.1)), (Encoding("float64"), "")),
        (point(Encoding("string", "BA", length=4)), (Encoding("string", length=4), "")),
        (point(Encoding("bool", bit=3)), (None, "")),
        (point(Encoding("bcd32")), (Encoding("uint32"), "")),
        (point(Encoding("bcd64", scale=0.1)), (Encoding("float64"), "")),
    ],
)
def test_how_points_are_normalised(given: Point, served: tuple[Encoding | None, str]) -> None:
    assert normal(given) == served
