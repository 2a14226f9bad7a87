"""A firewall around a device, with a clock that is moved by hand, and what it has written down."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import pytest

from mbap.errors import ExceptionResponse
from mbap.protocol.exchanges import Exchange
from mbap.protocol.pdu import ReadHoldingRegisters
from mbap.protocol.pdu.base import Request
from mbap.security.events import Event
from mbap.security.firewall import Firewall
from mbap.security.policy import Policy
from mbap.server.device import Device
from mbap.server.handler import Call, Peer
from support.policies import HMI, at

R = TypeVar("R")
READ = ReadHoldingRegisters(0, 2)


class Witness:
    """An observer that writes down what it sees."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.here: list[Peer] = []
        self.gone: list[Peer] = []

    def saw(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def arrived(self, peer: Peer) -> None:
        self.here.append(peer)

    def left(self, peer: Peer) -> None:
        self.gone.append(peer)


class Scene:
    """A firewall around a device, with a clock that is moved by hand and what it has written down."""

    def __init__(self, policy: Policy, handler: Any = None) -> None:
        self.device = Device(holding_registers=[7, 8, 9] + [0] * 200)
        self.events: list[Event] = []
        self.witness = Witness()
        self.seen = self.witness.exchanges
        self.healthy = True
        self.seconds = 0.0
        self.firewall = Firewall(
            policy,
            handler or self.device,
            record=self.events.append,
            clock=lambda: at(self.seconds),
            observers=[self.witness],
            healthy=lambda: self.healthy,
        )

    def ask(self, request: Request[Any], unit: int = 1, peer: Peer = HMI) -> Any:
        return self.firewall.handle(Call(request, unit, peer))

    def refused(self, request: Request[Any], unit: int = 1, peer: Peer = HMI) -> int:
        with pytest.raises(ExceptionResponse) as caught:
            self.ask(request, unit, peer)
        return caught.value.code

    def refused_because(self, request: Request[Any]) -> str:
        self.refused(request)
        return str(self.events[-1].details["reason"])

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


class Slow:
    """Answers later, from a device or with an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.device = Device(holding_registers=[7, 8, 9] + [0] * 200)

    async def handle(self, call: Call[R]) -> R:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return self.device.handle(call)
