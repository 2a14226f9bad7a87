"""Certificates for Modbus/TCP Security: built and signed, in memory; no file and no clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Literal, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from cryptography.x509.oid import NameOID

from mbap.protocol.role import ROLE_OID, encode_role
from mbap.records import Record

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
KeyKind = Literal["ec", "rsa"]

CA_DAYS: Final = 3650
DAYS: Final = 730
CRL_DAYS: Final = 90
SKEW: Final = timedelta(hours=1)
"""So much earlier than now everything is valid, because clocks of devices are late."""
SMALLEST_RSA: Final = 2048
RSA_BITS: Final = 3072
LONGEST_NAME: Final = 64
"""Characters of a common name, as X.520 has it."""


class Wish(Record):
    """What a certificate is to say.

    Attributes:
        name: the common name.
        server: may be shown by a server.
        client: may be shown by a client.
        dns: names under which clients reach a server.
        ip: addresses under which they do.
        role: the one role of a client; None for none.
        days: how long it is valid.
    """

    name: str
    server: bool = False
    client: bool = False
    dns: tuple[str, ...] = ()
    ip: tuple[str, ...] = ()
    role: str | None = None
    days: int = DAYS


def new_key(kind: KeyKind = "ec", bits: int = RSA_BITS) -> PrivateKey:
    """A new private key: P-256, or RSA of so many *bits*.

    Raises:
        ValueError: fewer bits than 2048.
    """
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    if bits < SMALLEST_RSA:
        raise ValueError(f"an RSA key of {bits} bits is too small: {SMALLEST_RSA} at least")
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def make_ca(key: PrivateKey, name: str, now: datetime, days: int = CA_DAYS) -> x509.Certificate:
    """A self-signed certificate that may sign others, none of which may.

    Raises:
        ValueError: the name is empty or too long, or there are no days.
    """
    builder = _begun(key.public_key(), common_name(name), now, _end(now, days))
    builder = builder.issuer_name(common_name(name))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_others=True), critical=True)
    return builder.sign(key, SHA256())


def issue(
    wish: Wish, public: PublicKey, ca: x509.Certificate, ca_key: PrivateKey, now: datetime
) -> x509.Certificate:
    """A certificate for *public*, signed by *ca*; it ends no later than *ca* does.

    Raises:
        ValueError: what is wished for cannot be, and why.
    """
    check(wish)
    if ca.not_valid_after_utc <= now:
        raise ValueError(f"the CA's certificate ended on {ca.not_valid_after_utc:%Y-%m-%d}: make a new CA")
    end = min(_end(now, wish.days), ca.not_valid_after_utc)
    builder = _begun(public, common_name(wish.name), now, end).issuer_name(ca.subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    encipher = isinstance(public, rsa.RSAPublicKey)  # as suites without ECDHE need it
    builder = builder.add_extension(_usage(signs_others=False, encipher=encipher), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(_purposes(wish)), critical=False)
    builder = builder.add_extension(_issuer_of(ca), critical=False)
    return _named(builder, wish).sign(ca_key, SHA256())


def request(wish: Wish, key: PrivateKey) -> x509.CertificateSigningRequest:
    """A request for a certificate as *wish* has it; the signer decides what of it is granted."""
    check(wish)
    builder = x509.CertificateSigningRequestBuilder().subject_name(common_name(wish.name))
    builder = builder.add_extension(x509.ExtendedKeyUsage(_purposes(wish)), critical=False)
    if names := _alternatives(wish):
        builder = builder.add_extension(names, critical=False)
    if wish.role is not None:
        builder = builder.add_extension(_role(wish.role), critical=False)
    return builder.sign(key, SHA256())


def make_crl(
    ca: x509.Certificate,
    ca_key: PrivateKey,
    revoked: Sequence[tuple[int, datetime]],
    number: int,
    now: datetime,
    *,
    later_than: datetime | None = None,
    days: int = CRL_DAYS,
) -> x509.CertificateRevocationList:
    """The list of the *revoked* serial numbers, each with when that was.

    Of two lists with the same date the older one can win in a verifier, so this one is dated *later_than*
    the one before.
    """
    begin = max(now - SKEW, ca.not_valid_before_utc)
    if later_than is not None:
        begin = max(begin, later_than + timedelta(seconds=1))
    builder = x509.CertificateRevocationListBuilder().issuer_name(ca.subject)
    builder = builder.last_update(begin).next_update(max(_end(now, days), begin + timedelta(days=1)))
    builder = builder.add_extension(_issuer_of(ca), critical=False)
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    for serial, when in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(ca_key, SHA256())


def check(wish: Wish) -> None:
    """See whether there can be such a certificate.

    Raises:
        ValueError: no, and why.
    """
    common_name(wish.name)
    if not (wish.server or wish.client):
        raise ValueError(f"{wish.name} is neither for a server nor for a client")
    if wish.server and not (wish.dns or wish.ip):
        raise ValueError(
            f"{wish.name} has no name that clients can check: give the DNS names and addresses"
            " under which they reach it"
        )
    for one in wish.dns:
        _check_dns(one)
    for one in wish.ip:
        _address(one)
    if wish.role is not None:
        encode_role(wish.role)


def common_name(name: str) -> x509.Name:
    """A subject with *name* as its common name.

    Raises:
        ValueError: it is empty, longer than 64 characters, or has what cannot be printed.
    """
    if not 1 <= len(name) <= LONGEST_NAME:
        raise ValueError(f"a name has 1 to {LONGEST_NAME} characters, not {len(name)}")
    if not name.isprintable():
        raise ValueError(f"the name {name!r} has characters that cannot be printed")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _begun(public: PublicKey, subject: x509.Name, now: datetime, end: datetime) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).public_key(public)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - SKEW).not_valid_after(end)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _named(builder: x509.CertificateBuilder, wish: Wish) -> x509.CertificateBuilder:
    if names := _alternatives(wish):
        builder = builder.add_extension(names, critical=False)
    if wish.role is not None:
        builder = builder.add_extension(_role(wish.role), critical=False)
    return builder


def _end(now: datetime, days: int) -> datetime:
    if days < 1:
        raise ValueError(f"{days} days is no time at all")
    try:
        return now + timedelta(days=days)
    except OverflowError:
        raise ValueError(f"{days} days is later than a certificate can say") from None


def _usage(*, signs_others: bool, encipher: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_others,
        content_commitment=False,
        key_encipherment=encipher,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        encipher_only=False,
        decipher_only=False,
    )


def _purposes(wish: Wish) -> list[x509.ObjectIdentifier]:
    return [Purpose.SERVER_AUTH] * wish.server + [Purpose.CLIENT_AUTH] * wish.client


def _issuer_of(ca: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _role(role: str) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(ROLE_OID), encode_role(role))


def _alternatives(wish: Wish) -> x509.SubjectAlternativeName | None:
    dns = [x509.DNSName(_check_dns(one)) for one in wish.dns]
    addresses = [x509.IPAddress(_address(one)) for one in wish.ip]
    return x509.SubjectAlternativeName([*dns, *addresses]) if dns or addresses else None


def _check_dns(name: str) -> str:
    """*name* as certificates have it: in ASCII.

    Raises:
        ValueError: it is no name of a host.
    """
    try:
        ip_address(name)
    except ValueError:
        pass
    else:
        raise ValueError(f"{name} is an address: give it as one, not as a DNS name")
    try:
        ascii_name = name.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_name = ""
    labels = ascii_name.removeprefix("*.").split(".")
    plain = (label.replace("-", "a").replace("_", "a") for label in labels)
    if not all(label.isalnum() for label in plain) or len(ascii_name) > 253:
        raise ValueError(f"{name!r} is no DNS name such as plc1.example")
    return ascii_name


def _address(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is no IP address such as 192.168.1.50 or fd00::1") from None
