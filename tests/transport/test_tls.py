"""`TLS`: the files behind it, what it offers, and what becomes of it when they change."""

from __future__ import annotations

import logging
import os
import shutil
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

import mbap
from mbap import TLS, CertificateRefused, Client, Device
from mbap.transport.certificate import chain_of, read_certificate
from mbap.transport.tls import Objection
from support.certificates import DAY, NOW, Authority, Plant, plant, write_key

DEVICE = Device(holding_registers=[7])


@pytest.fixture
def own(tmp_path: Path) -> Plant:
    """Certificates whose files may be changed."""
    return Plant(tmp_path)


def suites(tls: TLS) -> list[dict[str, Any]]:
    return [dict(one) for one in tls.context("client").context.get_ciphers()]


def test_every_suite_has_forward_secrecy_and_encrypts_with_integrity() -> None:
    """R-12, R-13, R-36, R-37, R-48, R-50 to R-55."""
    names = {one["name"] for one in suites(plant()["client"].tls())}
    assert {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"} <= names
    assert {name for name in names if not name.startswith(("ECDHE-", "TLS_"))} == set()
    assert all("GCM" in name or "CHACHA20" in name for name in names)


@pytest.mark.parametrize("side", ["client", "server"])
def test_nothing_older_than_tls_1_2_is_spoken(side: Any) -> None:
    """R-01, R-32, R-34, R-35."""
    context = plant()["server"].tls().context(side).context
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_a_client_checks_the_name_of_the_server() -> None:
    assert plant()["client"].tls().context("client").context.check_hostname


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"ca": ()}, "ca=... has to name whom to trust"),
        ({"ca": "nowhere.pem"}, "the CA nowhere.pem cannot be read: No such file"),
        ({"ca": plant()["client"].key}, "has no certificate in it"),
        ({"certificate": None}, "a key goes with its certificate"),
        ({"certificate": __file__}, "is not PEM"),
        ({"key": plant()["server"].key}, "is not that of the certificate"),
        ({"crl": plant().ca}, "has no -----BEGIN X509 CRL----- in it"),
        ({"minimum": "1.1"}, "minimum is '1.2' or '1.3', not '1.1': what is older is not safe"),
        ({"minimum": "1.3", "null_encryption": True}, "null_encryption is of TLS 1.2"),
    ],
)
def test_what_cannot_be_is_a_sentence_at_once(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint.replace("(", r"\(").replace("...", r"\.\.\.")):
        plant()["client"].tls(**change)


@pytest.mark.skipif(os.name != "posix", reason="modes of files are of POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_key_that_others_may_read_or_write_is_refused(own: Plant, mode: int) -> None:
    own["client"].key.chmod(mode)
    with pytest.raises(ValueError, match=rf"mode {mode:04o}\), who could be you then: chmod 600"):
        own["client"].tls()


@pytest.mark.skipif(os.name != "posix", reason="modes of files are of POSIX")
@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_that_only_its_owner_may_read_is_taken(own: Plant, mode: int) -> None:
    own["client"].key.chmod(mode)
    assert own["client"].tls().chain


def with_password(holder: Any, password: bytes) -> None:
    key = serialization.load_pem_private_key(holder.key.read_bytes(), None)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )
    holder.key.write_bytes(pem)


def test_a_key_with_a_password_asks_nobody_at_a_terminal(own: Plant) -> None:
    with_password(own["client"], b"secret")
    with pytest.raises(ValueError, match="is encrypted: give the password"):
        own["client"].tls()
    with pytest.raises(ValueError, match="the password does not open the key"):
        own["client"].tls(password="wrong")
    assert own["client"].tls(password="secret").chain


def test_a_password_is_not_shown(own: Plant) -> None:
    with_password(own["client"], b"secret")
    assert "secret" not in repr(own["client"].tls(password="secret"))


def test_settings_that_are_the_same_are_equal() -> None:
    """A link is shared by those who ask for it with equal options."""
    first, again = plant()["client"].tls(), plant()["client"].tls()
    assert (first == again, hash(first) == hash(again)) == (True, True)
    assert first != plant()["client"].tls(minimum="1.3")
    assert first != plant()["client"].tls(server_name="plc")


