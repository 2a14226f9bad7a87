"""Connection: its deadlines and what it reads and leaves unread, in virtual time and without a socket."""

from __future__ import annotations

import asyncio

from mbap.server.connection import Connection
from mbap.server.device import Device
from mbap.server.handler import Handler
from mbap.server.limits import Limits
from mbap.server.server import Server
from support.fake_transport import FakeTransport
from support.serving import ANSWER_0, READ_0, Later
from support.virtual_tests import scenario

RTU_READ = "01 03 0000 0001 84 0a"
RTU_ANSWER = "01 03 02 00 07 f9 86"


def attached(
    limits: Limits | None = None, handler: Handler | None = None, url: str = "tcp://127.0.0.1:0"
) -> tuple[Server, FakeTransport]:
    """A server that does not listen, and a client that is connected to it all the same."""
    server = Server(url, handler or Device(holding_registers=[7, 8, 9]), limits=limits)
    return server, FakeTransport(Connection(server))


@scenario
async def test_h019_a_quiet_connection_is_closed_after_120_seconds() -> None:
    server, client = attached()
    client.feed(READ_0)
    await asyncio.sleep(119.9)
    assert client.end == ""
    await asyncio.sleep(0.2)
    assert (client.end, server.statistics().closed_idle) == ("close", 1)


@scenario
async def test_every_request_starts_the_idle_time_anew() -> None:
    _, client = attached(Limits(idle_timeout=10))
    for _ in range(20):
        client.feed(READ_0)
        await asyncio.sleep(9)
    assert client.end == ""


@scenario
async def test_a_request_that_takes_long_is_not_idleness_and_neither_is_the_time_after_its_answer() -> None:
    handler = Later(Device(holding_registers=[7]))
    gate = handler.release[1] = asyncio.Event()
    server, client = attached(Limits(idle_timeout=10), handler)
    client.feed(READ_0)
    await asyncio.sleep(100)
    gate.set()
    await asyncio.sleep(9)
    assert (client.end, client.written.hex(" ")) == ("", ANSWER_0)
    await asyncio.sleep(2)
    assert (client.end, server.statistics().closed_idle) == ("close", 1)


@scenario
async def test_without_an_idle_timeout_nothing_is_closed() -> None:
    _, client = attached(Limits(idle_timeout=None))
    await asyncio.sleep(90_000)
    assert client.end == ""


@scenario
async def test_h019_a_client_that_is_kept_may_be_quiet_for_as_long_as_it_likes() -> None:
    server, client = attached(Limits(keep=("192.0.2.0/24",)))
    await asyncio.sleep(90_000)
    assert (client.end, server.statistics().closed_idle) == ("", 0)
    client.feed(READ_0)
    assert client.written.hex(" ") == ANSWER_0


@scenario
async def test_a_client_that_is_kept_has_5_seconds_for_a_request_like_everybody() -> None:
    server, client = attached(Limits(keep=("192.0.2.7",)))
    client.feed("0001 0000 0006 01")
    await asyncio.sleep(5.1)
    assert (client.end, server.statistics().closed_incomplete) == ("close", 1)


@scenario
async def test_h006_a_request_that_does_not_end_is_closed_after_5_seconds() -> None:
    server, client = attached()
    client.feed("0001 0000 0009 01 03 0000 0001")
    await asyncio.sleep(4.9)
    assert client.end == ""
    await asyncio.sleep(0.2)
    assert (client.end, client.written) == ("close", b"")
    assert server.statistics().closed_incomplete == 1


@scenario
async def test_h018_bytes_that_trickle_do_not_put_the_deadline_off() -> None:
    server, client = attached()
    for byte in bytes.fromhex(READ_0)[:-1]:
        if client.end:
            break
        client.feed(f"{byte:02x}")
        await asyncio.sleep(1)
    assert asyncio.get_running_loop().time() < 1007
    assert server.statistics().closed_incomplete == 1


@scenario
async def test_each_request_has_its_own_5_seconds() -> None:
    _, client = attached()
    whole = bytes.fromhex(READ_0)
    client.feed(whole[:4].hex())
    for _ in range(10):
        await asyncio.sleep(4)
        client.feed((whole[4:] + whole[:4]).hex())
    assert (client.end, len(client.written)) == ("", 110)


@scenario
async def test_a_foreign_message_that_ends_gives_the_next_its_own_5_seconds() -> None:
    _, client = attached()
    client.feed("0009 0001 0006 01 03")
    await asyncio.sleep(4)
    client.feed("0000 0001 0001")
    await asyncio.sleep(4)
    client.feed("0000 0006 01 03 0000 0001")
    assert client.written.hex(" ") == ANSWER_0


