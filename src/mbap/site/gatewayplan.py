"""What a gateway consists of, as plain data: listeners, routes, lines."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mbap.client.options import UnitOptions
from mbap.protocol.execute import Priority
from mbap.server.limits import WhenFull
from mbap.server.permission import EVERYTHING, Permission
from mbap.site.crowd import crowd_limits
from mbap.site.plan import LinkPlan
from mbap.transport.endpoint import Endpoint, parse_endpoint

if TYPE_CHECKING:
    from mbap.transport.tls import TLS

NOTHING_SPECIAL = UnitOptions()
PATIENCE = 8
"""So many writes in a row may go before a read that waits: who only writes does not stop all the others."""
_EVERY_ADDRESS = ("", "0.0.0.0", "::")  # nosec B104 # to be compared with


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """A route before its line is opened.

    Attributes:
        units: the unit behind by the unit that clients ask for.
        line: the endpoint, as links are keyed by it.
        text: as it was written.
        listen: a listener of its own; None: those of the gateway.
        special: what is different for the units behind.
    """

    units: Mapping[int, int]
    line: str
    text: str = ""
    permission: Permission = EVERYTHING
    priority: Priority | None = None
    broadcast: bool = False
    deadline: float | None = None
    listen: str | None = None
    special: UnitOptions = NOTHING_SPECIAL


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """A whole gateway.

    Attributes:
        listen: where clients come in, for the routes without a listener of their own.
        links: the lines by endpoint.
        allow: networks whose clients are served; None: all.
        when_full, connect_rate, keep: as in `Limits`; a rate of 0 is no limit.
        idle: seconds after which a quiet client is closed; None: never.
        first: networks whose clients come first on every line.
        metrics: where its counts can be fetched, `HOST:PORT`; None: nowhere.
        public: the whole internet may reach it.
        certificates: PEM files to be watched, because what is in them ends.
        tls: who the listeners by TLS are, and which clients they trust.
    """

    listen: tuple[str, ...]
    routes: tuple[RoutePlan, ...]
    links: Mapping[str, LinkPlan]
    allow: tuple[str, ...] | None = None
    max_clients: int | None = None
    when_full: WhenFull = "drop_idle"
    connect_rate: float | None = None
    keep: tuple[str, ...] = ()
    idle: float | None = 120.0
    first: tuple[str, ...] = ()
    opaque: bool = False
    public: bool = False
    metrics: str | None = None
    certificates: tuple[Path, ...] = ()
    tls: TLS | None = None

    def listeners(self) -> dict[str, tuple[RoutePlan, ...]]:
        """The routes behind each listener."""
        found: dict[str, tuple[RoutePlan, ...]] = {
            url: tuple(route for route in self.routes if route.listen is None) for url in self.listen
        }
        for route in self.routes:
            if route.listen is not None:
                found[route.listen] = (*found.get(route.listen, ()), route)
        return {url: routes for url, routes in found.items() if routes}


@dataclass(frozen=True, slots=True)
class LineDefaults:
    """How lines are treated that nothing else is said of. Times in seconds; *tls* is for those by TLS."""

    timeout: float = 1.0
    retries: int = 0
    pause: float = 0.0
    unit_pause: float = 0.0
    outstanding: int = 1
    quarantine: float | None = None
    queue: int = 1000
    queue_per_client: int = 16
    probing: float = 0.05
    coalesce: bool = False
    tls: TLS | None = None


KnownLine = Callable[[str], LinkPlan | None]
"""Gives how a line is treated that something is said of: that of a polled device, for instance."""


def nothing_known(_endpoint: str) -> LinkPlan | None:
    """Nothing is said of any line."""
    return None


@dataclass(frozen=True, slots=True)
class Lines:
    """Makes the lines that routes need.

    Attributes:
        known: tells of lines that are there already.
    """

    defaults: LineDefaults = LineDefaults()
    known: KnownLine = nothing_known

    def of(self, routes: Iterable[RoutePlan]) -> dict[str, LinkPlan]:
        """The plan of each line that *routes* lead to.

        Raises:
            ValueError: two routes treat one unit differently.
        """
        units: dict[str, dict[int, UnitOptions]] = {}
        for route in routes:
            special = units.setdefault(route.line, {})
            for unit in route.units.values():
                if special.setdefault(unit, route.special) != route.special:
                    raise ValueError(f"unit {unit} behind {route.line} is treated differently by two routes")
        return {line: self._line(line, special) for line, special in units.items()}

    def _line(self, url: str, units: Mapping[int, UnitOptions]) -> LinkPlan:
        known, usual = self.known(url), self.defaults
        plan = known or LinkPlan(
            url,
            usual.timeout,
            usual.retries,
            outstanding=usual.outstanding,
            pause=usual.pause,
            unit_pause=usual.unit_pause,
            quarantine=usual.quarantine,
            tls=usual.tls if parse_endpoint(url).secure else None,
        )
        return replace(
            plan,
            queue=usual.queue,
            queue_per_origin=usual.queue_per_client,
            patience=PATIENCE,
            probing=usual.probing,
            coalesce=usual.coalesce,
            units={unit: special for unit, special in units.items() if special != NOTHING_SPECIAL},
        )


def checked(plan: GatewayPlan) -> GatewayPlan:
    """*plan*.

    Raises:
        ValueError: it cannot be run: a unit has two routes behind one listener, a network is none, or a
            route leads back to the gateway.
    """
    for listener in plan.listeners():
        if parse_endpoint(listener, listening=True).secure and plan.tls is None:
            raise ValueError(
                f"{listener} needs to know who it is and whom to trust: [gateway.tls], or --listen-ca"
            )
    for url, line in plan.links.items():
        if parse_endpoint(url).secure and line.tls is None:
            raise ValueError(
                f"{url} needs to know who we are and whom to trust: [connections.NAME.tls], or --ca"
            )
    crowd_limits(plan.allow, keep=plan.keep)
    crowd_limits(plan.first)
    for routes in plan.listeners().values():
        _check_units(routes)
    _check_loops(plan)
    return plan


def _check_units(routes: Iterable[RoutePlan]) -> None:
    found: dict[int, RoutePlan] = {}
    for route in routes:
        for unit in route.units:
            if found.setdefault(unit, route) is not route:
                raise ValueError(f"unit {unit} has two routes: {found[unit].text} and {route.text}")


def _check_loops(plan: GatewayPlan) -> None:
    """Raises `ValueError` where a route leads back to a listener of the gateway."""
    for route in plan.routes:
        if leads_back(plan.listeners(), route.line):
            raise ValueError(f"the route {route.text} leads back to the gateway itself")


def leads_back(listeners: Iterable[str], line: str) -> bool:
    """Whether what is sent to *line* comes in at one of *listeners*, as far as their URLs say."""
    behind = parse_endpoint(line)
    return behind.line is None and any(
        _same_place(parse_endpoint(url, listening=True), behind) for url in listeners
    )


def _same_place(listener: Endpoint, line: Endpoint) -> bool:
    if listener.line is not None or listener.port != line.port or listener.datagrams != line.datagrams:
        return False
    if listener.host == line.host:
        return True
    named = "localhost" in (listener.host, line.host) and _is_here(listener.host)
    return _is_here(line.host) and (named or listener.host in _EVERY_ADDRESS)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def described(plan: GatewayPlan) -> Sequence[tuple[str, str, str, str]]:
    """(listener, units, line and units behind, what is special) of each route, to be shown."""
    rows = []
    for url, routes in plan.listeners().items():
        rows += [(url, spans(route.units), _behind(route), _said(route)) for route in routes]
    return rows


def spans(units: Iterable[int]) -> str:
    """`1-20, 25` for those numbers."""
    parts: list[list[int]] = []
    for unit in sorted(set(units)):
        if parts and parts[-1][-1] == unit - 1:
            parts[-1][1:] = [unit]
        else:
            parts.append([unit])
    return ", ".join("-".join(map(str, part)) for part in parts)


def _behind(route: RoutePlan) -> str:
    same = all(asked == behind for asked, behind in route.units.items())
    unit = "" if same else f" unit {spans(route.units.values())}"
    return f"{route.line}{unit}"


def _said(route: RoutePlan) -> str:
    special = route.special
    said = [] if route.permission == EVERYTHING else [str(route.permission)]
    said += [] if route.priority is None else [f"priority {route.priority.name.lower()}"]
    said += ["broadcast"] if route.broadcast else []
    said += [] if route.deadline is None else [f"deadline {route.deadline:g} s"]
    for name in ("timeout", "retries", "pause", "quirks"):
        value = getattr(special, name)
        said += (
            []
            if value is None
            else [f"{name} {value:g} s" if isinstance(value, float) else f"{name} {value}"]
        )
    return ", ".join(said)
