"""What is wrong between the parts of a policy file that are right by themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from mbap.filefaults import Path, suggestion
from mbap.security.accesses import Ranges
from mbap.server.networks import network_of
from mbap.values import Encoding


class WrittenPoint(Protocol):
    """`[points.NAME]` as it is written."""

    table: Any
    address: Any
    type: str | None
    word_order: str | None
    min: float | None
    max: float | None
    max_step: float | None
    bits: int | None

    def encoding(self) -> Encoding | None: ...


def network_faults(networks: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Networks that are none."""
    for name, written in networks.items():
        for text in written:
            try:
                network_of(text)
            except ValueError as error:
                yield ("networks", name), str(error)


def point_faults(points: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Points whose parts do not go together."""
    for name, point in points.items():
        for key, text in _point_faults(point):
            yield ("points", name, *key), text


def _point_faults(point: WrittenPoint) -> Iterator[tuple[Path, str]]:
    if point.min is not None and point.max is not None and point.min > point.max:
        yield ("max",), f"is less than min, {point.min:g}"
    if len(point.address) != 1:
        yield ("address",), "is one range: values one behind the other"
        return
    if point.table == "coil":
        for key in ("type", "word_order", "min", "max", "max_step", "bits"):
            if getattr(point, key) is not None:
                yield (key,), "does not go with coils: in = [true] is all that limits them"
        return
    try:
        encoding = point.encoding()
    except ValueError as error:
        yield (), str(error)
        return
    width = 1 if encoding is None else encoding.count
    ((first, last),) = point.address
    if (last - first + 1) % width:
        yield ("address",), f"has {last - first + 1} registers, and a value takes {width}"
    if point.bits is not None and width > 1:
        yield ("bits",), f"are of one register, and a value takes {width}"


def rule_faults(
    number: int,
    rule: Any,
    names: Mapping[str, Collection[str]],
    units_of: Mapping[str, Ranges],
    dropped: Collection[Path],
) -> Iterator[tuple[Path, str]]:
    """What a rule names that is not there, and what does not go together in it."""
    for key, kind, wanted in (
        ("to", "devices", rule.to or ()),
        ("points", "points", rule.points or ()),
        ("when", "schedules", (rule.when,) if rule.when else ()),
    ):
        for name in wanted:
            if name not in names[kind] and (kind, name) not in dropped and (kind,) not in dropped:
                yield ("rules", number, key), f'no "{name}" in [{kind}]{suggestion(name, names[kind])}'
    yield from ((("rules", number, *path), text) for path, text in _net_faults(rule, names["networks"]))
    yield from ((("rules", number, *path), text) for path, text in _faults_within(rule))
    if rule.unit is None and not _units_known(rule, units_of):
        yield (
            ("rules", number, "unit"),
            'is missing: the units, or "any" (or give units to each device in `to`)',
        )


def _units_known(rule: Any, units_of: Mapping[str, Ranges]) -> bool:
    return bool(rule.to) and all(units_of.get(name, ((0, 0),)) for name in rule.to)


def _net_faults(rule: Any, networks: Collection[str]) -> Iterator[tuple[Path, str]]:
    for text in rule.from_.net or ():
        if text in networks:
            continue
        try:
            network_of(text)
        except ValueError as error:
            unknown = f'no "{text}" in [networks]{suggestion(text, networks)}'
            yield ("from", "net"), str(error) if "/" in text or "." in text else unknown


def _faults_within(rule: Any) -> Iterator[tuple[Path, str]]:
    if rule.action == "deny":
        for key in ("points", "count"):
            if getattr(rule, key) is not None:
                yield (key,), "limits what is allowed, and this rule denies"
        if rule.rate.requests or rule.rate.writes:
            yield ("rate",), "limits what is allowed, and this rule denies"
    for burst, of in (("burst", "requests"), ("burst_writes", "writes")):
        if getattr(rule.rate, burst) is not None and getattr(rule.rate, of) is None:
            yield ("rate", burst), f"is of {of}, which have no rate here"