def test_the_key_may_be_in_the_file_of_the_certificate(own: Plant) -> None:
    holder = own["client"]
    both = own.folder / "both.pem"
    both.write_bytes(holder.key.read_bytes() + holder.chain.read_bytes())
    both.chmod(0o600)
    assert TLS(ca=own.ca, certificate=both).chain[0].subject == "CN=client,O=Plant"


def read_once(server: TLS, client: TLS) -> object:
    with mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=server) as url, Client(url, tls=client) as plc:
        return plc.read_holding_registers(0, 1)


def test_a_revocation_list_that_has_expired_keeps_everybody_out(
    own: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    own.crl.write_bytes(own.authority.revocation_list(begins=NOW - 3 * DAY, ends=NOW - DAY))
    tls = own["client"].tls(crl=own.crl)
    with pytest.raises(
        CertificateRefused, match="the revocation list of CN=Plant CA,O=Plant has expired"
    ) as no:
        read_once(own["server"].tls(), tls)
    assert no.value.check == "revocation list"
    assert "nobody is let in until then" in caplog.text


def test_a_list_that_has_expired_may_be_gone_on_with_and_still_holds_for_those_on_it(
    own: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    own.crl.write_bytes(own.authority.revocation_list(begins=NOW - 3 * DAY, ends=NOW - DAY))
    server = own["server"].tls(crl=own.crl, stale_crl=True)
    assert read_once(server, own["client"].tls()) == [7]
    assert "it goes on with the old one" in caplog.text
    with pytest.raises(CertificateRefused):
        read_once(server, own["revoked"].tls())


def test_without_the_list_of_its_authority_nobody_is_let_in(own: Plant) -> None:
    own.crl.write_bytes(own.other.revocation_list())
    tls = own["client"].tls(ca=[own.ca, own.other_ca], crl=own.crl)
    with pytest.raises(CertificateRefused, match="there is no revocation list of CN=Plant CA,O=Plant"):
        read_once(own["server"].tls(), tls)


def test_a_list_that_somebody_else_signed_is_refused(own: Plant) -> None:
    forger = Authority("Plant CA")
    own.crl.write_bytes(forger.revocation_list())
    with pytest.raises(ValueError, match="was not signed by the CA that it names"):
        own["server"].tls(crl=own.crl)


def test_a_file_that_is_wrong_leaves_everything_as_it_was(
    own: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    server = own["server"].tls(crl=own.crl)
    own.crl.write_text("nonsense")
    assert read_once(server, own["client"].tls()) == [7]
    assert "TLS goes on as before: the revocation list" in caplog.text
    with pytest.raises(ValueError, match="is not PEM"):
        server.reload()


def test_a_fault_of_a_file_is_logged_once(own: Plant, caplog: pytest.LogCaptureFixture) -> None:
    server = own["server"].tls(crl=own.crl)
    own.crl.write_text("nonsense")
    assert [server.refresh() for _ in range(3)] == [False, False, False]
    assert len([one for one in caplog.records if one.levelno == logging.ERROR]) == 1


def test_a_new_certificate_is_shown_from_the_next_connection_on(own: Plant) -> None:
    tls = own["server"].tls()
    assert tls.chain[0].subject == "CN=server,O=Plant"
    newer = own["rsa server"]
    shutil.copy(newer.chain, own["server"].chain)
    shutil.copy(newer.key, own["server"].key)
    assert read_once(tls, own["client"].tls()) == [7]
    assert tls.chain[0].subject == "CN=rsa server,O=Plant"


def test_whoever_wants_to_know_is_told_of_a_change(own: Plant) -> None:
    told: list[str] = []
    tls = own["server"].tls()
    kept = tls.when_changed(lambda: told.append("changed"))
    tls.reload()
    del kept
    tls.reload()
    assert told == ["changed"]


@pytest.mark.parametrize(
    ("name", "check"), [("revoked", "revoked"), ("expired", "expired"), ("future", "not yet valid")]
)
def test_the_certificate_of_a_session_that_goes_on_is_looked_at_again(name: str, check: str) -> None:
    der = plant()[name].certificate.public_bytes(serialization.Encoding.DER)
    with pytest.raises(Objection) as objection:
        plant()["server"].tls(crl=plant().crl).check(read_certificate(der))
    assert objection.value.check == check


def test_who_it_is_and_nothing_secret_by_the_null_suite() -> None:
    """R-67, R-49: a listener of its own, which speaks nothing else."""
    server = plant()["rsa server"].tls(null_encryption=True)
    client = plant()["rsa client"].tls(null_encryption=True)
    assert [one["name"] for one in suites(server) if not one["name"].startswith("TLS_")] == ["NULL-SHA256"]
    assert read_once(server, client) == [7]
    with pytest.raises(mbap.TlsFailed):
        read_once(server, plant()["client"].tls())


def test_without_verification_anybody_is_trusted() -> None:
    server = TLS(certificate=plant()["strange server"].chain, key=plant()["strange server"].key, verify=False)
    assert read_once(server, TLS(verify=False)) == [7]


def test_only_so_many_sessions_are_kept() -> None:
    tls = plant()["client"].tls()
    watched = tls.context("client")
    for port in range(300):
        tls.keep_session("plc", port, watched, object())  # type: ignore[arg-type]
    assert (tls.session_for("plc", 0), tls.session_for("plc", 299) is None) == (None, False)


@pytest.mark.parametrize("version", [0x0303, 0x0304])
@given(data=st.binary(max_size=200))
def test_no_message_of_certificates_breaks_the_explanation(version: int, data: bytes) -> None:
    found = chain_of(data, version)
    assert sum(map(len, found)) <= len(data)


def hello(tls: TLS) -> bytes:
    """The first message of a client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = tls.context("client").context.wrap_bio(incoming, outgoing, server_hostname="plc")
    with pytest.raises(ssl.SSLWantReadError):
        one.do_handshake()
    return outgoing.read()


def test_a_client_says_which_curves_and_points_it_takes_and_compresses_nothing() -> None:
    """R-59, R-61, R-63, R-64: in its first message are the extensions 10 and 11, and P-256 (23)."""
    message = hello(plant()["client"].tls())[9:]
    at = 2 + 32
    at += 1 + message[at]
    at += 2 + int.from_bytes(message[at : at + 2], "big")
    assert message[at : at + 2] == b"\x01\x00"  # one method of compression, which is none
    at += 4
    extensions = {}
    while at < len(message):
        kind, size = (int.from_bytes(message[at + n : at + n + 2], "big") for n in (0, 2))
        extensions[kind] = message[at + 4 : at + 4 + size]
        at += 4 + size
    assert {10, 11} <= set(extensions)
    curves = extensions[10][2:]
    assert b"\x00\x17" in {curves[n : n + 2] for n in range(0, len(curves), 2)}


def event_loops() -> list[Any]:
    try:
        import uvloop
    except ImportError:
        return [None]
    return [None, uvloop.new_event_loop]


@pytest.mark.parametrize("make", event_loops())
def test_every_event_loop_will_do(make: Callable[[], Any] | None) -> None:
    import asyncio

    async def both() -> object:
        ours = plant()
        async with (
            mbap.Server("tls://127.0.0.1:0", DEVICE, tls=ours["server"].tls()) as server,
            mbap.AsyncClient(server.url, tls=ours["client"].tls(), outstanding=8) as client,
        ):
            many = await client.execute_many(300 * [mbap.ReadHoldingRegisters(0, 1)])
            return many == 300 * [[7]]

    with asyncio.Runner(loop_factory=make) as runner:
        assert runner.run(both())


def test_a_key_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    """What the other tests rely on."""
    from support.certificates import new_key

    assert write_key(tmp_path / "x.key", new_key()).stat().st_mode & 0o077 == 0
