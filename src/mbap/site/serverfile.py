"""The table [server] of a site file, as it is written, and the plan it means."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from mbap.collect.concentratorlayout import Style, extended
from mbap.collect.concentratormap import Entry, entry_faults
from mbap.collect.concentratorunits import conversion
from mbap.collect.device import PolledDevice
from mbap.filefaults import Fault
from mbap.filefaults import Path as KeyPath
from mbap.filemodel import Duration, FileModel
from mbap.site.crowd import crowd_limits
from mbap.site.mapfile import read_map
from mbap.site.serverplan import ServerPlan
from mbap.site.tlsfile import TlsTable
from mbap.transport.endpoint import parse_endpoint

Complain = Callable[[str, str], None]
"""Is told the key and what is wrong with it."""


class ServerTable(FileModel):
    """Everything that is read, served again as Modbus TCP."""

    enabled: bool = True
    listen: list[str] = Field(default_factory=lambda: ["tcp://127.0.0.1:1502"])
    """Where clients come in."""
    map: str = "site-map.csv"
    """The file with all places, beside the site file; mbap adds to it and never changes a line."""
    layout: Literal["units", "packed", "mirror", "map"] = "units"
    """A unit for each device, as few as possible, the devices' own addresses, or only what the map says."""
    encoding: Literal["as-device", "normal"] = "as-device"
    """Types, orders and scales of the devices, or ABCD and plain units; of what is new in the map."""
    status_from: Annotated[int, Field(ge=0, le=65_000)] = 40_000
    """The first input register with qualities and ages."""
    bad: Literal["exception", "last", "sentinel"] = "exception"
    """What a client gets for a stale or bad value: exception 0B, the last good one, or "no value"."""
    holes: Literal["zero", "refuse"] = "zero"
    """What a client gets for addresses between points: 0, or exception 02 for the whole read."""
    stale: Annotated[Duration, Field(ge=0.05, le=366 * 86_400)] | None = None
    """When a value is too old; after three of its periods unless given."""
    writes: bool = False
    """Clients may write points that their profile calls writable."""
    verify: bool = True
    """Read back what was written, and answer 04 where it is something else."""
    allow: list[str] | None = None
    """Networks whose clients are served: `192.168.1.0/24`, `10.0.0.5`."""
    max_clients: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """How many may be connected at once."""
    when_full: Literal["refuse", "drop_idle"] = "drop_idle"
    """One more is refused, or the one that was quiet for longest makes room."""
    connect_rate: Annotated[float, Field(ge=0, le=100_000)] = 50.0
    """So many new connections a second come in of addresses that were not answered before; 0: any."""
    keep: list[str] = Field(default_factory=list)
    """Networks whose clients are never closed for being quiet, nor for coming too fast."""
    public: bool = False
    """Yes, the whole internet may reach it."""
    tls: TlsTable | None = None
    """Who the listeners by `tls://` are, and which clients they trust."""

    def faults_between(self, dropped: Collection[KeyPath]) -> Iterator[tuple[KeyPath, str]]:
        if self.layout == "mirror" and self.encoding == "normal":
            yield ("encoding",), 'layout = "mirror" serves the registers of devices as they are: "as-device"'


def server_plan(
    table: ServerTable | None,
    path: Path,
    devices: Sequence[PolledDevice],
    complain: Complain,
    faults: list[Fault],
    site: str = "",
) -> ServerPlan | None:
    """The plan of the server of *site*, its map at *path*; None without one, or when anything is wrong."""
    if table is None or not table.enabled:
        return None
    for key, message in table.faults_between(()):
        complain(".".join(map(str, key)), message)
    known, wrong = read_map(path)
    faults += wrong
    _check(table, complain)
    if wrong:
        return None
    if table.layout == "map" and not known:
        complain("map", f"there is no entry in {path}: write one, or choose another layout")
    try:
        entries = extended(known, devices, Style(table.layout, table.encoding == "normal", table.status_from))
    except ValueError as full:
        complain("layout", str(full))
        return None
    faults += _entry_faults(path, entries, devices)
    return _plan(table, path, entries, len(known), site)


def _check(table: ServerTable, complain: Complain) -> None:
    for url in table.listen:
        try:
            parse_endpoint(url, listening=True)
        except ValueError as error:
            complain("listen", str(error))
    if not table.listen:
        complain("listen", 'is empty: write listen = ["tcp://127.0.0.1:1502"]')
    for key, networks in (("allow", table.allow), ("keep", table.keep)):
        try:
            crowd_limits(networks)
        except ValueError as error:
            complain(key, str(error))


def _plan(table: ServerTable, path: Path, entries: Sequence[Entry], saved: int, site: str) -> ServerPlan:
    return ServerPlan(
        listen=tuple(table.listen),
        map_path=path,
        entries=tuple(entries),
        saved=saved,
        otherwise=table.bad,
        refuse_holes=table.holes == "refuse",
        stale=table.stale,
        writes=table.writes,
        verify=table.verify,
        allow=None if table.allow is None else tuple(table.allow),
        max_clients=table.max_clients,
        when_full=table.when_full,
        connect_rate=table.connect_rate,
        keep=tuple(table.keep),
        public=table.public,
        site=site,
    )


def _entry_faults(path: Path, entries: Sequence[Entry], devices: Iterable[PolledDevice]) -> Iterator[Fault]:
    """Entries that cannot be served: they collide, or their point is measured in something else."""
    for index, message in entry_faults(entries):
        yield Fault(str(path), 0, f"{entries[index].device}.{entries[index].point}", message)
    points = {(device.name, point.name): point for device in devices for point in device.profile.points}
    for entry in entries:
        point = points.get((entry.device, entry.point))
        if point is None or entry.encoding is None:
            continue
        try:
            conversion(point.unit, entry.measured_in)
        except ValueError as wrong:
            yield Fault(str(path), 0, f"{entry.device}.{entry.point}", str(wrong))
