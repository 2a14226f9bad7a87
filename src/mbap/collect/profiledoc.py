"""A profile as a register map document, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mbap.addresses import Table, reference
from mbap.collect.plan import cycle_load, plan
from mbap.collect.registermap import Kind, Point, Profile
from mbap.durations import format_duration

_TABLES = {
    Table.INPUT_REGISTERS: "Input registers (read with function 04)",
    Table.HOLDING_REGISTERS: "Holding registers (read with function 03)",
    Table.DISCRETE_INPUTS: "Discrete inputs (read with function 02)",
    Table.COILS: "Coils (read with function 01)",
}
_WORDS, _BITS = Table.HOLDING_REGISTERS, Table.COILS
_COLUMNS = (
    "Reference",
    "Address",
    "Name",
    "Type",
    "Order",
    "Scale",
    "Unit",
    "Kind",
    "Range",
    "Write",
    "Group",
    "Description",
)


def profile_document(profile: Profile) -> str:
    """The register map of *profile* for people: device facts, the points by table, the named values."""
    parts = [f"# {profile.title}", profile.description, _facts(profile), _reads(profile)]
    for table, heading in _TABLES.items():
        points = sorted((p for p in profile.points if p.table is table), key=lambda p: (p.address, _bit(p)))
        if points:
            parts += [f"## {heading}", _table(_COLUMNS, map(_row, points))]
    parts += _named_values(profile.points)
    if profile.sources:
        parts += ["## Sources", "\n".join(f"- {source}" for source in profile.sources)]
    return "\n\n".join(part for part in parts if part) + "\n"


def type_text(point: Point) -> str:
    """The type of *point* with its length or bit: `float32`, `string/8`, `bit 3`."""
    encoding = point.encoding
    if encoding is None:
        return "bit"
    if encoding.bit is not None:
        return f"bit {encoding.bit}"
    return f"{encoding.type}/{encoding.length}" if encoding.length else encoding.type


def group_names(points: Iterable[Point]) -> list[str]:
    """The groups that *points* are in, in order of appearance."""
    return list(dict.fromkeys(point.group for point in points))


def device_facts(profile: Profile) -> list[tuple[str, str]]:
    """What must be known to read the device, as (fact, value)."""
    facts = [
        ("Profile", profile.name),
        ("Manufacturer", profile.manufacturer),
        ("Largest read", f"{profile.largest_in(_WORDS)} registers, {profile.largest_in(_BITS)} bits"),
        ("Gap worth reading over", f"{profile.gap_in(_WORDS)} registers, {profile.gap_in(_BITS)} bits"),
        (
            "Never read",
            ", ".join(f"{table.value} {first}..{last}" for table, first, last in profile.forbidden),
        ),
        ("Pause between requests", _seconds(profile.pause)),
        ("Pause after connecting", _seconds(profile.connect_pause)),
        ("Timeout", _seconds(profile.timeout)),
        ("Quirks", str(profile.quirks)),
    ]
    return [(fact, value) for fact, value in facts if value]


def _seconds(seconds: float | None) -> str:
    return format_duration(seconds) if seconds else ""


def _facts(profile: Profile) -> str:
    return _table(("Device", ""), device_facts(profile))


def _reads(profile: Profile) -> str:
    rows = []
    for group in group_names(profile.points):
        points = [point for point in profile.points if point.group == group]
        load = cycle_load(plan(profile, points))
        rows.append(
            (group, str(len(points)), str(load.requests), f"{load.bytes_sent} + {load.bytes_received}")
        )
    return _table(("Group", "Points", "Requests", "Bytes on TCP, sent + received"), rows)


def _row(point: Point) -> tuple[str, ...]:
    encoding = point.encoding
    return (
        reference(point.table, point.address),
        str(point.address),
        f"`{point.name}`",
        type_text(point),
        encoding.order if encoding is not None and encoding.bit is None else "",
        _scaling(point),
        point.unit,
        point.kind.value,
        _range(point.low, point.high),
        _range(*point.writable) if point.writable else "",
        point.group,
        point.description,
    )


def _bit(point: Point) -> int:
    return -1 if point.encoding is None or point.encoding.bit is None else point.encoding.bit


def _scaling(point: Point) -> str:
    if point.encoding is None:
        return ""
    scale, offset = point.encoding.scale, point.encoding.offset
    return (f"* {scale:.10g}" if scale != 1 else "") + (f" {offset:+.10g}" if offset else "")


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    if low is None:
        return f"up to {high:.10g}"
    return f"from {low:.10g}" if high is None else f"{low:.10g} to {high:.10g}"


def _named_values(points: Sequence[Point]) -> Iterator[str]:
    named = [point for point in points if point.states]
    if named:
        yield "## Named values"
    for point in named:
        heading = "Bit" if point.kind is Kind.BITS else "Value"
        yield f"### `{point.name}`"
        yield _table(
            (heading, "Meaning"), ((str(number), text) for number, text in sorted(point.states.items()))
        )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_line(columns), _line(["---"] * len(columns))]
    lines += [_line([cell.replace("|", "\\|").replace("\n", " ") for cell in row]) for row in rows]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
