"""`mbap certs revoke`, `crl` and `renew`."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from mbap.security.facts import certificate_facts, crl_facts
from mbap.security.keyfiles import read_key
from mbap.security.pemfiles import read_crl
from support.certscommand import Certs, data, refused
from support.siteca import client_context, handshake, leaf_of, server_context


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
