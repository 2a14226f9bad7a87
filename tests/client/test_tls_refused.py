"""Clients over TLS at servers that refuse them or are wrong themselves: it is said who, and why."""

from __future__ import annotations

import re
import socket
import ssl

import pytest

import mbap
from mbap import CertificateRefused, LinkState, ModbusError, OutcomeUnknown, TlsFailed
from support.certificates import plant
from support.fronts import connected
from support.tlsservers import (
    DEVICE,
    READ,
    VERSIONS,
    WRITE,
    Peer,
    both_fronts,
    both_versions,
    context_of,
    refused,
)

WRONG_SERVERS = [
    ("expired server", "expired", r"expired server,O=Plant, has expired on 20\d\d-"),
    ("future server", "not yet valid", r"future server,O=Plant, is valid from 20\d\d-.* on only"),
    ("misnamed server", "name", r"is for plc.plant and 10.0.0.5, not for 127.0.0.1"),
    (
        "strange server",
        "unknown CA",
        r"is of CN=Other CA,O=Plant, an authority that is not trusted; trusted: CN=Plant",
    ),
    ("self-signed server", "unknown CA", r"is signed by itself, and not trusted"),
    ("revoked server", "revoked", r"CN=revoked server,O=Plant, is revoked"),
    ("client", "purpose", r"is not for a server: its extended key usage says something else"),
]


@both_fronts
@both_versions
@pytest.mark.parametrize(("name", "check", "why"), WRONG_SERVERS, ids=[one[0] for one in WRONG_SERVERS])
def test_h131_a_server_with_a_wrong_certificate_is_not_talked_to_and_it_is_said_why(
    kind: str, name: str, check: str, why: str, version: ssl.TLSVersion
) -> None:
    tls = plant()["client"].tls(crl=plant().crl)
    with Peer(context_of(name, version)) as peer:
        error = refused(kind, peer.url, tls=tls)
    assert isinstance(error, CertificateRefused)
    assert (error.check, error.ours) == (check, False)
    assert re.search(why, str(error)), str(error)
    assert str(error).startswith(f"{peer.url}, unit 1, read holding registers")


WRONG_CLIENTS = [
    ("expired", "expired", r"refused the certificate of CN=expired,O=Plant: .*; it has expired on 20"),
    ("future", "other", r"it is valid from 20"),
    ("strange", "unknown CA", r"does not trust the authority that signed it"),
    ("serverauth", "purpose", r"not for this purpose"),
    ("self-signed", "unknown CA", r"does not trust the authority"),
    ("revoked", "revoked", r"CN=revoked,O=Plant: it is revoked"),
]


@both_fronts
@pytest.mark.parametrize("minimum", ["1.2", "1.3"])
@pytest.mark.parametrize(("name", "check", "why"), WRONG_CLIENTS, ids=[one[0] for one in WRONG_CLIENTS])
def test_h145_a_client_whose_certificate_is_refused_reads_why_and_does_not_come_back(
    kind: str, name: str, check: str, why: str, minimum: str
) -> None:
    """With TLS 1.3 the refusal comes after the client believes to be connected."""
    server_tls = plant()["server"].tls(crl=plant().crl)
    with mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=server_tls) as url:
        error = refused(kind, url, tls=plant()[name].tls(minimum=minimum), retries=3)
    assert isinstance(error, CertificateRefused)
    assert (error.check, error.ours) == (check, True)
    assert re.search(why, str(error)), str(error)


@both_fronts
@both_versions
def test_h145_without_a_certificate_it_is_said_that_one_is_wanted(kind: str, version: ssl.TLSVersion) -> None:
    with Peer(context_of(version=version)) as peer:
        error = refused(kind, peer.url, tls=mbap.TLS(ca=plant().ca), retries=3)
        assert peer.handshakes == 1
    assert isinstance(error, TlsFailed)
    assert "certificate" in str(error)


@both_fronts
def test_h145_a_server_that_ends_right_after_the_handshake_is_taken_for_a_refusal(kind: str) -> None:
    with Peer(context_of(version=VERSIONS[1]), answers=False) as peer:
        error = refused(kind, peer.url, retries=3)
        assert peer.handshakes == 1
    assert isinstance(error, CertificateRefused)
    assert error.guessed
    assert "right after the TLS handshake" in str(error)


@both_fronts
def test_h145_who_is_refused_again_and_again_is_left_alone_for_a_while(kind: str) -> None:
    with (
        Peer(context_of(version=VERSIONS[1]), answers=False) as peer,
        connected(kind, peer.url, tls=plant()["client"].tls()) as client,
    ):
        errors = []
        for _ in range(10):
            with pytest.raises(ModbusError) as caught:
                client.execute(READ)
            errors.append(caught.value)
        assert peer.handshakes == 3
        assert client.state is LinkState.BACKING_OFF
    assert [type(error).__name__ for error in errors] == 3 * ["CertificateRefused"] + 7 * ["NotAsked"]
    assert "right after the TLS handshake" in str(errors[-1])


@both_fronts
def test_a_write_that_is_refused_in_the_handshake_was_not_carried_out(kind: str) -> None:
    with mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=plant()["server"].tls()) as url:
        error = refused(kind, url, WRITE, tls=plant()["expired"].tls(minimum="1.3"))
    assert isinstance(error, CertificateRefused)


@both_fronts
def test_a_write_after_which_the_server_only_ends_may_have_been_carried_out(kind: str) -> None:
    with Peer(context_of(version=VERSIONS[1]), answers=False) as peer:
        assert isinstance(refused(kind, peer.url, WRITE), OutcomeUnknown)


@both_fronts
def test_what_speaks_no_tls_is_said_to(kind: str) -> None:
    with Peer(None) as peer:
        error = refused(kind, peer.url)
    assert isinstance(error, TlsFailed)
    assert "the server does not speak TLS" in str(error)


@both_fronts
def test_a_server_of_tls_1_2_alone_is_refused_where_1_3_is_the_least(kind: str) -> None:
    with Peer(context_of(version=VERSIONS[0])) as peer:
        error = refused(kind, peer.url, tls=plant()["client"].tls(minimum="1.3"))
    assert "no version of TLS in common" in str(error)


@both_fronts
def test_a_handshake_that_does_not_come_to_an_end_is_given_up_in_time(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = refused(kind, f"tls://127.0.0.1:{silent.getsockname()[1]}", timeout=0.1)
    assert isinstance(error, TlsFailed)
    assert "no TLS handshake within 0.1 s" in str(error)
