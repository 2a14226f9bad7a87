"""Device files for `mbap serve`, written from what is known of a device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mbap.addresses import Table
from mbap.diagnose.seen import Run
from mbap.protocol.pdu.identification import ObjectId
from mbap.tomltext import toml_text

_SAME: Final = 8
"""So many equal values are written as one with a count."""
_A_LINE: Final = 16
_OWN_OBJECTS: Final = range(128, 256)


class Stepping(NamedTuple):
    """A value that takes steps.

    Attributes:
        steps: from which second on which value, the first of them from 0 on.
        period: seconds after which it begins again.
        passes: what a client writes there stays until the next step only.
    """

    table: Table
    address: int
    steps: Sequence[tuple[float, int]]
    period: float
    passes: bool


@dataclass(slots=True)
class KnownUnit:
    """What is known of one unit.

    Attributes:
        runs: neighbouring values, in order of their addresses in each table.
        identification: the objects of function 43/14, by number.
        server_id, exception_status: what functions 17 and 7 gave.
        largest_read: the most registers that one read may have, where that is less than 125.
        moving: values that change by themselves.
    """

    runs: list[Run] = field(default_factory=list)
    identification: Mapping[int, bytes] = field(default_factory=dict)
    server_id: bytes | None = None
    exception_status: int | None = None
    largest_read: int | None = None
    moving: list[Stepping] = field(default_factory=list)

    @property
    def anything(self) -> bool:
        """Whether there is anything to write down."""
        return (
            bool(self.runs or self.moving or self.identification or self.server_id)
            or self.exception_status is not None
        )


def device_text(name: str, units: Mapping[int, KnownUnit], comments: Iterable[str] = ()) -> str:
    """The device file of a device with *units*; *comments* stand at its head."""
    lines = [f"# {toml_text(comment)[1:-1]}" for comment in comments]
    lines += ["[device]", f"name = {toml_text(name)}"]
    for number, unit in sorted(units.items()):
        lines += _unit(number, unit)
    return "\n".join(lines) + "\n"


def _unit(number: int, unit: KnownUnit) -> list[str]:
    lines = ["", f"[units.{number}]"]
    if unit.server_id:
        lines.append(f'server_id = "{unit.server_id.hex()}"')
    if unit.exception_status is not None:
        lines.append(f"exception_status = {unit.exception_status}")
    if unit.largest_read is not None:
        lines.append(f"largest_read = {unit.largest_read}")
    lines += _identification(number, unit.identification)
    for table in Table:
        entries = [entry for run in unit.runs if run.table is table for entry in _run(run)]
        entries += [(one.address, _stepping(one)) for one in unit.moving if one.table is table]
        if entries:
            lines += ["", f"[units.{number}.{table.value}]"]
            lines += [f"{address} = {value}" for address, value in sorted(entries)]
    return lines


def _identification(number: int, objects: Mapping[int, bytes]) -> list[str]:
    names = {int(one): one.name.lower() for one in ObjectId}
    known = {one: value for one, value in objects.items() if one in names or one in _OWN_OBJECTS}
    if not known:
        return []
    lines = ["", f"[units.{number}.identification]"]
    for one, value in sorted(known.items()):
        lines.append(f"{names.get(one, one)} = {toml_text(_as_text(value))}")
    return lines


def _as_text(value: bytes) -> str:
    """What is no UTF-8 is written as far as it is; a device file has text only."""
    return value.decode("utf-8", "ignore")


def _stepping(one: Stepping) -> str:
    """A value that takes steps, as an entry."""
    steps = ", ".join(f'["{_seconds(second)}", {value}]' for second, value in one.steps)
    passes = ', written = "passes"' if one.passes else ""
    return f'{{ steps = [{steps}], period = "{_seconds(one.period)}"{passes} }}'


def _seconds(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def _run(run: Run) -> Iterable[tuple[int, str]]:
    """Values as entries, by their addresses: those that are the same as one, the others as lists."""
    bits = run.table.holds_bits
    address, values = run.address, run.values
    while values:
        same = _same(values)
        if same >= _SAME:
            yield address, f"{{ value = {_value(values[0], bits)}, count = {same} }}"
            address, values = address + same, values[same:]
            continue
        count = _differing(values)
        yield address, _listed([_value(one, bits) for one in values[:count]])
        address, values = address + count, values[count:]


def _same(values: Sequence[int]) -> int:
    """How many at the beginning are equal."""
    return next((at for at, value in enumerate(values) if value != values[0]), len(values))


def _differing(values: Sequence[int]) -> int:
    """How many come before the next that are equal in a row."""
    equal = 1
    for at in range(1, len(values)):
        equal = equal + 1 if values[at] == values[at - 1] else 1
        if equal == _SAME:
            return at + 1 - _SAME
    return len(values)


def _value(value: int, bits: bool) -> str:
    return ("false", "true")[bool(value)] if bits else str(value)


def _listed(values: Sequence[str]) -> str:
    if len(values) == 1:
        return values[0]
    lines = [", ".join(values[at : at + _A_LINE]) for at in range(0, len(values), _A_LINE)]
    return f"[{lines[0]}]" if len(lines) == 1 else "[\n    " + ",\n    ".join(lines) + ",\n]"
