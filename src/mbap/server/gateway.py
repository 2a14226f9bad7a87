"""A gateway: a handler that has requests carried out by the devices behind it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from mbap.errors import (
    ExceptionResponse,
    GatewayPathUnavailable,
    GatewayTargetFailedToRespond,
    IllegalFunction,
    ModbusError,
    NoAnswer,
    OutcomeUnknown,
    QueueFull,
    ServerDeviceBusy,
)
from mbap.protocol.execute import Priority, Relaying
from mbap.protocol.pdu.base import Request
from mbap.server.forwarding import Forwarded, Lane
from mbap.server.handler import Call, Peer
from mbap.server.networks import Networks
from mbap.server.permission import EVERYTHING
from mbap.server.routes import Broadcasting, Persistent, Resting, Route, by_unit
from mbap.server.seldom import Seldom
from mbap.server.traffic import Traffic, UnitTraffic

R = TypeVar("R")

log = logging.getLogger("mbap.gateway")


class Gateway:
    """Hands each request to the line of its unit's route, and the answer back.

    A unit without a route is answered with exception 0A, a device that does not answer, or not rightly, with
    0B, one request too many with 06, what is not permitted with 01; exceptions of devices pass as they are.
    The log says why something was answered with 0B, of each unit once a minute.

    A write to unit 0 goes to every line whose route has `broadcast`, and is answered when it was sent
    everywhere; nobody knows who carried it out. Without such a route unit 0 is a unit like others.

    Args:
        routes: a unit has one at most.
        silent: units without a route get no answer at all, as on a serial line that other devices share.
        opaque: pass on function codes that are not known here, unless a route's permission forbids it.
        first: clients in these networks come first on every line.
        traffic: where to count; gateways that share lines may share it.
        clock: seconds that never jump.

    Raises:
        ValueError: a unit has two routes, or a network is none.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        silent: bool = False,
        opaque: bool = False,
        first: Sequence[str] = (),
        traffic: Traffic | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.opaque = opaque
        self._silent = silent
        self.traffic = traffic or Traffic()
        self._clock = clock
        self._seldom = Seldom(log, clock=clock)
        self._first = Networks(first) if first else None
        self.replace(routes)

    def replace(self, routes: Sequence[Route]) -> None:
        """From the next request on it is *routes* that count; what is on its way ends as it began.

        Raises:
            ValueError: a unit has two routes; nothing is changed.
        """
        self._by_unit = by_unit(routes)
        self._lanes: dict[int, Lane | None] = {}
        self._resting = {route: route.line for route in routes if isinstance(route.line, Resting)}
        self._broadcasting = tuple(route for route in routes if route.broadcast)

    def handle(self, call: Call[R]) -> Awaitable[R]:
        """What the device behind the route of the call's unit answers.

        Raises:
            ExceptionResponse: 0A, 01, 06 or 0B, or what the device answered.
            NoAnswer: it is one of the requests that nobody answers.
        """
        if call.broadcast or (call.unit == 0 and self._broadcasting and call.request.writes):
            return self._to_all(call)
        route = self._by_unit.get(call.unit)
        if route is None:
            raise self._no_route()
        unit = route.units[call.unit]
        counted = self.traffic.unit(route.name, unit)
        counted.requests += 1
        if not route.permission.permits(call.request):
            counted.denied += 1
            raise IllegalFunction
        resting = self._resting.get(route)
        if resting is not None and (refusal := resting.refusal(call.request, unit)) is not None:
            raise self._instead(refusal, route, unit, counted)
        return self._forward(call, route, unit, counted)

    def lane(self, unit: int) -> Lane | None:
        """Where the plain requests for *unit* go; None: to `handle`."""
        if unit in self._lanes:
            return self._lanes[unit]
        lane = self._lanes[unit] = self._lane(unit)
        return lane

    def _lane(self, asked: int) -> Lane | None:
        route = self._by_unit.get(asked)
        own_way = type(self).handle is not Gateway.handle
        if route is None or own_way or not isinstance(route.line, Relaying):
            return None
        way = route.line.relaying()
        if way is None or (asked == 0 and self._broadcasting):
            return None
        unit = route.units[asked]
        return Lane(
            way,
            unit,
            route.deadline,
            self.traffic.unit(route.name, unit),
            self.traffic.line(route.name),
            self._clock,
            Priority.READ if route.priority is None else route.priority,
            Priority.WRITE if route.priority is None else route.priority,
            None if route.permission == EVERYTHING else partial(_permitted, route),
            None if self._first is None else self._comes_first,
            partial(self._of_lane, route),
        )

    def _of_lane(
        self, route: Route, error: ModbusError, sent: Forwarded
    ) -> ExceptionResponse | Awaitable[bytes]:
        """What to answer where *error* came, or to wait for."""
        lane = sent.lane
        if isinstance(route.line, Persistent) and not isinstance(error, ExceptionResponse):
            took = self._clock() - sent.began
            left = None if route.deadline is None else route.deadline - took
            again = route.line.again(error, sent.request, lane.unit, left, sent.priority, sent.origin)
            if again is not None:
                return self._ended(again, sent.request, route, lane.unit, lane.counted, sent.began)
        return self._instead(error, route, lane.unit, lane.counted)

    def refuse(self, unit: int, refusal: ExceptionResponse) -> ExceptionResponse:
        """*refusal* of what is no request; 0A where there is no way to *unit* anyway."""
        if unit in self._by_unit:
            return refusal
        instead = self._no_route()
        if isinstance(instead, NoAnswer):
            raise instead
        return instead

    def _no_route(self) -> GatewayPathUnavailable | NoAnswer:
        if self._silent:
            return NoAnswer()
        self.traffic.unrouted += 1
        return GatewayPathUnavailable()

    def _forward(self, call: Call[R], route: Route, unit: int, counted: UnitTraffic) -> Awaitable[R]:
        carry_out = partial(
            route.line.execute,
            call.request,
            unit,
            deadline=route.deadline,
            priority=self._priority(call, route),
            origin=_origin(call.peer),
        )
        return self._ended(carry_out, call.request, route, unit, counted, self._clock())

    async def _ended(
        self,
        carry_out: Callable[[], Awaitable[R]],
        request: Request[R],
        route: Route,
        unit: int,
        counted: UnitTraffic,
        began: float,
    ) -> R:
        try:
            result = await carry_out()
        except ModbusError as error:
            raise self._instead(error, route, unit, counted) from error
        except asyncio.CancelledError:
            counted.cancelled += 1
            raise
        self.traffic.line(route.name).add(self._clock() - began)
        counted.answers += 1
        if not getattr(request, "answered", True):
            raise NoAnswer
        return result

    def _priority(self, call: Call[Any], route: Route) -> Priority:
        if self._first is not None and self._comes_first(call.peer):
            return Priority.FIRST
        return route.priority_of(call.request)

    def _comes_first(self, peer: Peer) -> bool:
        return self._first is not None and peer.address in self._first

    def _instead(
        self, error: ModbusError, route: Route, unit: int, counted: UnitTraffic
    ) -> ExceptionResponse:
        """What to answer where *error* came instead of a result."""
        if isinstance(error, ExceptionResponse):
            counted.exceptions += 1
            return error
        if isinstance(error, QueueFull):
            counted.busy += 1
            return ServerDeviceBusy()
        counted.failures += 1
        counted.last_failure = error.reason
        counted.doubtful += isinstance(error, OutcomeUnknown)
        kind = f"{'doubt' if isinstance(error, OutcomeUnknown) else 'failure'} {route.name} {unit}"
        self._seldom.warn(kind, "answered with 0B: %s", error)
        return GatewayTargetFailedToRespond()

    # --- what is for all units ---

    def _to_all(self, call: Call[R]) -> Awaitable[R]:
        """Send a write to all units of the lines that want it."""
        self.traffic.broadcasts += 1
        permitted = [r for r in self._broadcasting if r.permission.permits(call.request)]
        lines = {id(r.line): r for r in permitted if isinstance(r.line, Broadcasting)}
        if not lines:
            raise GatewayPathUnavailable if not self._broadcasting else IllegalFunction
        return self._broadcast(call, list(lines.values()))

    async def _broadcast(self, call: Call[R], routes: Sequence[Route]) -> R:
        origin = _origin(call.peer)
        sent = await asyncio.gather(
            *(_sent(route, call.request, origin) for route in routes), return_exceptions=True
        )
        for route, failure in zip(routes, sent, strict=True):
            if isinstance(failure, ModbusError) and not isinstance(failure, ExceptionResponse):
                self._seldom.warn(f"broadcast {route.name}", "a write to all units failed: %s", failure)
        broken = next((one for one in sent if one is not None), None)
        if isinstance(broken, ModbusError) and not isinstance(broken, ExceptionResponse):
            raise GatewayTargetFailedToRespond from broken
        if broken is not None:
            raise broken
        return None  # type: ignore[return-value]  # the result of what only writes


async def _sent(route: Route, request: Request[Any], origin: str) -> None:
    assert isinstance(route.line, Broadcasting)
    try:
        await route.line.broadcast(request, deadline=route.deadline, origin=origin)
    except ValueError:  # it reads as well as writes
        raise IllegalFunction from None


def _permitted(route: Route, request: Request[Any], peer: Peer) -> bool:
    return route.permission.permits(request)


def _origin(peer: Peer) -> str:
    """On whose behalf: each connection of a client gets its turn."""
    return f"{peer.address}:{peer.port}"
