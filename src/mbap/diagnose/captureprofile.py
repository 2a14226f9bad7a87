"""A draft of a profile out of a capture: the blocks that clients poll, by how often they do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mbap.addresses import Location, Table
from mbap.diagnose.capturestats import Row, Statistics
from mbap.diagnose.wording import end_text, place
from mbap.durations import format_duration
from mbap.protocol.pdu import ReadFifoQueue
from mbap.tomltext import toml_text

MOST_POINTS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbours that are read in one request.

    Attributes:
        period: seconds; None where it was read once or twice only.
    """

    table: Table
    address: int
    count: int
    period: float | None
    client: str

    @property
    def group(self) -> str:
        """The name of the scan group: `every_1s`, `every_500ms`, `seldom`."""
        if self.period is None:
            return "seldom"
        return f"every_{format_duration(self.period).replace('.', '_')}"


class ProfileFromCapture:
    """Finds out what is polled."""

    def __init__(self) -> None:
        self._statistics = Statistics()
        self.take = self._statistics.take

    def text(self) -> str:
        """The profile.

        Raises:
            ValueError: nothing was read, or from more than one unit; says how to choose.
        """
        rows = [row for row in self._statistics.rows if _polls(row)]
        units = sorted({(row.server, row.server_port, row.unit) for row in rows})
        if not units:
            raise ValueError("no read was answered: there is nothing to make a profile of")
        if len(units) > 1:
            server, _, unit = units[0]
            raise ValueError(
                f"{len(units)} units were read, and a profile is of one: choose it, with the filter"
                f" server == {server} && unit == {unit}"
            )
        blocks = sorted(_blocks(rows), key=lambda one: (one.period or 1e9, one.table.value, one.address))
        server, port, unit = units[0]
        return _text(f"As polled at {end_text(server, port)}, unit {unit}", blocks)


def _polls(row: Row) -> bool:
    """Whether it reads addresses; a FIFO queue has only the address of its pointer."""
    reads = row.request is not None and not row.request.writes and not isinstance(row.request, ReadFifoQueue)
    return reads and row.answers > row.exceptions.total()


def _blocks(rows: list[Row]) -> Iterator[Block]:
    for row in rows:
        assert row.request is not None
        period = None if row.period is None else rounded(row.period / 1e6)
        for table, address, count, _ in row.request.spans():
            yield Block(table, address, count, period, row.client)


def rounded(seconds: float) -> float | None:
    """A period as somebody will have set it: 0.998 is 1; None where it is too short to be one."""
    for step in (3600.0, 600.0, 60.0, 10.0, 5.0, 1.0, 0.5, 0.1, 0.05, 0.01, 0.001):
        times = round(seconds / step)
        if times and abs(times * step - seconds) <= 0.05 * seconds:
            return round(times * step, 3)
    return None


def _text(name: str, blocks: list[Block]) -> str:
    lines = ["# A draft from a capture: what was polled. Give points names, types and units of your own."]
    groups: dict[str, list[Block]] = {}
    for block in blocks:
        groups.setdefault(block.group, []).append(block)
    for group, members in groups.items():
        places = ", ".join(dict.fromkeys(place(one.table, one.address, one.count) for one in members))
        by = ", ".join(sorted({one.client for one in members}))
        lines.append(f"# {group}: {toml_text(places)[1:-1]}, by {toml_text(by)[1:-1]}")
        if members[0].period is not None:
            lines.append(
                f'#   in a site file: groups.{group}.period = "{format_duration(members[0].period)}"'
            )
    lines += ["[profile]", f"name = {toml_text(name)}", 'sources = ["a capture"]', "", "[read]"]
    lines += list(_limits(blocks))
    taken: set[tuple[Table, int]] = set()
    points = [line for block in blocks for line in _points(block, taken)]
    if len(taken) > MOST_POINTS:
        lines.insert(1, f"# Only the first {MOST_POINTS} addresses are here.")
        points = points[: MOST_POINTS * _LINES_A_POINT]
    return "\n".join([*lines, *points]) + "\n"


_LINES_A_POINT: Final = 5


def _limits(blocks: list[Block]) -> Iterator[str]:
    for key, bits in (("largest", False), ("largest_bits", True)):
        counts = [one.count for one in blocks if one.table.holds_bits is bits]
        if counts:
            yield f"{key} = {max(counts)}"
    yield "gap = 0"
    yield "gap_bits = 0"


def _points(block: Block, taken: set[tuple[Table, int]]) -> Iterator[str]:
    """Its addresses that no block before it has."""
    for address in range(block.address, block.address + block.count):
        if (block.table, address) not in taken:
            taken.add((block.table, address))
            yield ""
            yield f"[points.{Location(block.table, address)}]"
            yield f'table = "{block.table.value}"'
            yield f"address = {address}"
            yield f'group = "{block.group}"'
