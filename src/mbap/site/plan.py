"""What a site consists of, as plain data: every range spelled out, every default filled in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mbap.client.options import UnitOptions
from mbap.client.quirks import NO_QUIRKS, Quirks
from mbap.collect.device import PolledDevice

if TYPE_CHECKING:
    from mbap.site.gatewayplan import GatewayPlan
    from mbap.site.guardplan import GuardPlan
    from mbap.site.serverplan import ServerPlan
    from mbap.transport.tls import TLS


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """One endpoint and how to treat it, as `LinkOptions` says. Times in seconds.

    Attributes:
        tls: who we are and whom we trust, for `tls://`.
        quirks: of the connection; unit_quirks: of each unit that has any.
    """

    url: str
    timeout: float = 3.0
    retries: int = 0
    slots: int = 1
    outstanding: int = 1
    pause: float = 0.0
    connect_pause: float = 0.0
    unit_pause: float = 0.0
    quarantine: float | None = None
    queue: int = 1000
    queue_per_origin: int | None = None
    patience: float = math.inf
    probing: float = 0.0
    coalesce: bool = False
    quirks: Quirks = NO_QUIRKS
    tls: TLS | None = None
    unit_quirks: Mapping[int, Quirks] = field(default_factory=dict, hash=False)
    units: Mapping[int, UnitOptions] = field(default_factory=dict, hash=False)

    @property
    def at_once(self) -> int:
        """How many requests are on their way on one connection: one where only their order tells answers."""
        return 1 if self.quirks.transaction else self.outstanding


@dataclass(frozen=True, slots=True)
class HistoryPlan:
    """Where and how long values are kept. Times in seconds, size in bytes."""

    path: Path
    keep: float
    keep_rollups: float | None
    max_size: int | None
    flush: float


@dataclass(frozen=True, slots=True)
class WebPlan:
    """Where the page listens, and whom it lets in."""

    host: str
    port: int
    password: str | None = None
    token: str | None = None
    hosts: tuple[str, ...] = ()
    next_free_port: bool = False


@dataclass(frozen=True, slots=True)
class SitePlan:
    """A whole site.

    Attributes:
        links: by endpoint, also those of the gateway; devices name theirs in `PolledDevice.connection`.
        warnings: what is not wrong but should be known.
        certificates: PEM files to be watched, because what is in them ends.
    """

    name: str
    links: Mapping[str, LinkPlan]
    devices: tuple[PolledDevice, ...]
    history: HistoryPlan | None = None
    web: WebPlan | None = None
    max_open_connections: int = 100
    warnings: tuple[str, ...] = field(default=())
    gateway: GatewayPlan | None = None
    server: ServerPlan | None = None
    certificates: tuple[Path, ...] = ()
    guard: GuardPlan | None = None
