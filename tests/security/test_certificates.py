"""Certificates as they are built: every field that a peer looks at."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from cryptography.x509.oid import ExtensionOID
from hypothesis import given, settings
from hypothesis import strategies as st

from mbap.protocol.role import ROLE_OID, decode_role
from mbap.security.certificates import (
    CA_DAYS,
    Wish,
    issue,
    make_ca,
    make_crl,
    new_key,
    request,
)
from mbap.security.facts import certificate_facts, crl_facts, request_facts
from support.siteca import NOW

CA_KEY = new_key()
CA = make_ca(CA_KEY, "Test site", NOW)
KEY = new_key()
SERVER = Wish("plc1", server=True, dns=("plc1.example",), ip=("192.168.1.50", "fd00::1"))


def issued(wish: Wish) -> x509.Certificate:
    return issue(wish, KEY.public_key(), CA, CA_KEY, NOW)


def test_a_key_is_of_p_256_unless_told() -> None:
    assert isinstance(KEY, ec.EllipticCurvePrivateKey)
    assert KEY.curve.name == "secp256r1"


def test_an_rsa_key_has_3072_bits_unless_told() -> None:
    key = new_key("rsa")
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 3072


def test_an_rsa_key_of_less_than_2048_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="2048 at least"):
        new_key("rsa", 1024)


def test_a_ca_may_sign_certificates_and_none_that_may_sign_others() -> None:
    constraints = CA.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)


def test_a_ca_signs_certificates_and_lists_and_nothing_else() -> None:
    usage = CA.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.key_cert_sign, usage.value.crl_sign, usage.value.digital_signature) == (
        True,
        True,
        False,
    )


def test_a_ca_is_valid_for_ten_years() -> None:
    assert CA.not_valid_after_utc == NOW + timedelta(days=CA_DAYS)


def test_what_is_made_is_valid_since_an_hour_ago() -> None:
    assert CA.not_valid_before_utc == issued(SERVER).not_valid_before_utc == NOW - timedelta(hours=1)


def test_what_is_issued_is_valid_for_two_years_unless_told() -> None:
    assert issued(SERVER).not_valid_after_utc == NOW + timedelta(days=730)
    one_month = Wish("plc1", client=True, days=30)
    assert issued(one_month).not_valid_after_utc == NOW + timedelta(days=30)


def test_nothing_is_valid_for_longer_than_its_ca() -> None:
    assert issued(Wish("x", client=True, days=9999)).not_valid_after_utc == CA.not_valid_after_utc


def test_a_ca_that_ended_issues_nothing() -> None:
    with pytest.raises(ValueError, match="ended on 2036-02-27"):
        issue(SERVER, KEY.public_key(), CA, CA_KEY, NOW + timedelta(days=CA_DAYS + 1))


def test_a_signature_is_made_with_sha_256() -> None:
    for one in (CA, issued(SERVER)):
        assert one.signature_hash_algorithm is not None
        assert one.signature_hash_algorithm.name == "sha256"


def test_a_server_has_its_names_and_its_purpose() -> None:
    facts = certificate_facts(issued(SERVER)).asked
    assert facts.dns == ("plc1.example",)
    assert facts.ip == ("192.168.1.50", "fd00::1")
    assert (facts.server, facts.client, facts.role) == (True, False, None)


def test_a_client_has_its_purpose_and_its_role() -> None:
    certificate = issued(Wish("panel", client=True, role="Operator"))
    extension = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(ROLE_OID))
    assert isinstance(extension.value, x509.UnrecognizedExtension)
    assert extension.value.value == bytes.fromhex("0c084f70657261746f72")
    assert decode_role(extension.value.value) == "Operator"
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [Purpose.CLIENT_AUTH]


def test_a_client_without_a_role_has_no_extension_for_it() -> None:
    oids = {one.oid.dotted_string for one in issued(Wish("panel", client=True)).extensions}
    assert ROLE_OID not in oids


def test_a_device_that_is_both_has_both_purposes() -> None:
    both = Wish("guard", server=True, client=True, ip=("10.0.0.1",), role="Gateway")
    facts = certificate_facts(issued(both)).asked
    assert (facts.server, facts.client, facts.role) == (True, True, "Gateway")


def test_what_is_issued_names_the_key_of_its_ca_and_its_own() -> None:
    certificate = issued(SERVER)
    own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert own == x509.SubjectKeyIdentifier.from_public_key(KEY.public_key())
    of_ca = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    identifier = CA.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert of_ca.key_identifier == identifier.digest


def test_what_is_issued_may_sign_no_certificates() -> None:
    usage = issued(SERVER).extensions.get_extension_for_class(x509.KeyUsage).value
    constraints = issued(SERVER).extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (usage.key_cert_sign, usage.digital_signature, constraints.ca) == (False, True, False)


def test_two_certificates_never_have_the_same_serial_number() -> None:
    assert issued(SERVER).serial_number != issued(SERVER).serial_number


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (Wish("plc1", server=True), "no name that clients can check"),
        (Wish("plc1"), "neither for a server nor for a client"),
        (Wish("", client=True), "1 to 64 characters, not 0"),
        (Wish("x" * 65, client=True), "1 to 64 characters, not 65"),
        (Wish("a\x1b[2Jb", client=True), r"'a\\x1b\[2Jb' has characters that cannot be printed"),
        (Wish("x", server=True, dns=("10.0.0.1",)), "10.0.0.1 is an address"),
        (Wish("x", server=True, dns=("plc 1",)), "'plc 1' is no DNS name"),
        (Wish("x", server=True, dns=("a..b",)), r"'a\.\.b' is no DNS name"),
        (Wish("x", server=True, ip=("10.0.0.256",)), "'10.0.0.256' is no IP address"),
        (Wish("x", client=True, role=""), "1 to 64 characters, not 0"),
        (Wish("x", client=True, role="a\nb"), "cannot be printed"),
        (Wish("x", client=True, days=0), "0 days is no time"),
        (Wish("x", client=True, days=10**9), "later than a certificate can say"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(wish: Wish, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        issued(wish)


def test_a_name_beyond_ascii_is_written_as_dns_has_it() -> None:
    facts = certificate_facts(issued(Wish("x", server=True, dns=("pümpe.example",))))
    assert facts.asked.dns == ("xn--pmpe-0ra.example",)


def test_a_wildcard_is_a_dns_name() -> None:
    assert certificate_facts(issued(Wish("x", server=True, dns=("*.plant.example",)))).asked.dns == (
        "*.plant.example",
    )


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=64).filter(str.isprintable))
def test_any_role_that_can_be_printed_is_read_back(role: str) -> None:
    asked = certificate_facts(issued(Wish("x", client=True, role=role))).asked
    assert (asked.role, asked.role_fault) == (role, "")


def test_a_request_asks_for_what_was_wished_for() -> None:
    wish = Wish("plc1", server=True, client=True, dns=("a.example",), ip=("10.0.0.1",), role="Operator")
    made = request(wish, KEY)
    asked = request_facts(made)
    assert made.is_signature_valid
    assert (asked.name, asked.role, asked.server, asked.client) == ("plc1", "Operator", True, True)
    assert (asked.dns, asked.ip, asked.key) == (("a.example",), ("10.0.0.1",), "EC P-256")


def test_a_revocation_list_names_what_is_revoked_its_number_and_its_end() -> None:
    facts = crl_facts(make_crl(CA, CA_KEY, [(77, NOW)], 3, NOW, days=30))
    assert (facts.issuer, facts.number, facts.revoked) == ("Test site", 3, ((77, NOW),))
    assert facts.next_update == NOW + timedelta(days=30)


def test_a_revocation_list_is_dated_later_than_the_one_before() -> None:
    first = make_crl(CA, CA_KEY, [], 1, NOW)
    second = make_crl(CA, CA_KEY, [], 2, NOW, later_than=first.last_update_utc)
    assert second.last_update_utc > first.last_update_utc


def test_a_revocation_list_is_later_also_when_the_clock_went_back() -> None:
    first = make_crl(CA, CA_KEY, [], 1, NOW)
    second = make_crl(CA, CA_KEY, [], 2, NOW - timedelta(days=2), later_than=first.last_update_utc)
    assert second.last_update_utc > first.last_update_utc
    assert second.next_update_utc is not None
    assert second.next_update_utc > second.last_update_utc


def test_a_revocation_list_names_the_key_that_signed_it() -> None:
    crl = make_crl(CA, CA_KEY, [], 1, NOW)
    oids = {one.oid for one in crl.extensions}
    assert oids == {ExtensionOID.AUTHORITY_KEY_IDENTIFIER, ExtensionOID.CRL_NUMBER}
    assert crl.is_signature_valid(CA_KEY.public_key())
