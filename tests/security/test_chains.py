"""What a client checks of a server's chain: each thing, and the sentence about it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from mbap.protocol.role import ROLE_OID, encode_role
from mbap.security.certificates import Wish, issue, make_ca, new_key
from mbap.security.chains import chain_of, chain_text, judge, matches
from mbap.security.facts import certificate_facts, visible
from support.siteca import NOW

KEY, OTHER_KEY = new_key(), new_key()
CA, OTHER = make_ca(KEY, "Test site", NOW), make_ca(OTHER_KEY, "Other site", NOW)


def server(**wish: object) -> x509.Certificate:
    given: dict[str, object] = {"server": True, "dns": ("plc1.example",), "ip": ("10.0.0.1",), **wish}
    return issue(Wish("plc1", **given), KEY.public_key(), CA, KEY, NOW)  # type: ignore[arg-type]


SERVER = server()


def failed(chain: list[x509.Certificate], host: str = "plc1.example", days: int = 0) -> list[str]:
    checks = judge(chain, host, [CA], NOW + timedelta(days=days))
    return [f"{one.what}: {one.sentence}" for one in checks if one.ok is False]


def test_a_good_server_fails_nothing() -> None:
    assert failed([SERVER, CA]) == []
    assert failed([SERVER]) == []


def test_a_server_of_another_ca_is_unknown() -> None:
    stranger = issue(
        Wish("plc1", server=True, dns=("plc1.example",)), KEY.public_key(), OTHER, OTHER_KEY, NOW
    )
    assert failed([stranger, OTHER]) == [
        "chain: the CA is unknown: it is of Other site, which is not in --ca"
    ]


def test_a_ca_of_the_same_name_and_another_key_is_unknown() -> None:
    double = make_ca(OTHER_KEY, "Test site", NOW)
    wish = Wish("plc1", server=True, dns=("plc1.example",))
    assert len(failed([issue(wish, KEY.public_key(), double, OTHER_KEY, NOW)])) == 1


def test_a_wrong_name_says_which_it_has() -> None:
    assert failed([SERVER], "plc2.example") == [
        "name: the certificate is not for plc2.example: it has plc1.example, 10.0.0.1"
    ]


def test_an_expired_server_says_since_when() -> None:
    assert failed([SERVER], days=731) == ["expiry of plc1: expired since 2028-02-29 12:00 UTC"]


def test_a_server_that_is_not_valid_yet_asks_for_the_clock() -> None:
    assert failed([SERVER], days=-1) == [
        "expiry of plc1: not valid before 2026-03-01 11:00 UTC: is a clock wrong?"
    ]


def test_a_client_certificate_is_not_for_servers() -> None:
    client = issue(Wish("plc1", client=True), KEY.public_key(), CA, KEY, NOW)
    assert any("not for servers" in one for one in failed([client]))


def test_without_a_ca_trust_is_not_checked() -> None:
    (trust,) = [one for one in judge([SERVER], "plc1.example", [], NOW) if one.what == "chain"]
    assert trust.ok is None
    assert "not complete: plc1, and the certificate of Test site is not there" in trust.sentence


@pytest.mark.parametrize(
    ("dns", "host", "covered"),
    [
        ("plc1.example", "PLC1.example", True),
        ("plc1.example", "plc1.example.", True),
        ("*.plant.example", "plc1.plant.example", True),
        ("*.plant.example", "plant.example", False),
        ("*.plant.example", "a.b.plant.example", False),
        ("*.example", "plc1.example", False),
        ("plc1.example", "10.0.0.1", True),
        ("plc1.example", "10.0.0.2", False),
        ("plc1.example", "plc1", False),
    ],
)
def test_a_name_covers_a_host(dns: str, host: str, covered: bool) -> None:
    assert matches(certificate_facts(server(dns=(dns,))), host) is covered


def test_a_chain_is_found_in_any_order() -> None:
    assert chain_of(SERVER, [OTHER, CA]) == [SERVER, CA]
    assert chain_text([SERVER, CA]) == (True, "complete: plc1 <- Test site (root)")


def test_a_chain_of_one_that_signed_itself_says_so() -> None:
    assert chain_text([CA]) == (True, "signed by itself")


def test_names_with_terminal_escapes_are_escaped() -> None:
    assert visible("a\x1b[2Jb\x9b\u202e") == "a\\x1b[2Jb\\x9b\\u202e"


def test_a_certificate_with_two_roles_has_none_and_says_why() -> None:
    asked = certificate_facts(with_roles(encode_role("Operator"), encode_role("Admin"))).asked
    assert (asked.role, asked.role_fault) == (None, "it has two roles, and one is the rule")


@pytest.mark.parametrize("value", [b"Operator", b"\x13\x08Operator", b"\x0c\x00", b"\x0c\x03a\x1bb", b""])
def test_a_role_that_is_not_as_the_standard_has_it_is_none_and_says_why(value: bytes) -> None:
    asked = certificate_facts(with_roles(value)).asked
    assert asked.role is None
    assert asked.role_fault


def with_roles(*values: bytes) -> x509.Certificate:
    """A certificate with these extensions, one after the other, as a careless CA could make it."""
    oid = x509.ObjectIdentifier(ROLE_OID)
    roles = [x509.Extension(oid, False, x509.UnrecognizedExtension(oid, value)) for value in values]
    builder = x509.CertificateBuilder(extensions=[*roles])
    builder = builder.subject_name(CA.subject).issuer_name(CA.subject).public_key(KEY.public_key())
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1)).serial_number(7)
    return builder.sign(KEY, SHA256())
