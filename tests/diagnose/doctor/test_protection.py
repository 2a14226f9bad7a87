"""TLS: which certificate is shown, why it is refused, and why ours is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

import mbap
from mbap import Device, Server
from mbap.diagnose.doctor.finding import Severity
from mbap.diagnose.doctor.prescription import tls_words
from mbap.errors import CertificateRefused, TlsFailed
from mbap.transport.tlsfiles import Settings
from support.certificates import plant
from support.doctored import examined
from support.scripted import Silence, scripted


@contextmanager
def secured(name: str = "server") -> Iterator[str]:
    """A device behind TLS, with the certificate of *name*, in a thread; gives its URL."""
    server = Server("tls://127.0.0.1:0", Device(holding_registers=range(200)), tls=plant()[name].tls())
    started: Future[asyncio.AbstractEventLoop] = Future()

    async def serve() -> None:
        async with server:
            started.set_result(asyncio.get_running_loop())
            await server.serve_forever()

    thread = Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    loop = started.result(10)
    try:
        yield server.url
    finally:
        asyncio.run_coroutine_threadsafe(server.aclose(), loop).result(10)
        thread.join(10)


def test_a_server_that_is_trusted_and_trusts_us_is_examined_to_the_end() -> None:
    with secured() as url:
        found = examined(url, tls=plant()["client"].tls())
    assert found.faults == []
    assert found["tls"].severity is Severity.OK
    assert found["tls"].data["names"] == ["localhost", "127.0.0.1", "::1"]
    assert f"--ca {plant().ca}" in found.prescription.command
    assert f"mbap probe {url} hr0..47 --unit 1 --ca {plant().ca}" in found["values"].advice


@pytest.mark.parametrize(
    ("name", "check"),
    [("expired server", "expired"), ("misnamed server", "name"), ("strange server", "unknown CA")],
)
def test_a_certificate_that_is_refused_says_why_and_is_shown(name: str, check: str) -> None:
    with secured(name) as url:
        found = examined(url, tls=plant()["client"].tls())
    assert found.faults == ["tls"]
    assert found["tls"].data["check"] == check
    assert name in found["tls"].means
    assert isinstance(found["tls"].error, CertificateRefused)


@pytest.mark.parametrize("name", ["expired", "strange"])
def test_our_certificate_that_is_refused_is_told_from_theirs(name: str) -> None:
    with secured() as url:
        found = examined(url, tls=plant()[name].tls())
    error = found["tls"].error
    assert isinstance(error, CertificateRefused)
    assert error.ours


def test_without_a_word_whom_to_trust_the_certificate_is_shown_and_no_more() -> None:
    with secured() as url:
        found = examined(url)
    assert found.faults == ["tls"]
    assert "--ca FILE" in found["tls"].advice
    assert found.topics[-1] == "tls"


def test_a_port_that_speaks_no_tls_is_told() -> None:
    with scripted(Silence(close=True)) as server:
        found = examined(server.url.replace("tcp", "tls"), tls=plant()["client"].tls())
    assert found.faults == ["tls"]
    assert isinstance(found["tls"].error, TlsFailed)


@pytest.mark.parametrize("trusting", [True, False])
def test_plain_modbus_is_recognised_where_tls_was_asked_for(trusting: bool) -> None:
    with mbap.serving(Device(holding_registers=[1]), "tcp://127.0.0.1:0") as url:
        found = examined(url.replace("tcp", "tls"), tls=plant()["client"].tls() if trusting else None)
    assert found["tls"].seen == "Modbus is spoken there without TLS"
    assert f"use {url}" in found["tls"].advice
    assert isinstance(found["tls"].error, TlsFailed)


def test_tls_is_recognised_where_plain_modbus_was_asked_for() -> None:
    with secured() as url:
        found = examined(url.replace("tls", "tcp"), timeout=1.0)
    assert "TLS" in found["answer"].seen + found["answer"].means


def test_a_closed_port_is_refused_before_tls(free_port: Callable[[], int]) -> None:
    found = examined(f"tls://127.0.0.1:{free_port()}", tls=plant()["client"].tls())
    assert found.faults == ["connect"]


def test_the_options_of_tls_are_all_given_again() -> None:
    ca, certificate, key, crl = (Path(name) for name in ("ca.pem", "me.pem", "me.key", "crl.pem"))
    given = Settings((ca,), certificate, key, (crl,), "1.3")
    assert " ".join(tls_words(given, "plc7")) == (
        "--ca ca.pem --certificate me.pem --key me.key --crl crl.pem --tls 1.3 --server-name plc7"
    )
