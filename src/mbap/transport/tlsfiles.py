"""The files behind TLS: read, checked, and made into contexts; every fault is a sentence."""

from __future__ import annotations

import os
import re
import ssl
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from mbap.records import Record
from mbap.transport.certificate import Certificate, moment, read_certificate
from mbap.transport.handshake import Watched

if TYPE_CHECKING:
    from cryptography import x509

Minimum = Literal["1.2", "1.3"]
Side = Literal["client", "server"]

SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: nothing without forward secrecy, no CBC, no SHA-1; those of TLS 1.3 are all like that."""
NULL_SUITE: Final = "NULL-SHA256:@SECLEVEL=0"
"""TLS_RSA_WITH_NULL_SHA256: who it is, and that nothing was changed, but everybody may read along."""
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_MOST_BYTES: Final = 16 * 1024 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class Settings(Record):
    """What `TLS` was told, as far as contexts depend on it."""

    ca: tuple[Path, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    crl: tuple[Path, ...] = ()
    minimum: Minimum = "1.2"
    verify: bool = True
    stale_crl: bool = False
    null_encryption: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        own = (one for one in (self.certificate, self.key) if one is not None)
        return (*self.ca, *own, *self.crl)


class Revocations:
    """The revocation lists: who is on them, and until when they hold.

    Attributes:
        until: when the first of them expires, in seconds since 1970; None where there is none.
    """

    def __init__(self, lists: Iterable[x509.CertificateRevocationList] = ()) -> None:
        self._by_issuer: dict[str, list[x509.CertificateRevocationList]] = {}
        expiries = []
        for one in lists:
            self._by_issuer.setdefault(one.issuer.rfc4514_string(), []).append(one)
            if one.next_update_utc is not None:
                expiries.append(one.next_update_utc.timestamp())
        self.until = min(expiries, default=None)

    def revoked(self, certificate: Certificate) -> float | None:
        """Since when *certificate* is revoked; None where it is not."""
        for one in self._by_issuer.get(certificate.issuer, ()):
            found = one.get_revoked_certificate_by_serial_number(int(certificate.serial, 16))
            if found is not None:
                return found.revocation_date_utc.timestamp()
        return None


def stamps(files: Iterable[Path]) -> tuple[tuple[int, int, int], ...]:
    """What changes when one of *files* does; one that is not there counts as such."""
    found = []
    for file in files:
        try:
            status = file.stat()
            found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        except OSError:
            found.append((0, 0, 0))
    return tuple(found)


def read_file(file: Path, what: str) -> bytes:
    """The content of *file*.

    Raises:
        ValueError: it cannot be read, or is no PEM.
    """
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{what} {file} is larger than {_MOST_BYTES // 2**20} MiB")
        content = file.read_bytes()
    except OSError as problem:
        raise ValueError(f"{what} {file} cannot be read: {problem.strerror or problem}") from None
    if not _PEM.search(content):
        raise ValueError(f"{what} {file} is not PEM: it has no line -----BEGIN ...-----")
    return content


def check_key_file(file: Path) -> None:
    """Raises `ValueError` where others than its owner may read the key in *file* (POSIX)."""
    if os.name != "posix":
        return
    try:
        mode = file.stat().st_mode
    except OSError as problem:
        raise ValueError(f"the key {file} cannot be read: {problem.strerror or problem}") from None
    if mode & _OTHERS:
        raise ValueError(
            f"the key {file} can be read by others (mode {stat.S_IMODE(mode):04o}), who could be you then:"
            f" chmod 600 {file}"
        )


def certificates_in(files: Iterable[Path], what: str) -> list[Certificate]:
    """Every certificate in *files*, in their order.

    Raises:
        ValueError: a file cannot be read, or has none.
    """
    found: list[Certificate] = []
    for file in files:
        ders = [ssl.PEM_cert_to_DER_cert(pem) for pem in _pems(read_file(file, what), b"CERTIFICATE")]
        if not ders:
            raise ValueError(f"{what} {file} has no certificate in it")
        try:
            found += [read_certificate(der) for der in ders]
        except ValueError as problem:
            raise ValueError(f"{what} {file} has a certificate that cannot be read: {problem}") from None
    return found


def _pems(content: bytes, kind: bytes) -> list[str]:
    return [one.group().decode("ascii", "replace") for one in _PEM.finditer(content) if one.group(1) == kind]


def revocations(settings: Settings) -> Revocations:
    """What the files of revocation lists say.

    Raises:
        ValueError: one of them cannot be read, or was not signed by the authority that it names.
    """
    from cryptography import x509

    authorities = _authorities(settings.ca)
    lists = []
    for file in settings.crl:
        pems = _pems(read_file(file, "the revocation list"), b"X509 CRL")
        if not pems:
            raise ValueError(f"the revocation list {file} has no -----BEGIN X509 CRL----- in it")
        for pem in pems:
            try:
                one = x509.load_pem_x509_crl(pem.encode("ascii"))
                signers = authorities.get(one.issuer.rfc4514_string(), [])
                if signers and not any(one.is_signature_valid(key) for key in signers):
                    raise ValueError("it was not signed by the CA that it names")
            except (ValueError, TypeError) as problem:
                raise ValueError(f"the revocation list {file} is wrong: {problem}") from None
            lists.append(one)
    return Revocations(lists)


def _authorities(files: Iterable[Path]) -> dict[str, list[Any]]:
    """The keys of the authorities, by the names of these."""
    from cryptography import x509

    found: dict[str, list[Any]] = {}
    for file in files:
        for pem in _pems(read_file(file, "the CA"), b"CERTIFICATE"):
            one = x509.load_pem_x509_certificate(pem.encode("ascii"))
            found.setdefault(one.subject.rfc4514_string(), []).append(one.public_key())
    return found


def new_context(settings: Settings, side: Side, password: str | None, *, crl_holds: bool) -> Watched:
    """Contexts for *side*; without *crl_holds* the revocation lists are looked at after the handshake only.

    Raises:
        ValueError: a file is wrong.
    """
    made = [_context(settings, side, password, crl_holds=crl_holds) for _ in range(2)]
    return Watched(*made)


def _context(settings: Settings, side: Side, password: str | None, *, crl_holds: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if side == "server" else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = _VERSIONS[settings.minimum]
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    if settings.null_encryption:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(NULL_SUITE if settings.null_encryption else SUITES)
    if not settings.verify:
        context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if settings.verify else ssl.CERT_NONE
    _load_authorities(context, settings, crl_holds=crl_holds)
    if settings.certificate is not None:
        _load_own(context, settings.certificate, settings.key, password)
    return context


_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def _load_authorities(context: ssl.SSLContext, settings: Settings, *, crl_holds: bool) -> None:
    for file in settings.ca:
        read_file(file, "the CA")
        try:
            context.load_verify_locations(cafile=str(file))
        except ssl.SSLError as problem:
            raise ValueError(f"the CA {file} cannot be used: {_said(problem)}") from None
    for file in settings.crl if crl_holds else ():
        try:
            context.load_verify_locations(cafile=str(file))
        except ssl.SSLError as problem:
            raise ValueError(f"the revocation list {file} cannot be used: {_said(problem)}") from None
    if settings.crl and crl_holds:
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN


def _load_own(context: ssl.SSLContext, certificate: Path, key: Path | None, password: str | None) -> None:
    read_file(certificate, "the certificate")
    check_key_file(key or certificate)
    read_file(key or certificate, "the key")

    def ask() -> str:
        if password is None:
            raise ValueError(f"the key {key or certificate} is encrypted: give the password")
        return password

    try:
        context.load_cert_chain(str(certificate), None if key is None else str(key), ask)
    except ssl.SSLError as problem:
        raise ValueError(_own_fault(certificate, key or certificate, problem, password)) from None


def _own_fault(certificate: Path, key: Path, problem: ssl.SSLError, password: str | None) -> str:
    if problem.reason == "KEY_VALUES_MISMATCH":
        return f"the key {key} is not that of the certificate {certificate}"
    if problem.reason in ("EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK", "CA_KEY_TOO_SMALL"):
        return f"the certificate {certificate} is too weak: RSA has to have 2048 bits, and SHA-256"
    if password is not None and problem.reason in (None, "BAD_DECRYPT", "BAD_PASSWORD_READ"):
        return f"the password does not open the key {key}"
    return f"the certificate {certificate} with the key {key} cannot be used: {_said(problem)}"


def _said(problem: ssl.SSLError) -> str:
    return (problem.reason or str(problem)).replace("_", " ").lower()


def expired_list(found: Revocations, now: float) -> str:
    """A sentence about a list that holds no longer; empty where all do."""
    if found.until is None or now < found.until:
        return ""
    return f"the revocation list has expired on {moment(found.until)}"
