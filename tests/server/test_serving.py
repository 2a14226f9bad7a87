"""serving: a server in a thread."""

from __future__ import annotations

import socket
import threading

import pytest

from mbap.server.device import Device
from mbap.server.serving import serving
from mbap.transport.endpoint import parse_endpoint


def ask(url: str, frame: str) -> str:
    endpoint = parse_endpoint(url)
    with socket.create_connection((endpoint.host, endpoint.port), 5) as connection:
        connection.sendall(bytes.fromhex(frame))
        return connection.recv(1_000).hex(" ")


def test_it_answers_while_the_block_runs() -> None:
    with serving(Device(holding_registers=[7])) as url:
        assert ask(url, "0001 0000 0006 01 03 0000 0001") == "00 01 00 00 00 05 01 03 02 00 07"


def test_it_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    with serving(Device()):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_it_stops_with_a_client_attached() -> None:
    with serving(Device()) as url:
        endpoint = parse_endpoint(url)
        connection = socket.create_connection((endpoint.host, endpoint.port), 5)
    with connection:
        connection.settimeout(5)
        assert connection.recv(1) == b""


def test_it_stops_when_the_block_fails() -> None:
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), serving(Device()):
        raise ZeroDivisionError
    assert threading.active_count() == before


def test_a_taken_port_is_reported_to_the_caller() -> None:
    with (
        serving(Device()) as url,
        pytest.raises(OSError, match="is taken by another program"),
        serving(Device(), url),
    ):
        pass


def test_a_wrong_url_is_reported_to_the_caller() -> None:
    with pytest.raises(ValueError, match="not a kind of connection"), serving(Device(), "http://x"):
        pass
