"""Reading every point of a site once: a sheet to hand over."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from mbap.addresses import reference
from mbap.client.links import Links
from mbap.collect.counters import is_silence
from mbap.collect.device import PolledDevice
from mbap.collect.plan import Block
from mbap.collect.readings import Value
from mbap.collect.registermap import Point
from mbap.errors import IllegalDataAddress, IllegalDataValue, ModbusError, NotAsked
from mbap.protocol.execute import Executor
from mbap.protocol.pdu import Request
from mbap.protocol.wire import Bits, Registers
from mbap.site.links import link_of
from mbap.site.load_of_lines import blocks_of
from mbap.site.plan import SitePlan

PATIENCE = 2
"""After so many silences a device is given up."""


@dataclass(frozen=True, slots=True)
class Row:
    """One point: what was in its registers, what that means, and whether it will do.

    Attributes:
        raw: the registers in hexadecimal, or the bit; empty where nothing was read.
        why: why it did not pass; empty when it did.
    """

    device: str
    point: Point
    raw: str
    value: Value | None
    why: str

    @property
    def passed(self) -> bool:
        """True when there is a value within its limits."""
        return not self.why

    def as_row(self) -> tuple[str, ...]:
        """The cells of a table."""
        point = self.point
        result = "pass" if self.passed else "FAIL"
        where = reference(point.table, point.address)
        return (self.device, point.name, where, self.raw, self._shown(), point.unit, result, self.why)

    def as_json(self) -> dict[str, object]:
        """The same with names."""
        names = ("device", "point", "reference", "raw", "shown", "unit", "result", "why")
        return dict(zip(names, self.as_row(), strict=True)) | {"value": self.value, "passed": self.passed}

    def _shown(self) -> str:
        if self.value is None:
            return "-"
        if isinstance(self.value, float):
            return f"{self.value:.7g}"
        return str(self.value)


async def read_everything(site: SitePlan) -> list[Row]:
    """Every point of *site*, read once, in the order of the file; connections are worked through at once.

    A silent device takes two timeouts; on one connection devices wait for each other.
    """
    links = Links(max_open=site.max_open_connections)
    try:
        executors = {url: link_of(links, plan) for url, plan in site.links.items()}
        reads = [_read_device(device, executors[device.connection]) for device in site.devices]
        return [row for rows in await asyncio.gather(*reads) for row in rows]
    finally:
        await links.aclose()


async def _read_device(device: PolledDevice, executor: Executor) -> list[Row]:
    """A row for each point; a device that was silent twice is asked nothing more: all would say the same."""
    rows: list[Row] = []
    silences, why = 0, ""
    blocks = deque(block for _, block in blocks_of(device.profile))
    while blocks:
        block = blocks.popleft()
        if silences == PATIENCE:
            rows += _failed(device, block, why)
            continue
        try:
            request = cast("Request[Registers | Bits]", block.request)
            rows += _rows(device, block, await executor.execute(request, device.unit, origin="check"))
        except (IllegalDataAddress, IllegalDataValue) as refusal:
            # One address that is not there refuses a whole block: ask for each point, to say which it is.
            alone = [Block(p.table, p.address, p.count, (p,)) for p in block.points if len(block.points) > 1]
            blocks.extendleft(reversed(alone))
            rows += [] if alone else _failed(device, block, refusal.reason)
        except ModbusError as error:
            silences += is_silence(error)
            why = _cause(error).reason
            rows += _failed(device, block, why)
    order = {point.name: index for index, point in enumerate(device.profile.points)}
    return sorted(rows, key=lambda row: order[row.point.name])


def _cause(error: ModbusError) -> ModbusError:
    """What was met when it was tried: another device on the link may have been the one to try."""
    met = error.__cause__ if isinstance(error, NotAsked) else None
    return met if isinstance(met, ModbusError) else error


def _failed(device: PolledDevice, block: Block, why: str) -> list[Row]:
    return [Row(device.name, point, "", None, why) for point in block.points]


def _rows(device: PolledDevice, block: Block, answer: Registers | Bits) -> Iterator[Row]:
    values, qualities = block.decode(answer)
    for index, point in enumerate(block.points):
        quality = qualities[index] if qualities is not None else None
        why = "" if quality is None or quality.good else _why(point, quality.reason)
        yield Row(device.name, point, _raw(block, point, answer), values[index], why)


def _why(point: Point, reason: str) -> str:
    if reason == "limits":
        return f"outside of its limits, {_limits(point)}"
    if reason == "protocol":
        return "the answer ended before it"
    if reason == "sentinel":
        return "the device says that it has no value"
    return reason


def _limits(point: Point) -> str:
    if point.low is None or point.high is None:
        return f"at most {point.high:g}" if point.low is None else f"at least {point.low:g}"
    return f"{point.low:g} to {point.high:g}"


def _raw(block: Block, point: Point, answer: Registers | Bits) -> str:
    start = point.address - block.address
    part = answer[start : start + point.count]
    return bytes(part).hex(" ", 2) if isinstance(part, Registers) else str(int(part[0]))
