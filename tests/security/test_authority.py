"""The CA in its folder: what is written, what is refused, and what OpenSSL makes of it."""

from __future__ import annotations

import os
import ssl
import stat
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from mbap.records import replace
from mbap.security.authority import Authority, check_name, check_strength, wish_of
from mbap.security.authorityindex import Index, index_text, parse_index
from mbap.security.certificates import Wish, make_ca, new_key, request
from mbap.security.facts import certificate_facts, crl_facts
from mbap.security.keyfiles import Exists, PassphraseNeeded, TooWide, read_key, write_key
from mbap.security.pemfiles import read_certificates, read_crl, read_request
from support.peers import require
from support.siteca import NOW, SiteCa, client_context, handshake, leaf_of, server_context, today

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")


@pytest.fixture
def site(tmp_path: Path) -> SiteCa:
    return SiteCa(tmp_path / "certs")


@pytest.fixture
def living(tmp_path: Path) -> SiteCa:
    """A CA of today, for what looks at the machine's clock."""
    return SiteCa(tmp_path / "living", now=today())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def openssl(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [require("openssl"), *map(str, words)], capture_output=True, text=True, timeout=30, check=False
    )


def verify(site: SiteCa, path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return openssl(
        "verify", "-x509_strict", "-CAfile", site.ca, "-CRLfile", site.crl, "-crl_check", *words, path
    )


@posix
def test_keys_are_for_their_owner_alone_and_so_is_the_folder(site: SiteCa) -> None:
    _, key = site.client()
    folder = site.authority.folder
    assert [mode(one) for one in (folder, folder / "ca.key", key)] == [0o700, 0o600, 0o600]


@posix
def test_a_folder_that_others_can_enter_is_refused(site: SiteCa) -> None:
    site.authority.folder.chmod(0o755)
    with pytest.raises(TooWide, match=r"mode 0755\): run chmod 700"):
        Authority(site.authority.folder)


@posix
@pytest.mark.parametrize("wide", [0o640, 0o604, 0o620, 0o601])
def test_a_key_that_others_can_read_is_refused(site: SiteCa, wide: int) -> None:
    _, key = site.client()
    key.chmod(wide)
    with pytest.raises(TooWide, match=f"mode {wide:04o}\\): run chmod 600"):
        read_key(key)


@posix
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root, to give files away")
def test_a_key_of_another_user_is_used_by_root_alone(site: SiteCa) -> None:
    _, key = site.client()
    os.chown(key, 12345, 12345)
    assert read_key(key)


def test_a_second_ca_is_refused(site: SiteCa) -> None:
    before = site.ca.read_bytes()
    with pytest.raises(Exists, match="has a CA already"):
        SiteCa(site.authority.folder)
    assert site.ca.read_bytes() == before


def test_a_certificate_has_the_whole_chain_behind_it(site: SiteCa) -> None:
    chain, _ = site.client()
    leaf, root = read_certificates(chain)
    assert certificate_facts(leaf).asked.name == "panel"
    assert root == site.authority.certificate


def test_the_index_has_what_was_issued(site: SiteCa) -> None:
    chain, _ = site.client(role="Operator")
    (one,) = site.authority.index().issued
    assert (one.name, one.role, one.client, one.server) == ("panel", "Operator", True, False)
    assert one.serial == leaf_of(chain).serial_number


def test_the_index_is_read_as_it_was_written(site: SiteCa) -> None:
    site.client()
    site.server()
    site.revoke("panel")
    index = site.authority.index()
    assert parse_index(index_text(index), Path("index.json")) == index


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "crl_number": 1, "crl_updated": 7, "issued": 3}']
)
def test_a_damaged_index_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"index\.json"):
        parse_index(text, Path("index.json"))


def test_an_index_that_is_missing_is_a_sentence(site: SiteCa) -> None:
    site.authority.path("index.json").unlink()
    with pytest.raises(ValueError, match="take the backup"):
        site.authority.index()


def test_a_name_that_has_a_valid_certificate_is_not_issued_again(site: SiteCa) -> None:
    site.client()
    with pytest.raises(Exists, match="mbap certs renew panel"):
        site.authority.issue(Wish("Panel", client=True), new_key().public_key(), site.key, NOW)
    assert len(site.authority.index().issued) == 1


def test_a_name_whose_certificate_is_over_can_be_issued_again(site: SiteCa) -> None:
    site.client()
    later = NOW + timedelta(days=800)
    site.authority.issue(Wish("panel", client=True), new_key().public_key(), site.key, later)
    assert [one.state(later) for one in site.authority.index().issued] == ["expired", "valid"]


