"""Reads every device at its periods, for as long as it runs, and publishes what came of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mbap.collect.clock import SiteClock
from mbap.collect.counters import Recent
from mbap.collect.device import DeviceStatistics, PolledDevice
from mbap.collect.plans import Plans
from mbap.collect.polled import Polled, Scan
from mbap.collect.readings import Quality, Readings
from mbap.collect.schedule import Entry, Schedule
from mbap.collect.stamping import Stamping
from mbap.collect.stream import Stream
from mbap.protocol.execute import Executor

_log = logging.getLogger(__name__)

BEGUN_AT_ONCE = 200
"""So many turns begin before the others in the event loop have theirs."""
LAST_WAIT = 0.5
"""Seconds that stopping waits for turns that are going on."""
_TOTAL_RECENT = 4096


@dataclass(frozen=True, slots=True)
class Summary:
    """All devices together, since the start.

    Attributes:
        reads: requests that were answered with values.
        points: values that were read.
        errors: requests that gave no values.
        lateness_p99_ms: how much later than planned the recent turns began; None before the first.
        overruns: turns that were left out.
        held: readings that wait for the right time.
        marked: readings that were published with an uncertain time.
    """

    reads: int = 0
    points: int = 0
    errors: int = 0
    lateness_p99_ms: float | None = None
    overruns: int = 0
    held: int = 0
    marked: int = 0


class Poller:
    """Polls devices, each at its own periods, through the executors that lead to them.

    A device that fails costs the others nothing; none is waited for at the start. Devices can be added,
    removed and replaced while it runs. Everything is called from the thread of its event loop.

    Args:
        devices: what to poll, and who carries the requests out.
        stream: where readings go, and the counters of each device beside them.
        clock: gives the time of readings; all periods and durations use its monotonic clock.
        report_every: seconds between two readings of a device's counters; None: they are not published.
        preview: called with readings that are held back because nobody knows the time yet.
    """

    def __init__(
        self,
        devices: Iterable[tuple[PolledDevice, Executor]],
        stream: Stream[Readings],
        clock: SiteClock | None = None,
        *,
        report_every: float | None = 10.0,
        preview: Callable[[Readings], None] | None = None,
    ) -> None:
        self._clock = clock or SiteClock()
        self._stamping = Stamping(stream, self._clock, preview)
        self._report_every = report_every
        self._plans = Plans()
        self._polled: dict[str, Polled] = {}
        self._reads: Schedule[Scan] = Schedule()
        self._reports: Schedule[Polled] = Schedule()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped: asyncio.Future[None] | None = None
        self._stop_asked = False
        self._lateness = Recent(_TOTAL_RECENT)
        self._gone = Summary()
        for device, executor in devices:
            self.add(device, executor)

    @property
    def devices(self) -> list[PolledDevice]:
        """What is polled, in the order of adding."""
        return [polled.device for polled in self._polled.values()]

    def add(self, device: PolledDevice, executor: Executor) -> None:
        """Poll *device* from now on, through *executor*.

        Raises:
            ValueError: there is one of this name, or one of its periods is not above 0.
        """
        if device.name in self._polled:
            raise ValueError(f"there is a device {device.name} already")
        polled = Polled(device, executor, self._stamping, self._plans.layouts(device))
        self._polled[device.name] = polled
        if self._stopped is not None:
            self._begin_polling(polled)
            self._arm()

    def remove(self, name: str) -> None:
        """Poll the device *name* no more; what is under way of it is cancelled.

        Raises:
            KeyError: there is none.
        """
        polled = self._polled.pop(name)
        self._end_polling(polled)
        self._gone = _plus(self._gone, polled)

    def replace(self, device: PolledDevice, executor: Executor) -> None:
        """Poll *device* in place of the one of the same name; its counters go on.

        Raises:
            KeyError: there is none of this name.
        """
        old = self._polled[device.name]
        new = Polled(device, executor, self._stamping, self._plans.layouts(device))
        new.take_over(old)
        self._end_polling(old)
        self._polled[device.name] = new
        if self._stopped is not None:
            self._begin_polling(new)
            self._arm()

    async def run(self) -> None:
        """Poll until `stop` is called or this is cancelled; then returns within about half a second.

        After a `stop` that came before, it returns at once.

        Raises:
            RuntimeError: it is running already.
        """
        if self._stopped is not None:
            raise RuntimeError("this poller is running already")
        self._stopped = asyncio.get_running_loop().create_future()
        if self._stop_asked:
            self._stopped.set_result(None)
        for polled in self._polled.values():
            self._begin_polling(polled)
        self._arm()
        try:
            await self._stopped
        finally:
            await self._end()

    def stop(self) -> None:
        """Let `run` return."""
        self._stop_asked = True
        if self._stopped is not None and not self._stopped.done():
            self._stopped.set_result(None)

    def statistics(self) -> dict[str, DeviceStatistics]:
        """How the communication with each device is going, by the device's name."""
        return {name: polled.statistics() for name, polled in self._polled.items()}

    def troubles(self) -> dict[str, Quality | None]:
        """Why each device gives no values at present, by the device's name; None: it does."""
        return {name: polled.counters.trouble for name, polled in self._polled.items()}

    def summary(self) -> Summary:
        """All devices together, those included that are no longer polled."""
        total = self._gone
        for polled in self._polled.values():
            total = _plus(total, polled)
        return Summary(
            reads=total.reads,
            points=total.points,
            errors=total.errors,
            overruns=total.overruns,
            lateness_p99_ms=self._lateness.quantile_ms(0.99),
            held=self._stamping.held,
            marked=self._stamping.marked,
        )

    def _begin_polling(self, polled: Polled) -> None:
        now, name = self._clock.monotonic(), polled.device.name
        for scan in polled.scans:
            scan.entry = self._reads.add(scan, name=name, period=scan.period, now=now)
        if self._report_every is not None:
            polled.report = self._reports.add(polled, name=name, period=self._report_every, now=now)

    def _end_polling(self, polled: Polled) -> None:
        if polled.report is not None:
            self._reports.remove(polled.report)
        for scan in polled.scans:
            if scan.entry is not None:
                self._reads.remove(scan.entry)
            if scan.task is not None:
                scan.task.cancel()

    def _arm(self) -> None:
        """Wake up when the next turn is due."""
        if self._timer is not None:
            self._timer.cancel()
        times = [due for due in (self._reads.next_due(), self._reports.next_due()) if due is not None]
        if times:
            delay = max(0.0, min(times) - self._clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        """Do what is due; should that fail, `run` fails with it, as nothing would ever be read again."""
        try:
            self._begin_due()
            self._arm()
        except Exception as error:  # noqa: BLE001 - the outermost frame of a timer
            if self._stopped is not None and not self._stopped.done():
                self._stopped.set_exception(error)

    def _begin_due(self) -> None:
        """Begin what is due, and not more of it than the others in this event loop can bear."""
        now = self._clock.monotonic()
        for entry, late in self._reads.due(now, BEGUN_AT_ONCE):
            self._begin(entry, now - late)
        for report, _ in self._reports.due(now, BEGUN_AT_ONCE):
            report.item.publish_counters()
            self._reports.finished(report)

    def _begin(self, entry: Entry[Scan], planned: float) -> None:
        scan = entry.item
        scan.task = asyncio.get_running_loop().create_task(self._turn(entry, planned))
        self._tasks.add(scan.task)
        scan.task.add_done_callback(self._tasks.discard)

    async def _turn(self, entry: Entry[Scan], planned: float) -> None:
        """One turn of one scan, from its beginning to the plan for the next."""
        scan = entry.item
        late = max(0.0, self._clock.monotonic() - planned)
        self._lateness.record(late)
        scan.polled.counters.lateness.record(late)
        try:
            silence = await scan.polled.read(scan, on_grid=entry.on_grid)
        except Exception:  # noqa: BLE001 - the outermost frame of a task
            _log.exception("reading device %s failed in a way that nobody expected", scan.polled.device.name)
            return
        finally:
            self._reads.finished(entry)
            scan.task = None
        if silence is not None:
            self._reads.retry(entry, self._clock.monotonic() + scan.back_off(silence))
            self._arm()
        elif scan.silences:
            self._back_again(scan)

    def _back_again(self, scan: Scan) -> None:
        """The device answers again: read at once what its other scans have missed."""
        now = self._clock.monotonic()
        for other in scan.polled.scans:
            if other.silences and other is not scan and other.entry is not None:
                self._reads.retry(other.entry, now)
            other.silences = 0
        self._arm()

    async def _end(self) -> None:
        """Stop everything; what does not end soon is left to end by itself."""
        if self._timer is not None:
            self._timer.cancel()
        for polled in self._polled.values():
            self._end_polling(polled)
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=LAST_WAIT)
        self._stamping.close()
        self._stopped, self._stop_asked = None, False


def _plus(total: Summary, polled: Polled) -> Summary:
    counters = polled.counters
    return Summary(
        reads=total.reads + counters.answers,
        points=total.points + counters.points,
        errors=total.errors + counters.requests - counters.answers,
        overruns=total.overruns + polled.overruns,
    )
