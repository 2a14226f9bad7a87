"""Both clients over TLS: against our server and others, sessions that go on, and certificates that end."""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import Any

import pytest

import mbap
from mbap import CertificateRefused, ModbusError
from mbap.protocol.pdu import ReadHoldingRegisters
from support.certificates import plant
from support.fronts import connected
from support.tlsservers import DEVICE, READ, VERSIONS, Peer, both_fronts, both_versions, context_of, refused


@both_fronts
@pytest.mark.parametrize("minimum", ["1.2", "1.3"])
def test_a_client_with_a_certificate_reads_over_tls(kind: str, minimum: str) -> None:
    ours = plant()
    with (
        mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=ours["server"].tls(minimum=minimum)) as url,
        connected(kind, url, tls=ours["client"].tls()) as client,
    ):
        assert client.read("hr0..2") == [7, 8, 9]


@both_fronts
@both_versions
def test_a_server_of_another_make_is_read(kind: str, version: ssl.TLSVersion) -> None:
    with (
        Peer(context_of(version=version)) as peer,
        connected(kind, peer.url, tls=plant()["client"].tls()) as client,
    ):
        assert [client.execute(READ) for _ in range(3)] == 3 * [[7, 8, 9]]
        assert peer.handshakes == 1


@both_fronts
@pytest.mark.parametrize("shape", ["three records", "bytes"])
def test_h144_an_answer_in_many_records_is_read(kind: str, shape: str) -> None:
    with (
        Peer(context_of(), shape=shape) as peer,
        connected(kind, peer.url, tls=plant()["client"].tls()) as client,
    ):
        assert client.execute(READ) == [7, 8, 9]


@both_fronts
@both_versions
def test_many_requests_at_once_come_back_in_order(kind: str, version: ssl.TLSVersion) -> None:
    many = [ReadHoldingRegisters(0, 1 + number % 3) for number in range(500)]
    with (
        mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=plant()["server"].tls()) as url,
        connected(kind, url, tls=plant()["client"].tls(), outstanding=16) as client,
    ):
        answers = client.execute_many(many)
    assert answers == [[7, 8, 9][: one.count] for one in many]


@both_fronts
def test_the_name_that_the_server_has_to_have_can_be_said(kind: str) -> None:
    tls = plant()["client"].tls(server_name="plc.plant")
    with Peer(context_of("misnamed server")) as peer, connected(kind, peer.url, tls=tls) as client:
        assert client.execute(READ) == [7, 8, 9]


@both_fronts
@both_versions
def test_the_session_goes_on_over_the_next_connection(kind: str, version: ssl.TLSVersion) -> None:
    tls = plant()["client"].tls()
    with Peer(context_of(version=version)) as peer:
        for _ in range(2):
            with connected(kind, peer.url, tls=tls) as client:
                client.execute(READ)
        assert peer.resumed == [False, True]


@both_fronts
@both_versions
def test_a_session_does_not_go_on_after_a_file_was_read_anew(kind: str, version: ssl.TLSVersion) -> None:
    tls = plant()["client"].tls()
    with Peer(context_of(version=version)) as peer:
        for _ in range(2):
            with connected(kind, peer.url, tls=tls) as client:
                client.execute(READ)
            tls.reload()
        assert peer.resumed == [False, False]


@both_fronts
def test_no_session_goes_on_after_an_alert(kind: str) -> None:
    """R-11."""
    tls = plant()["client"].tls()
    with Peer(context_of(version=VERSIONS[0])) as peer:
        with connected(kind, peer.url, tls=tls) as client:
            client.execute(READ)
        place = ("127.0.0.1", int(peer.url.rpartition(":")[2]))
        assert tls.session_for(*place) is not None
        peer.breaks = True
        with connected(kind, peer.url, tls=tls) as client, pytest.raises(ModbusError):
            client.execute(READ)
        assert tls.session_for(*place) is None


@both_fronts
def test_an_exception_01_over_tls_says_that_it_may_be_the_role(kind: str) -> None:
    ours = plant()
    bare = mbap.Device(coils=[True])
    with mbap.serving(bare, "tls://127.0.0.1:0", tls=ours["server"].tls()) as url:
        error = refused(kind, url, tls=ours["roleless"].tls())
    assert isinstance(error, ModbusError)
    if isinstance(error, mbap.IllegalFunction):
        assert "role" in str(error)


@pytest.mark.parametrize("client", [mbap.Client, mbap.AsyncClient, mbap.Link])
def test_tls_needs_to_know_whom_to_trust(client: Any) -> None:
    with pytest.raises(ValueError, match=r"needs to know who you are and whom you trust: tls=mbap\.TLS\("):
        client("tls://plc")


@pytest.mark.parametrize("client", [mbap.Client, mbap.AsyncClient, mbap.Link])
def test_tls_with_a_plain_url_is_a_mistake(client: Any) -> None:
    with pytest.raises(ValueError, match="TLS goes with tls://"):
        client("tcp://plc", tls=plant()["client"].tls())


def test_a_blocking_client_sends_nothing_once_the_certificate_of_its_server_has_expired() -> None:
    tls = plant()["client"].tls()
    ends = plant()["server"].certificate.not_valid_after_utc.timestamp()
    moments = [ends - 100.0]
    tls.clock = lambda: moments[-1]
    with (
        mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=plant()["server"].tls()) as url,
        mbap.Client(url, tls=tls) as plc,
    ):
        assert plc.read_holding_registers(0, 1) == [7]
        moments.append(ends + 1.5)
        with pytest.raises(CertificateRefused, match="CN=server,O=Plant has expired on") as refused:
            plc.write_single_register(2, 5)
        assert refused.value.check == "expired"
        assert DEVICE.holding_registers[2] == 9


def test_a_blocking_client_sends_nothing_once_its_server_is_revoked(tmp_path: Path) -> None:
    crl = tmp_path / "crl.pem"
    crl.write_bytes(plant().authority.revocation_list(without=True))
    tls = plant()["client"].tls(crl=crl)
    with (
        mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=plant()["revoked server"].tls()) as url,
        mbap.Client(url, tls=tls) as plc,
    ):
        assert plc.read_holding_registers(0, 1) == [7]
        crl.write_bytes(plant().crl.read_bytes())
        now = time.time()
        tls.clock = lambda: now + 6.0  # it looks at files every 5 s
        with pytest.raises(CertificateRefused, match="is revoked"):
            plc.write_single_register(2, 5)
        assert DEVICE.holding_registers[2] == 9
