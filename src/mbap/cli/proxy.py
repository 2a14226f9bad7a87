"""`mbap proxy`: many clients over one connection to one device."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from mbap.cli.between import LISTEN, crowd_options, line_options, running_options, served_options
from mbap.cli.connecting import DURATION, PAUSE
from mbap.cli.counted import amount, on_sigusr1, say
from mbap.cli.securing import Trust, both_tls_options
from mbap.cli.tables import paragraph

if TYPE_CHECKING:
    from mbap.client.link import Link
    from mbap.server.gateway import Gateway
    from mbap.server.proxy import Cached, Patient
    from mbap.server.routes import Route
    from mbap.server.server import Server

_CROWD = ("allow", "max_clients", "when_full", "connect_rate", "idle", "keep")
_SERVED = (*_CROWD, "public", "listen_tls")
"""The options about clients."""
_UNIT = re.compile(r"(\d{1,3})=(\d{1,3})", re.ASCII)


def _units(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[int, int]:
    found = {}
    for text in value:
        match = _UNIT.fullmatch(text)
        if match is None or max(int(match[1]), int(match[2])) > 255:
            raise click.BadParameter(f"{text!r} is not ASKED=BEHIND with units from 0 to 255, such as 1=5")
        found[int(match[1])] = int(match[2])
    return found


@click.command()
@click.argument("endpoint")
@both_tls_options
@served_options
@crowd_options
@click.option(
    "--cache",
    type=DURATION,
    metavar="DURATION",
    help="Answer reads from what was read so long ago at most; without it every read goes to the device.",
)
@click.option(
    "--unit",
    "units",
    multiple=True,
    callback=_units,
    metavar="ASKED=BEHIND",
    help="Another unit behind; may be given several times. Units that are not named stay as they are.",
)
@click.option(
    "--permit",
    multiple=True,
    metavar="RULE",
    help='Let pass only what a rule names: "read", "write holding 100-119", "function 43", ...',
)
@click.option(
    "--timeout",
    type=DURATION,
    default="3s",
    show_default=True,
    help="How long the device may take to answer.",
)
@click.option(
    "--deadline",
    type=DURATION,
    default="5s",
    show_default=True,
    help="How long a request may take, with waiting for a new connection; then it is answered with 0B.",
)
@line_options
@click.option(
    "--connect-pause",
    type=PAUSE,
    default="0s",
    show_default=True,
    help="Between connecting and the first request.",
)
@running_options
def command(endpoint: str, as_data: bool, seconds: float | None, verbose: bool, **how: Any) -> None:
    """Let many clients reach one device over one connection.

    ENDPOINT is the device, tcp://HOST:PORT as for `mbap read`; with #5 at its end everything is for unit 5,
    whatever clients ask for. Clients share its connection in turn, writes first, and each gets its own
    answers: one that comes too late is dropped. While the device is away clients stay connected, and their
    requests wait until --deadline. It ends with Ctrl-C.

    \b
    Examples:
      mbap proxy tcp://192.168.1.60 --listen tcp://0.0.0.0:1502
      mbap proxy inverter --connect-pause 2s --cache 500ms
      mbap proxy plc --read-only --unit 1=5 --allow 192.168.1.0/24
      mbap proxy plc --permit read --permit "write holding 100-119"
    """
    from mbap.cli.running import log_to_stderr, run

    log_to_stderr(verbose)
    served = {name: how.pop(name) for name in _SERVED}
    run(_run(_Proxy.of(endpoint, served=served, **how), seconds, as_data=as_data))


@dataclass(frozen=True, slots=True)
class _Proxy:
    """A proxy, ready to be started."""

    link: Link
    patient: Patient
    cache: Cached | None
    gateway: Gateway
    servers: list[Server]

    @classmethod
    def of(
        cls,
        endpoint: str,
        listen: tuple[str, ...],
        cache: float | None,
        units: dict[int, int],
        opaque: bool,
        deadline: float,
        read_only: bool,
        permit: tuple[str, ...],
        served: Mapping[str, Any],
        **line: Any,
    ) -> _Proxy:
        """The proxy that the options describe, *served* those about clients; ValueError: one is wrong."""
        from mbap.server.gateway import Gateway
        from mbap.server.permission import Permission
        from mbap.server.proxy import Cached, Patient

        link = _link(endpoint, listen or (LISTEN,), **line)
        patient = Patient(link, deadline=deadline)
        cached = None if cache is None else Cached(patient, cache)
        permission = Permission(permit or None, read_only=read_only)
        mapping = _mapping(link.endpoint.unit, units)
        route = _route(mapping, cached or patient, link.endpoint.url, permission, deadline)
        gateway = Gateway([route], opaque=opaque)
        return cls(link, patient, cached, gateway, _servers(gateway, listen or (LISTEN,), **served))

    def counts(self) -> dict[str, object]:
        """All that it has counted."""
        line = self.link.statistics()
        names = (
            "requests",
            "connects",
            "reconnects",
            "connect_failures",
            "connections_lost",
            "timeouts",
            "late_answers",
        )
        return {
            "device": self.link.endpoint.url,
            "connections": sum(server.statistics().accepted for server in self.servers),
            "units": {str(key[1]): one.as_json() for key, one in self.gateway.traffic.units.items()},
            "waited": self.patient.waited,
            "cache": None if self.cache is None else self.cache.counts.as_json(),
            "line": {"state": line.state.value} | {name: getattr(line, name) for name in names},
        }


def _link(endpoint: str, listen: Sequence[str], *, tls: Trust, **line: Any) -> Link:
    from mbap.client.link import Link
    from mbap.site.gatewayplan import leads_back
    from mbap.transport.endpoint import parse_endpoint

    place = parse_endpoint(endpoint)
    if leads_back(listen, endpoint):
        raise ValueError(f"{place.url} leads back to the proxy itself: give the device, or another --listen")
    # Without a back-off every request may find out that the device is back; it is Patient who waits.
    return Link(place, backoff=None, tls=tls.settings(), **line)


def _servers(
    gateway: Gateway,
    listen: Sequence[str],
    *,
    public: bool,
    listen_tls: Trust,
    **crowd: Any,
) -> list[Server]:
    """What clients connect to: a server for each of *listen*."""
    from mbap.server.server import Server
    from mbap.site.crowd import crowd_limits
    from mbap.transport.endpoint import parse_endpoint

    whom = crowd_limits(**{**crowd, "allow": crowd["allow"] or None})
    listeners = [parse_endpoint(url, listening=True) for url in listen]
    ours = listen_tls.settings_for(listeners)
    return [
        Server(one.url, gateway, limits=whom, public=public, tls=ours if one.secure else None)
        for one in listeners
    ]


def _mapping(everything: int | None, units: dict[int, int]) -> dict[int, int]:
    if everything is None:
        return {unit: unit for unit in range(256)} | units
    if units:
        raise click.UsageError(f"#{everything} sends everything to unit {everything}: --unit goes without it")
    return dict.fromkeys(range(256), everything)


def _route(
    mapping: dict[int, int], line: Cached | Patient, name: str, permission: Any, deadline: float
) -> Route:
    from mbap.server.routes import Route

    return Route(mapping, line, name, permission, deadline=deadline)


async def _run(proxy: _Proxy, seconds: float | None, *, as_data: bool) -> None:
    from mbap.cli.running import signals

    def say_so_far() -> None:
        _say(proxy, as_data=as_data)

    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(on_sigusr1(asyncio.get_running_loop(), say_so_far))
        stop = await stack.enter_async_context(signals())
        await stack.enter_async_context(proxy.link)
        for server in proxy.servers:
            await stack.enter_async_context(server)
        _say_where(proxy, as_data=as_data)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
        _say(proxy, as_data=as_data)


def _say_where(proxy: _Proxy, *, as_data: bool) -> None:
    where = [server.url for server in proxy.servers]
    device = proxy.link.endpoint.url
    if as_data:
        click.echo(json.dumps({"listening": where, "device": device}))
    else:
        click.echo(paragraph(f"listening on {', '.join(where)} for {device}; stop with Ctrl-C"))


def _say(proxy: _Proxy, *, as_data: bool) -> None:
    say(json.dumps(proxy.counts()) if as_data else _sentence(proxy), as_data=as_data)


def _sentence(proxy: _Proxy) -> str:
    """`12 requests on 2 connections; answers 11, failures 1; line: requests 12, connects 1`."""
    units = proxy.gateway.traffic.units.values()
    names = ("answers", "exceptions", "failures", "busy", "denied", "cancelled", "doubtful")
    parts = _told((name, sum(getattr(unit, name) for unit in units)) for name in names)
    if proxy.cache is not None:
        parts += _told((f"from the cache {name}", n) for name, n in asdict(proxy.cache.counts).items())
    line = proxy.link.statistics()
    kept = ("requests", "connects", "reconnects", "connect_failures", "timeouts", "late_answers")
    parts += _told((f"to the device {name.replace('_', ' ')}", getattr(line, name)) for name in kept)
    requests = amount(sum(unit.requests for unit in units), "request")
    clients = amount(sum(server.statistics().accepted for server in proxy.servers), "connection")
    return "; ".join(filter(None, (f"{requests} on {clients}", ", ".join(parts))))


def _told(counts: Iterable[tuple[str, int]]) -> list[str]:
    return [f"{name} {count:,}" for name, count in counts if count]
