"""A firewall around a gateway: what is refused gets to no line, what passes gets there as it was judged."""

from __future__ import annotations

from typing import Any

import pytest

from mbap.errors import ExceptionResponse
from mbap.protocol.pdu import Opaque, ReadHoldingRegisters, WriteSingleRegister
from mbap.protocol.pdu.base import Request
from mbap.security.firewall import Firewall
from mbap.server.gateway import Gateway
from mbap.server.handler import Call
from mbap.server.routes import Route
from mbap.server.server import Server
from support.fake_executor import FakeExecutor
from support.policies import HMI, allowing
from support.wire_client import connected

WRITE = WriteSingleRegister(5, 77)


class Line(FakeExecutor):
    """An executor that can be told something for all units, too."""

    def __init__(self) -> None:
        super().__init__(latency=0.0)
        self.told: list[Request[Any]] = []

    async def broadcast(
        self,
        request: Request[Any],
        *,
        deadline: float | None = None,
        origin: str = "",
    ) -> None:
        self.told.append(request)


def guarded(line: Line, *rule: str) -> Firewall:
    return Firewall(allowing(*rule), Gateway([Route.same(line, range(1, 9), broadcast=True)]))


async def ask(firewall: Firewall, request: Request[Any], unit: int = 1) -> Any:
    return await firewall.handle(Call(request, unit, HMI))


async def test_the_very_request_that_was_judged_is_carried_out() -> None:
    line = Line()
    assert await ask(guarded(line), ReadHoldingRegisters(5, 2)) == [5, 6]
    assert [one.request for one in line.asked] == [ReadHoldingRegisters(5, 2)]


async def test_what_is_refused_never_gets_to_a_line() -> None:
    line = Line()
    with pytest.raises(ExceptionResponse) as caught:
        await ask(guarded(line, 'function = "read"'), WRITE)
    assert (caught.value.code, line.asked, line.told) == (1, [], [])


async def test_h093_a_broadcast_behind_a_gateway_needs_a_rule_that_names_unit_0() -> None:
    line = Line()
    with pytest.raises(ExceptionResponse) as caught:
        await ask(guarded(line), WRITE, unit=0)
    assert (caught.value.code, line.told) == (1, [])
    await ask(guarded(line, "unit = 0"), WRITE, unit=0)
    assert line.told == [WRITE]


async def test_h038_a_function_of_a_maker_passes_unread_by_a_rule_that_names_it() -> None:
    line = Line()
    with pytest.raises(ExceptionResponse):
        await ask(guarded(line, 'function = "read"'), Opaque(65, b"\x01"))
    assert line.asked == []
    with pytest.raises(ExceptionResponse):  # the device in memory does not know it either
        await ask(guarded(line, 'function = "vendor"'), Opaque(65, b"\x01"))
    assert [one.request for one in line.asked] == [Opaque(65, b"\x01")]


async def test_it_serves_clients_on_the_network() -> None:
    line = Line()
    firewall = Firewall(
        allowing('from = { net = "127.0.0.1" }', "function = 3"), Gateway([Route.same(line, [1])])
    )
    async with Server("tcp://127.0.0.1:0", firewall) as server, connected(server.url) as client:
        assert await client.ask("0001 0000 0006 01 03 0005 0001") == "00 01 00 00 00 05 01 03 02 00 05"
        assert await client.ask("0002 0000 0006 01 06 0005 0001") == "00 02 00 00 00 03 01 86 01"
        assert await client.ask("0003 0000 0006 02 03 0005 0001") == "00 03 00 00 00 03 02 83 0a"
