"""A site that runs: the plan's links, poller, history and page, started, changed and stopped together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from mbap.client.link import Link
from mbap.client.links import Links
from mbap.collect.clock import SiteClock
from mbap.collect.poller import Poller
from mbap.collect.readings import Readings
from mbap.collect.stream import Latest, Stream, Subscription
from mbap.dashboard.plant import Plant
from mbap.site.changes import Changes, changes_between
from mbap.site.garbage import Garbage
from mbap.site.history import History
from mbap.site.links import link_of
from mbap.site.page import Page
from mbap.site.parts import Parts, ended
from mbap.site.plan import LinkPlan, SitePlan
from mbap.site.watch import Watch

_log = logging.getLogger("mbap.site")

LATEST_WAITING = 100_000
"""Readings that may wait to become the newest values: more than any burst, as all are taken at once."""
LOOK_EVERY = 1.0
"""Seconds between two looks at which devices give values and which do not."""
LAST_WAIT = 1.0
"""Seconds that closing connections may take."""


class Site:
    """Runs a `SitePlan`.

    Args:
        wall: the machine's clock, in seconds since 1970.

    Attributes:
        plan: what runs now.
        stream: every reading, as it comes.
        latest: the newest value of every point.
        clock: the time of readings; it begins after what the history holds.
        poller: empty before the start.
        rejected: what is wrong with a changed plan that was not applied; empty when nothing is.
    """

    def __init__(self, plan: SitePlan, *, wall: Callable[[], float] = time.time) -> None:
        self.plan = plan
        self.stream: Stream[Readings] = Stream()
        self.latest = Latest()
        self.rejected = ""
        self.clock = SiteClock(wall=wall)
        # What is held back until the time is known is shown all the same, marked as uncertain.
        self.poller = Poller((), self.stream, clock=self.clock, preview=self.latest.update)
        self._links = Links(max_open=plan.max_open_connections)
        self._parts = Parts()
        self._garbage = Garbage()
        points = sum(len(device.profile.points) for device in plan.devices)
        self._history = History(plan.history, self.stream, points)
        self._newest = self.stream.subscribe(LATEST_WAITING)
        self._page: Page | None = None

    @property
    def url(self) -> str | None:
        """Where the page is; None without one."""
        return self._page.url if self._page else None

    @property
    def problems(self) -> list[str]:
        """Sentences about what is wrong with the site as a whole; a device's troubles are not here."""
        return [*filter(None, (self.rejected,)), *self._history.problems]

    @property
    def stored(self) -> int:
        """How many values the history has acknowledged so far."""
        return self._history.acknowledged

    @property
    def lost(self) -> int:
        """How many values were given up, because the history could not take them."""
        return self._history.lost

    async def start(self) -> None:
        """Open the history, the page and the links, and begin to poll; waits for no device.

        Raises:
            StoreError: the history cannot be used at all.
            OSError: the page's port is taken.
            ValueError: the page would be open to others without a password.
        """
        await self._history.open()
        if self._history.newest is not None:
            self.clock.begin_after(self._history.newest)
        if self.plan.web is not None:
            self._page = Page(self._plant(), self.plan.web)
            self._parts.begin("page", self._page.run())
        self._parts.begin("newest values", self._keep_latest(self._newest))
        if self._history.store is not None:
            self._parts.begin("history", self._history.run())
        for device in self.plan.devices:
            self.poller.add(device, self._link(self.plan.links[device.connection]))
        self._garbage.begin()
        self._parts.begin("poller", self.poller.run())
        self._parts.begin("watch", self._watch())

    async def wait(self) -> None:
        """Wait until a part of the site fails; a healthy site waits for ever.

        Raises:
            PartFailed: one did.
        """
        await self._parts.wait()

    async def stop(self) -> None:
        """End everything: polling first, then the rest; what was read is in the history afterwards."""
        polling = self._parts.let_go("poller")
        self.poller.stop()
        await ended(task for task in (polling,) if task is not None)
        writing = self._parts.let_go("history")
        endings = await asyncio.gather(
            self._history.close(),
            self._parts.cancel(),
            self._drop_links(self.plan.links),
            return_exceptions=True,
        )
        await ended(task for task in (writing,) if task is not None)
        self._garbage.end()
        if self._page is not None:
            self._page.close()
        for error in filter(None, endings):
            raise error

    async def apply(self, plan: SitePlan) -> Changes:
        """Make *plan* what runs; only what differs is touched. Gives what was done, and what was not.

        Not to be called again before it has returned.
        """
        changes = changes_between(self.plan, plan)
        changed = {device.name for device in changes.new}
        for name in changes.gone:
            if name not in changed:
                self.poller.remove(name)
        await self._drop_links(changes.links)
        self._forget(changes.gone)
        for device in changes.new:
            put = self.poller.replace if device.name in changes.gone else self.poller.add
            put(device, self._link(plan.links[device.connection]))
        self.plan = replace(self.plan, devices=plan.devices, links=plan.links, warnings=plan.warnings)
        self.rejected = ""
        if self._page is not None:
            self._page.plant.devices = plan.devices
        return changes

    def health(self) -> Mapping[str, object]:
        """Whether the site is ready, its problems, and how history is doing."""
        return {
            "ready": not self._history.problems,
            "problems": self.problems,
            "clock_certain": self.clock.certain,
            "open_connections": self._links.statistics().taken,
            "history": self._history.report(),
        }

    def _plant(self) -> Plant:
        return Plant(
            name=self.plan.name,
            devices=self.plan.devices,
            latest=self.latest,
            store=self._history.store,
            statistics=self.poller.statistics,
            health=self.health,
        )

    def _link(self, plan: LinkPlan) -> Link:
        return link_of(self._links, plan)

    async def _drop_links(self, endpoints: Container[str]) -> None:
        """Close the links to *endpoints*; what does not close soon is left to close by itself."""
        dropped = [link for link in self._links if link.endpoint.url in endpoints]
        closing = [asyncio.ensure_future(self._links.discard(link)) for link in dropped]
        if closing:
            await asyncio.wait(closing, timeout=LAST_WAIT)

    def _forget(self, devices: tuple[str, ...]) -> None:
        """Take *devices* out of the newest values, and what is on its way there."""
        for readings in self._newest.take_now():
            self.latest.update(readings)
        for name in devices:
            self.latest.forget(name)

    async def _keep_latest(self, newest: Subscription[Readings]) -> None:
        while batch := await newest.take():
            for readings in batch:
                self.latest.update(readings)

    async def _watch(self) -> None:
        watch = Watch()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self._garbage.look()
            said = watch.look(self.plan.devices, self.poller.troubles(), self.clock.monotonic())
            for bad, text in said:
                _log.log(logging.WARNING if bad else logging.INFO, text)
