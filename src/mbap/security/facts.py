"""What certificates, requests, lists and keys say, as plain facts: every text in them safe to print."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from mbap.protocol.role import ROLE_OID, decode_role
from mbap.records import Record

_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_MOST_REVOKED: Final = 100_000


class Asked(Record):
    """What a certificate grants, or a request asks for.

    Attributes:
        name: the subject; its common name alone where it has nothing else.
        role: the one role; None without, or with one that is not as the standard wants it.
        role_fault: why there is no role though there is an extension for it; empty otherwise.
        server: may be shown by a server.
        client: may be shown by a client.
        other_purposes: what else it is for.
        dns: names of a server.
        ip: addresses of a server.
        key: `EC P-256`, `RSA 3072`.
    """

    name: str
    role: str | None
    role_fault: str
    server: bool
    client: bool
    other_purposes: tuple[str, ...]
    dns: tuple[str, ...]
    ip: tuple[str, ...]
    key: str


class CertificateFacts(Record):
    """What one certificate says.

    Attributes:
        ca: may sign others.
        self_signed: is its own issuer.
        fingerprint: SHA-256 of the whole certificate, in hexadecimal.
    """

    asked: Asked
    issuer: str
    serial: int
    not_before: datetime
    not_after: datetime
    ca: bool
    self_signed: bool
    fingerprint: str


class CrlFacts(Record):
    """What one revocation list says; *next_update* is None where it has none."""

    issuer: str
    number: int | None
    last_update: datetime
    next_update: datetime | None
    revoked: tuple[tuple[int, datetime], ...]


def certificate_facts(certificate: x509.Certificate) -> CertificateFacts:
    """What *certificate* says; also where that is not as it should be."""
    extensions, fault = _extensions(certificate)
    constraints = extensions.get(x509.BasicConstraints.oid)
    is_ca = isinstance(constraints, x509.BasicConstraints) and constraints.ca
    return CertificateFacts(
        asked=_asked(certificate, extensions, fault),
        issuer=name_text(certificate.issuer),
        serial=certificate.serial_number,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        ca=is_ca,
        self_signed=certificate.issuer == certificate.subject,
        fingerprint=certificate.fingerprint(SHA256()).hex(),
    )


def request_facts(request: x509.CertificateSigningRequest) -> Asked:
    """What *request* asks for."""
    return _asked(request, *_extensions(request))


def crl_facts(crl: x509.CertificateRevocationList) -> CrlFacts:
    """What *crl* says; of a very long one, the first hundred thousand."""
    try:
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except (x509.ExtensionNotFound, ValueError):
        number = None
    entries = [crl[index] for index in range(min(len(crl), _MOST_REVOKED))]
    return CrlFacts(
        issuer=name_text(crl.issuer),
        number=number,
        last_update=crl.last_update_utc,
        next_update=crl.next_update_utc,
        revoked=tuple((one.serial_number, one.revocation_date_utc) for one in entries),
    )


def key_text(key: object) -> str:
    """`EC P-256` or `RSA 3072`, of a public or private key."""
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        return f"EC {_CURVES.get(key.curve.name, key.curve.name)}"
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return f"RSA {key.key_size}"
    return type(key).__name__.removesuffix("PublicKey").removesuffix("PrivateKey").lstrip("_")


def name_text(name: x509.Name) -> str:
    """*name* for people: the common name alone where there is nothing else."""
    parts = list(name)
    if len(parts) == 1 and parts[0].oid == x509.NameOID.COMMON_NAME:
        return visible(str(parts[0].value))
    return visible(name.rfc4514_string())


def visible(text: str) -> str:
    """*text* with what cannot be printed as escapes: no name may move a cursor or forge a line."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escape(one) for one in text)


def serial_text(serial: int) -> str:
    """*serial* as it is shown, and as `mbap certs revoke` takes it: hexadecimal, whole bytes."""
    text = f"{serial:x}"
    return text.zfill(len(text) + len(text) % 2)


def days_left(end: datetime, now: datetime) -> int:
    """Whole days from *now* to *end*; below 0 when it is over."""
    return (end - now) // timedelta(days=1)


def moment(time: datetime) -> str:
    """`2026-11-30 14:53 UTC`."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


_Extensions = dict[x509.ObjectIdentifier, x509.ExtensionType]


def _extensions(source: x509.Certificate | x509.CertificateSigningRequest) -> tuple[_Extensions, str]:
    """The extensions by their number, and why they cannot be read; then there are none."""
    try:
        return {one.oid: one.value for one in source.extensions}, ""
    except x509.DuplicateExtension as twice:
        if twice.oid.dotted_string == ROLE_OID:
            return {}, "it has two roles, and one is the rule"
        return {}, f"its extension {twice.oid.dotted_string} is there twice"
    except (ValueError, UnsupportedAlgorithm):
        return {}, "its extensions are damaged"


def _asked(
    source: x509.Certificate | x509.CertificateSigningRequest, extensions: _Extensions, fault: str
) -> Asked:
    role, role_fault = _role(extensions)
    usage = extensions.get(x509.ExtendedKeyUsage.oid)
    purposes = list(usage) if isinstance(usage, x509.ExtendedKeyUsage) else []
    dns, ip = _alternatives(extensions)
    try:
        key = key_text(source.public_key())
    except (ValueError, UnsupportedAlgorithm):
        key = "of an unknown kind"
    return Asked(
        name=name_text(source.subject),
        role=role,
        role_fault=role_fault or fault,
        server=Purpose.SERVER_AUTH in purposes,
        client=Purpose.CLIENT_AUTH in purposes,
        other_purposes=tuple(_purpose(one) for one in purposes if one not in _OURS),
        dns=dns,
        ip=ip,
        key=key,
    )


_OURS: Final = (Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH)


def _purpose(oid: x509.ObjectIdentifier) -> str:
    return "anything" if oid == Purpose.ANY_EXTENDED_KEY_USAGE else oid.dotted_string


def _role(extensions: _Extensions) -> tuple[str | None, str]:
    found = extensions.get(x509.ObjectIdentifier(ROLE_OID))
    if not isinstance(found, x509.UnrecognizedExtension):
        return None, ""
    try:
        return decode_role(found.value), ""
    except ValueError as wrong:
        return None, str(wrong)


def _alternatives(extensions: _Extensions) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = extensions.get(x509.SubjectAlternativeName.oid)
    if not isinstance(names, x509.SubjectAlternativeName):
        return (), ()
    dns = tuple(visible(one) for one in names.get_values_for_type(x509.DNSName))
    return dns, tuple(str(one) for one in names.get_values_for_type(x509.IPAddress))
