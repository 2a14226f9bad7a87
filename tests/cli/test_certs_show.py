"""`mbap certs list` and `show`, and files that are wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from mbap.security.certificates import new_key
from support.certscommand import Certs, data, refused, secret_file
from support.peers import free_port
from support.program import mbap as mbap_process
from support.siteca import SiteCa, leaf_of, today

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")


def test_list_has_state_role_and_days(site: Certs) -> None:
    site("revoke", "panel")
    rows = [line.split() for line in site("list").out.splitlines()]
    assert rows[0] == ["name", "serial", "for", "role", "until", "days", "state"]
    assert [row[0] for row in rows[1:]] == ["plc1", "panel"]
    assert rows[2][3] == "Operator"
    assert [row[-1] for row in rows[1:]] == ["valid", "revoked"]
    assert rows[1][5] in ("729", "730")


def test_list_of_an_empty_ca_says_so(certs: Certs) -> None:
    certs("init")
    assert certs("list").out == "nothing was issued so far\n"


def test_show_says_everything_in_plain_words(site: Certs) -> None:
    text = site("show", "certs/panel.pem", "certs/panel.key").out
    for line in (
        "of          panel",
        "issued by   Test site",
        "role        Operator",
        "for         clients",
        "key         EC P-256",
        "chain       complete: panel <- Test site (root)",
        "certs/panel.key: private key".replace("certs/", f"certs{os.sep}"),
    ):
        assert line in text
    assert re.search(r"(729|730) days left", text)
    assert "PRIVATE KEY" not in text


def test_show_without_the_root_says_that_the_chain_is_not_complete(site: Certs) -> None:
    Path("leaf.pem").write_bytes(leaf_of(Path("certs/panel.pem")).public_bytes(Encoding.PEM))
    assert "not complete: panel, and the certificate of Test site is not there" in " ".join(
        site("show", "leaf.pem").out.split()
    )
    assert "complete: panel <- Test site (root)" in site("show", "leaf.pem", "certs/ca.pem").out


def test_show_of_a_list_names_what_is_revoked(site: Certs) -> None:
    site("revoke", "panel")
    text = site("show", "certs/crl.pem", "certs/panel.pem").out
    assert "number      2" in text
    assert f"on {today():%Y-%m-%d}, panel" in text


def test_show_of_a_request_says_what_it_asks_for(certs: Certs) -> None:
    certs("csr", "plc2", "--server", "--ip", "10.0.0.7", "--role", "Admin")
    text = certs("show", "plc2.csr").out
    assert "role        Admin" in text
    assert "names       IP 10.0.0.7" in text
    assert "right: whoever made it has the key" in text


def test_show_reads_der_as_well(site: Certs) -> None:
    Path("panel.der").write_bytes(leaf_of(Path("certs/panel.pem")).public_bytes(Encoding.DER))
    assert "of          panel" in site("show", "panel.der").out


@posix
def test_show_says_that_others_can_read_a_key(site: Certs) -> None:
    Path("certs/panel.key").chmod(0o644)
    done = site("show", "certs/panel.key")
    assert done.code == 0
    assert "BY OTHERS" in done.out


def test_show_of_an_encrypted_key_needs_no_passphrase(certs: Certs) -> None:
    certs("init", "--passphrase-from", secret_file())
    assert "key         encrypted" in certs("show", "certs/ca.key").out


def test_show_as_json_has_the_same(site: Certs) -> None:
    ((leaf, root), (key,)) = (
        one["contents"] for one in data(site("show", "--json", "certs/panel.pem", "certs/panel.key"))
    )
    assert (leaf["subject"], leaf["role"], leaf["chain_complete"]) == ("panel", "Operator", True)
    assert (root["ca"], root["self_signed"]) == (True, True)
    assert key["of"] == ["panel"]
    assert leaf["days_left"] in (729, 730)


def test_show_of_an_expired_certificate_says_so(certs: Certs, tmp_path: Path) -> None:
    old = SiteCa(tmp_path / "old", now=today() - timedelta(days=100))
    chain, _ = old.server(days=30)
    assert "EXPIRED" in certs("show", chain).out


def test_nothing_that_is_shown_is_wider_than_a_terminal(site: Certs) -> None:
    site("server", "wide", *[word for n in range(9) for word in ("--dns", f"a-rather-long-name-{n}.example")])
    site("csr", "x", "--client", "--role", "A role of many words that has nearly sixty-four characters")
    site("revoke", "panel")
    for words in (
        ("show", *map(str, sorted(Path("certs").glob("*.pem"))), "certs/ca.key", "x.csr"),
        ("list",),
        ("check", f"tls://127.0.0.1:{free_port()}"),
    ):
        assert max(map(len, site(*words).out.splitlines()), default=0) <= 80


def test_names_with_terminal_escapes_are_escaped(certs: Certs) -> None:
    key = new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a\x1b[2Jb\x9b\u202e\nx")])
    builder = x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
    builder = builder.serial_number(7).not_valid_before(today()).not_valid_after(today() + timedelta(days=1))
    Path("x.pem").write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    done = certs("show", "x.pem")
    assert "a\\x1b[2Jb\\x9b\\u202e\\nx" in done.out
    as_json = certs("show", "--json", "x.pem").out
    for text in (done.out, as_json):
        assert all(one.isprintable() or one == "\n" for one in text)


def test_what_is_piped_has_no_colour(site: Certs) -> None:
    done = mbap_process("certs", "show", "certs/panel.pem")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr


# files that are wrong


@pytest.fixture
def wrong(site: Certs) -> Certs:
    Path("empty.pem").write_bytes(b"")
    Path("garbage.pem").write_bytes(bytes(range(256)) * 9)
    Path("text.pem").write_text("hello", encoding="utf-8")
    Path("der.pem").write_bytes(leaf_of(Path("certs/panel.pem")).public_bytes(Encoding.DER))
    block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    Path("damaged.pem").write_text(block, encoding="utf-8")
    Path("damaged.key").write_text(block.replace("CERTIFICATE", "PRIVATE KEY"), encoding="utf-8")
    Path("folder.pem").mkdir()
    return site


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("empty.pem", "empty.pem is empty"),
        ("garbage.pem", "garbage.pem has no"),
        ("text.pem", "-----BEGIN"),
        ("damaged.pem", "is damaged"),
        ("damaged.key", "the private key in damaged.key is damaged"),
        ("folder.pem", "is a folder"),
        ("nowhere.pem", "cannot read nowhere.pem: No such file"),
        ("certs/index.json", "has no certificate, request, revocation list or key"),
    ],
)
def test_show_says_what_is_wrong_with_a_file_and_shows_the_others(wrong: Certs, path: str, why: str) -> None:
    done = wrong("show", path, "certs/panel.pem")
    assert why in refused(done)
    assert "of          panel" in done.out


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("empty.pem", "is empty"),
        ("garbage.pem", "has no certificate request"),
        ("der.pem", "is a certificate in DER, and PEM is wanted: openssl x509 -inform DER"),
        ("certs/panel.pem", "has no certificate request, but: certificate, certificate"),
        ("nowhere.csr", "cannot read nowhere.csr"),
    ],
)
def test_sign_says_what_is_wrong_with_a_file(wrong: Certs, path: str, why: str) -> None:
    outcome = wrong("sign", path, "--client")
    assert outcome.code in (1, 2)
    assert why in refused(outcome, outcome.code)


@pytest.mark.parametrize("command", ["list", "crl", "client x", "revoke x", "renew x", "export x --to y"])
def test_a_folder_that_is_missing_says_how_to_make_one(certs: Certs, command: str) -> None:
    assert "mbap certs init --folder certs" in refused(certs(*command.split()))


def test_a_damaged_index_is_refused_by_everything_that_needs_it(site: Certs) -> None:
    Path("certs/index.json").write_text("{", encoding="utf-8")
    for words in (["list"], ["crl"], ["client", "x"], ["revoke", "panel"], ["renew", "panel"]):
        assert "index.json is not JSON" in refused(site(*words))


def test_a_key_of_another_ca_signs_nothing(site: Certs) -> None:
    Path("certs/ca.key").write_bytes(Path("certs/panel.key").read_bytes())
    assert "is not the key of the certificate" in refused(site("client", "x"))


@posix
def test_a_cas_key_that_others_can_read_signs_nothing(site: Certs) -> None:
    Path("certs/ca.key").chmod(0o640)
    assert "others can read the key" in refused(site("client", "x"))
    assert not Path("certs/x.pem").exists()


@posix
def test_a_folder_that_may_not_be_written_is_a_sentence() -> None:
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    python = [*drop, sys.executable]
    if subprocess.run([*python, "-c", "import mbap"], capture_output=True, check=False, cwd="/").returncode:
        pytest.skip("needs setpriv, and a Python that another user can run")
    done = subprocess.run(
        [*python, "-m", "mbap", "certs", "init", "--folder", "/x/y"],
        cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Permission denied" in done.stderr
    assert len(done.stderr.splitlines()) == 1
