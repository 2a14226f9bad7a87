"""No answer reaches a client that did not ask for it: a machine tries the gateway with every kind of trouble.

Each register tells its unit and address, so an answer that came to the wrong request shows. Devices answer
late, twice, wrongly, not at all, with the number of another unit, or hang up; clients ask several things at
once and leave at any time. In the end every request of a client that stayed has exactly one answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mbap import Link, Request, Server
from mbap.client.breaker import Breaker
from mbap.protocol.pdu import ReadHoldingRegisters, WriteSingleRegister
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.sides import Side
from mbap.protocol.tcp import TcpFraming
from mbap.server.connection import Connection
from mbap.server.gateway import Gateway
from mbap.server.routes import Route
from support.fake_time import VirtualTimeLoop
from support.fake_transport import FakeTransport
from support.troubled import KINDS, TIMEOUT, Devices, telling

T = TypeVar("T")

RTU_UNITS, TCP_UNITS, NO_UNIT = (1, 2, 3), (4, 5), 9
LONGEST = 300.0
PLACES = st.tuples(st.sampled_from([1, 1, *RTU_UNITS, *TCP_UNITS, NO_UNIT]), st.integers(0, 3))
STEPS = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


class Client:
    """A connection to the gateway, and what it waits for."""

    def __init__(self, server: Server) -> None:
        self.connection = Connection(server)
        self.transport = FakeTransport(self.connection)
        self.open: dict[int, tuple[int, Request[Any]]] = {}
        self._number = 0
        self._framing = TcpFraming()

    def ask(self, unit: int, request: Request[Any]) -> None:
        """Send *request*."""
        self._number += 1
        self.open[self._number] = (unit, request)
        pdu = request.encode()
        head = self._number.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big")
        self.transport.feed((head + bytes((unit,)) + pdu).hex())

    def check(self) -> None:
        """Every answer that came is to something that was asked here, once, and has the right content."""
        data, self.transport.written = self.transport.written, b""
        for adu in self._framing.unpack(data):
            unit, request = self.open.pop(cast("int", adu.transaction))
            assert adu.unit == unit
            assert adu.pdu[0] & 0x7F == request.function_code
            if adu.pdu[0] & 0x80:
                assert adu.pdu[1] in (0x02, 0x06, 0x0A, 0x0B)
                assert (adu.pdu[1] == 0x0A) == (unit == NO_UNIT)
            elif isinstance(request, ReadHoldingRegisters):
                assert request.decode_response(adu.pdu) == telling(unit, request.address, request.count)
            else:
                assert adu.pdu == request.encode()


class GatewayMachine(RuleBasedStateMachine):
    """One gateway with an RTU line and a TCP one, and clients that come and go."""

    coalesce = False

    def __init__(self) -> None:
        super().__init__()
        logging.disable(logging.CRITICAL)
        self.loop = VirtualTimeLoop()
        self.lines = [Devices(lambda: RtuFraming(Side.SERVER, echo=False)), Devices(TcpFraming)]
        self.links = [
            Link(
                url,
                dial=line.dial,
                clock=self.loop.time,
                timeout=TIMEOUT,
                retries=1,
                retry_pauses=(0.0,),  # no chance: what happens must be repeatable
                outstanding=outstanding,
                queue=12,
                queue_per_origin=5,
                probing=0.1,
                coalesce=self.coalesce,
                breaker=Breaker(2, 1.0, 4.0),
                backoff=None,
            )
            for url, line, outstanding in zip(("rtu+tcp://a:1", "tcp://b"), self.lines, (1, 3), strict=True)
        ]
        routes = [Route.same(self.links[0], RTU_UNITS), Route.same(self.links[1], TCP_UNITS)]
        self.server = Server("tcp://127.0.0.1:0", Gateway(routes, clock=self.loop.time))
        self.clients: list[Client] = []

    def do(self, work: Callable[[], T], seconds: float = 0.0) -> T:
        """Do *work* in the loop, and let *seconds* pass."""

        async def doing() -> T:
            done = work()
            await asyncio.sleep(seconds)
            return done

        return self.loop.run_until_complete(doing())

    @rule()
    @precondition(lambda self: len(self.clients) < 5)
    def come(self) -> None:
        self.clients.append(self.do(lambda: Client(self.server)))

    @rule(
        which=st.integers(0, 4),
        places=st.lists(PLACES, min_size=1, max_size=4),
        count=st.sampled_from([1, 1, 2]),
        writes=st.sampled_from([False, False, True]),
    )
    @precondition(lambda self: self.clients)
    def send(self, which: int, places: list[tuple[int, int]], count: int, writes: bool) -> None:
        self.ask(which, places, count, writes)

    def ask(self, which: int, places: list[tuple[int, int]], count: int, writes: bool) -> None:
        client = self.clients[which % len(self.clients)]

        def work() -> None:
            for unit, address in places:
                if writes:
                    client.ask(unit, WriteSingleRegister(address, 256 * unit + address))
                else:
                    client.ask(unit, ReadHoldingRegisters(address, count))

        self.do(work)

    @rule(unit=st.sampled_from([*RTU_UNITS, *TCP_UNITS]), kind=st.sampled_from(KINDS))
    def cause_trouble(self, unit: int, kind: str) -> None:
        self.trouble(unit, kind)

    def trouble(self, unit: int, kind: str) -> None:
        self.lines[unit in TCP_UNITS].next[unit] = kind

    @rule(unit=st.sampled_from([*RTU_UNITS, *TCP_UNITS]), kind=st.sampled_from(KINDS))
    @precondition(lambda self: self.clients)
    def trouble_with_others_waiting(self, unit: int, kind: str) -> None:
        """What goes wrong goes most wrong when the next request for the same unit waits already."""
        self.trouble(unit, kind)
        for number in range(3):
            self.ask(number, [(unit, number)], 1, False)

    @rule(which=st.integers(0, 4))
    @precondition(lambda self: self.clients)
    def leave(self, which: int) -> None:
        client = self.clients.pop(which % len(self.clients))
        self.do(client.transport.abort)

    @rule(seconds=st.sampled_from([0.005, 0.02, 0.5, 1.1, 3.0]))
    def wait(self, seconds: float) -> None:
        self.do(lambda: None, seconds)

    @invariant()
    def every_answer_is_where_it_belongs(self) -> None:
        for client in self.clients:
            client.check()

    def teardown(self) -> None:
        try:
            self.do(lambda: None, LONGEST)
            for client in self.clients:
                client.check()
                assert not client.open, "a request was never answered"
            for link in self.links:
                assert link.statistics().queued == 0
                self.finish(link.aclose)
        finally:
            logging.disable(logging.NOTSET)
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    def finish(self, work: Callable[[], Awaitable[None]]) -> None:
        async def doing() -> None:
            await work()

        self.loop.run_until_complete(doing())


class CoalescingMachine(GatewayMachine):
    """The same where alike reads are shared."""

    coalesce = True


TestGateway = GatewayMachine.TestCase
TestGateway.settings = STEPS
TestCoalescingGateway = CoalescingMachine.TestCase
TestCoalescingGateway.settings = STEPS
