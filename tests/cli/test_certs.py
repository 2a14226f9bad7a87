"""`mbap certs`: making a CA, certificates and requests, and what it says when something is wrong."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from mbap.security.certificates import new_key
from mbap.security.facts import certificate_facts
from mbap.security.keyfiles import read_key
from mbap.security.pemfiles import read_certificates, read_request
from support.certscommand import Certs, data, refused, secret_file
from support.siteca import client_context, handshake, leaf_of, server_context

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")


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
