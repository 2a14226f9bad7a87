"""`mbap certs check` of a server, and `export` for a device."""

from __future__ import annotations

import os
import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from mbap.security.keyfiles import read_key
from support.certscommand import Certs, data, refused, secret_file
from support.commandline import Outcome
from support.peers import free_port
from support.siteca import SiteCa, leaf_of, server_context, tls_server, today

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")


def check(certs: Certs, port: int, *words: str, host: str = "localhost") -> Outcome:
    return certs("check", f"tls://{host}:{port}", *words)


def checks(outcome: Outcome) -> dict[str, tuple[bool | None, str]]:
    return {one["what"]: (one["ok"], one["sentence"]) for one in data(outcome)["checks"]}


OURS = ("--certificate", "certs/panel.pem", "--key", "certs/panel.key")


@pytest.fixture
def context(site: Certs) -> ssl.SSLContext:
    folder = Path("certs")
    return server_context(folder / "ca.pem", (folder / "plc1.pem", folder / "plc1.key"))


def test_check_of_a_good_server_is_fine(site: Certs, context: ssl.SSLContext) -> None:
    with tls_server(context) as (port, received):
        done = check(site, port, "--ca", "certs/ca.pem", "--crl", "certs/crl.pem", *OURS)
    assert (done.code, done.err) == (0, "")
    assert "localhost port" in done.out
    assert "TLSv1.3 with TLS_" in done.out
    assert "FAILED" not in done.out
    assert "client: it asks for a certificate and accepts ours" in done.out
    assert "verified: a client that trusts --ca accepts the server" in done.out
    assert received == []


def test_check_as_json_has_version_chain_and_checks(site: Certs, context: ssl.SSLContext) -> None:
    with tls_server(context) as (port, _):
        done = check(site, port, "--json", "--ca", "certs/ca.pem", *OURS)
    found = data(done)
    assert (found["version"], found["client_certificate_asked"], found["accepted"]) == ("TLSv1.3", True, True)
    assert [one["subject"] for one in found["chain"]] == ["plc1", "Test site"]
    assert all(ok for ok, _ in checks(done).values())


def test_check_without_ours_says_that_one_is_wanted(site: Certs, context: ssl.SSLContext) -> None:
    with tls_server(context) as (port, _):
        done = check(site, port, "--json", "--ca", "certs/ca.pem")
    assert done.code == 0
    assert checks(done)["client"] == (
        None,
        "it wants a certificate; give --certificate and --key to try one",
    )


def test_check_says_when_our_certificate_is_revoked(site: Certs, context: ssl.SSLContext) -> None:
    site("revoke", "panel")
    context.load_verify_locations("certs/crl.pem")
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    with tls_server(context) as (port, _):
        done = check(site, port, "--json", *OURS)
    assert done.code == 1
    assert checks(done)["client"] == (False, "our certificate is refused: our certificate is revoked")


def test_check_says_when_the_server_is_revoked(site: Certs, context: ssl.SSLContext) -> None:
    site("revoke", "plc1")
    with tls_server(context) as (port, _):
        done = check(site, port, "--json", "--ca", "certs/ca.pem", "--crl", "certs/crl.pem", *OURS)
    assert done.code == 1
    assert checks(done)["revocation"] == (False, f"the certificate was revoked on {today():%Y-%m-%d}")


def test_check_of_another_name_says_which_it_has(site: Certs) -> None:
    site("server", "plc2", "--dns", "plc2.example", "--ip", "10.0.0.7")
    context = server_context(Path("certs/ca.pem"), (Path("certs/plc2.pem"), Path("certs/plc2.key")))
    with tls_server(context) as (port, _):
        done = check(site, port, "--json", "--ca", "certs/ca.pem", *OURS)
    assert done.code == 1
    assert checks(done)["name"] == (
        False,
        "the certificate is not for localhost: it has plc2.example, 10.0.0.7",
    )


def test_check_of_a_name_that_is_unknown_cannot_connect(site: Certs) -> None:
    assert "is unknown" in refused(check(site, 802, host="no-such-host.invalid"), 3)


