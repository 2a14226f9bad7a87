"""mbap.transport.endpoint."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.protocol.ascii import AsciiFraming
from mbap.protocol.framing import Framing
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.tcp import TcpFraming
from mbap.transport.endpoint import Endpoint, parse_endpoint
from mbap.transport.udp import DatagramFraming


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("tcp://plc", "tcp://plc:502"),
        ("plc", "tcp://plc:502"),
        ("192.168.1.100", "tcp://192.168.1.100:502"),
        ("192.168.1.100:1502", "tcp://192.168.1.100:1502"),
        ("TCP://PLC.Local.", "tcp://plc.local:502"),
        ("tcp://plc/", "tcp://plc:502"),
        ("tcp://[::1]:1502", "tcp://[::1]:1502"),
        ("[::1]", "tcp://[::1]:502"),
        ("::1", "tcp://[::1]:502"),
        ("tcp://0:0:0:0:0:0:0:1", "tcp://[::1]:502"),
        ("fe80::1%eth0", "tcp://[fe80::1%eth0]:502"),
        (" plc_7-a.example ", "tcp://plc_7-a.example:502"),
        ("zähler.example", "tcp://xn--zhler-gra.example:502"),
    ],
)
def test_whatever_leads_to_the_same_place_has_one_url(text: str, url: str) -> None:
    assert parse_endpoint(text).url == url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("rtu+tcp://moxa:4001", "rtu+tcp://moxa:4001"),
        ("ASCII+TCP://moxa", "ascii+tcp://moxa:502"),
        ("udp://plc#3", "udp://plc:502"),
        ("10.0.0.5?source=10.0.0.7", "tcp://10.0.0.5:502?source=10.0.0.7"),
        ("plc:1502/?source=[::1]#7", "tcp://plc:1502?source=::1"),
    ],
)
def test_other_streams_and_the_source_are_part_of_the_url(text: str, url: str) -> None:
    assert parse_endpoint(text).url == url


@pytest.mark.parametrize(
    ("url", "kind", "numbered"),
    [
        ("tcp://plc", TcpFraming, True),
        ("rtu+tcp://plc", RtuFraming, False),
        ("ascii+tcp://plc", AsciiFraming, False),
        ("udp://plc", DatagramFraming, True),
    ],
)
def test_an_endpoint_knows_its_framing(url: str, kind: type[Framing], numbered: bool) -> None:
    framing = parse_endpoint(url).framing()
    assert type(framing) is kind
    assert framing.numbered is numbered


def test_a_listener_has_no_source() -> None:
    with pytest.raises(ValueError, match="a listener takes nothing after a"):
        parse_endpoint("tcp://:502?source=10.0.0.7", listening=True)


@pytest.mark.parametrize(
    ("text", "unit"), [("plc", None), ("plc#5", 5), ("tcp://plc:1502#0", 0), ("[::1]#255", 255), ("::1#7", 7)]
)
def test_a_hash_sign_names_the_unit(text: str, unit: int | None) -> None:
    assert parse_endpoint(text).unit == unit


def test_the_unit_is_not_part_of_the_url_that_links_share_by() -> None:
    assert parse_endpoint("plc#5").url == parse_endpoint("plc#6").url


def test_an_endpoint_prints_its_unit() -> None:
    assert str(parse_endpoint("plc#5")) == "tcp://plc:502#5"


@pytest.mark.parametrize("scheme", ["tls", "mbaps", "TLS"])
def test_modbus_security_has_a_port_of_its_own(scheme: str) -> None:
    assert parse_endpoint(f"{scheme}://plc").url == "tls://plc:802"


@pytest.mark.parametrize(("url", "secure"), [("tls://plc", True), ("tcp://plc:802", False)])
def test_the_scheme_alone_says_whether_it_is_protected(url: str, secure: bool) -> None:
    assert parse_endpoint(url).secure is secure


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "names no host"),
        ("tcp://", "names no host"),
        ("tcp://:502", "names no host"),
        ("http://plc", "not a kind of connection"),
        ("/dev/ttyUSB0", "is a serial port: write rtu:///dev/ttyUSB0?baudrate=19200&parity=E"),
        ("com3", "is a serial port: write rtu:///COM3?baudrate=19200&parity=E"),
        ("plc:", "no port"),
        ("plc:0", "the port in 'plc:0' is a number from 1 to 65535, not '0'"),
        ("plc:65536", "the port"),
        ("plc:http", "the port"),
        ("plc#", "the unit"),
        ("plc#256", "the unit in 'plc#256' is a number from 0 to 255, not '256'"),
        ("plc#x", "the unit"),
        ("[::1", "bracket"),
        ("[::1]x", "bracket"),
        ("192.168.1", "not an IP address"),
        ("192.168.1.256", "not an IP address"),
        ("1::2::3", "not an IP address"),
        ("user@plc", "not the name of a host"),
        ("plc/path", "not the name of a host"),
        ("plc?x=1", "after the ? can only be source=ADDRESS"),
        ("plc?source=", "is an IP address of this machine, not ''"),
        ("plc?source=eth0", "is an IP address of this machine, not 'eth0'"),
        ("10.0.0.5?source=::1", "both have to be IPv4, or both IPv6"),
        ("[::1]?source=10.0.0.7", "both have to be IPv4, or both IPv6"),
        ("a b", "not the name of a host"),
        ("-plc", "not the name of a host"),
        ("a" * 64, "not the name of a host"),
        ("a..b", "not the name of a host"),
        ("ä" * 300, "not the name of a host"),
    ],
)
def test_what_is_not_an_endpoint_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        parse_endpoint(text)


def test_a_listener_may_leave_out_the_host_and_ask_for_any_port() -> None:
    assert parse_endpoint("tcp://:0", listening=True) == Endpoint("tcp", "", 0)


@given(st.text(max_size=40))
def test_any_text_is_an_endpoint_or_a_value_error(text: str) -> None:
    try:
        endpoint = parse_endpoint(text)
    except ValueError:
        return
    assert parse_endpoint(str(endpoint)) == endpoint