@pytest.mark.parametrize(
    "name", ["../x", "ca", "CA", "crl", "index.json", "nul", "a/b", "a\\b", ".x", "-x", "x.", "a b", ""]
)
def test_a_name_that_cannot_be_a_file_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a file"):
        check_name(name)


@pytest.mark.parametrize("name", ["panel", "plc-1.plant.example", "Pumpe_7", "Bäckerei"])
def test_a_name_of_letters_and_digits_is_fine(name: str) -> None:
    check_name(name)


def test_a_weak_key_is_not_signed(site: SiteCa) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    for key in (weak, ec.generate_private_key(ec.SECP224R1()), ed25519.Ed25519PrivateKey.generate()):
        with pytest.raises(ValueError, match="too weak or of another kind"):
            check_strength(key.public_key())


def test_what_is_revoked_is_on_the_list_and_nothing_else(site: SiteCa) -> None:
    site.server()
    site.client()
    site.revoke("panel")
    crl = crl_facts(read_crl(site.crl))
    (panel,) = site.authority.index().named("panel")
    assert [serial for serial, _ in crl.revoked] == [panel.serial]
    assert crl.number == 2


def test_each_list_has_a_later_date_and_a_higher_number(site: SiteCa) -> None:
    lists = [crl_facts(site.authority.renew_crl(site.key, NOW)) for _ in range(3)]
    assert [one.number for one in lists] == [2, 3, 4]
    assert lists[0].last_update < lists[1].last_update < lists[2].last_update


def test_revoking_twice_keeps_the_first_time(site: SiteCa) -> None:
    site.client()
    site.revoke("panel")
    (panel,) = site.authority.index().named("panel")
    site.authority.revoke([panel.serial], site.key, NOW + timedelta(days=9))
    assert site.authority.index().named("panel") == [panel]


def test_a_renewal_keeps_names_role_and_purposes(site: SiteCa) -> None:
    wish = Wish("guard", server=True, client=True, dns=("g.example",), ip=("10.0.0.1",), role="Gateway")
    site.made(wish)
    (one,) = site.authority.index().named("guard")
    assert wish_of(one, 730) == wish


def test_the_cas_own_renewal_keeps_what_it_issued_good(living: SiteCa) -> None:
    before = living.ca.read_bytes()
    chain, _ = living.client()
    living.authority.renew_ca(living.key, living.now + timedelta(seconds=5), 4000)
    assert living.ca.read_bytes() != before
    assert verify(living, chain).returncode == 0


def test_find_takes_a_name_a_serial_number_and_a_file(site: SiteCa) -> None:
    chain, _ = site.client()
    (one,) = site.authority.index().issued
    colons = ":".join(f"{one.serial:040x}"[index : index + 2] for index in range(0, 40, 2))
    for what in ("panel", "PANEL", f"{one.serial:x}", colons.upper(), str(chain)):
        assert site.authority.find(what) == [one]


def test_find_refuses_a_certificate_of_another_ca(site: SiteCa, tmp_path: Path) -> None:
    other, _ = SiteCa(tmp_path / "other", "Other site").client()
    with pytest.raises(ValueError, match="not of this CA: it was issued by Other site"):
        site.authority.find(str(other))


def test_a_key_of_another_ca_is_refused(site: SiteCa) -> None:
    write_key(site.authority.path("ca.key"), new_key(), replace=True)
    with pytest.raises(ValueError, match="is not the key of the certificate"):
        site.authority.key()


def test_an_encrypted_key_needs_its_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "x.key"
    key = new_key()
    write_key(path, key, b"secret")
    assert b"ENCRYPTED" in path.read_bytes()
    with pytest.raises(PassphraseNeeded, match="is encrypted"):
        read_key(path)
    with pytest.raises(ValueError, match="passphrase does not open"):
        read_key(path, b"wrong")
    assert read_key(path, b"secret").public_key() == key.public_key()


def test_a_passphrase_that_is_not_needed_does_no_harm(site: SiteCa) -> None:
    assert site.authority.key(b"whatever").public_key() == site.key.public_key()


def test_a_request_that_was_changed_is_refused(tmp_path: Path) -> None:
    import base64

    from cryptography.hazmat.primitives.serialization import Encoding

    der = bytearray(request(Wish("panel", client=True), new_key()).public_bytes(Encoding.DER))
    der[der.index(b"panel")] = ord("q")
    path = tmp_path / "x.csr"
    text = base64.encodebytes(bytes(der)).decode()
    path.write_text(
        f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n", encoding="ascii"
    )
    with pytest.raises(ValueError, match="not signed with its own key"):
        read_request(path)


