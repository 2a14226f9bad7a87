"""Routes as they are written: `1-20=rtu:///dev/ttyUSB0`, `100=tcp://plc#1`, `101-120=tcp://moxa#1-20`."""

from __future__ import annotations

from mbap.site.gatewayplan import RoutePlan
from mbap.site.ranges import numbers
from mbap.transport.endpoint import parse_endpoint

ALL = range(256)
ON_A_LINE = range(1, 248)
"""The units that there can be on a serial line."""
_EXAMPLES = "write it like 1-20=rtu:///dev/ttyUSB0?baudrate=19200, 100=tcp://192.168.1.50#1 or 5=moxa#1"


def parse_route(text: str) -> RoutePlan:
    """The route of *text*, `UNITS=URL` or `UNITS=URL#UNITS`: what clients ask for, and what is behind.

    Without `#UNITS` the unit stays as it is; with one number all are that unit, with a range the first is
    the first. `*` means all units, and so does a URL alone, of which on a line there are 247.

    Raises:
        ValueError: it is no route; one sentence.
    """
    units, equals, place = text.partition("=")
    if not equals or "://" in units:
        units, place = "", text
    return route_to(units.strip(), place.strip(), text)


def route_to(units: str, place: str, text: str = "") -> RoutePlan:
    """The route from *units*, empty or `*` for all, to *place*, which may end in `#UNITS`.

    Raises:
        ValueError: it is none.
    """
    text = text or f"{units}={place}"
    url, hash_sign, behind = place.partition("#")
    try:
        line = parse_endpoint(url)
        asked = _units(units) if units not in ("", "*") else list(_all(line.scheme, bool(units)))
        mapped = _mapped(asked, behind) if hash_sign else {unit: unit for unit in asked}
    except ValueError as wrong:
        raise ValueError(f"the route {text!r} is wrong: {wrong}; {_EXAMPLES}") from None
    return RoutePlan(mapped, line.url, text)


def _all(scheme: str, starred: bool) -> range:
    return ON_A_LINE if not starred and scheme not in ("tcp", "udp") else ALL


def _units(text: str) -> list[int]:
    units = [int(number) for number in numbers(text)]
    wrong = next((unit for unit in units if unit > 255), None)
    if wrong is not None:
        raise ValueError(f"a unit is 0 to 255, not {wrong}")
    return units


def _mapped(asked: list[int], behind: str) -> dict[int, int]:
    units = _units(behind)
    if len(units) == 1:
        return dict.fromkeys(asked, units[0])
    if len(units) != len(asked):
        raise ValueError(f"{len(asked)} units in front, but {len(units)} behind")
    return dict(zip(asked, units, strict=True))