def test_check_of_an_unknown_ca_and_an_expired_server_says_both(site: Certs, tmp_path: Path) -> None:
    old = SiteCa(tmp_path / "old", "Old site", now=today() - timedelta(days=100))
    with tls_server(server_context(old.ca, old.server(days=30), wants=False)) as (port, received):
        done = check(site, port, "--json", "--ca", "certs/ca.pem", "--read", "hr0")
    found = checks(done)
    assert done.code == 1
    assert found["chain"] == (False, "the CA is unknown: it is of Old site, which is not in --ca")
    assert found["expiry of plc1"][1].startswith("expired since")
    assert found["client"] == (False, "it asks for no client certificate, so anybody may connect")
    assert found["read"][0] is None
    assert received == []


def test_check_reads_when_it_is_told(site: Certs, context: ssl.SSLContext) -> None:
    with tls_server(context, bytes.fromhex("0001000000050103020 1f4".replace(" ", ""))) as (port, received):
        done = check(site, port, "--json", "--ca", "certs/ca.pem", *OURS, "--read", "hr7")
    assert checks(done)["read"] == (True, "hr7 is 500")
    assert received == [bytes.fromhex("000100000006010300070001")]


def test_check_says_that_a_role_may_not_read(site: Certs, context: ssl.SSLContext) -> None:
    with tls_server(context, bytes.fromhex("000100000003018301")) as (port, _):
        done = check(site, port, "--json", "--ca", "certs/ca.pem", *OURS, "--read", "hr7")
    assert done.code == 1
    assert checks(done)["read"] == (
        False,
        "hr7 was answered with exception 01: our role may not do this",
    )


def test_check_of_nobody_cannot_connect(site: Certs) -> None:
    assert "nobody listens" in refused(check(site, free_port(), host="127.0.0.1"), 3)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("tcp://127.0.0.1",), "is not of TLS"),
        (("tls://",), "is no endpoint"),
        (("tls://x:99999",), "is no endpoint"),
        (("tls://x", "--key", "certs/panel.key"), "--key goes with --certificate"),
        (("tls://x", "--crl", "certs/crl.pem"), "--crl goes with --ca"),
        (("tls://x", "--ca", "certs/ca.key"), "has no certificate, but: private key"),
        (("tls://x", "--certificate", "certs/panel.pem", "--key", "certs/plc1.key"), "is not the key of"),
        (("tls://x", "--certificate", "certs/panel.pem"), "has no private key, but: certificate"),
        (("tls://x", "--read", "107"), "hr107"),
    ],
)
def test_check_refuses_what_cannot_be(site: Certs, words: tuple[str, ...], why: str) -> None:
    if words[-1] == "certs/panel.pem" and os.name == "posix":
        Path("certs/panel.pem").chmod(0o600)
    assert why in refused(site("check", *words))


# handing over


def test_export_gathers_what_a_device_needs(site: Certs) -> None:
    assert site("export", "panel", "--to", "out").code == 0
    assert {one.name for one in Path("out").iterdir()} == {"ca.pem", "crl.pem", "panel.pem", "panel.key"}
    assert read_key(Path("out/panel.key")).public_key() == leaf_of(Path("out/panel.pem")).public_key()
    assert "is there already" in refused(site("export", "panel", "--to", "out"))


def test_export_as_pkcs12_has_key_and_chain(site: Certs) -> None:
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

    assert site("export", "panel", "--pkcs12", "p.p12", "--passphrase-from", secret_file()).code == 0
    key, leaf, others = load_key_and_certificates(Path("p.p12").read_bytes(), b"secret")
    assert key is not None
    assert leaf == leaf_of(Path("certs/panel.pem"))
    assert others == [leaf_of(Path("certs/ca.pem"))]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("panel",), "either --to DIR or --pkcs12 FILE"),
        (("panel", "--to", "x", "--pkcs12", "y"), "either --to DIR or --pkcs12 FILE"),
        (("panel", "--pkcs12", "y"), "needs --passphrase-from"),
        (("nobody", "--to", "x"), "issued nothing for 'nobody'"),
    ],
)
def test_export_refuses_what_cannot_be(site: Certs, words: tuple[str, ...], why: str) -> None:
    assert why in refused(site("export", *words))
