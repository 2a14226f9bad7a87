"""Falling back from TLS to plain Modbus: only where it was asked for, told each time, and read-only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import mbap
from mbap import CertificateRefused, ConnectFailed, TlsFailed
from mbap.protocol.pdu import WriteSingleRegister
from support.certificates import plant
from support.fronts import connected
from support.peers import free_port
from support.tlsservers import DEVICE, READ, WRITE, Peer, both_fronts, context_of, refused


@contextmanager
def plain_and_not_tls() -> Iterator[tuple[str, str]]:
    """A plain device, and the URL that asks for TLS first; nobody listens on the port for that."""
    with mbap.serving(DEVICE) as url:
        port = url.rpartition(":")[2]
        yield url, f"tls+fallback://127.0.0.1:{free_port()}?plain={port}"


@both_fronts
def test_a_fallback_reads_and_tells_it_each_time(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, str]] = []
    tls = plant()["client"].tls(on_fallback=lambda url, why: told.append((url, why)))
    with plain_and_not_tls() as (_, url):
        for _ in range(2):
            with connected(kind, url, tls=tls) as client:
                assert client.execute(READ) == [7, 8, 9]
    assert [where for where, _ in told] == [url, url]
    assert "plain Modbus on port" in told[0][1]
    assert len([one for one in caplog.records if "instead of TLS, read-only" in one.message]) == 2


@both_fronts
def test_after_a_fallback_nothing_is_written(kind: str) -> None:
    with plain_and_not_tls() as (_, url):
        error = refused(kind, url, WRITE)
    assert isinstance(error, mbap.NotProtected)
    assert "read-only" in str(error)
    assert DEVICE.holding_registers[0] == 7


@both_fronts
def test_there_is_no_fallback_unless_it_was_asked_for(kind: str) -> None:
    with plain_and_not_tls() as (_, url):
        bare = url.replace("+fallback", "").partition("?")[0]
        error = refused(kind, bare)
    assert isinstance(error, ConnectFailed)


@both_fronts
@pytest.mark.parametrize("name", ["strange server", "expired server"])
def test_there_is_no_fallback_after_a_certificate_was_refused(kind: str, name: str) -> None:
    with mbap.serving(DEVICE) as plain, Peer(context_of(name)) as peer:
        url = peer.url.replace("tls", "tls+fallback") + "?plain=" + plain.rpartition(":")[2]
        assert isinstance(refused(kind, url), CertificateRefused)


@both_fronts
def test_there_is_no_fallback_where_something_else_answers(kind: str) -> None:
    with mbap.serving(DEVICE) as plain, Peer(None) as peer:
        url = peer.url.replace("tls", "tls+fallback") + "?plain=" + plain.rpartition(":")[2]
        error = refused(kind, url)
    assert isinstance(error, TlsFailed)
    assert "no fallback where somebody answers" in str(error)


@both_fronts
@pytest.mark.parametrize("in_file", [False, True])
def test_there_is_no_fallback_at_a_device_that_was_once_reached_by_tls(
    kind: str, in_file: bool, tmp_path: Any
) -> None:
    """Not even after a restart, where a file remembers it."""
    remember = tmp_path / "reached" if in_file else None
    tls = plant()["client"].tls(remember=remember)
    with mbap.serving(DEVICE) as plain:
        with Peer(context_of()) as peer:
            url = peer.url.replace("tls", "tls+fallback") + "?plain=" + plain.rpartition(":")[2]
            with connected(kind, url, tls=tls) as client:
                client.execute(READ)
                client.execute(WriteSingleRegister(0, 7))
        again = plant()["client"].tls(remember=remember) if in_file else tls
        error = refused(kind, url, tls=again)
    assert isinstance(error, ConnectFailed)
    assert "this device was reached by TLS before" in str(error)
