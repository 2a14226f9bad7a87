"""Hosts, units and functions that answer; on loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import mbap
from mbap import Device
from mbap.diagnose.doctor.asking import Asking
from mbap.diagnose.scan import functions, units
from mbap.diagnose.scan.host import Host, Manner, Place
from mbap.diagnose.scan.hosts import Gentleness, scan
from mbap.diagnose.scan.identity import in_short, shown
from mbap.errors import ConnectionLost
from support.certificates import plant
from support.doctored import only_unit, refusing
from support.scripted import Reply, Silence, scripted

QUICK = Gentleness(at_once=8, rate=1000)
PUMP = {0: "ACME", 1: "PUMP-3", 2: "V1.2"}
PLAIN = Device(holding_registers=[1], identification=PUMP)


def found(
    *ports: int, scheme: str = "tcp", timeout: float = 0.2, gentleness: Gentleness = QUICK, **manner: Any
) -> list[Host]:
    places = [Place("127.0.0.1", port, scheme) for port in ports]

    async def collect() -> list[Host]:
        return [host async for host in scan(places, Manner(timeout, **manner), gentleness)]

    return asyncio.run(collect())


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_a_device_is_found_with_its_units_and_what_it_says_of_itself() -> None:
    with mbap.serving(PLAIN, "tcp://127.0.0.1:0") as url:
        (host,) = found(port_of(url))
    assert (host.modbus, host.speaks, host.units) == (True, "Modbus TCP", (1, 255, 0))
    assert in_short(host.identity[255]) == "ACME PUMP-3 V1.2"


def test_the_units_that_are_wanted_are_asked_and_no_others() -> None:
    other = Device(holding_registers=[1], identification={**PUMP, 1: "VALVE"})
    with mbap.serving(mbap.Units({3: PLAIN, 4: other}), "tcp://127.0.0.1:0") as url:
        (host,) = found(port_of(url), units=range(1, 6))
    assert host.units == (3, 4)
    assert [identity["product"] for identity in host.identity.values()] == ["PUMP-3", "VALVE"]


def test_a_closed_port_is_not_found(free_port: Callable[[], int]) -> None:
    assert found(free_port()) == []


@pytest.mark.parametrize(
    ("step", "speaks", "remark"),
    [
        (Silence(), "", "silent"),
        (Silence(close=True), "", "closes the connection"),
        (Reply(raw=b"HTTP/1.1 400 Bad Request\r\n\r\n"), "HTTP", "a web server answers there"),
        (Reply(raw=b"SSH-2.0-OpenSSH\r\n"), "SSH", "an SSH server answers there"),
        (Reply(raw=b"220 hello\r\n"), "", "answers, but not in Modbus"),
    ],
)
def test_an_open_port_without_modbus_says_what_it_is(step: Any, speaks: str, remark: str) -> None:
    with scripted(step) as server:
        (host,) = found(server.port)
    assert (host.modbus, host.speaks, host.remark) == (False, speaks, remark)


def test_who_is_silent_to_modbus_is_greeted_in_other_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, web_server(listening):
        (host,) = found(listening.getsockname()[1])
    assert (host.modbus, host.speaks) == (False, "HTTP")
    assert host.remark == "a web server answers there"


def test_nothing_but_modbus_is_said_where_that_is_wanted() -> None:
    with scripted(Silence()) as greeted, scripted(Silence()) as spared:
        found(greeted.port)
        (host,) = found(spared.port, greets=False)
    assert (host.speaks, host.remark) == ("", "silent")
    assert [request.pdu[0] for request in spared.requests] == [3, 3, 3]
    assert spared.connections < greeted.connections


@contextmanager
def web_server(listening: socket.socket) -> Iterator[None]:
    """A web server that says nothing to what is no HTTP."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2)
                try:
                    if connection.recv(100).startswith(b"GET"):
                        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
                    connection.recv(100)
                except OSError:
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize(
    ("scheme", "speaks"), [("rtu+tcp", "Modbus RTU over TCP"), ("ascii+tcp", "Modbus ASCII over TCP")]
)
def test_serial_frames_over_tcp_are_recognised_where_modbus_tcp_was_expected(
    scheme: str, speaks: str
) -> None:
    with mbap.serving(PLAIN, f"{scheme}://127.0.0.1:0") as url:
        (host,) = found(port_of(url))
    assert (host.modbus, host.speaks, host.place.url) == (True, speaks, url)
    assert host.units[0] == 1


