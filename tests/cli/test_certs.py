"""`mbap certs`: each command as people call it, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import re
import ssl
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from mbap.security.certificates import new_key
from mbap.security.facts import certificate_facts, crl_facts
from mbap.security.keyfiles import read_key
from mbap.security.pemfiles import read_certificates, read_crl, read_request
from support.commandline import CommandLine, Outcome
from support.peers import free_port
from support.program import mbap as mbap_process
from support.siteca import SiteCa, client_context, handshake, leaf_of, server_context, tls_server, today

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
Certs = Callable[..., Outcome]


@pytest.fixture
def certs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Certs:
    """`mbap certs`, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    call = CommandLine(capsys, monkeypatch)
    return lambda *words: call("certs", *map(str, words))


@pytest.fixture
def site(certs: Certs) -> Certs:
    """`mbap certs` where a CA, the server plc1 and the client panel are."""
    for words in (
        ("init", "--name", "Test site"),
        ("server", "plc1", "--dns", "localhost", "--ip", "127.0.0.1"),
        ("client", "panel", "--role", "Operator"),
    ):
        assert certs(*words).code == 0
    return certs


def refused(outcome: Outcome, code: int = 2) -> str:
    """The one sentence on standard error."""
    assert outcome.code == code, outcome
    last = outcome.err.strip().splitlines()[-1]
    assert last.lower().startswith("error: ")
    assert "Traceback" not in outcome.err
    return last


def data(outcome: Outcome) -> Any:
    return json.loads(outcome.out)


# making


def test_init_makes_a_ca_and_says_what_each_file_is(certs: Certs) -> None:
    done = certs("init", "--name", "Test site")
    assert done.code == 0
    folder = Path("certs")
    files = [str(folder / one) for one in ("ca.key", "ca.pem", "crl.pem")]
    assert [line.split(":")[0] for line in done.out.splitlines()] == files
    assert certificate_facts(leaf_of(folder / "ca.pem")).ca


def test_a_second_init_is_refused_and_changes_nothing(site: Certs) -> None:
    before = {path: path.read_bytes() for path in Path("certs").iterdir()}
    assert "has a CA already" in refused(site("init"))
    assert {path: path.read_bytes() for path in Path("certs").iterdir()} == before


def test_init_with_replace_makes_another_ca(site: Certs) -> None:
    before = leaf_of(Path("certs/ca.pem"))
    assert site("init", "--replace").code == 0
    assert leaf_of(Path("certs/ca.pem")) != before
    assert data(site("list", "--json")) == []


@posix
def test_init_in_a_folder_that_others_can_enter_is_refused(certs: Certs) -> None:
    Path("certs").mkdir(mode=0o755)
    Path("certs").chmod(0o755)
    assert "others can read the folder certs (mode 0755): run chmod 700 certs" in refused(certs("init"))
    assert list(Path("certs").iterdir()) == []


def test_an_rsa_ca_issues_rsa_certificates(certs: Certs) -> None:
    rsa = ("--key", "rsa", "--bits", "2048")
    assert certs("init", *rsa).code == 0
    assert certs("client", "panel", *rsa).code == 0
    (panel, ca) = read_certificates(Path("certs/panel.pem"))
    assert [certificate_facts(one).asked.key for one in (panel, ca)] == ["RSA 2048", "RSA 2048"]


def test_an_rsa_key_of_1024_bits_is_wrong_usage(certs: Certs) -> None:
    assert "2048" in refused(certs("init", "--key", "rsa", "--bits", "1024"))


def test_what_is_made_shakes_hands(site: Certs) -> None:
    folder = Path("certs")
    server = server_context(
        folder / "ca.pem", (folder / "plc1.pem", folder / "plc1.key"), crl=folder / "crl.pem"
    )
    client = client_context(folder / "ca.pem", (folder / "panel.pem", folder / "panel.key"))
    assert certificate_facts(handshake(server, client)).asked.role == "Operator"


def test_a_server_without_names_is_refused(site: Certs) -> None:
    assert "no name that clients can check" in refused(site("server", "plc2"))
    assert not Path("certs/plc2.key").exists()


def test_a_servers_role_is_wrong_usage_unless_it_is_both(site: Certs) -> None:
    assert "--role goes with --both" in refused(site("server", "x", "--ip", "10.0.0.1", "--role", "Admin"))
    assert site("server", "x", "--ip", "10.0.0.1", "--both", "--role", "Gateway").code == 0
    asked = certificate_facts(leaf_of(Path("certs/x.pem"))).asked
    assert (asked.server, asked.client, asked.role) == (True, True, "Gateway")


def test_a_name_that_is_there_is_not_overwritten(site: Certs) -> None:
    before = Path("certs/panel.key").read_bytes()
    assert "is there already: renew it" in refused(site("client", "panel"))
    assert Path("certs/panel.key").read_bytes() == before


def test_replace_says_that_the_one_before_stays_good(site: Certs) -> None:
    done = site("client", "panel", "--role", "Engineer", "--replace")
    serial = data(site("list", "--json"))[1]["serial"]
    assert f"stays good until it ends, or: mbap certs revoke {serial}" in done.err


