"""Server: what goes over a real socket, byte by byte where it matters."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from typing import Any, TypeVar

import pytest

from mbap.errors import Disconnect, ExceptionResponse, NoAnswer
from mbap.server.device import Device
from mbap.server.faults import Fault, Faults, Rule
from mbap.server.handler import Call, Units
from mbap.server.server import Server
from support.serving import ANSWER_0, READ_0, Later, Raising, serving, until
from support.wire_client import connected

R = TypeVar("R")


async def test_a_read_is_answered() -> None:
    async with serving() as (_, client):
        assert await client.ask(READ_0) == ANSWER_0


async def test_the_port_is_the_one_it_really_got() -> None:
    async with Server("tcp://127.0.0.1:0", Device()) as server:
        assert server.port > 0
        assert server.url == f"tcp://127.0.0.1:{server.port}"


async def test_it_listens_on_ipv6() -> None:
    server = Server("tcp://[::1]:0", Device(holding_registers=[7]))
    try:
        await server.start()
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with connected(server.url) as client:
        assert await client.ask(READ_0) == ANSWER_0
    await server.aclose()


async def test_unit_and_transaction_come_back_as_they_were_sent() -> None:
    async with serving() as (_, client):
        assert (await client.ask("BEEF 0000 0006 11 03 0000 0001")).startswith("be ef 00 00 00 05 11 03")


async def test_a_request_may_arrive_byte_by_byte() -> None:
    async with serving() as (_, client):
        for byte in bytes.fromhex(READ_0):
            await client.send(f"{byte:02x}")
            await asyncio.sleep(0)
        assert await client.receive() == ANSWER_0


async def test_all_requests_of_one_segment_are_answered_in_one_write() -> None:
    async with serving() as (_, client):
        frames = [f"{n:04x} 0000 0006 01 03 0000 0001" for n in range(50)]
        await client.send(*frames)
        data = await asyncio.wait_for(client.reader.read(65_536), 5)
        assert len(data) == 50 * 11


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        ("0002 0000 0006 01 63 0000 0001", "00 02 00 00 00 03 01 e3 01"),  # no such function
        ("0002 0000 0006 01 03 0000 0000", "00 02 00 00 00 03 01 83 03"),  # count 0
        ("0002 0000 0006 01 03 0000 007E", "00 02 00 00 00 03 01 83 03"),  # count 126
        ("0002 0000 0007 01 03 0000 0001 00", "00 02 00 00 00 03 01 83 03"),  # a byte too many
        ("0002 0000 0006 01 03 0002 0002", "00 02 00 00 00 03 01 83 02"),  # beyond the end
        ("0002 0000 0006 01 03 FFFF 0002", "00 02 00 00 00 03 01 83 02"),  # beyond 65535
        ("0002 0000 0006 01 05 0000 1234", "00 02 00 00 00 03 01 85 03"),  # neither on nor off
    ],
)
async def test_what_cannot_be_done_is_answered_with_its_exception(frame: str, answer: str) -> None:
    async with serving() as (_, client):
        assert await client.ask(frame) == answer


async def test_another_protocol_is_left_out_and_what_follows_is_answered() -> None:
    async with serving() as (_, client):
        await client.send("0009 0001 0006 01 03 0000 0001", READ_0)
        assert await client.receive() == ANSWER_0


async def test_a_third_foreign_frame_in_a_row_ends_the_connection() -> None:
    async with serving() as (server, client):
        await client.send(*["0009 0001 0006 01 03 0000 0001"] * 3)
        assert await client.ended() == b""
        assert server.statistics().closed_unreadable == 1


@pytest.mark.parametrize(
    "header", ["0001 0000 0000 01", "0001 0000 0001 01", "0001 0000 00FF 01", "4854 5450 2F31 2E"]
)
async def test_a_length_that_cannot_be_ends_the_connection(header: str) -> None:
    async with serving() as (_, client):
        await client.send(header)
        assert await client.ended() == b""


async def test_what_came_before_a_bad_length_is_answered() -> None:
    async with serving() as (_, client):
        await client.send(READ_0, "0001 0000 0000 01")
        assert (await client.ended()).hex(" ") == ANSWER_0


async def test_a_refusal_is_answered_with_its_code() -> None:
    async with serving(Raising(ExceptionResponse(0x06))) as (server, client):
        assert await client.ask(READ_0) == "00 01 00 00 00 03 01 83 06"
        assert server.statistics().exceptions == 1


async def test_silence_sends_nothing_and_goes_on() -> None:
    async with serving(Units({1: Raising(NoAnswer()), 2: Device(holding_registers=[7])})) as (server, client):
        await client.send(READ_0, "0002 0000 0006 02 03 0000 0001")
        assert (await client.receive()).startswith("00 02")
        assert server.statistics().unanswered == 1


async def test_a_handler_can_end_the_connection() -> None:
    async with serving(Raising(Disconnect())) as (_, client):
        await client.send(READ_0)
        assert await client.ended() == b""


async def test_a_handler_can_reset_the_connection() -> None:
    async with serving(Raising(Disconnect(reset=True))) as (_, client):
        await client.send(READ_0)
        assert await client.ended() == b"reset"


async def test_a_failing_handler_is_answered_with_04_and_logged_once_a_kind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(Raising(KeyError("lost"))) as (server, client):
        for _ in range(3):
            assert await client.ask(READ_0) == "00 01 00 00 00 03 01 83 04"
        assert server.statistics().handler_failures == 3
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1


async def test_a_result_that_does_not_fit_is_answered_with_04(caplog: pytest.LogCaptureFixture) -> None:
    class Short:
        def handle(self, call: Call[R]) -> R:
            return []  # type: ignore[return-value]

    async with serving(Short()) as (_, client):
        assert await client.ask(READ_0) == "00 01 00 00 00 03 01 83 04"
    assert caplog.records


async def test_an_awaitable_that_fails_is_answered_with_04(caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        async def handle(self, call: Call[Any]) -> Any:
            raise ZeroDivisionError

    async with serving(Failing()) as (_, client):
        assert await client.ask(READ_0) == "00 01 00 00 00 03 01 83 04"
    assert "ZeroDivisionError" in caplog.text


async def test_the_call_says_who_asks_and_where() -> None:
    seen: list[Call[Any]] = []

    class Watching:
        def handle(self, call: Call[R]) -> R:
            seen.append(call)
            raise NoAnswer

    async with serving(Watching()) as (server, client):
        await client.send(READ_0)
        await until(lambda: bool(seen))
        own = client.writer.get_extra_info("sockname")
        peer = seen[0].peer
        assert (peer.address, peer.port, peer.listener, peer.role) == (own[0], own[1], server.url, None)


async def test_answers_of_one_unit_keep_the_order_of_its_requests() -> None:
    handler = Later(Device(holding_registers=[7, 8, 9]))
    gate = handler.release[1] = asyncio.Event()
    async with serving(handler) as (_, client):
        await client.send(READ_0)
        await until(lambda: handler.begun == [1])
        del handler.release[1]
        await client.send("0002 0000 0006 01 03 0001 0001")
        await asyncio.sleep(0.02)
        gate.set()
        handler.release[1] = gate
        assert [(await client.receive())[:5] for _ in range(2)] == ["00 01", "00 02"]


async def test_answers_of_other_units_are_not_held_up() -> None:
    handler = Later(Device(holding_registers=[7]))
    handler.release[1] = asyncio.Event()
    async with serving(handler) as (_, client):
        await client.send(READ_0, "0002 0000 0006 02 03 0000 0001")
        assert (await client.receive()).startswith("00 02")
        handler.release[1].set()
        assert await client.receive() == ANSWER_0


async def test_tasks_of_a_client_that_left_are_cancelled() -> None:
    cancelled = asyncio.Event()

    class Endless:
        async def handle(self, call: Call[Any]) -> Any:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

    async with serving(Endless()) as (server, client):
        await client.send(READ_0)
        await until(lambda: server.statistics().requests == 1)
        client.reset()
        await asyncio.wait_for(cancelled.wait(), 5)
        await until(lambda: server.statistics().connections == 0)
        assert server.statistics().resets == 1


async def test_it_stops_within_a_moment_with_clients_attached() -> None:
    handler = Later(Device(holding_registers=[7]))
    handler.release[1] = asyncio.Event()
    server = Server("tcp://127.0.0.1:0", handler)
    await server.start()
    async with connected(server.url) as quiet, connected(server.url) as waiting:
        await waiting.send(READ_0)
        await until(lambda: handler.begun == [1])
        async with asyncio.timeout(2):
            await server.aclose()
        assert await quiet.ended() == b""


async def test_it_stops_when_a_client_does_not_read() -> None:
    server = Server("tcp://127.0.0.1:0", Device(holding_registers=[0] * 125))
    await server.start()
    async with connected(server.url) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.writer.write(bytes.fromhex("0001 0000 0006 01 03 0000 007D") * 30_000)
        await until(lambda: server.statistics().requests > 1_000)
        async with asyncio.timeout(2):
            await server.aclose()
    assert server.statistics().connections == 0


async def test_its_port_is_free_after_it_stopped() -> None:
    async with Server("tcp://127.0.0.1:0", Device()) as first:
        port = first.port
    async with Server(f"tcp://127.0.0.1:{port}", Device()) as second:
        assert second.port == port


async def test_serve_forever_ends_when_it_is_closed() -> None:
    server = Server("tcp://127.0.0.1:0", Device())
    serving = asyncio.create_task(server.serve_forever())
    await until(lambda: server.port > 0)
    await server.aclose()
    await asyncio.wait_for(serving, 5)


async def test_serve_forever_closes_when_it_is_cancelled() -> None:
    server = Server("tcp://127.0.0.1:0", Device())
    serving = asyncio.create_task(server.serve_forever())
    await until(lambda: server.port > 0)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", server.port), 5):
        pass


async def test_a_taken_port_is_one_clear_sentence() -> None:
    async with Server("tcp://127.0.0.1:0", Device()) as first:
        with pytest.raises(OSError, match=f"port {first.port} is taken by another program") as caught:
            await Server(first.url, Device()).start()
        assert caught.value.errno == errno.EADDRINUSE
        assert "Errno" not in str(caught.value)


async def test_an_address_of_another_machine_is_one_clear_sentence() -> None:
    with pytest.raises(OSError, match=r"192\.0\.2\.1 is not an address of this machine"):
        await Server("tcp://192.0.2.1:0", Device()).start()


async def test_a_port_that_needs_rights_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(OSError, match="port 502 needs administrator rights; use 1024 or above"):
        await Server("tcp://127.0.0.1:502", Device()).start()


def test_a_wrong_url_is_refused_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="not a kind of connection"):
        Server("http://127.0.0.1", Device())


async def test_an_exception_fault_answers_instead_of_the_handler() -> None:
    faults = Faults([Rule(Fault("exception", code=6))])
    device = Device(holding_registers=[7])
    async with serving(device, faults=faults) as (_, client):
        assert await client.ask("0001 0000 0006 01 06 0000 0063") == "00 01 00 00 00 03 01 86 06"
        assert device.holding_registers[0] == 7


async def test_a_silent_fault_does_nothing_at_all() -> None:
    faults = Faults([Rule(Fault("silent"), units=frozenset({1}))])
    device = Device(holding_registers=[7])
    async with serving(device, faults=faults) as (_, client):
        await client.send("0001 0000 0006 01 06 0000 0063", "0002 0000 0006 02 03 0000 0001")
        assert await client.receive() == "00 02 00 00 00 05 02 03 02 00 07"


async def test_a_late_fault_carries_out_and_answers_after_its_delay() -> None:
    faults = Faults([Rule(Fault("late", delay=0.05), units=frozenset({1}))])
    device = Device(holding_registers=[7])
    async with serving(device, faults=faults) as (_, client):
        await client.send("0001 0000 0006 01 06 0000 0063", "0002 0000 0006 02 03 0000 0001")
        assert await client.receive() == "00 02 00 00 00 05 02 03 02 00 63"
        assert await client.receive() == "00 01 00 00 00 06 01 06 00 00 00 63"


async def test_a_late_fault_delays_an_awaitable_too() -> None:
    handler = Later(Device(holding_registers=[7]))
    handler.release[1] = asyncio.Event()
    handler.release[1].set()
    faults = Faults([Rule(Fault("late", delay=0.02))])
    async with serving(handler, faults=faults) as (_, client):
        assert await client.ask(READ_0) == ANSWER_0


@pytest.mark.parametrize(("kind", "end"), [("close", b""), ("reset", b"reset")])
async def test_a_close_or_reset_fault_ends_the_connection(kind: Any, end: bytes) -> None:
    async with serving(faults=Faults([Rule(Fault(kind))])) as (_, client):
        await client.send(READ_0)
        assert await client.ended() == end


async def test_statistics_are_a_copy() -> None:
    async with serving() as (server, client):
        await client.ask(READ_0)
        before = server.statistics()
        await client.ask(READ_0)
        assert (before.requests, before.answers, before.connections, before.accepted) == (1, 1, 1, 1)
