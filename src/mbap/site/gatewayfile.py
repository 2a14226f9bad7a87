"""The table [gateway] of a site file, as it is written, and the plan it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mbap.client.options import UnitOptions
from mbap.client.quirks import Quirks
from mbap.filemodel import Duration, FileModel
from mbap.protocol.execute import Priority
from mbap.server.permission import Permission
from mbap.site.gatewayplan import GatewayPlan, KnownLine, LineDefaults, Lines, RoutePlan, checked
from mbap.site.routing import parse_route, route_to
from mbap.site.tlsfile import TlsTable
from mbap.transport.endpoint import parse_endpoint

if TYPE_CHECKING:
    from mbap.transport.tls import TLS

Timeout = Annotated[Duration, Field(ge=0.001, le=120)]
Pause = Annotated[Duration, Field(le=60)]
Complain = Callable[[str, str], None]

_PRIORITIES = {"first": Priority.FIRST, "last": Priority.LAST, None: None}


class RouteTable(FileModel):
    """A route with options of its own."""

    to: str
    """The line, and the units behind: `rtu:///dev/ttyUSB0?baudrate=19200#1-20`."""
    units: str = "*"
    """The units that clients ask for: `1-20,25`; `*` for all."""
    listen: str | None = None
    """A listener of its own, for clients that cannot set the unit."""
    timeout: Timeout | None = None
    """How long these units may take to answer."""
    retries: Annotated[int, Field(ge=0, le=10)] | None = None
    """How often a read is repeated."""
    pause: Pause | None = None
    """Silence before a request to one of these units."""
    deadline: Timeout | None = None
    """How long a request may take with its waiting."""
    read_only: bool = False
    """Nothing that writes passes."""
    allow: list[str] | None = None
    """What passes: `read`, `write holding 100-119`, `function 43`."""
    priority: Literal["first", "last"] | None = None
    """Before or after the requests of all other routes on its line."""
    broadcast: bool = False
    """Writes to unit 0 go to its line, too."""
    quirks: list[str] = Field(default_factory=list)
    """What these units do not understand: `largest-read=20`, `only-fc6`."""

    def plan(self) -> RoutePlan:
        """The route; raises `ValueError` where something in it cannot be."""
        route = route_to(self.units, self.to)
        quirks = Quirks.parse(self.quirks) if self.quirks else None
        if self.listen is not None:
            parse_endpoint(self.listen, listening=True)
        return replace(
            route,
            listen=self.listen,
            permission=Permission(self.allow, read_only=self.read_only),
            priority=_PRIORITIES[self.priority],
            broadcast=self.broadcast,
            deadline=self.deadline,
            special=UnitOptions(self.timeout, self.retries, self.pause, quirks),
        )


class GatewayTable(FileModel):
    """Modbus TCP clients to devices on lines and behind other hosts."""

    enabled: bool = True
    listen: list[str] = Field(default_factory=lambda: ["tcp://127.0.0.1:1502"])
    """Where clients come in."""
    routes: list[str] = Field(default_factory=list)
    """`1-20=rtu:///dev/ttyUSB0?baudrate=19200`, `100=tcp://192.168.1.50#1`."""
    route: list[RouteTable] = Field(default_factory=list)
    """Routes with options of their own, a table each."""
    read_only: bool = False
    """Nothing that writes passes, on any route."""
    allow: list[str] | None = None
    """Networks whose clients are served: `192.168.1.0/24`, `10.0.0.5`."""
    first: list[str] = Field(default_factory=list)
    """Networks whose clients come first on every line."""
    max_clients: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """How many may be connected at once."""
    when_full: Literal["refuse", "drop_idle"] = "drop_idle"
    """One more is refused, or the one that was quiet for longest makes room."""
    connect_rate: Annotated[float, Field(ge=0, le=100_000)] = 50.0
    """So many new connections a second come in of addresses that were not answered before; 0: any."""
    keep: list[str] = Field(default_factory=list)
    """Networks whose clients are never closed for being quiet, nor for coming too fast."""
    idle: Annotated[Duration, Field(ge=1)] = 120.0
    """A client that is quiet for so long is closed."""
    idle_never: bool = False
    """Clients may be quiet for ever."""
    public: bool = False
    """Yes, the whole internet may reach it."""
    tls: TlsTable | None = None
    """Who the listeners by `tls://` are, and which clients they trust."""
    opaque: bool = False
    """Pass on function codes that mbap does not know."""
    metrics: str | None = None
    """Where its counts can be fetched over HTTP: `127.0.0.1:9502`."""
    timeout: Timeout = 1.0
    """How long a device may take to answer, on lines that [connections] does not name."""
    retries: Annotated[int, Field(ge=0, le=10)] = 0
    """How often a read is repeated, there."""
    pause: Pause = 0.0
    """Silence between two requests, there."""
    unit_pause: Pause = 0.0
    """Silence between two units, there."""
    outstanding: Annotated[int, Field(ge=1, le=64)] = 1
    """How many requests may be on their way to a TCP device at once, there."""
    quarantine: Pause | None = None
    """How long a late answer is waited for, and nothing sent, where only their order tells answers apart."""
    queue: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """How many requests may wait for a line; one more is answered with 06."""
    queue_per_client: Annotated[int, Field(ge=1, le=10_000)] = 16
    """How many of them of one client."""
    probing: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Which part of a line's time may be used to ask whether silent units are back."""
    coalesce: bool = False
    """Reads that are alike and wait at the same moment are carried out once."""


def gateway_plan(
    table: GatewayTable | None, known: KnownLine, complain: Complain, tls: TLS | None = None
) -> GatewayPlan | None:
    """The plan of the gateway, on lines that *known* may know; None without one, or when it is wrong."""
    if table is None or not table.enabled:
        return None
    routes = _routes(table, complain)
    try:
        return _plan(table, routes, known, tls)
    except ValueError as wrong:
        complain("", str(wrong))
        return None


def _routes(table: GatewayTable, complain: Complain) -> list[RoutePlan]:
    routes = []
    makers: list[tuple[str, Callable[[], RoutePlan]]] = [
        *(("routes", lambda text=text: parse_route(text)) for text in table.routes),
        *((f"route.{i}", one.plan) for i, one in enumerate(table.route)),
    ]
    for key, make in makers:
        try:
            routes.append(make())
        except ValueError as wrong:
            complain(key, str(wrong))
    if not makers:
        complain("routes", 'has no routes: write routes = ["1-20=rtu:///dev/ttyUSB0?baudrate=19200"]')
    return [_read_only(route) for route in routes] if table.read_only else routes


def _read_only(route: RoutePlan) -> RoutePlan:
    return replace(route, permission=route.permission.but_read_only())


def _plan(table: GatewayTable, routes: list[RoutePlan], known: KnownLine, tls: TLS | None) -> GatewayPlan:
    defaults = LineDefaults(
        table.timeout,
        table.retries,
        table.pause,
        table.unit_pause,
        table.outstanding,
        table.quarantine,
        table.queue,
        table.queue_per_client,
        table.probing,
        table.coalesce,
    )
    return checked(
        GatewayPlan(
            listen=tuple(table.listen),
            routes=tuple(routes),
            links=Lines(defaults, known).of(routes),
            allow=None if table.allow is None else tuple(table.allow),
            max_clients=table.max_clients,
            when_full=table.when_full,
            connect_rate=table.connect_rate,
            keep=tuple(table.keep),
            idle=None if table.idle_never else table.idle,
            first=tuple(table.first),
            opaque=table.opaque,
            public=table.public,
            metrics=table.metrics,
            tls=tls,
        )
    )
