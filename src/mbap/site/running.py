"""A site that runs: the plan's links, poller, history and page, started, changed and stopped together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from mbap.client.link import Link
from mbap.client.links import Links
from mbap.collect.clock import SECOND, SiteClock
from mbap.collect.concentratorwrites import Line
from mbap.collect.device import PolledDevice
from mbap.collect.poller import Poller
from mbap.collect.readings import Readings
from mbap.collect.stream import Latest, Stream, Subscription
from mbap.dashboard.plant import Plant
from mbap.security.firewall import Firewall
from mbap.security.metrics import as_json
from mbap.site.changes import Changes, changes_between
from mbap.site.expiring import Expiring
from mbap.site.garbage import Garbage
from mbap.site.gatewayrunning import RunningGateway, SiteLines
from mbap.site.guarding import Guarding
from mbap.site.history import History
from mbap.site.links import link_of
from mbap.site.page import Page
from mbap.site.parts import Parts, ended
from mbap.site.plan import LinkPlan, SitePlan
from mbap.site.serverrunning import RunningServer
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
        gateway: None where there is none.
        guarding: what protects the gateway and the server; None where nothing does.
        server: what serves the newest values to Modbus clients; None where there is none.
    """

    def __init__(self, plan: SitePlan, *, wall: Callable[[], float] = time.time) -> None:
        self.plan = plan
        self.stream: Stream[Readings] = Stream()
        self.latest = Latest()
        self.rejected = ""
        self.clock = SiteClock(wall=wall)
        # What is held back until the time is known is shown all the same, marked as uncertain.
        self.poller = Poller((), self.stream, clock=self.clock, preview=self._take_newest)
        self._links = Links(max_open=plan.max_open_connections)
        self._parts = Parts()
        self._garbage = Garbage()
        points = sum(len(device.profile.points) for device in plan.devices)
        self._history = History(plan.history, self.stream, points)
        self._newest = self.stream.subscribe(LATEST_WAITING)
        self._page: Page | None = None
        self._expiring = Expiring(plan.certificates, tell=self._expires) if plan.certificates else None
        self.gateway: RunningGateway | None = None
        self.server: RunningServer | None = None
        self.guarding: Guarding | None = None

    @property
    def url(self) -> str | None:
        """Where the page is; None without one."""
        return self._page.url if self._page else None

    @property
    def problems(self) -> list[str]:
        """Sentences about what is wrong with the site as a whole; a device's troubles are not here."""
        ending = self._expiring.problems if self._expiring is not None else []
        return [*filter(None, (self.rejected,)), *self._history.problems, *ending]

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
        if self.plan.guard is not None:
            self.guarding = Guarding(self.plan.guard)
            await asyncio.to_thread(self.guarding.open)
            self._parts.begin("guard", self.guarding.run())
        if self.plan.server is not None:
            self.server = RunningServer(
                self.plan.server, self.plan.devices, self._line_of, self._age_of, self._guard_of("server")
            )
            await self.server.start()
        if self.plan.web is not None:
            self._page = Page(self._plant(), self.plan.web)
            self._parts.begin("page", self._page.run())
        self._parts.begin("newest values", self._keep_latest(self._newest))
        if self._history.store is not None:
            self._parts.begin("history", self._history.run())
        for device in self.plan.devices:
            self.poller.add(device, self._link(self.plan.links[device.connection]))
        if self.plan.gateway is not None:
            wrap = self._guard_of("gateway")
            self.gateway = RunningGateway(self.plan.gateway, SiteLines(self._link), wrap=wrap)
            await self.gateway.start()
            self._parts.begin("gateway", self.gateway.run())
        if self._expiring is not None:
            self._parts.begin("certificates", self._expiring.run())
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
        if self.gateway is not None:
            await self.gateway.aclose()
        if self.server is not None:
            await self.server.aclose()
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
        if self.guarding is not None:
            await asyncio.to_thread(self.guarding.close)
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
        if self.gateway is not None and plan.gateway is not None:
            changes = replace(changes, said=(*changes.said, *await self.gateway.apply(plan.gateway)))
            self.plan = replace(self.plan, gateway=plan.gateway)
        changes = await self._apply_server(plan, changes)
        if self.guarding is not None and plan.guard is not None:
            changes = replace(changes, said=(*changes.said, *self.guarding.apply(plan.guard)))
            self.plan = replace(self.plan, guard=self.guarding.plan)
        self.plan = replace(self.plan, devices=plan.devices, links=plan.links, warnings=plan.warnings)
        self.rejected = ""
        if self._page is not None:
            self._page.plant.devices = plan.devices
        return changes

    async def _apply_server(self, plan: SitePlan, changes: Changes) -> Changes:
        """Serve what *plan* says; gives *changes* with what was done. Without its map it serves as before."""
        if self.server is None or plan.server is None:
            return changes
        try:
            done = await self.server.apply(plan.server, plan.devices, self.latest.since(0))
        except OSError as error:
            return replace(changes, restart=(*changes.restart, f"[server] serves as before: {error}"))
        self.plan = replace(self.plan, server=plan.server)
        return replace(changes, said=(*changes.said, *done))

    def health(self) -> Mapping[str, object]:
        """Whether the site is ready, its problems, and how history is doing."""
        return {
            "ready": not self._history.problems,
            "problems": self.problems,
            "clock_certain": self.clock.certain,
            "open_connections": self._links.statistics().taken,
            "history": self._history.report(),
            **({"server": self.server.report()} if self.server is not None else {}),
            **({"guard": as_json(self.guarding.metrics())} if self.guarding is not None else {}),
        }

    def _expires(self, sentence: str, severity: str) -> None:
        """A certificate ends soon: where there is a trail, that is in it, too."""
        if self.guarding is not None:
            self.guarding.expires(sentence, severity)

    def _guard_of(self, part: str) -> Callable[..., Firewall] | None:
        """What puts the firewall before a *part* of the site; None where it has none."""
        guarding = self.guarding
        return None if guarding is None or part not in guarding.plan.protect else guarding.wrap

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
            self._take_newest(readings)
        for name in devices:
            self.latest.forget(name)

    async def _keep_latest(self, newest: Subscription[Readings]) -> None:
        while batch := await newest.take():
            for readings in batch:
                self._take_newest(readings)

    def _take_newest(self, readings: Readings) -> None:
        self.latest.update(readings)
        if self.server is not None:
            self.server.update(readings)

    def _age_of(self, readings: Readings) -> float:
        """Seconds since *readings* were made."""
        return max(0.0, (self.clock.estimate() - readings.time) / SECOND)

    def _line_of(self, device: PolledDevice) -> Line | None:
        """What writes to *device* go through: the link of the poller."""
        plan = self.plan.links.get(device.connection)
        return None if plan is None else Line(self._link(plan), device.unit)

    async def _watch(self) -> None:
        watch = Watch()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self._garbage.look()
            said = watch.look(self.plan.devices, self.poller.troubles(), self.clock.monotonic())
            for bad, text in said:
                _log.log(logging.WARNING if bad else logging.INFO, text)
