"""What else may be there, when nobody answers Modbus: each is greeted in its own words."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from mbap.diagnose.doctor.case import Case
from mbap.diagnose.doctor.finding import Finding, Severity
from mbap.diagnose.doctor.header import take_apart
from mbap.diagnose.doctor.talk import say
from mbap.errors import ProtocolError
from mbap.protocol.adu import Adu
from mbap.protocol.ascii import AsciiFraming
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.sides import Side
from mbap.protocol.tcp import TcpFraming
from mbap.transport.endpoint import Endpoint

_TRANSACTION = 0x4D44

Recognise = Callable[[bytes], bool]


def what_else_answers(case: Case) -> Iterator[Finding]:
    """Greet in the words of RTU, TLS, HTTP and so on, over a connection each."""
    if case.endpoint.line is not None or case.endpoint.datagrams or case.endpoint.secure:
        return
    for what, words, recognise, advice in greetings(case):
        case.sleep(case.wishes.pause)
        (heard,) = say(
            case.open,
            words,
            patience=max(case.waits.listening, case.wishes.timeout / 2),
            quiet=case.waits.quiet,
            clock=case.clock,
            sleep=case.sleep,
        )
        if heard.failed:
            return
        if recognise(heard.data):
            seen = f"{what} answers there: {heard.data[:16].hex(' ')}"
            error = ProtocolError(f"{what} answers there")
            means = "the port is served by something else than was asked"
            yield Finding("answer", Severity.FAULT, seen, means, advice, {"speaks": what}, error, last=True)
            return


def greetings(case: Case) -> Iterator[tuple[str, bytes, Recognise, str]]:
    """What may be there, how to greet it, how to know it by its answer, and what to do then."""
    url = _with_scheme(case.endpoint)
    asked = Adu(case.first_unit, case.question().encode(), _TRANSACTION)
    if case.numbered:
        yield "Modbus RTU over TCP", RtuFraming(Side.CLIENT).pack(asked), _is_rtu, f"use {url('rtu+tcp')}"
        yield (
            "Modbus ASCII over TCP",
            AsciiFraming(Side.CLIENT).pack(asked),
            _is_ascii,
            f"use {url('ascii+tcp')}",
        )
    else:
        yield (
            "Modbus TCP",
            TcpFraming().pack(asked),
            lambda data: bool(take_apart(asked, data)),
            f"use {url('tcp')}",
        )
    yield "TLS", client_hello(), _is_tls, f"use {url('tls')}, or the port without TLS, which is 502"
    yield "a web server", b"GET / HTTP/1.0\r\n\r\n", _is_http, "check the port: Modbus is usually on 502"
    yield "SSH", b"", _is_ssh, "check the port: Modbus is usually on 502"


def _with_scheme(endpoint: Endpoint) -> Callable[[str], str]:
    place = endpoint.url.partition("://")[2]
    return lambda scheme: f"{scheme}://{place}"


def _is_rtu(data: bytes) -> bool:
    return bool(RtuFraming(Side.CLIENT).unpack(data)) and not data.startswith(b"\0\0\0\0")


def _is_ascii(data: bytes) -> bool:
    return bool(AsciiFraming(Side.CLIENT).unpack(data))


def _is_tls(data: bytes) -> bool:
    return data[:2] in (b"\x16\x03", b"\x15\x03")


def _is_http(data: bytes) -> bool:
    return data.startswith((b"HTTP/", b"<"))


def _is_ssh(data: bytes) -> bool:
    return data.startswith(b"SSH-")


def client_hello() -> bytes:
    """The first message of TLS 1.2, with two suites and nothing else: enough to be answered or refused."""
    suites = bytes.fromhex("c02f 009c")
    body = b"\x03\x03" + os.urandom(32) + b"\0" + len(suites).to_bytes(2, "big") + suites + b"\x01\0"
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message
