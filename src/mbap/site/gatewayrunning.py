"""A gateway that runs: its listeners, their routes and lines, started, changed and stopped together."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from mbap.client.link import Link
from mbap.server.gateway import Gateway
from mbap.server.handler import Handler
from mbap.server.routes import Route
from mbap.server.server import Server
from mbap.server.traffic import Traffic
from mbap.site.crowd import crowd_limits
from mbap.site.gatewayplan import GatewayPlan, RoutePlan
from mbap.site.plan import LinkPlan
from mbap.site.utilisation import Utilisation
from mbap.transport.endpoint import parse_endpoint

log = logging.getLogger("mbap.gateway")

_CROWD = ("allow", "max_clients", "when_full", "connect_rate", "idle", "keep")
_FIXED = (*_CROWD, "metrics", "opaque", "first", "public", "certificates", "tls")
"""What a change of the plan does not change before the next start."""
Wrap = Callable[[str, Handler, str], Handler]
"""Gets a name, a handler, and the device behind it where there is only one; gives what is served instead."""
SAMPLE_EVERY = 1.0
"""Seconds between two looks at how busy the lines are."""


class LineSource(Protocol):
    """Who has the lines: a site shares them with its poller."""

    def link(self, plan: LinkPlan) -> Link:
        """The link that *plan* means."""
        ...

    async def drop(self, url: str) -> None:
        """Close the link to *url*; a later `link` makes a new one."""
        ...


class RunningGateway:
    """Runs a `GatewayPlan`.

    Args:
        wrap: puts something before each listener's routes, such as a firewall.

    Attributes:
        plan: what runs now.
        traffic: what passed through it.
        servers: by the listener as it was written.
        lines: by endpoint.
        utilisation: how busy each line was lately.
    """

    def __init__(
        self,
        plan: GatewayPlan,
        source: LineSource,
        *,
        sockets: Sequence[socket.socket] = (),
        wrap: Wrap | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self.traffic = Traffic()
        self.servers: dict[str, Server] = {}
        self.lines: dict[str, Link] = {}
        self.utilisation: dict[str, Utilisation] = {}
        self._gateways: dict[str, Gateway] = {}
        self._source = source
        self._sockets = list(sockets)
        self._wrap = wrap
        self._clock = clock

    async def start(self) -> None:
        """Listen; waits for no device.

        Raises:
            OSError: it cannot listen there.
            ValueError: a listener can be reached from the whole internet, and that was not meant.
        """
        self._take_lines(self.plan)
        try:
            for url, routes in self.plan.listeners().items():
                await self._listen(self.plan, url, routes)
        except BaseException:
            await self.aclose()
            raise

    async def run(self) -> None:
        """Keep looking how busy the lines are, until cancelled."""
        while True:
            await asyncio.sleep(SAMPLE_EVERY)
            now = self._clock()
            for url, link in self.lines.items():
                self.utilisation[url].sample(link.statistics(), now)

    async def aclose(self) -> None:
        """Stop listening; the lines are left to who has them."""
        servers, self.servers = self.servers, {}
        await asyncio.gather(*(server.aclose() for server in servers.values()))
        self._gateways.clear()

    async def apply(self, plan: GatewayPlan) -> list[str]:
        """Make *plan* what runs, without dropping a client whose listener stays; gives what was done.

        Requests on a line whose settings changed are answered with 0B; the others are not touched. When a
        new listener cannot be had, a sentence says so, and all the rest is applied.
        """
        gone = [url for url, line in self.plan.links.items() if plan.links.get(url) != line]
        for url in gone:
            await self._source.drop(url)
            self.lines.pop(url, None)
        said = _said(self.plan, plan)
        self._take_lines(plan)
        self.traffic.keep(set(plan.links))
        listeners = plan.listeners()
        for url in [url for url in self.servers if url not in listeners]:
            await self.servers.pop(url).aclose()
            del self._gateways[url]
        # What is fixed for as long as a listener is open stays what it is.
        before = self.plan
        self.plan = replace(plan, **{name: getattr(before, name) for name in _FIXED})
        for url, routes in listeners.items():
            if url in self._gateways:
                self._gateways[url].replace(self._routes(routes))
            else:
                said += await self._try_to_listen(url, routes)
        return said

    async def _try_to_listen(self, url: str, routes: Sequence[RoutePlan]) -> list[str]:
        try:
            await self._listen(self.plan, url, routes)
        except (OSError, ValueError) as error:
            return [str(error)]
        return []

    def _take_lines(self, plan: GatewayPlan) -> None:
        for url, line in plan.links.items():
            if url not in self.lines:
                link = self.lines[url] = self._source.link(line)
                self.utilisation[url] = Utilisation(link.endpoint, line.slots)
        for url in [url for url in self.lines if url not in plan.links]:
            del self.lines[url]
        self.utilisation = {url: self.utilisation[url] for url in self.lines}

    async def _listen(self, plan: GatewayPlan, url: str, routes: Sequence[RoutePlan]) -> None:
        gateway = Gateway(
            self._routes(routes),
            silent=parse_endpoint(url, listening=True).line is not None,
            opaque=plan.opaque,
            first=plan.first,
            traffic=self.traffic,
            clock=self._clock,
        )
        limits = crowd_limits(**{name: getattr(plan, name) for name in _CROWD})
        handler = gateway if self._wrap is None else self._wrap(f"gateway {url}", gateway, only_line(routes))
        server = Server(
            url,
            handler,
            limits=limits,
            public=plan.public,
            sockets=self._given(url),
            tls=plan.tls if parse_endpoint(url, listening=True).secure else None,
        )
        await server.start()
        self._gateways[url], self.servers[url] = gateway, server

    def _given(self, url: str) -> list[socket.socket] | None:
        """Sockets that somebody has opened for this listener, by their port."""
        endpoint = parse_endpoint(url, listening=True)
        if endpoint.line is not None:
            return None
        mine = [one for one in self._sockets if one.getsockname()[1] == endpoint.port]
        self._sockets = [one for one in self._sockets if one not in mine]
        return mine or None

    def _routes(self, plans: Sequence[RoutePlan]) -> list[Route]:
        return [
            Route(
                plan.units,
                self.lines[plan.line],
                plan.line,
                plan.permission,
                plan.priority,
                plan.broadcast,
                plan.deadline,
            )
            for plan in plans
        ]


def only_line(routes: Sequence[RoutePlan]) -> str:
    """The device behind *routes*, where there is only one; elsewhere units tell them apart."""
    lines = {route.line for route in routes}
    return lines.pop() if len(lines) == 1 else ""


class OwnLines:
    """Lines that nobody else uses."""

    def __init__(
        self, open_link: Callable[[LinkPlan], Link], close: Callable[[Link], Awaitable[None]]
    ) -> None:
        self._open = open_link
        self._close = close
        self._links: dict[str, Link] = {}

    def link(self, plan: LinkPlan) -> Link:
        """The link that *plan* means."""
        link = self._links[plan.url] = self._open(plan)
        return link

    async def drop(self, url: str) -> None:
        """Close the link to *url*."""
        link = self._links.pop(url, None)
        if link is not None:
            await self._close(link)


class SiteLines:
    """The lines of a site, which closes those that changed by itself."""

    def __init__(self, link: Callable[[LinkPlan], Link]) -> None:
        self._link = link

    def link(self, plan: LinkPlan) -> Link:
        """The link that *plan* means."""
        return self._link(plan)

    async def drop(self, url: str) -> None:
        """The site has closed it already."""


def _said(old: GatewayPlan, new: GatewayPlan) -> list[str]:
    """What a change does, and what it does not, in sentences."""
    said = [f"line {what}: {url}" for url, what in _lines_changed(old.links, new.links)]
    said += [f"listening no more on {url}" for url in old.listeners() if url not in new.listeners()]
    said += [f"listening on {url}" for url in new.listeners() if url not in old.listeners()]
    if old.routes != new.routes:
        said.append("routes changed")
    for name in _FIXED:
        if getattr(old, name) != getattr(new, name):
            said.append(f"what changed in {name} takes a restart")
    return said or ["nothing has changed"]


def _lines_changed(old: Mapping[str, LinkPlan], new: Mapping[str, LinkPlan]) -> list[tuple[str, str]]:
    changes = [(url, "removed") for url in old if url not in new]
    changes += [(url, "added") for url in new if url not in old]
    return changes + [(url, "changed") for url in new if url in old and old[url] != new[url]]
