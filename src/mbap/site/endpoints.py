"""The endpoints of a site file: what leads where, and how each is to be treated."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mbap.client.options import LinkOptions
from mbap.client.quirks import NO_QUIRKS, Quirks
from mbap.collect.quirksfile import QuirksModel
from mbap.collect.registermap import Profile
from mbap.site.file import Connection, DeviceTable
from mbap.site.plan import LinkPlan
from mbap.site.ranges import spelled_out
from mbap.site.tlsfile import Beside
from mbap.transport.endpoint import Endpoint, parse_endpoint

if TYPE_CHECKING:
    from mbap.transport.tls import TLS

DEFAULT_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    connection: Connection
    tls: TLS | None


class Endpoints:
    """Every endpoint has one link, whoever leads to it: a connection by its name, or a device by its host.

    Attributes:
        links: the plan of each endpoint that `link` was asked for.
        faults: (name of the connection, what is wrong with it).
        asked_for: endpoints of connections that something besides devices uses.
    """

    def __init__(self, connections: Mapping[str, Connection], beside: Beside = Path) -> None:
        """*beside* gives the file of a name in the site file."""
        self.links: dict[str, LinkPlan] = {}
        self.faults: list[tuple[str, str]] = []
        self.asked_for: set[str] = set()
        self._connections = connections
        self._named: dict[str, _Named] = {}
        self._beside = beside
        for name, connection in connections.items():
            try:
                self._name(name, connection)
            except ValueError as error:
                self.faults.append((name, str(error)))

    def _name(self, name: str, connection: Connection) -> None:
        tls = None if connection.tls is None else connection.tls.tls(self._beside)
        for _, url in spelled_out(connection.url):
            endpoint = endpoint_url(url)
            LinkOptions(tls=tls).checked_for(parse_endpoint(endpoint))
            other = self._named.setdefault(endpoint, _Named(name, connection, tls))
            if other.name != name and _settings(other.connection) != _settings(connection):
                raise ValueError(
                    f"leads to {endpoint} as {other.name} does, with other settings: one endpoint has one"
                )

    def places(self, table: DeviceTable) -> Sequence[tuple[str, str]]:
        """(suffix, endpoint) for each place that *table* stands for; none when its connection is wrong.

        Raises:
            ValueError: the host, or the range in it, is wrong.
        """
        if table.host is not None:
            found = [(suffix, endpoint_url(url)) for suffix, url in spelled_out(table.host)]
            for _, url in found:
                if parse_endpoint(url).secure and url not in self._named:
                    raise ValueError(f"{url} needs a connection: [connections.NAME] with url and [.tls]")
            return found
        name = table.connection or ""
        if name not in self._connections or name in dict(self.faults):
            return []
        return [(suffix, endpoint_url(url)) for suffix, url in spelled_out(self._connections[name].url)]

    def link(self, endpoint: str, profile: Profile) -> None:
        """Plan the link to *endpoint* for a device with *profile* also.

        What the connection does not say is the most careful of what the profiles of its devices need.
        """
        named = self._named.get(endpoint)
        said = named.connection if named else Connection(url=endpoint)
        before = self.links.get(endpoint) or LinkPlan(endpoint, timeout=0.0)
        self.links[endpoint] = LinkPlan(
            url=endpoint,
            timeout=_first(said.timeout, max(profile.timeout or DEFAULT_TIMEOUT, before.timeout)),
            retries=said.retries,
            slots=said.slots,
            outstanding=said.outstanding,
            pause=_first(said.pause, max(profile.pause, before.pause)),
            connect_pause=_first(said.connect_pause, max(profile.connect_pause, before.connect_pause)),
            quarantine=said.quarantine,
            tls=named.tls if named else None,
        )

    def quirks(self, endpoint: str, table: DeviceTable, profile: Profile) -> Quirks:
        """Those of a device at *endpoint*: of its profile, changed by the connection, changed by the device.

        Raises:
            ValueError: they do not go together.
        """
        named = self._named.get(endpoint)
        of_connection = named.connection.quirks if named else QuirksModel()
        return table.quirks.applied_to(of_connection.applied_to(profile.quirks))

    def said_of(self, endpoint: str) -> LinkPlan | None:
        """The link to *endpoint*, for whom no device is read, as its connection says; None without one."""
        named = self._named.get(endpoint)
        if named is None:
            return None
        said = named.connection
        self.asked_for.add(endpoint)
        return LinkPlan(
            url=endpoint,
            timeout=_first(said.timeout, DEFAULT_TIMEOUT),
            retries=said.retries,
            slots=said.slots,
            outstanding=said.outstanding,
            pause=said.pause or 0.0,
            connect_pause=said.connect_pause or 0.0,
            quarantine=said.quarantine,
            quirks=said.quirks.applied_to(NO_QUIRKS),
            tls=named.tls,
        )

    def warnings(self) -> Iterator[str]:
        """What is not wrong but should be known; when all devices have been planned."""
        used = {
            self._named[endpoint].name
            for endpoint in {*self.links, *self.asked_for}
            if endpoint in self._named
        }
        for name in self._connections:
            if name not in used:
                yield f"connections.{name} is used by no device"
        public = [url for url in self.links if _is_public(one := parse_endpoint(url)) and not one.secure]
        if public:
            others = f" (and {len(public) - 1} more)" if len(public) > 1 else ""
            yield (
                f"{public[0]}{others} is a public address, and plain Modbus lets everybody on the way "
                "read and write: use a tunnel, or Modbus/TCP Security"
            )


def endpoint_url(text: str) -> str:
    """The endpoint of *text* as devices and links are keyed by it.

    Raises:
        ValueError: it is none, or names a unit.
    """
    endpoint = parse_endpoint(text)
    if endpoint.unit is not None:
        raise ValueError(f"write the unit of {text!r} as a key of the device: unit = {endpoint.unit}")
    return endpoint.url


def _settings(connection: Connection) -> Connection:
    return connection.model_copy(update={"url": ""})


def _first(given: float | None, otherwise: float) -> float:
    return otherwise if given is None else given


def _is_public(endpoint: Endpoint) -> bool:
    try:
        return ipaddress.ip_address(endpoint.host).is_global
    except ValueError:
        return False
