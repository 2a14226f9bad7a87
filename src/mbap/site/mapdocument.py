"""The map of a concentrator for people, as Markdown, and for another mbap, as a profile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mbap.addresses import reference
from mbap.collect.concentratormap import Entry
from mbap.collect.concentratorunits import conversion
from mbap.collect.device import PolledDevice
from mbap.collect.registermap import Kind, Point
from mbap.site.mapfile import map_text, type_column
from mbap.site.serverplan import ServerPlan
from mbap.tomltext import toml_text
from mbap.values.types import type_facts

Points = Mapping[tuple[str, str], Point]

_COLUMNS = (
    "Reference",
    "Table",
    "Address",
    "Device",
    "Point",
    "Type",
    "Order",
    "Scale",
    "In",
    "Write",
    "Status",
    "",
)


def points_of(devices: Iterable[PolledDevice]) -> Points:
    """The points of *devices* by device and name."""
    return {(device.name, point.name): point for device in devices for point in device.profile.points}


def map_csv(plan: ServerPlan, points: Points) -> str:
    """The map as a CSV file that can serve as one, with references and descriptions."""
    return map_text(plan.entries, {key: point.description for key, point in points.items()})


def map_document(name: str, plan: ServerPlan, points: Points) -> str:
    """The map in Markdown: a table for each unit."""
    parts = [f"# What {name} serves", _introduction(plan)]
    for unit, entries in plan.by_unit().items():
        devices = list(dict.fromkeys(entry.device for entry in entries))
        title = devices[0] if len(devices) == 1 else f"{len(devices)} devices"
        rows = [_row(entry, points.get((entry.device, entry.point)), writes=plan.writes) for entry in entries]
        parts += [f"## Unit {unit}: {title}", _table(_COLUMNS, rows)]
    return "\n\n".join(parts) + "\n"


def _introduction(plan: ServerPlan) -> str:
    bad = {
        "exception": "is answered with exception 0B",
        "last": "keeps its last good one",
        "sentinel": 'is served as "no value" (NaN, 0x8000, 0xFFFF)',
    }[plan.otherwise]
    return (
        f"A value that is stale or bad {bad}. The column Status names the input register with the quality of "
        "the point (0 is good); the one behind it has its age in seconds. Addresses are zero-based."
    )


def _row(entry: Entry, point: Point | None, *, writes: bool) -> tuple[str, ...]:
    encoding = entry.encoding
    written = point.writable if writes and point is not None else None
    scale = "" if encoding is None or encoding.scale == 1 else f"* {encoding.scale:.10g}"
    offset = "" if encoding is None or encoding.offset == 0 else f" {encoding.offset:+.10g}"
    return (
        reference(entry.table, entry.address),
        entry.table.value,
        str(entry.address),
        entry.device,
        f"`{entry.point}`",
        "bit" if encoding is None else type_column(encoding),
        "" if encoding is None or encoding.bit is not None else encoding.order,
        (scale + offset).strip(),
        entry.measured_in,
        "" if written is None else f"{written[0]:.10g} to {written[1]:.10g}",
        "" if entry.status is None else str(entry.status),
        "gone" if point is None else point.description,
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def map_profile(name: str, plan: ServerPlan, points: Points, unit: int) -> str:
    """The profile of *unit* as another mbap reads it, in TOML. Points that are gone are left out.

    Raises:
        ValueError: there is nothing in that unit.
    """
    entries = [e for e in plan.entries if e.unit == unit and (e.device, e.point) in points]
    if not entries:
        units = ", ".join(map(str, plan.by_unit()))
        raise ValueError(f"the map has nothing in unit {unit}; it has units {units}")
    several = len({entry.device for entry in entries}) > 1
    title = f"{name}, unit {unit}" if several else f"{name}: {entries[0].device}"
    lines = ["[profile]", f"name = {toml_text(title)}", f"sources = [{toml_text(f'the map of {name}')}]"]
    if plan.refuse_holes:
        lines += ["", "[read]", "gap = 0", "gap_bits = 0"]
    for entry in entries:
        key = f"{entry.device}_{entry.point}" if several else entry.point
        lines += ["", f"[points.{key}]"]
        lines += _keys(entry, points[entry.device, entry.point], plan, shared=_shares(entry, entries))
    return "\n".join(lines) + "\n"


def _shares(entry: Entry, entries: Iterable[Entry]) -> bool:
    """Whether others lie on the same registers; bits of one register may without being told."""
    return any(
        other is not entry
        and other.table is entry.table
        and other.address < entry.end
        and entry.address < other.end
        for other in entries
    )


def _keys(entry: Entry, point: Point, plan: ServerPlan, *, shared: bool) -> Iterator[str]:
    encoding = entry.encoding
    yield f"table = {toml_text(entry.table.value)}"
    yield f"address = {entry.address}"
    if encoding is not None:
        yield f"type = {toml_text(encoding.type)}"
        if encoding.bit is not None:
            yield f"bit = {encoding.bit}"
        else:
            yield f"word_order = {toml_text(encoding.order)}"
        if encoding.length:
            yield f"length = {encoding.length}"
        if encoding.scale != 1:
            yield f"scale = {encoding.scale!r}"
        if encoding.offset != 0:
            yield f"offset = {encoding.offset!r}"
        if plan.otherwise == "sentinel" and type_facts(encoding.type).family == "int":
            known = ", ".join(map(repr, encoding.sentinels)) or '"default"'
            yield f"sentinels = [{known}]"
    yield from _meaning(entry, point, plan)
    if shared:
        yield "overlap = true"


def _meaning(entry: Entry, point: Point, plan: ServerPlan) -> Iterator[str]:
    for key, text in (
        ("unit", entry.measured_in),
        ("description", point.description),
        ("group", point.group),
    ):
        if text:
            yield f"{key} = {toml_text(text)}"
    if point.kind is Kind.COUNTER:
        yield 'kind = "counter"'
    if point.states:
        names = ", ".join(f'"{number}" = {toml_text(text)}' for number, text in point.states.items())
        yield f"{'bits' if point.kind is Kind.BITS else 'states'} = {{ {names} }}"
    if plan.writes and point.writable is not None:
        low, high = point.writable
        way = conversion(point.unit, entry.measured_in) if entry.encoding is not None else None
        ends = (low, high) if way is None else (way(low), way(high))
        yield f"writable = [{float(ends[0])!r}, {float(ends[1])!r}]"
    if point.key:
        yield "key = true"
