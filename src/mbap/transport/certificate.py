"""What a certificate says: whose it is, until when, for which names, in which role."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from mbap.protocol.role import ROLE_OID, decode_role
from mbap.records import Record

if TYPE_CHECKING:
    from cryptography import x509

_KEPT = 1024
"""So many certificates are remembered as they were read: clients come back."""


def need_cryptography() -> None:
    """Raises `ModuleNotFoundError` with what to install where the package is missing."""
    from importlib.util import find_spec

    if find_spec("cryptography") is None:
        raise ModuleNotFoundError("Modbus/TCP Security needs: pip install 'mbap[tls]'", name="cryptography")


class Certificate(Record):
    """One certificate, as far as it matters here.

    Attributes:
        subject, issuer: as in RFC 4514.
        serial: in hexadecimal. fingerprint: SHA-256, in hexadecimal.
        not_before, not_after: seconds since 1970.
        names: the hosts and addresses that it is for.
        role: of its holder, and None where there is none; role_problem: why there is none, where it is not
            simply missing.
    """

    subject: str
    issuer: str
    serial: str
    fingerprint: str
    not_before: int
    not_after: int
    names: tuple[str, ...] = ()
    role: str | None = None
    role_problem: str = ""

    @property
    def holder(self) -> str:
        """Whose it is, for a sentence."""
        return self.subject or f"serial number {self.serial}"


@lru_cache(_KEPT)
def read_certificate(der: bytes) -> Certificate:
    """The certificate that *der* is.

    Raises:
        ValueError: it is none.
    """
    import hashlib

    from cryptography import x509

    found = x509.load_der_x509_certificate(der)
    role, problem = _role(found)
    return Certificate(
        found.subject.rfc4514_string(),
        found.issuer.rfc4514_string(),
        f"{found.serial_number:x}",
        hashlib.sha256(der).hexdigest(),
        int(found.not_valid_before_utc.timestamp()),
        int(found.not_valid_after_utc.timestamp()),
        _names(found),
        role,
        problem,
    )


def _role(found: x509.Certificate) -> tuple[str | None, str]:
    """The role, or none and why: never the first of two, never a part of one."""
    from cryptography import x509

    try:
        extensions = [one for one in found.extensions if one.oid.dotted_string == ROLE_OID]
    except x509.DuplicateExtension as twice:
        which = "the role" if twice.oid.dotted_string == ROLE_OID else f"extension {twice.oid.dotted_string}"
        return None, f"{which} is there more than once"
    except ValueError as problem:
        return None, f"its extensions cannot be read: {problem}"
    for extension in extensions:
        try:
            return decode_role(extension.value.public_bytes()), ""
        except ValueError as problem:
            return None, str(problem)
    return None, ""


def _names(found: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    addresses = (str(one) for one in names.get_values_for_type(x509.IPAddress))
    return (*names.get_values_for_type(x509.DNSName), *addresses)


def path_of(certificate: Certificate, among: Iterable[Certificate]) -> tuple[Certificate, ...]:
    """*certificate*, and those above it, as far as they are *among* these."""
    by_subject: dict[str, list[Certificate]] = {}
    for one in among:
        by_subject.setdefault(one.subject, []).append(one)
    found, above = [certificate], [certificate]
    while above:
        names = {one.issuer for one in above}
        above = [one for name in names for one in by_subject.pop(name, ()) if one not in found]
        found += above
    return tuple(found)


def moment(seconds: float) -> str:
    """*seconds* since 1970 as a date that people read, in UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def chain_of(message: bytes, version: int) -> Sequence[bytes]:
    """The certificates in a handshake message `Certificate` of TLS *version* (0x0303, 0x0304), in DER.

    What is cut short or does not fit ends the list: it is for explanations, OpenSSL has judged it already.
    """
    newer = version >= 0x0304
    at = 5 + message[4] if newer and len(message) > 4 else 4
    at += 3
    found = []
    while at + 3 <= len(message):
        size = int.from_bytes(message[at : at + 3], "big")
        der = message[at + 3 : at + 3 + size]
        if not size or len(der) < size:
            break
        found.append(der)
        at += 3 + size
        if newer:
            at += 2 + int.from_bytes(message[at : at + 2], "big")
    return found
