"""Engineering units: what a value in one is in another, and which one is the plain one."""

from __future__ import annotations

from typing import Final, NamedTuple

from mbap.collect.registermap import Kind, Point
from mbap.values import Encoding
from mbap.values.types import type_facts

_PREFIXED: Final = (
    "W",
    "VA",
    "var",
    "Wh",
    "VAh",
    "varh",
    "V",
    "A",
    "Ah",
    "Hz",
    "J",
    "Pa",
    "Ω",
    "N",
    "Nm",
    "g",
)
_PREFIXES: Final = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}
_OTHERS: Final[dict[str, tuple[str, float, float]]] = {
    "bar": ("Pa", 1e5, 0.0),
    "mbar": ("Pa", 100.0, 0.0),
    "hPa": ("Pa", 100.0, 0.0),
    "ms": ("s", 1e-3, 0.0),
    "min": ("s", 60.0, 0.0),
    "h": ("s", 3600.0, 0.0),
    "mm": ("m", 1e-3, 0.0),
    "cm": ("m", 1e-2, 0.0),
    "km": ("m", 1e3, 0.0),
    "l": ("m³", 1e-3, 0.0),
    "l/h": ("m³/h", 1e-3, 0.0),
    "l/min": ("m³/h", 0.06, 0.0),
    "l/s": ("m³/h", 3.6, 0.0),
    "°F": ("°C", 5 / 9, -160 / 9),
    "K": ("°C", 1.0, -273.15),
    "g": ("kg", 1e-3, 0.0),
    "t": ("kg", 1e3, 0.0),
}


class Conversion(NamedTuple):
    """value * factor + offset."""

    factor: float = 1.0
    offset: float = 0.0

    def inverse(self) -> Conversion:
        """The way back."""
        return Conversion(1 / self.factor, -self.offset / self.factor)

    def __call__(self, value: float) -> float:
        return value * self.factor + self.offset


def plain(unit: str) -> tuple[str, Conversion]:
    """The unit without prefix that *unit* belongs to, and the way there; a unit not known stays itself.

    Energy stays in Wh, temperature in °C and flow in m³/h: the SI's own J, K and m³/s are what nobody reads.
    """
    if unit in _OTHERS:
        base, factor, offset = _OTHERS[unit]
        return base, Conversion(factor, offset)
    if unit[:1] in _PREFIXES and unit[1:] in _PREFIXED and unit != "kg":
        return unit[1:], Conversion(_PREFIXES[unit[0]])
    return unit, Conversion()


def conversion(from_unit: str, to_unit: str) -> Conversion | None:
    """What turns a value in *from_unit* into one in *to_unit*; None where nothing has to be done.

    Raises:
        ValueError: nobody knows how; one sentence.
    """
    if from_unit == to_unit:
        return None
    (base, there), (other, back) = plain(from_unit), plain(to_unit)
    if base != other:
        raise ValueError(f"{from_unit or 'no unit'} cannot be served as {to_unit or 'no unit'}")
    factor = there.factor / back.factor
    return Conversion(factor, (there.offset - back.offset) / back.factor)


def normal(point: Point) -> tuple[Encoding | None, str]:
    """How *point* is served when all points are served alike, and in which engineering unit.

    The order is ABCD and units have no prefix. Whole numbers without a scale and text keep their type (BCD
    becomes plain numbers), others are float32, or float64 where digits would be lost: counters and 64 bits.
    """
    encoding = point.encoding
    if encoding is None or encoding.type == "bool":
        return None, ""
    facts = type_facts(encoding.type)
    if facts.family == "text":
        return Encoding(encoding.type, length=encoding.length), point.unit
    unit, way = plain(point.unit)
    if (
        facts.family in ("int", "bcd")
        and encoding.scale == 1
        and encoding.offset == 0
        and way == Conversion()
    ):
        return Encoding(encoding.type.replace("bcd", "uint")), unit
    wide = point.kind is Kind.COUNTER or facts.registers == 4
    return Encoding("float64" if wide else "float32"), unit