@scenario
async def test_answers_left_unread_for_10_seconds_end_the_connection_at_once() -> None:
    server, client = attached()
    client.protocol.pause_writing()
    assert not client.reading
    await asyncio.sleep(9.9)
    assert client.end == ""
    await asyncio.sleep(0.2)
    assert (client.end, server.statistics().closed_stalled) == ("abort", 1)


@scenario
async def test_a_client_that_reads_again_in_time_is_read_again() -> None:
    _, client = attached()
    client.protocol.pause_writing()
    await asyncio.sleep(9)
    client.protocol.resume_writing()
    assert client.reading
    await asyncio.sleep(9)
    client.feed(READ_0)
    assert client.written.hex(" ") == ANSWER_0


@scenario
async def test_no_more_is_begun_than_fits_into_the_send_buffer() -> None:
    """The socket takes nothing after the first write: what is prepared meanwhile stays small."""
    _, client = attached(Limits(write_buffer=1_000), Device(holding_registers=[0] * 125))
    client.takes = 1
    client.feed("0001 0000 0006 01 03 0000 007d" * 300)
    assert len(client.written) == 4 * 259


@scenario
async def test_a_client_that_sends_no_more_is_answered_what_still_takes_its_time() -> None:
    handler = Later(Device(holding_registers=[7]))
    gate = handler.release[1] = asyncio.Event()
    _, client = attached(None, handler)
    client.feed(READ_0)
    client.half_close()
    await asyncio.sleep(60)
    assert client.end == ""
    gate.set()
    await asyncio.sleep(1)
    assert (client.written.hex(" "), client.end) == (ANSWER_0, "close")


@scenario
async def test_a_client_that_sends_no_more_is_not_waited_for_for_ever() -> None:
    handler = Later(Device(holding_registers=[7]))
    handler.release[1] = asyncio.Event()
    server, client = attached(None, handler)
    client.feed(READ_0)
    client.half_close()
    await asyncio.sleep(121)
    assert (client.end, server.statistics().unanswered, server.statistics().connections) == ("close", 1, 0)


@scenario
async def test_a_client_that_sends_no_more_and_waits_for_nothing_is_closed_at_once() -> None:
    _, client = attached()
    client.feed(READ_0)
    client.half_close()
    assert (client.written.hex(" "), client.end) == (ANSWER_0, "close")


@scenario
async def test_on_a_serial_line_half_a_frame_is_left_out_after_a_silence_and_the_next_is_answered() -> None:
    server, client = attached(url="rtu+tcp://127.0.0.1:0")
    client.feed("01 10 0000 0010 20")
    await asyncio.sleep(0.6)
    assert client.end == ""
    client.feed(RTU_READ)
    assert client.written.hex(" ") == RTU_ANSWER
    assert server.statistics().closed_incomplete == 0


@scenario
async def test_on_a_serial_line_bytes_that_trickle_do_not_put_the_5_seconds_off() -> None:
    server, client = attached(url="rtu+tcp://127.0.0.1:0")
    client.feed("01 10 0000 0010 20")
    for _ in range(13):
        await asyncio.sleep(0.4)
        client.feed("00")
    assert server.statistics().noise > 0
    client.feed(RTU_READ)
    assert client.written.hex(" ") == RTU_ANSWER


@scenario
async def test_an_ascii_frame_that_does_not_end_is_left_out_too() -> None:
    _, client = attached(url="ascii+tcp://127.0.0.1:0")
    client.feed(b":0103".hex())
    await asyncio.sleep(5.1)
    client.feed(b"0000\r\n:010300000001FB\r\n".hex())
    assert client.written == b":0103020007F3\r\n"


@scenario
async def test_it_keeps_one_timer_however_much_comes() -> None:
    _, client = attached()
    timers = _timers()
    for _ in range(1_000):
        client.feed("0001", "0000 0006 01 03 0000 0001", "00")
        client.feed("01 0000 0006 01 03 0000 0001")
    assert _timers() == timers


@scenario
async def test_nothing_of_it_is_left_when_it_is_lost() -> None:
    handler = Later(Device(holding_registers=[7]))
    handler.release[1] = asyncio.Event()
    timers = _timers()
    server, client = attached(None, handler)
    client.feed(READ_0, READ_0, "0001 00")
    await asyncio.sleep(0)
    client.protocol.connection_lost(ConnectionResetError())
    await asyncio.sleep(0.01)
    counted = server.statistics()
    assert (counted.resets, counted.unanswered, counted.connections) == (1, 2, 0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert _timers() == timers


def _timers() -> int:
    scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return sum(not handle.cancelled() for handle in scheduled)
