"""Clients shared by threads and tasks, and interrupted: nobody gets the answer of another, and all go on."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

import mbap
from mbap import AsyncClient, Client, ConnectionLost, ModbusError, ReadHoldingRegisters
from mbap.client import line
from mbap.transport import opening
from support.scripted import Reply, ScriptedServer, Silence, registers, scripted


@pytest.fixture(params=["tcp", "rtu+tcp"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with mbap.serving(mbap.Device(holding_registers=range(2000)), f"{request.param}://127.0.0.1:0") as url:
        yield url


def test_threads_share_a_client_and_each_gets_its_own_answers(url: str) -> None:
    wrong: list[object] = []

    def read(first: int) -> None:
        for address in range(first, first + 50):
            found = plc.unit(1 + first // 100).execute_many([ReadHoldingRegisters(address, 2)] * 2)
            if found != [[address, address + 1]] * 2:
                wrong.append((address, found))

    with Client(url, outstanding=2) as plc:
        threads = [threading.Thread(target=read, args=(100 * i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


async def test_tasks_share_a_client_and_some_are_cancelled_at_any_time(url: str) -> None:
    chance = random.Random(7)
    async with AsyncClient(url, outstanding=4) as plc:

        async def read(address: int) -> bool:
            try:
                async with asyncio.timeout(chance.choice([0.0005, 0.002, 5.0])):
                    found = await plc.read_holding_registers(address, 2)
            except TimeoutError:
                return True
            return found == [address, address + 1]

        for start in range(0, 400, 40):
            assert all(await asyncio.gather(*(read(start + i) for i in range(40))))
        assert await plc.read_holding_registers(5, 2) == [5, 6]


def test_closing_in_one_thread_ends_the_call_of_another() -> None:
    errors: list[ModbusError] = []

    def read() -> None:
        try:
            plc.read_holding_registers(0, 1)
        except ModbusError as error:
            errors.append(error)

    with scripted(Silence()) as server:
        plc = Client(server.url, timeout=60, retries=3)
        thread = threading.Thread(target=read)
        thread.start()
        server.wait_for_requests(1)
        plc.close()
        thread.join(5)
        assert not thread.is_alive()
    assert isinstance(errors[0], ConnectionLost)


def test_closing_ends_a_pause_before_a_retry() -> None:
    with scripted(Reply(pdu=b"\x83\x06")) as server:
        plc = Client(server.url, retries=1, retry_pauses=(60,), timeout=60)
        thread = threading.Thread(target=lambda: plc.execute_many([ReadHoldingRegisters(0, 1)]))
        thread.start()
        server.wait_for_requests(1)
        time.sleep(0.05)
        plc.close()
        thread.join(5)
        assert not thread.is_alive()


def test_closing_does_not_wait_for_a_connection_that_is_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    connecting, go_on, closed = threading.Event(), threading.Event(), threading.Event()
    outcomes: list[object] = []

    class Wire:
        def close(self) -> None:
            closed.set()

    def connect(*_: object, **__: object) -> Wire:
        connecting.set()
        assert go_on.wait(10)
        return Wire()

    monkeypatch.setattr(opening, "connect", connect)
    monkeypatch.setattr(line, "CLOSING_PATIENCE", 0.05)
    plc = Client("tcp://plc")
    thread = threading.Thread(target=lambda: outcomes.extend(plc.execute_many([ReadHoldingRegisters(0, 1)])))
    thread.start()
    assert connecting.wait(10)
    plc.close()  # while the other thread still connects
    go_on.set()
    thread.join(10)
    assert isinstance(outcomes[0], ConnectionLost)
    assert closed.is_set()


def test_a_write_of_one_thread_goes_before_the_reads_that_wait() -> None:
    with scripted(Reply(delay=0.2), Reply()) as server, Client(server.url) as plc:
        calls = [lambda: plc.read_holding_registers(0, 1)] * 3 + [lambda: plc.write_single_register(9, 1)]
        threads = [threading.Thread(target=call) for call in calls]
        for count, thread in enumerate(threads):
            thread.start()
            server.wait_for_requests(1)
            while plc._line._turn.ahead <= count:
                time.sleep(0.001)
        for thread in threads:
            thread.join()
        assert [request.pdu[0] for request in server.requests] == [3, 6, 3, 3]


@pytest.mark.skipif(sys.platform == "win32", reason="there a wait for a socket is not interrupted")
@pytest.mark.parametrize("rtu", [False, True], ids=["tcp", "rtu+tcp"])
def test_after_ctrl_c_the_client_is_as_usable_as_before(rtu: bool) -> None:
    with scripted(Silence(), Reply(), rtu=rtu) as server, Client(server.url, timeout=60) as plc:
        threading.Thread(target=_interrupt_when_asked, args=(server,), daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            plc.read_holding_registers(0, 2)
        assert plc.read_holding_registers(5, 2) == registers(5, 2)
        assert [request.connection for request in server.requests] == [1, 2]


def _interrupt_when_asked(server: ScriptedServer) -> None:
    server.wait_for_requests(1)
    time.sleep(0.05)  # it waits for the answer by now
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.skipif(sys.platform == "win32", reason="there a wait for a socket is not interrupted")
def test_ctrl_c_at_any_moment_leaves_a_client_that_works(url: str) -> None:
    chance = random.Random(7)
    with Client(url) as plc:
        for round_ in range(200):
            timer = threading.Timer(chance.random() * 0.003, os.kill, (os.getpid(), signal.SIGINT))
            with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the timer may be quicker than what follows
                timer.start()
                _read_for_ever(plc)
            timer.join()
            request = ReadHoldingRegisters(round_, 2)
            assert plc.execute(request, deadline=5) == [round_, round_ + 1]
            assert _in_another_thread(plc, request) == [round_, round_ + 1]


def _in_another_thread(plc: Client, request: ReadHoldingRegisters) -> object:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.extend(plc.execute_many([request], deadline=5)))
    thread.start()
    thread.join()
    return found[0]


def _read_for_ever(plc: Client) -> None:
    for address in itertools.cycle(range(1000)):
        assert plc.read_holding_registers(address, 2) == [address, address + 1]
