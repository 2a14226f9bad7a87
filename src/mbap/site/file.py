"""The models of a site file, as it is written; `load` makes the plan of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated

from pydantic import Field

from mbap.collect.quirksfile import QuirksModel
from mbap.filefaults import Path, suggestion
from mbap.filemodel import Duration, FileModel, Name
from mbap.site.gatewayfile import GatewayTable
from mbap.site.guardfile import GuardTable
from mbap.site.serverfile import ServerTable
from mbap.site.sizes import Size
from mbap.site.tlsfile import TlsTable

Pause = Annotated[Duration, Field(le=60)]
Keep = Annotated[Duration, Field(ge=60, le=100 * 366 * 86_400)]


class SiteTable(FileModel):
    """What the site is called, and what holds for all of it."""

    name: str = "site"
    """Shown on the page and kept as the label `site` of every device."""
    max_open_connections: Annotated[int, Field(ge=1, le=10_000)] = 100
    """How many connections to devices may be open at once; idle ones are closed and reopened in turn."""
    devices_from: str | None = None
    """A CSV file with more devices, a line each: name, host (or connection), unit, profile, labels."""


class Connection(FileModel):
    """An endpoint that one or more devices share."""

    url: str
    """`tcp://10.0.0.5`, `10.0.0.5:1502`; `10.0.0.[10-59]` stands for fifty of them."""
    timeout: Annotated[Duration, Field(ge=0.001, le=60)] | None = None
    """How long one attempt waits for its answer; 3 s, or what the profile says."""
    retries: Annotated[int, Field(ge=0, le=10)] = 0
    """How often a read is repeated at once before it counts as failed."""
    slots: Annotated[int, Field(ge=1, le=16)] = 1
    """How many connections may be open to it at once."""
    outstanding: Annotated[int, Field(ge=1, le=64)] = 1
    """How many requests may be on their way on one connection."""
    pause: Pause | None = None
    """Silence between two requests."""
    connect_pause: Pause | None = None
    """Silence after connecting."""
    quarantine: Pause | None = None
    """How long a late answer is waited for, and nothing sent, where only their order tells answers apart."""
    tls: TlsTable | None = None
    """Who we are and whom we trust, for `tls://`."""
    quirks: QuirksModel = QuirksModel()
    """How what is there breaks the rules, whatever the profiles of its devices say; false turns one off."""


class DeviceTable(FileModel):
    """A device, or many equal ones."""

    profile: str
    """One of ours (`mbap profile list`), or the path of a file."""
    connection: str | None = None
    """The name of one of the connections; or give `host`."""
    host: str | None = None
    """A connection of its own: `10.0.0.5`, `tcp://plc:1502`, `192.168.1.[10-59]`."""
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    """Its unit identifier."""
    units: str | None = None
    """Many equal devices on one connection: `1-20` or `1-4,7,9`."""
    title: str = ""
    """What the page calls it; without it, the name."""
    quirks: QuirksModel = QuirksModel()
    """How it breaks the rules, where its profile does not say so; false turns one off."""
    labels: dict[Name, str] = Field(default_factory=dict)
    """Such as `area` and `installation`; `site` is the site's name unless given."""

    def faults_between(self, dropped: Collection[Path]) -> Iterator[tuple[Path, str]]:
        if (self.connection is None) == (self.host is None):
            yield (), "give either connection or host"
        if self.units is not None and self.unit != 1:
            yield ("units",), "give either unit or units"


class Group(FileModel):
    """A scan group: the points that are read together."""

    period: Annotated[Duration, Field(ge=0.01, le=366 * 86_400)]
    """How often."""


class HistoryTable(FileModel):
    """Where values are kept, and for how long."""

    enabled: bool = True
    path: str = "history.db"
    """A file, beside the site file unless its path is absolute."""
    keep: Keep = 400 * 86_400.0
    """How long samples are kept."""
    keep_rollups: Keep | None = None
    """How long roll-ups are kept; without it minutes and quarters as long as samples, the others for ever."""
    max_size: Size | None = None
    """The oldest samples go when the file grows beyond it."""
    flush: Annotated[Duration, Field(ge=0.05, le=3600)] = 2.0
    """How often it is written: longer saves an SD card, and is what a power cut can cost."""


class WebTable(FileModel):
    """The live page."""

    enabled: bool = True
    listen: str = "127.0.0.1:8502"
    """Address and port; beyond loopback it needs a password or a token."""
    password: str | None = None
    """What the page asks for; `env:NAME` takes it from the environment."""
    token: str | None = None
    """What programs send as `Authorization: Bearer`; `env:NAME` takes it from the environment."""
    hosts: list[str] = Field(default_factory=list)
    """More names under which the page is reached, where a proxy stands in front of it."""


class CertificatesTable(FileModel):
    """Certificates and revocation lists of which the site says in time that they end."""

    watch: list[str] = Field(default_factory=list)
    """PEM files, beside the site file unless their paths are absolute."""


class SiteFile(FileModel):
    """A site file."""

    site: SiteTable = SiteTable()
    connections: dict[Name, Connection] = Field(default_factory=dict)
    devices: dict[Name, DeviceTable] = Field(default_factory=dict)
    groups: dict[Name, Group] = Field(default_factory=dict)
    history: HistoryTable = HistoryTable()
    web: WebTable = WebTable()
    gateway: GatewayTable | None = None
    server: ServerTable | None = None
    certificates: CertificatesTable = CertificatesTable()
    guard: GuardTable | None = None

    def faults_between(self, dropped: Collection[Path]) -> Iterator[tuple[Path, str]]:
        for name, device in self.devices.items():
            for path, sentence in device.faults_between(dropped):
                yield ("devices", name, *path), sentence
            wanted = device.connection
            if wanted and wanted not in self.connections and ("connections", wanted) not in dropped:
                known = suggestion(wanted, self.connections) or "; there are none: add [connections.NAME]"
                yield ("devices", name, "connection"), f'there is no connection "{wanted}"{known}'
        if (
            not self.devices
            and self.gateway is None
            and ("gateway",) not in dropped
            and not self.site.devices_from
            and not any(p[:1] == ("devices",) for p in dropped)
        ):
            yield (), "has no devices: add [devices.NAME] with a host and a profile"
