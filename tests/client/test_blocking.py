"""mbap.client.blocking and mbap.client.line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import mbap
from mbap import (
    Client,
    ConnectFailed,
    ConnectionLost,
    Device,
    ReadHoldingRegisters,
    Registers,
    ResponseTimeout,
)
from support.peers import free_port
from support.scripted import Reply, Silence, registers, scripted


@pytest.fixture
def url() -> Iterator[str]:
    device = Device(holding_registers=range(1000), input_registers=range(1000), coils=[True, False] * 8)
    with mbap.serving(mbap.Units({1: device, 5: device}), "tcp://127.0.0.1:0") as url:
        yield url


def test_the_operations_reach_a_real_server(url: str) -> None:
    with Client(url) as plc:
        assert plc.read_holding_registers(107, 3) == [107, 108, 109]
        assert plc.read_coils(0, 3) == [True, False, True]
        plc.write_multiple_registers(0, [7, 8])
        plc.write_single_coil(1, True)
        assert plc.read_write_multiple_registers(0, 2, 0, [9]) == [9, 8]
        plc.mask_write_register(0, 0xFFF0, 0x0002)
        assert plc.read("hr0..1") == [2, 8]


def test_typed_values_come_back_as_they_were_written(url: str) -> None:
    with Client(url) as plc:
        plc.write("40108:float32", 1.5, word_order="CDAB")
        assert plc.read("40108:float32", word_order="CDAB") == 1.5
        assert plc.read_holding_registers(107, 2) == [0, 0x3FC0]


def test_another_unit_is_a_view_on_the_same_connection(url: str) -> None:
    with Client(url, unit=1) as plc:
        other = plc.unit(5)
        other.write_single_register(0, 5)
        assert (plc.number, other.number) == (1, 5)
        assert plc.read("hr0") == 5


def test_a_view_can_have_a_timeout_of_its_own() -> None:
    with scripted(Silence()) as server:
        plc = Client(server.url, timeout=60)
        with pytest.raises(ResponseTimeout, match=r"within 0\.05 s"):
            plc.unit(2, timeout=0.05).read_coils(0, 1)
        plc.close()


def test_entering_connects_and_says_why_it_cannot() -> None:
    with pytest.raises(ConnectFailed, match=r"127\.0\.0\.1:\d+.*refused"), Client(f"127.0.0.1:{free_port()}"):
        pass


def test_without_entering_the_first_call_connects() -> None:
    with scripted(Reply()) as server:
        plc = Client(server.url)
        assert server.connections == 0
        assert plc.read_holding_registers(0, 2) == registers(0, 2)
        plc.close()


def test_a_device_that_comes_back_is_found_at_the_next_call() -> None:
    port = free_port()
    plc = Client(f"127.0.0.1:{port}")
    with pytest.raises(ConnectFailed):
        plc.read_coils(0, 1)
    for _ in range(2):
        with mbap.serving(Device(coils=[True]), f"tcp://127.0.0.1:{port}"):
            assert plc.read_coils(0, 1) == [True]
    with pytest.raises(ConnectFailed):
        plc.read_coils(0, 1)
    plc.close()


class Interrupted(ReadHoldingRegisters):
    """As if Ctrl-C came while the answer is read."""

    def decode_response(self, pdu: bytes) -> Registers:
        raise KeyboardInterrupt


def test_after_an_interruption_the_next_call_makes_a_new_connection() -> None:
    with scripted(Reply()) as server, Client(server.url) as plc:
        with pytest.raises(KeyboardInterrupt):
            plc.execute(Interrupted(0, 1))
        assert plc.read_holding_registers(5, 1) == registers(5, 1)
        assert [request.connection for request in server.requests] == [1, 2]


def test_a_closed_client_stays_closed(url: str) -> None:
    plc = Client(url)
    plc.close()
    plc.close()
    with pytest.raises(ConnectionLost, match="this client was closed"):
        plc.read_coils(0, 1)


def test_threads_may_share_a_client(url: str) -> None:
    wrong: list[object] = []

    def read(first: int) -> None:
        for address in range(first, first + 50):
            found = plc.read_holding_registers(address, 2)
            if found != [address, address + 1]:
                wrong.append((address, found))

    with Client(url) as plc:
        threads = [threading.Thread(target=read, args=(100 * i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_a_deadline_bounds_waiting_for_another_threads_call() -> None:
    with scripted(Silence()) as server:
        plc = Client(server.url, timeout=1)
        slow = threading.Thread(target=lambda: plc.execute_many([ReadHoldingRegisters(0, 1)]))
        slow.start()
        server.wait_for_requests(1)
        with pytest.raises(ResponseTimeout, match=r"the deadline of 0\.05 s passed before it could be sent"):
            plc.execute(ReadHoldingRegisters(0, 1), deadline=0.05)
        slow.join()
        plc.close()


def test_no_requests_have_no_outcomes(url: str) -> None:
    with Client(url) as plc:
        assert plc.execute_many([]) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"unit": 256}, "unit is 0 to 255, not 256"),
        ({"timeout": 0}, "timeout is more than 0 seconds"),
        ({"outstanding": 0}, "outstanding is 1 to 64"),
        ({"retries": -1}, "retries is 0 or more"),
        ({"link": "moon"}, "link is lan, wan or satellite, not 'moon'"),
        ({"retry_pauses": ()}, "retry_pauses are one or more"),
        ({"pause": -1}, "a pause is 0 seconds or more"),
    ],
)
def test_impossible_arguments_are_refused(arguments: dict[str, Any], complaint: str) -> None:
    for kind in (Client, mbap.AsyncClient):
        with pytest.raises(ValueError, match=complaint):
            kind("plc", **arguments)