@pytest.mark.parametrize("name", ["../x", "ca", "a\x1b[2J"])
def test_a_bad_name_is_refused_without_what_it_would_do_to_a_terminal(site: Certs, name: str) -> None:
    sentence = refused(site("client", name))
    assert "cannot be the name of a file" in sentence
    assert "\x1b" not in sentence


def test_a_bad_role_is_refused(site: Certs) -> None:
    assert "cannot be printed" in refused(site("client", "x", "--role", "a\x1bb"))
    assert "1 to 64" in refused(site("client", "x", "--role", ""))


def test_what_would_outlive_the_ca_ends_with_it_and_that_is_said(site: Certs) -> None:
    done = site("client", "x", "--days", "5000")
    assert "ends with the CA's own certificate" in done.err


# passphrases


def secret_file(text: str = "secret\n") -> Path:
    path = Path("passphrase")
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def test_a_passphrase_from_a_file_encrypts_the_cas_key(certs: Certs) -> None:
    path = secret_file()
    assert "encrypted" in certs("init", "--passphrase-from", path).out
    assert b"ENCRYPTED" in Path("certs/ca.key").read_bytes()
    assert "is encrypted: give its passphrase with --passphrase-from" in refused(certs("client", "x"))
    assert certs("client", "x", "--passphrase-from", path).code == 0


def test_a_passphrase_from_a_descriptor_is_read(certs: Certs) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"secret\nmore")
    os.close(writer)
    assert certs("init", "--passphrase-from", f"fd:{reader}").code == 0
    os.close(reader)
    assert read_key(Path("certs/ca.key"), b"secret")


def test_a_wrong_passphrase_is_a_sentence(certs: Certs) -> None:
    certs("init", "--passphrase-from", secret_file())
    wrong = secret_file("other")
    sentence = refused(certs("client", "x", "--passphrase-from", wrong))
    assert "the passphrase does not open certs" in sentence
    assert "other" not in sentence


@posix
def test_a_passphrase_file_that_others_can_read_is_refused(certs: Certs) -> None:
    path = secret_file()
    path.chmod(0o644)
    assert "others can read" in refused(certs("init", "--passphrase-from", path))


@pytest.mark.parametrize(
    ("source", "why"),
    [("fd:x", "no descriptor"), ("fd:999", "cannot read a passphrase from fd:999"), ("nowhere", "nowhere")],
)
def test_a_source_without_a_passphrase_is_a_sentence(certs: Certs, source: str, why: str) -> None:
    outcome = certs("init", "--passphrase-from", source)
    assert outcome.code in (1, 2)
    assert why in refused(outcome, outcome.code)
    assert not Path("certs").exists()


def test_an_empty_passphrase_is_none(certs: Certs) -> None:
    assert "gives no passphrase" in refused(certs("init", "--passphrase-from", secret_file("\nx")))


# requests


def test_a_request_is_made_where_the_key_stays(certs: Certs) -> None:
    done = certs("csr", "plc2", "--server", "--ip", "10.0.0.7", "--role", "Admin")
    assert done.code == 0
    assert Path("plc2.key").exists()
    assert read_request(Path("plc2.csr")).is_signature_valid
    if os.name == "posix":
        assert stat.S_IMODE(Path("plc2.key").stat().st_mode) == 0o600


def test_a_request_without_a_purpose_is_wrong_usage(certs: Certs) -> None:
    assert "--server, --client or both" in refused(certs("csr", "plc2"))


def test_a_request_never_overwrites_a_key(certs: Certs) -> None:
    certs("csr", "x", "--client")
    before = Path("x.key").read_bytes()
    assert "is there already" in refused(certs("csr", "x", "--client"))
    assert Path("x.key").read_bytes() == before


def test_sign_alone_shows_what_is_asked_and_signs_nothing(site: Certs) -> None:
    site("csr", "plc2", "--server", "--client", "--ip", "10.0.0.7", "--role", "Admin")
    done = site("sign", "plc2.csr")
    assert done.out == "plc2.csr asks for: plc2, server and client, 10.0.0.7, role Admin, EC P-256\n"
    assert "nothing was signed" in refused(done)
    assert not Path("certs/plc2.pem").exists()


def test_sign_grants_neither_role_nor_names_because_they_are_asked_for(site: Certs) -> None:
    site("csr", "x", "--server", "--client", "--dns", "plc.example", "--role", "Admin")
    done = site("sign", "x.csr", "--client", "--role", "Reader")
    asked = certificate_facts(leaf_of(Path("certs/x.pem"))).asked
    assert (asked.role, asked.server, asked.dns) == ("Reader", False, ())
    assert "not granted: the role Admin" in done.err
    assert "not granted: the names plc.example" in done.err


def test_sign_grants_the_names_that_are_accepted(site: Certs) -> None:
    site("csr", "x", "--server", "--dns", "plc.example", "--ip", "10.0.0.7")
    assert site("sign", "x.csr", "--server", "--accept-names").err == ""
    asked = certificate_facts(leaf_of(Path("certs/x.pem"))).asked
    assert (asked.dns, asked.ip) == (("plc.example",), ("10.0.0.7",))


