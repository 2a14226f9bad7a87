"""Hosts, units and functions that answer; on loopback."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import mbap
from mbap import Device
from mbap.diagnose.doctor.asking import Asking
from mbap.diagnose.scan import functions, units
from mbap.diagnose.scan.hosts import Gentleness, Host, scan
from mbap.diagnose.scan.identity import in_short, shown
from mbap.errors import ConnectionLost
from support.doctored import only_unit, refusing
from support.scripted import Reply, Silence, scripted

QUICK = Gentleness(at_once=8, rate=1000, timeout=0.2)
PUMP = {0: "ACME", 1: "PUMP-3", 2: "V1.2"}


def found(*ports: int, gentleness: Gentleness = QUICK) -> list[Host]:
    async def collect() -> list[Host]:
        return [host async for host in scan([("127.0.0.1", port) for port in ports], gentleness)]

    return asyncio.run(collect())


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_a_device_is_found_with_its_units_and_what_it_says_of_itself() -> None:
    device = Device(holding_registers=[1], identification=PUMP)
    with mbap.serving(device, "tcp://127.0.0.1:0") as url:
        (host,) = found(port_of(url))
    assert (host.modbus, host.units) == (True, (1, 255, 0))
    assert in_short(host.identity) == "ACME PUMP-3 V1.2"


def test_a_closed_port_is_not_found(free_port: Callable[[], int]) -> None:
    assert found(free_port()) == []


@pytest.mark.parametrize(
    ("step", "remark"),
    [
        (Silence(), "silent"),
        (Silence(close=True), "closes the connection"),
        (Reply(raw=b"HTTP/1.1 400 Bad Request\r\n\r\n"), "a web server answers there"),
    ],
)
def test_an_open_port_without_modbus_says_what_it_is(step: object, remark: str) -> None:
    with scripted(step) as server:  # type: ignore[arg-type]
        (host,) = found(server.port)
    assert (host.modbus, host.remark) == (False, remark)


def test_a_gateway_with_nobody_behind_it_speaks_modbus() -> None:
    with scripted(refusing(0x0B)) as server:
        (host,) = found(server.port)
    assert (host.modbus, host.units) == (True, ())
    assert host.remark.startswith("nobody as unit 1")


def test_no_more_begin_in_a_second_than_is_said(free_port: Callable[[], int]) -> None:
    began = time.monotonic()
    found(*(free_port() for _ in range(6)), gentleness=Gentleness(at_once=6, rate=20, timeout=0.2))
    assert time.monotonic() - began >= 0.25


def test_no_more_are_under_way_than_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        began = time.monotonic()
        ports = [listening.getsockname()[1] for listening in (first, second)]
        hosts = found(*ports, gentleness=Gentleness(at_once=1, rate=1000, timeout=0.1))
        assert time.monotonic() - began >= 0.6  # three units each, one after the other
    assert [host.remark for host in hosts] == ["silent", "silent"]


@contextmanager
def asking(url: str) -> Iterator[Asking]:
    """Asks without a rest, and closes."""
    made = Asking(url, timeout=0.1, pause=0.0, sleep=lambda _: None)
    yield made
    made.close()


def test_units_behind_a_connection_are_found() -> None:
    with scripted(only_unit(3)) as server, asking(server.url) as ask:
        asked = list(units.scan(ask, range(1, 6)))
    assert [unit.number for unit in asked if unit.present] == [3]


def test_units_are_not_asked_any_more_when_the_connection_ends_again_and_again() -> None:
    with scripted(Silence(close=True)) as server, asking(server.url) as ask, pytest.raises(ConnectionLost):
        list(units.scan(ask, range(100)))
    assert len(server.requests) <= units.LOST_IN_A_ROW


def test_functions_are_told_from_those_that_are_not_there() -> None:
    with (
        mbap.serving(Device(holding_registers=[1], identification=PUMP), "tcp://127.0.0.1:0") as url,
        asking(url) as ask,
    ):
        asked = {one.code: one.present for one in functions.scan(ask, 1)}
    assert asked[3] is True
    assert asked[43] is True
    assert asked[24] is False
    assert not {5, 6, 15, 16, 22, 23} & set(asked)


def test_functions_that_write_are_asked_for_with_nothing_to_write() -> None:
    device = Device(holding_registers=[7] * 10, coils=[True] * 10)
    with mbap.serving(device, "tcp://127.0.0.1:0") as url, asking(url) as ask:
        asked = {one.code: one.present for one in functions.scan(ask, 1, writes=True)}
        with mbap.Client(url) as client:
            assert client.read_holding_registers(0, 10) == [7] * 10
            assert client.read_coils(0, 10) == [True] * 10
    assert (asked[15], asked[16], asked[23]) == (True, True, True)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"ACME \0\0", "ACME"),
        (b"\x1b[2Jboo", "[2Jboo"),
        (b"\x01\xff\x00\x7f\x80", "01 ff 00 7f 80"),
        ("Zähler".encode(), "Zähler"),
    ],
)
def test_what_devices_say_cannot_steer_a_console(data: bytes, text: str) -> None:
    assert shown(data) == text