def test_datagrams_are_asked_where_that_is_wanted() -> None:
    with mbap.serving(PLAIN, "udp://127.0.0.1:0") as url:
        (host,) = found(port_of(url), scheme="udp")
    assert (host.modbus, host.speaks, host.units) == (True, "Modbus UDP", (1, 255, 0))


def test_where_no_datagram_comes_back_there_is_nobody(free_port: Callable[[], int]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        assert found(silent.getsockname()[1], free_port(), scheme="udp") == []


def test_a_gateway_with_nobody_behind_it_speaks_modbus() -> None:
    with scripted(refusing(0x0B)) as server:
        (host,) = found(server.port)
    assert (host.modbus, host.units) == (True, ())
    assert host.remark == "nobody as unit 0-1, 255"


def secured(**others: Any) -> Any:
    return mbap.serving(PLAIN, "tls://127.0.0.1:0", tls=plant()["server"].tls(**others))


def test_modbus_tcp_security_is_spoken_where_we_say_who_we_are() -> None:
    with secured() as url:
        (host,) = found(port_of(url), scheme="tls", timeout=2.0, tls=plant()["client"].tls())
    assert (host.modbus, host.speaks, host.place.url) == (True, "Modbus/TCP Security", url)
    assert in_short(host.identity[1]) == "ACME PUMP-3 V1.2"


@pytest.mark.parametrize("minimum", ["1.2", "1.3"])
def test_otherwise_its_certificate_is_shown_and_that_it_asks_for_ours(minimum: str) -> None:
    with secured(minimum=minimum) as url:
        (host,) = found(port_of(url), scheme="tls", timeout=2.0)
    assert (host.modbus, host.speaks) == (False, "TLS")
    assert host.shown is not None
    assert host.shown.asks
    assert host.shown.certificate is not None
    assert host.shown.certificate.subject == "CN=server,O=Plant"
    assert host.remark == f"TLS, CN=server,O=Plant until {until()}, asks for a client certificate"


def until() -> str:
    return plant()["server"].certificate.not_valid_after_utc.strftime("%Y-%m-%d")


def test_tls_is_recognised_at_any_port() -> None:
    with secured() as url:
        (host,) = found(port_of(url), timeout=2.0)
    assert (host.modbus, host.speaks, host.place.scheme) == (False, "TLS", "tls")


def test_a_certificate_that_we_do_not_trust_is_told_with_the_reason() -> None:
    other = plant()["client"].tls(ca=plant().other_ca)
    with secured() as url:
        (host,) = found(port_of(url), scheme="tls", timeout=2.0, tls=other)
    assert (host.modbus, host.speaks) == (False, "TLS")
    assert "an authority that is not trusted" in host.remark


def test_a_certificate_that_is_expired_is_shown_all_the_same() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(plant()["expired server"].chain, plant()["expired server"].key)

    async def collect() -> list[Host]:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl=context)
        async with server:
            place = Place("127.0.0.1", server.sockets[0].getsockname()[1], "tls")
            return [host async for host in scan([place], Manner(2.0), QUICK)]

    (host,) = asyncio.run(collect())
    assert host.remark.startswith("TLS, CN=expired server,O=Plant until ")
    assert not host.remark.endswith("client certificate")


def test_plain_modbus_at_the_port_of_tls_is_found_and_said() -> None:
    with mbap.serving(PLAIN, "tcp://127.0.0.1:0") as url:
        (host,) = found(port_of(url), scheme="tls", timeout=1.0)
    assert (host.modbus, host.place.scheme) == (True, "tcp")
    assert host.remark == "speaks no TLS here, where it is expected"


def test_no_more_begin_in_a_second_than_is_said(free_port: Callable[[], int]) -> None:
    began = time.monotonic()
    found(*(free_port() for _ in range(6)), gentleness=Gentleness(at_once=6, rate=20))
    assert time.monotonic() - began >= 0.25


def test_no_more_are_under_way_than_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        began = time.monotonic()
        ports = [listening.getsockname()[1] for listening in (first, second)]
        hosts = found(*ports, timeout=0.1, gentleness=Gentleness(at_once=1, rate=1000))
        assert time.monotonic() - began >= 0.6  # three units each, one after the other
    assert [host.remark for host in hosts] == ["silent", "silent"]


@contextmanager
def asking(url: str) -> Iterator[Asking]:
    """Asks without a rest, and closes."""
    made = Asking(url, timeout=0.5, pause=0.0, sleep=lambda _: None)
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
    with mbap.serving(PLAIN, "tcp://127.0.0.1:0") as url, asking(url) as ask:
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
