"""One device while it is polled: carries out the turns of its scans, and counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from mbap.collect.counters import POINTS, Counters, Counting, Forgiving, Reconnecting
from mbap.collect.device import DeviceStatistics, PolledDevice
from mbap.collect.layout import Layout
from mbap.collect.plan import Block
from mbap.collect.readings import Quality
from mbap.collect.schedule import Entry
from mbap.collect.stamping import Stamping
from mbap.errors import ModbusError, NotAsked
from mbap.protocol.execute import Executor, Priority
from mbap.protocol.pdu import Request
from mbap.protocol.wire import Bits, Registers

DEADLINE = 60.0
"""Seconds for one request, the wait for a busy line included: a line with too much to do then shows as turns
left out and long latencies, and not as timeouts of devices that nobody asked."""
LONGEST_BACK_OFF = 60.0


class Scan:
    """What is read of one device at one period.

    Attributes:
        silences: how many turns in a row met nothing but silence.
        task: the turn that is going on.
    """

    __slots__ = ("entry", "layout", "period", "polled", "silences", "task")

    def __init__(self, polled: Polled, period: float, layout: Layout) -> None:
        if not period > 0:
            raise ValueError(f"device {polled.device.name}: a period is more than 0 seconds, not {period}")
        self.polled = polled
        self.period = period
        self.layout = layout
        self.silences = 0
        self.entry: Entry[Scan] | None = None
        self.task: asyncio.Task[None] | None = None

    def back_off(self, silence: ModbusError) -> float:
        """Seconds until the next attempt after so many silences: 1, 2, 4, ..."""
        self.silences += 1
        wished = silence.retry_in if isinstance(silence, NotAsked) else 0.0
        return max(wished, min(2.0 ** min(self.silences - 1, 10), LONGEST_BACK_OFF))


class Polled:
    """One device, who carries its requests out, its scans and its counters."""

    __slots__ = (
        "_counting",
        "_forgiving",
        "_overruns_before",
        "_reconnecting",
        "_stamping",
        "counters",
        "device",
        "executor",
        "report",
        "scans",
    )

    def __init__(
        self,
        device: PolledDevice,
        executor: Executor,
        stamping: Stamping,
        layouts: Sequence[tuple[float, Layout]],
    ) -> None:
        self.device = device
        self.executor = executor
        self.counters = Counters()
        self.scans = tuple(Scan(self, period, layout) for period, layout in layouts)
        self.report: Entry[Polled] | None = None
        self._stamping = stamping
        self._overruns_before = 0
        self._reconnecting = executor if isinstance(executor, Reconnecting) else None
        self._counting = executor if isinstance(executor, Counting) else None
        self._forgiving = executor if isinstance(executor, Forgiving) else None

    async def read(self, scan: Scan, *, on_grid: bool) -> ModbusError | None:
        """Carry out one turn of *scan*; gives the error when it met nothing but silence.

        What could not be read is published as BAD on turns of the grid only: an extra attempt that fails too
        says nothing new.
        """
        turn = scan.layout.begin(self._stamping.now())
        if on_grid:
            for hole in turn.resting:
                self._publish_bad(hole.block, hole.quality)
        while (block := turn.next()) is not None:
            error = await self._ask(block)
            if error is None:
                turn.answered(block)
                continue
            quality = self.counters.failed(error)
            for lost in turn.failed(block, error, quality):
                if on_grid:
                    self._publish_bad(lost, quality)
        return turn.silence

    def take_over(self, before: Polled) -> None:
        """Go on counting where *before*, the same device with other settings, was."""
        self.counters = before.counters
        self._overruns_before = before.overruns

    @property
    def overruns(self) -> int:
        """Turns that were left out, of all scans."""
        own = sum(scan.entry.overruns for scan in self.scans if scan.entry is not None)
        return self._overruns_before + own

    def statistics(self) -> DeviceStatistics:
        """How the communication is going."""
        forgiving = self._forgiving
        quirks = {} if forgiving is None else forgiving.quirks_used(self.device.unit)
        return self.counters.statistics(self._reconnects(), self.overruns, quirks)

    def publish_counters(self) -> None:
        """Publish the counters as readings of this device, once there is something to count."""
        if not self.counters.requests:
            return
        values = self.counters.values(self._reconnects(), self.overruns)
        qualities = None
        if None in values:
            bad = self.counters.failure
            qualities = tuple(bad if value is None else Quality.GOOD for value in values)
        self._stamping.publish(self._stamping.now(), self.device.name, POINTS, values, qualities)

    async def _ask(self, block: Block) -> ModbusError | None:
        """Carry out the request of *block* and publish its values, or give the error."""
        request = cast("Request[Registers | Bits]", block.request)
        begun = self._stamping.now()
        try:
            answer = await self.executor.execute(
                request,
                self.device.unit,
                deadline=DEADLINE,
                priority=Priority.POLL,
                origin=self.device.name,
            )
        except ModbusError as error:
            return error
        at = self._stamping.now()
        values, qualities = block.decode(answer)
        self.counters.answered(at - begun, len(values))
        name = self.device.name
        self.counters.last_answer = self._stamping.publish(at, name, block.names, values, qualities)
        return None

    def _publish_bad(self, block: Block, quality: Quality) -> None:
        count = len(block.names)
        self._stamping.publish(
            self._stamping.now(), self.device.name, block.names, (None,) * count, (quality,) * count
        )

    def _reconnects(self) -> int:
        if self._reconnecting is not None:
            return self._reconnecting.reconnects
        return self._counting.statistics().reconnects if self._counting is not None else 0
