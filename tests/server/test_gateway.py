"""mbap.server.gateway: where requests go, and which exception answers what."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from mbap import (
    Call,
    ConnectFailed,
    ConnectionLost,
    Device,
    ExceptionResponse,
    GatewayPathUnavailable,
    GatewayTargetFailedToRespond,
    IllegalDataAddress,
    IllegalFunction,
    ModbusError,
    NoAnswer,
    NotAsked,
    Opaque,
    OutcomeUnknown,
    Peer,
    Priority,
    ProtocolError,
    ReadHoldingRegisters,
    ReadInputRegisters,
    Request,
    ResponseTimeout,
    ServerDeviceBusy,
    ServerDeviceFailure,
    WriteSingleRegister,
)
from mbap.errors import QueueFull
from mbap.protocol.pdu import Diagnostics, ReadWriteMultipleRegisters
from mbap.server.gateway import Gateway
from mbap.server.permission import Permission
from mbap.server.routes import Route
from support.fake_executor import FakeExecutor
from support.hand_clock import HandClock

READ = ReadHoldingRegisters(5, 2)
WRITE = WriteSingleRegister(5, 77)
CLIENT = Peer("192.0.2.7", 4711)


class Line(FakeExecutor):
    """An executor that can be told something for all units, too."""

    def __init__(self, device: Device | None = None) -> None:
        super().__init__(device, latency=0.0)
        self.told: list[Request[Any]] = []

    async def broadcast(
        self, request: Request[Any], *, deadline: float | None = None, origin: str = ""
    ) -> None:
        if not request.writes or isinstance(request, ReadWriteMultipleRegisters):
            raise ValueError("nobody answers it")
        self.told.append(request)
        if self.error is not None:
            raise self.error()


async def ask(
    gateway: Gateway, request: Request[Any] = READ, unit: int = 1, peer: Peer = CLIENT, **call: bool
) -> Any:
    return await gateway.handle(Call(request, unit, peer, **call))


def a_gateway(line: FakeExecutor, **route: Any) -> Gateway:
    return Gateway([Route.same(line, range(1, 21), name="hall", **route)])


async def test_a_request_is_carried_out_by_the_line_of_its_unit() -> None:
    one, two = Line(), Line()
    gateway = Gateway([Route.same(one, [1]), Route.same(two, [2])])
    assert await ask(gateway, unit=2) == [5, 6]
    assert (len(one.asked), len(two.asked)) == (0, 1)


async def test_the_unit_behind_may_be_another() -> None:
    line = Line()
    gateway = Gateway([Route({101: 1, 102: 2}, line)])
    await ask(gateway, unit=102)
    assert line.asked[0].unit == 2


async def test_a_route_may_ignore_the_unit() -> None:
    line = Line()
    gateway = Gateway([Route.to_unit(line, 9)])
    await ask(gateway, unit=0)
    await ask(gateway, unit=255)
    assert [asked.unit for asked in line.asked] == [9, 9]


async def test_a_unit_with_two_routes_is_refused() -> None:
    with pytest.raises(ValueError, match="unit 3 has two routes"):
        Gateway([Route.same(Line(), [3]), Route.same(Line(), [3])])


def test_a_unit_behind_is_0_to_255() -> None:
    with pytest.raises(ValueError, match="0 to 255, not 256"):
        Route({1: 256}, Line())


async def test_a_unit_without_a_route_gets_0a() -> None:
    gateway = a_gateway(Line())
    with pytest.raises(GatewayPathUnavailable):
        await ask(gateway, unit=21)
    assert gateway.traffic.unrouted == 1


def test_what_is_no_request_gets_0a_too_where_there_is_no_route() -> None:
    gateway = a_gateway(Line())
    assert isinstance(gateway.refuse(21, IllegalFunction()), GatewayPathUnavailable)
    assert isinstance(gateway.refuse(20, IllegalFunction()), IllegalFunction)


async def test_among_other_devices_a_unit_without_a_route_gets_no_answer() -> None:
    gateway = Gateway([Route.same(Line(), [1])], silent=True)
    with pytest.raises(NoAnswer):
        await ask(gateway, unit=2)
    with pytest.raises(NoAnswer):
        gateway.refuse(2, IllegalFunction())


@pytest.mark.parametrize(
    "error",
    [
        lambda: ResponseTimeout("no answer within 1 s"),
        lambda: ProtocolError("the CRC is wrong"),
        lambda: ConnectionLost("the device closed the connection in the middle of an answer"),
        lambda: ConnectFailed("there is no such port"),
        lambda: NotAsked("unit 1 was silent 3 times in a row"),
        lambda: OutcomeUnknown("the write was sent, but then: no answer"),
    ],
)
async def test_what_is_no_answer_gets_0b_and_the_reason_is_logged(
    error: Callable[[], ModbusError], caplog: pytest.LogCaptureFixture
) -> None:
    line = Line()
    line.error = error
    gateway = a_gateway(line)
    with pytest.raises(GatewayTargetFailedToRespond):
        await ask(gateway)
    assert str(error()) in caplog.text
    assert gateway.traffic.unit("hall", 1).last_failure == error().reason


async def test_the_log_repeats_the_failure_of_a_unit_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    line, clock = Line(), HandClock()
    line.error = lambda: ResponseTimeout("no answer")
    gateway = Gateway([Route.same(line, name="hall")], clock=clock)
    for unit, seconds in ((1, 0), (1, 59), (2, 0), (1, 2)):
        clock.now += seconds
        with pytest.raises(GatewayTargetFailedToRespond):
            await ask(gateway, unit=unit)
    assert [record.getMessage() for record in caplog.records] == [
        "answered with 0B: no answer; check the unit, and whether the device is slow or serves only few"
        " connections" + more
        for more in ("", "", " (and 1 more)")
    ]


async def test_a_write_in_doubt_is_logged_as_one_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    line = Line()
    line.error = lambda: OutcomeUnknown(
        "the write was sent, but then: no answer; it may have been carried out"
    )
    gateway = a_gateway(line)
    with pytest.raises(GatewayTargetFailedToRespond):
        await ask(gateway, WRITE)
    assert "may have been carried out" in caplog.text
    assert gateway.traffic.unit("hall", 1).doubtful == 1


async def test_too_many_waiting_is_06() -> None:
    line = Line()
    line.error = lambda: QueueFull("1000 requests wait for this connection already")
    gateway = a_gateway(line)
    with pytest.raises(ServerDeviceBusy):
        await ask(gateway)
    assert gateway.traffic.unit("hall", 1).busy == 1


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 8, 10, 11, 0x7F])
async def test_an_exception_of_the_device_passes_as_it_is(code: int) -> None:
    line = Line()
    line.error = lambda: ExceptionResponse(code)
    gateway = a_gateway(line)
    with pytest.raises(ExceptionResponse) as raised:
        await ask(gateway)
    assert raised.value.code == code
    assert gateway.traffic.unit("hall", 1).exceptions == 1


async def test_a_device_that_does_not_have_the_address_says_so_itself() -> None:
    with pytest.raises(IllegalDataAddress):
        await ask(a_gateway(Line(Device(holding_registers=[1]))))


async def test_writes_go_before_reads_and_a_route_may_have_another_priority() -> None:
    line = Line()
    gateway = Gateway(
        [Route.same(line, [1]), Route.same(line, [2], priority=Priority.LAST)], first=["192.0.2.99"]
    )
    await ask(gateway, READ)
    await ask(gateway, WRITE)
    await ask(gateway, WRITE, unit=2)
    await ask(gateway, READ, unit=2, peer=Peer("192.0.2.99", 1))
    assert [asked.priority for asked in line.asked] == [
        Priority.READ,
        Priority.WRITE,
        Priority.LAST,
        Priority.FIRST,
    ]


async def test_each_connection_of_a_client_is_an_origin_of_its_own() -> None:
    line = Line()
    gateway = a_gateway(line, deadline=2.5)
    await ask(gateway)
    await ask(gateway, peer=Peer("192.0.2.7", 4712))
    assert [(asked.origin, asked.deadline) for asked in line.asked] == [
        ("192.0.2.7:4711", 2.5),
        ("192.0.2.7:4712", 2.5),
    ]


async def test_what_is_not_permitted_gets_01_and_does_not_reach_the_line() -> None:
    line = Line()
    gateway = a_gateway(line, permission=Permission(read_only=True))
    with pytest.raises(IllegalFunction):
        await ask(gateway, WRITE)
    assert line.asked == []
    assert gateway.traffic.unit("hall", 1).denied == 1


async def test_an_unknown_function_code_passes_as_it_is() -> None:
    class Echo(FakeExecutor):
        async def execute(self, request: Any, unit: int, **_: Any) -> Any:
            return request.data

    gateway = Gateway([Route.same(Echo())], opaque=True)
    assert await ask(gateway, Opaque(65, b"abc")) == b"abc"


async def test_what_nobody_answers_is_not_answered_by_the_gateway_either() -> None:
    class Silent(FakeExecutor):
        async def execute(self, request: Any, unit: int, **_: Any) -> Any:
            return b""

    with pytest.raises(NoAnswer):
        await ask(Gateway([Route.same(Silent())]), Diagnostics(4))


async def test_a_client_that_leaves_cancels_what_waits() -> None:
    line = Line()
    line.latency = 3600
    gateway = a_gateway(line)
    waiting = asyncio.create_task(ask(gateway))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert line.cancelled == 1
    assert gateway.traffic.unit("hall", 1).cancelled == 1


async def test_new_routes_count_from_the_next_request_on_and_what_is_on_its_way_ends_as_it_began() -> None:
    old, new = Line(), Line(Device(holding_registers=[9] * 20))
    old.latency = 0.01
    gateway = a_gateway(old)
    waiting = asyncio.create_task(ask(gateway))
    await asyncio.sleep(0)
    gateway.replace([Route.same(new, [1])])
    assert await ask(gateway) == [9, 9]
    assert await waiting == [5, 6]


async def test_wrong_new_routes_leave_the_old_ones() -> None:
    gateway = a_gateway(Line())
    with pytest.raises(ValueError, match="two routes"):
        gateway.replace([Route.same(Line(), [1]), Route.same(Line(), [1])])
    assert await ask(gateway) == [5, 6]


# --- unit 0 ---


async def test_unit_0_has_no_route_unless_somebody_says_so() -> None:
    with pytest.raises(GatewayPathUnavailable):
        await ask(a_gateway(Line()), WRITE, unit=0)


async def test_a_write_to_unit_0_goes_to_every_line_that_wants_it_once() -> None:
    one, two, other = Line(), Line(), Line()
    gateway = Gateway(
        [
            Route.same(one, [1], broadcast=True),
            Route.same(one, [2], broadcast=True),
            Route.same(two, [3], broadcast=True),
            Route.same(other, [4]),
        ]
    )
    assert await ask(gateway, WRITE, unit=0) is None
    assert (one.told, two.told, other.told) == ([WRITE], [WRITE], [])


async def test_a_broadcast_from_a_serial_line_goes_the_same_way() -> None:
    line = Line()
    await ask(a_gateway(line, broadcast=True), WRITE, unit=0, broadcast=True)
    assert line.told == [WRITE]


async def test_a_broadcast_that_could_not_be_sent_gets_0b(caplog: pytest.LogCaptureFixture) -> None:
    good, bad = Line(), Line()
    bad.error = lambda: ConnectFailed("there is no such port")
    gateway = Gateway([Route.same(good, [1], broadcast=True), Route.same(bad, [2], broadcast=True)])
    with pytest.raises(GatewayTargetFailedToRespond):
        await ask(gateway, WRITE, unit=0)
    assert good.told == [WRITE]
    assert "there is no such port" in caplog.text


async def test_a_read_from_unit_0_is_no_broadcast() -> None:
    with pytest.raises(GatewayPathUnavailable):
        await ask(a_gateway(Line(), broadcast=True), READ, unit=0)


async def test_what_reads_as_well_as_writes_cannot_be_broadcast() -> None:
    with pytest.raises(IllegalFunction):
        await ask(a_gateway(Line(), broadcast=True), ReadWriteMultipleRegisters(0, 1, 0, [1]), unit=0)


async def test_a_broadcast_that_is_not_permitted_gets_01() -> None:
    line = Line()
    gateway = a_gateway(line, broadcast=True, permission=Permission(read_only=True))
    with pytest.raises(IllegalFunction):
        await ask(gateway, WRITE, unit=0)
    assert line.told == []


# --- what is counted ---


async def test_times_and_counts_are_kept_for_each_line_and_unit() -> None:
    line, clock = Line(), HandClock()
    gateway = Gateway([Route.same(line, name="hall")], clock=clock)
    await ask(gateway)
    await ask(gateway, ReadInputRegisters(0, 1), unit=2)
    assert gateway.traffic.unit("hall", 1).answers == 1
    assert gateway.traffic.unit("hall", 2).requests == 1
    assert gateway.traffic.line("hall").count == 2


async def test_a_failing_line_of_another_kind_is_04_for_the_client(caplog: pytest.LogCaptureFixture) -> None:
    """What is none of ours is a bug: the server answers 04 and logs it."""
    from support.serving import READ_0, serving

    line = Line()
    line.error = lambda: RuntimeError("a bug")
    caplog.set_level(logging.CRITICAL)
    async with serving(a_gateway(line)) as (server, client):
        assert (await client.ask(READ_0)).endswith("83 04")
        assert server.statistics().handler_failures == 1


def test_server_device_failure_is_what_04_is() -> None:
    assert ServerDeviceFailure().code == 4