def test_a_write_that_fails_leaves_the_old_file(site: SiteCa, monkeypatch: pytest.MonkeyPatch) -> None:
    before = site.authority.path("index.json").read_bytes()

    def fail(handle: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        site.client()
    monkeypatch.undo()
    assert site.authority.path("index.json").read_bytes() == before
    assert [one.name for one in site.authority.folder.iterdir() if one.name.startswith(".index")] == []


@pytest.mark.peer
@pytest.mark.parametrize("purpose", ["sslserver", "sslclient"])
def test_openssl_verifies_chains_with_the_revocation_list(living: SiteCa, purpose: str) -> None:
    chain, _ = living.server() if purpose == "sslserver" else living.client()
    done = verify(living, chain, "-purpose", purpose)
    assert done.returncode == 0, done.stderr


@pytest.mark.peer
def test_openssl_refuses_a_server_as_a_client(living: SiteCa) -> None:
    chain, _ = living.server()
    done = verify(living, chain, "-purpose", "sslclient")
    assert "unsuitable certificate purpose" in done.stderr


@pytest.mark.peer
def test_openssl_verifies_the_names(living: SiteCa) -> None:
    chain, _ = living.server()
    assert verify(living, chain, "-verify_hostname", "localhost").returncode == 0
    assert verify(living, chain, "-verify_ip", "127.0.0.1").returncode == 0
    assert "hostname mismatch" in verify(living, chain, "-verify_hostname", "plc1").stderr


@pytest.mark.peer
def test_openssl_refuses_what_is_revoked(living: SiteCa) -> None:
    chain, _ = living.client()
    living.revoke("panel")
    assert "certificate revoked" in verify(living, chain).stderr


@pytest.mark.peer
def test_openssl_reads_the_role(living: SiteCa) -> None:
    chain, _ = living.client(role="Operator")
    text = openssl("x509", "-in", chain, "-noout", "-text").stdout
    assert "1.3.6.1.4.1.50316.802.1: \n                ..Operator" in text


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_client_and_server_shake_hands_and_the_server_sees_the_role(tmp_path: Path, kind: str) -> None:
    site = SiteCa(tmp_path / "certs", now=today())
    key = new_key("rsa" if kind == "rsa" else "ec", 2048)
    client = site.made(Wish("panel", client=True, role="Operator"), key)
    seen = handshake(server_context(site.ca, site.server(), crl=site.crl), client_context(site.ca, client))
    assert certificate_facts(seen).asked.role == "Operator"


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("revoked", "certificate revoked"),
        ("server's", "unsuitable certificate purpose"),
        ("none", "peer did not return a certificate"),
        ("other CA", "unable to get local issuer|self.signed"),
    ],
)
def test_a_server_refuses_a_client_that_is(living: SiteCa, tmp_path: Path, fault: str, why: str) -> None:
    files: tuple[Path, Path] | None = living.client()
    if fault == "revoked":
        living.revoke("panel")
    elif fault == "server's":
        files = living.server("other")
    elif fault == "other CA":
        files = SiteCa(tmp_path / "other", now=today()).client()
    else:
        files = None
    server = server_context(living.ca, living.server(), crl=living.crl)
    with pytest.raises(ssl.SSLError, match=why):
        handshake(server, client_context(living.ca, files))


def test_a_client_refuses_a_server_of_another_name(living: SiteCa) -> None:
    server = server_context(living.ca, living.server())
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(server, client_context(living.ca, living.client()), name="plc2")


def test_two_that_change_the_index_at_once_both_are_in_it(site: SiteCa) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def make(number: int) -> None:
        wish = Wish(f"client{number}", client=True)
        Authority(site.authority.folder).issue(wish, site.key.public_key(), site.key, NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(12)))
    assert {one.name for one in site.authority.index().issued} == {f"client{number}" for number in range(12)}


def test_an_empty_index_has_nothing() -> None:
    assert replace(Index(), crl_number=1).named("x") == []


def test_a_ca_of_another_folder_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no folder"):
        Authority(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir(mode=0o700)
    with pytest.raises(ValueError, match="has no CA"):
        Authority(tmp_path / "empty")


def test_a_ca_is_made_in_the_time_that_was_handed_in() -> None:
    assert make_ca(new_key(), "x", NOW).not_valid_before_utc < NOW
