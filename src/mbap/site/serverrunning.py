"""The server of a running site: what was read, served to Modbus clients."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace

from mbap.collect.concentrator import Concentrator, Served
from mbap.collect.concentratorline import AmongOthers
from mbap.collect.concentratorwrites import Line, WriteCounts, WriteThrough
from mbap.collect.device import PolledDevice
from mbap.collect.readings import Readings
from mbap.server.handler import Handler
from mbap.server.server import Server
from mbap.site.crowd import crowd_limits
from mbap.site.mapfile import write_map
from mbap.site.serverplan import ServerPlan
from mbap.transport.endpoint import parse_endpoint

_CROWD = ("allow", "max_clients", "when_full", "connect_rate", "keep")
_FIXED = ("listen", *_CROWD, "public", "tls")
_log = logging.getLogger("mbap.site")

FindLine = Callable[[PolledDevice], Line | None]
Age = Callable[[Readings], float]


class RunningServer:
    """Runs a `ServerPlan`.

    Args:
        line: gives what a device is reached by, for writes.
        age: gives how many seconds ago readings were made.
        wrap: puts something before what is served, such as a firewall.

    Attributes:
        plan: what runs now.
        servers: one a listener.
        writes: what became of writes.
    """

    def __init__(
        self,
        plan: ServerPlan,
        devices: Sequence[PolledDevice],
        line: FindLine,
        age: Age,
        wrap: Callable[[str, Handler], Handler] | None = None,
    ) -> None:
        self.plan = plan
        self.servers: list[Server] = []
        self.writes = WriteCounts()
        self._devices = devices
        self._line = line
        self._age = age
        self._wrap = wrap
        self._concentrator = Concentrator(self._served(plan, devices))

    @property
    def urls(self) -> list[str]:
        """Where it listens."""
        return [server.url for server in self.servers]

    async def start(self) -> None:
        """Save the map, and listen.

        Raises:
            OSError: the map cannot be written, or it cannot listen there.
            ValueError: a listener can be reached from the whole internet, and that was not meant.
        """
        await asyncio.to_thread(_save, self.plan)
        plan = self.plan
        limits = crowd_limits(**{name: getattr(plan, name) for name in _CROWD})
        try:
            for url in plan.listen:
                secure = parse_endpoint(url, listening=True).secure
                ours = plan.tls if secure else None
                server = Server(url, self._handler(url), limits=limits, public=plan.public, tls=ours)
                await server.start()
                self.servers.append(server)
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Stop listening."""
        servers, self.servers = self.servers, []
        await asyncio.gather(*(server.aclose() for server in servers))

    async def apply(
        self, plan: ServerPlan, devices: Sequence[PolledDevice], known: Iterable[Readings]
    ) -> list[str]:
        """Serve *plan* from now on, without dropping a client; gives what was done.

        *known* are the newest readings there are. Listeners and their limits stay what they are.

        Raises:
            OSError: the map cannot be written; nothing is changed.
        """
        await asyncio.to_thread(_save, plan)
        said = (
            [f"{len(plan.entries) - len(self.plan.entries):+d} entries in the map"]
            if (plan.entries != self.plan.entries)
            else []
        )
        said += [
            f"what changed in [server] {name} takes a restart"
            for name in _FIXED
            if getattr(plan, name) != getattr(self.plan, name)
        ]
        old = self.plan
        self.plan = replace(plan, **{name: getattr(old, name) for name in _FIXED})
        if replace(self.plan, saved=old.saved) != old or devices != self._devices:
            self._devices = devices
            self._concentrator.replace(self._served(plan, devices))
            for readings in known:
                self.update(readings)
        return said

    def report(self) -> dict[str, object]:
        """How serving is going."""
        counted = [server.statistics() for server in self.servers]
        return {
            "listening": self.urls,
            "connections": sum(one.connections for one in counted),
            "requests": sum(one.requests for one in counted),
            "exceptions": sum(one.exceptions for one in counted),
            "writes": asdict(self.writes),
        }

    def update(self, readings: Readings) -> None:
        """Serve *readings*."""
        self._concentrator.update(readings, self._age(readings))

    def _handler(self, url: str) -> Handler:
        on_line = parse_endpoint(url, listening=True).line is not None
        served = AmongOthers(self._concentrator) if on_line else self._concentrator
        return served if self._wrap is None else self._wrap(f"server {url}", served)

    def _served(self, plan: ServerPlan, devices: Sequence[PolledDevice]) -> Served:
        by_name = {device.name: device for device in devices}
        return Served(
            plan.entries,
            devices,
            plan.otherwise,
            plan.refuse_holes,
            plan.stale,
            WriteThrough(self._line, by_name, verify=plan.verify, counts=self.writes)
            if plan.writes
            else None,
            plan.identification(),
        )


def _save(plan: ServerPlan) -> None:
    """Write the map where it has grown."""
    if len(plan.entries) > plan.saved:
        write_map(plan.map_path, plan.entries, plan.saved)
        _log.info("%d new entries in %s", len(plan.entries) - plan.saved, plan.map_path)
