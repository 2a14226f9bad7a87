"""What a look at a TLS server shows: with right and wrong certificates, and without any."""

from __future__ import annotations

import socket
import ssl
import threading
import warnings
from contextlib import closing
from pathlib import Path

import pytest
from cryptography import x509

from mbap.security.certificates import Wish
from mbap.security.facts import certificate_facts
from mbap.security.probe import look
from support.peers import free_port
from support.siteca import SiteCa, server_context, tls_server, today

VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


@pytest.fixture
def site(tmp_path: Path) -> SiteCa:
    return SiteCa(tmp_path / "certs", now=today())


def of(version: str, context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = context.maximum_version = VERSIONS[version]
    return context


def names(chain: tuple[bytes, ...]) -> list[str]:
    return [certificate_facts(x509.load_der_x509_certificate(one)).asked.name for one in chain]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_that_wants_a_certificate_shows_its_chain_all_the_same(site: SiteCa, version: str) -> None:
    with tls_server(of(version, server_context(site.ca, site.server()))) as (port, received):
        shown = look("127.0.0.1", port)
    assert (shown.connected, shown.asked, shown.accepted) == (True, True, False)
    assert shown.version == version
    assert "AES" in shown.suite or "CHACHA20" in shown.suite
    assert names(shown.chain) == ["plc1", "Test site"]
    assert "certificate" in shown.fault
    assert received == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_certificate_that_is_good_is_accepted(site: SiteCa, version: str) -> None:
    certificate, key = site.client()
    with tls_server(of(version, server_context(site.ca, site.server()))) as (port, received):
        shown = look("127.0.0.1", port, certificate=certificate, key=key)
    assert (shown.accepted, shown.fault) == (True, "")
    assert received == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_certificate_of_another_ca_is_refused_and_said(site: SiteCa, tmp_path: Path, version: str) -> None:
    certificate, key = SiteCa(tmp_path / "other", now=today()).client()
    with tls_server(of(version, server_context(site.ca, site.server()))) as (port, _):
        shown = look("127.0.0.1", port, certificate=certificate, key=key)
    assert not shown.accepted
    assert shown.fault == "it does not know the CA of our certificate"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_certificate_that_is_revoked_is_refused_and_said(site: SiteCa, version: str) -> None:
    certificate, key = site.client()
    site.revoke("panel")
    with tls_server(of(version, server_context(site.ca, site.server(), crl=site.crl))) as (port, _):
        shown = look("127.0.0.1", port, certificate=certificate, key=key)
    assert shown.fault == "our certificate is revoked"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_that_wants_no_certificate_is_seen(site: SiteCa, version: str) -> None:
    with tls_server(of(version, server_context(site.ca, site.server(), wants=False))) as (port, _):
        shown = look("127.0.0.1", port)
    assert (shown.asked, shown.accepted) == (False, True)


def test_what_is_sent_is_answered(site: SiteCa) -> None:
    adu = bytes.fromhex("00010000000501030201f4")
    with tls_server(server_context(site.ca, site.server(), wants=False), adu) as (port, received):
        shown = look("127.0.0.1", port, send=b"\x00\x01")
    assert (shown.reply, received) == (adu, [b"\x00\x01"])


def test_a_server_of_tls_1_1_alone_is_said(site: SiteCa) -> None:
    context = server_context(site.ca, site.server())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with tls_server(context) as (port, _):
        shown = look("127.0.0.1", port)
    assert (shown.connected, shown.accepted) == (True, False)
    assert "neither TLS 1.2 nor 1.3" in shown.fault


def test_nobody_there_is_said() -> None:
    shown = look("127.0.0.1", free_port())
    assert not shown.connected
    assert "nobody listens on port" in shown.fault


def test_a_name_that_is_unknown_is_said() -> None:
    assert look("no-such-host.invalid", 802).fault == "the name no-such-host.invalid is unknown"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak TLS"),
        (b"", "closed the connection in the handshake"),
        (bytes.fromhex("150301000202"), "is this a TLS server?"),
    ],
)
def test_what_is_no_tls_server_is_said(answer: bytes, said: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with closing(connection):
                connection.recv(2000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        shown = look("127.0.0.1", listening.getsockname()[1])
        thread.join(timeout=10)
    assert shown.connected
    assert said in shown.fault


def test_a_server_that_says_nothing_is_given_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        shown = look("127.0.0.1", listening.getsockname()[1], patience=0.2)
    assert "then says nothing" in shown.fault


def test_an_expired_server_is_looked_at_all_the_same(tmp_path: Path) -> None:
    from datetime import timedelta

    site = SiteCa(tmp_path / "old", now=today() - timedelta(days=100))
    with tls_server(server_context(site.ca, site.server(days=30), wants=False)) as (port, _):
        assert names(look("127.0.0.1", port).chain) == ["plc1", "Test site"]


def test_a_key_of_another_certificate_is_a_sentence(site: SiteCa) -> None:
    certificate, _ = site.client()
    _, key = site.made(Wish("other", client=True))
    with pytest.raises(ValueError, match="is not the key of the certificate"):
        look("127.0.0.1", 1, certificate=certificate, key=key)