def test_what_was_signed_is_of_the_key_on_the_device(site: Certs) -> None:
    site("csr", "x", "--client")
    site("sign", "x.csr", "--client", "--role", "Operator")
    assert leaf_of(Path("certs/x.pem")).public_key() == read_key(Path("x.key")).public_key()
    assert not Path("certs/x.key").exists()


def test_a_request_with_an_escape_in_its_name_is_shown_escaped_and_not_signed(site: Certs) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a\x1b[2Jb")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(new_key(), SHA256())
    Path("x.csr").write_bytes(request.public_bytes(Encoding.PEM))
    done = site("sign", "x.csr", "--client")
    assert done.code == 2
    assert "\x1b" not in done.out + done.err
    assert "a\\x1b[2Jb" in done.out
    assert site("sign", "x.csr", "--client", "--name", "good").code == 0


# revoking and renewing


def test_revoke_puts_all_of_a_name_on_a_new_list(site: Certs) -> None:
    site("renew", "panel")
    done = site("revoke", "panel")
    assert done.out.count("revoked: panel") == 2
    crl = crl_facts(read_crl(Path("certs/crl.pem")))
    assert {serial for serial, _ in crl.revoked} == {
        int(one["serial"], 16) for one in data(site("list", "--json")) if one["name"] == "panel"
    }


def test_revoke_takes_a_serial_number_and_a_file(site: Certs) -> None:
    serial = data(site("list", "--json"))[1]["serial"]
    assert site("revoke", serial).code == 0
    assert site("revoke", "certs/plc1.pem").code == 0
    assert [one["state"] for one in data(site("list", "--json"))] == ["revoked", "revoked"]


def test_revoking_twice_is_said_and_makes_no_new_list(site: Certs) -> None:
    site("revoke", "panel")
    before = Path("certs/crl.pem").read_bytes()
    done = site("revoke", "panel")
    assert "was revoked already" in done.out
    assert done.code == 0
    assert Path("certs/crl.pem").read_bytes() == before


def test_what_is_revoked_is_refused_in_a_handshake(site: Certs) -> None:
    site("revoke", "panel")
    folder = Path("certs")
    server = server_context(
        folder / "ca.pem", (folder / "plc1.pem", folder / "plc1.key"), crl=folder / "crl.pem"
    )
    client = client_context(folder / "ca.pem", (folder / "panel.pem", folder / "panel.key"))
    with pytest.raises(ssl.SSLError, match="certificate revoked"):
        handshake(server, client)


def test_revoke_of_what_was_never_issued_is_refused(site: Certs) -> None:
    assert "neither the name nor the serial number" in refused(site("revoke", "nobody"))


def test_crl_makes_a_later_list_with_the_next_number(site: Certs) -> None:
    before = crl_facts(read_crl(Path("certs/crl.pem")))
    assert "list 2, 0 revoked, good until" in site("crl", "--days", "30").out
    after = crl_facts(read_crl(Path("certs/crl.pem")))
    assert after.last_update > before.last_update
    assert (after.number, before.number) == (2, 1)


def test_renew_keeps_key_names_and_role(site: Certs) -> None:
    before = leaf_of(Path("certs/panel.pem"))
    assert site("renew", "panel").code == 0
    after = leaf_of(Path("certs/panel.pem"))
    assert certificate_facts(after).asked == certificate_facts(before).asked
    assert after.public_key() == before.public_key()
    assert after.serial_number != before.serial_number


def test_renew_with_a_new_key_keeps_the_role(site: Certs) -> None:
    before = leaf_of(Path("certs/panel.pem"))
    assert site("renew", "panel", "--new-key", "--days", "30").code == 0
    after = leaf_of(Path("certs/panel.pem"))
    assert certificate_facts(after).asked.role == "Operator"
    assert after.public_key() != before.public_key()
    assert read_key(Path("certs/panel.key")).public_key() == after.public_key()


def test_renew_of_what_was_revoked_wants_a_new_key(site: Certs) -> None:
    site("revoke", "panel")
    assert "give --new-key" in refused(site("renew", "panel"))
    assert site("renew", "panel", "--new-key").code == 0


def test_renew_with_a_new_key_of_a_key_that_is_elsewhere_says_what_to_do(site: Certs) -> None:
    site("csr", "x", "--client")
    site("sign", "x.csr", "--client")
    assert "make a request there" in refused(site("renew", "x", "--new-key"))
    assert site("renew", "x").code == 0


def test_renew_of_the_ca_keeps_what_it_issued_good(site: Certs) -> None:
    before = leaf_of(Path("certs/ca.pem"))
    assert site("renew", "ca", "--days", "4000").code == 0
    after = leaf_of(Path("certs/ca.pem"))
    assert after.not_valid_after_utc > before.not_valid_after_utc
    leaf_of(Path("certs/panel.pem")).verify_directly_issued_by(after)


def test_renew_of_nobody_is_refused(site: Certs) -> None:
    assert "issued nothing for 'nobody'" in refused(site("renew", "nobody"))


# showing


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


# looking at a server


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
