"""A site's CA in a folder: its key and certificate, what it issued, and its revocation list.

ca.key      the key, for its owner alone; whoever has it can let anybody in
ca.pem      the certificate that every client and server needs
crl.pem     the revocation list
index.json  what was issued and revoked
NAME.pem    a certificate and the CA's behind it: the whole chain (R-46)
NAME.key    its key, where it was made here
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from mbap.records import replace
from mbap.security.authorityindex import Index, Issued, index_text, parse_index
from mbap.security.certificates import (
    CRL_DAYS,
    SMALLEST_RSA,
    PrivateKey,
    PublicKey,
    Wish,
    issue,
    make_ca,
    make_crl,
)
from mbap.security.chains import signed
from mbap.security.facts import certificate_facts, serial_text
from mbap.security.keyfiles import Exists, check_private, make_folder, read_key, write_file, write_key
from mbap.security.locking import locked
from mbap.security.pemfiles import read_certificates

_NAME: Final = re.compile(r"\w[\w.-]*")
_RESERVED: Final = {"ca", "crl", "index", "con", "prn", "aux", "nul"}
"""Names of the CA's own files, and those that Windows keeps for devices."""


class Authority:
    """The CA in *folder*.

    Attributes:
        certificate: its own.
    """

    def __init__(self, folder: Path) -> None:
        """Open it; the key is read when something is signed.

        Raises:
            ValueError: there is no CA, others can enter the folder, or a file is wrong.
            OSError: a file cannot be read.
        """
        self.folder = folder
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder}: make a CA with mbap certs init --folder {folder}")
        if not self.path("ca.pem").exists():
            raise ValueError(f"{folder} has no CA (ca.pem): make one with mbap certs init --folder {folder}")
        check_private(folder)
        self.certificate = read_certificates(self.path("ca.pem"))[0]

    @classmethod
    def create(
        cls,
        folder: Path,
        certificate: x509.Certificate,
        key: PrivateKey,
        now: datetime,
        *,
        passphrase: bytes | None = None,
        overwrite: bool = False,
    ) -> Authority:
        """Make *folder* that of a new CA, with an empty revocation list.

        Raises:
            Exists: there is a CA, and it is not to be overwritten.
            TooWide: others can enter the folder.
        """
        make_folder(folder)
        for name in ("ca.key", "ca.pem", "index.json"):
            if not overwrite and (folder / name).exists():
                raise Exists(
                    f"{folder} has a CA already ({name}). With --replace a new one takes its place, and"
                    " nobody who trusts the new one accepts certificates of the old one"
                )
        write_key(folder / "ca.key", key, passphrase, replace=overwrite)
        write_file(folder / "ca.pem", pem(certificate), private=False, replace=overwrite)
        write_file(folder / "index.json", index_text(Index()).encode(), private=True, replace=overwrite)
        made = cls(folder)
        with made._changing() as index:
            made._write_crl(index, key, now, CRL_DAYS)
        return made

    def path(self, name: str) -> Path:
        """The file *name* in the folder."""
        return self.folder / name

    def key(self, passphrase: bytes | None = None) -> PrivateKey:
        """The CA's key.

        Raises:
            ValueError: others can read it, it cannot be opened, or it is not the certificate's.
        """
        key = read_key(self.path("ca.key"), passphrase)
        if key.public_key() != self.certificate.public_key():
            raise ValueError(f"{self.path('ca.key')} is not the key of the certificate {self.path('ca.pem')}")
        return key

    def index(self) -> Index:
        """What was issued so far.

        Raises:
            ValueError: the file is not as it was written.
        """
        path = self.path("index.json")
        try:
            return parse_index(path.read_text(encoding="utf-8"), path)
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not text") from None
        except FileNotFoundError:
            raise ValueError(
                f"{path} is missing: without it nothing can be revoked; take the backup"
            ) from None

    def issue(
        self, wish: Wish, public: PublicKey, key: PrivateKey, now: datetime, *, overwrite: bool = False
    ) -> x509.Certificate:
        """Sign what *wish* says for *public*, and write it with the CA's behind it.

        Raises:
            ValueError: that cannot be, or the name is taken and *overwrite* was not said.
        """
        check_name(wish.name)
        check_strength(public)
        certificate = issue(wish, public, self.certificate, key, now)
        with self._changing() as index:
            valid = [one.name for one in index.named(wish.name) if one.state(now) == "valid"]
            if valid and not overwrite:
                raise Exists(
                    f"{valid[0]} has a valid certificate already: renew it with mbap certs renew"
                    f" {valid[0]}, or give --replace for one that says something else"
                )
            # Noted first: a certificate that is not in the index could not be revoked by its name.
            self._write_index(replace(index, issued=(*index.issued, _issued(wish, certificate))))
            chain = pem(certificate) + pem(self.certificate)
            write_file(self.path(f"{wish.name}.pem"), chain, private=False, replace=True)
        return certificate

    def revoke(self, serials: Sequence[int], key: PrivateKey, now: datetime) -> None:
        """Put those with these *serials* on a new revocation list."""
        with self._changing() as index:
            gone = tuple(_revoked(one, now) if one.serial in serials else one for one in index.issued)
            index = replace(index, issued=gone)
            self._write_index(index)
            self._write_crl(index, key, now, CRL_DAYS)

    def renew_crl(
        self, key: PrivateKey, now: datetime, days: int = CRL_DAYS
    ) -> x509.CertificateRevocationList:
        """A new revocation list, dated later than the one before."""
        with self._changing() as index:
            return self._write_crl(index, key, now, days)

    def renew_ca(self, key: PrivateKey, now: datetime, days: int) -> x509.Certificate:
        """A new certificate of the CA for the same name and key: what it issued stays good."""
        name = self.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
        self.certificate = make_ca(key, str(name), now, days)
        write_file(self.path("ca.pem"), pem(self.certificate), private=False, replace=True)
        return self.certificate

    def find(self, what: str) -> list[Issued]:
        """What *what* names: a file with a certificate, a serial number, or the name of some.

        Raises:
            ValueError: it is none of these.
        """
        index = self.index()
        if named := index.named(what):
            return named
        if re.fullmatch(r"[0-9a-fA-F:]+", what) and not Path(what).is_file():
            serial = int(what.replace(":", "") or "0", 16)
            if found := [one for one in index.issued if one.serial == serial]:
                return found
        if Path(what).is_file():
            return [self._of_file(Path(what), index)]
        raise ValueError(
            f"{what!r} is neither the name nor the serial number of a certificate that this CA issued,"
            " nor a file; see mbap certs list"
        )

    def _of_file(self, path: Path, index: Index) -> Issued:
        certificate = read_certificates(path)[0]
        for one in index.issued:
            if one.serial == certificate.serial_number and signed(certificate, self.certificate):
                return one
        issuer, serial = certificate_facts(certificate).issuer, serial_text(certificate.serial_number)
        raise ValueError(f"{path} is not of this CA: it was issued by {issuer}, with serial number {serial}")

    @contextmanager
    def _changing(self) -> Iterator[Index]:
        """The index, while nobody else changes it."""
        with locked(self.path(".lock")):
            yield self.index()

    def _write_index(self, index: Index) -> None:
        write_file(self.path("index.json"), index_text(index).encode(), private=True, replace=True)

    def _write_crl(
        self, index: Index, key: PrivateKey, now: datetime, days: int
    ) -> x509.CertificateRevocationList:
        number, before = index.crl_number + 1, index.crl_updated
        crl = make_crl(self.certificate, key, index.revoked(), number, now, later_than=before, days=days)
        self._write_index(replace(index, crl_number=number, crl_updated=crl.last_update_utc))
        write_file(self.path("crl.pem"), crl.public_bytes(Encoding.PEM), private=False, replace=True)
        return crl


def wish_of(one: Issued, days: int) -> Wish:
    """The wish for another certificate that says the same as *one*."""
    return Wish(
        one.name, server=one.server, client=one.client, dns=one.dns, ip=one.ip, role=one.role, days=days
    )


def pem(certificate: x509.Certificate) -> bytes:
    """*certificate* as PEM."""
    return certificate.public_bytes(Encoding.PEM)


def check_name(name: str) -> None:
    """See whether *name* can be that of files, on every system.

    Raises:
        ValueError: it cannot.
    """
    if not _NAME.fullmatch(name) or name.endswith(".") or name.split(".")[0].casefold() in _RESERVED:
        raise ValueError(
            f"{name!r} cannot be the name of a file: take letters, digits, dots, - and _,"
            " and none of ca, crl, index"
        )


def check_strength(public: object) -> PublicKey:
    """*public*, when it is strong enough to be signed.

    Raises:
        ValueError: it is not, or of another kind.
    """
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= SMALLEST_RSA:
        return public
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.key_size >= 256:
        return public
    raise ValueError(
        f"the key is too weak or of another kind: RSA of {SMALLEST_RSA} bits or EC P-256 at least"
    )


def _issued(wish: Wish, certificate: x509.Certificate) -> Issued:
    return Issued(
        name=wish.name,
        serial=certificate.serial_number,
        server=wish.server,
        client=wish.client,
        dns=wish.dns,
        ip=wish.ip,
        role=wish.role,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def _revoked(one: Issued, now: datetime) -> Issued:
    return (
        one if one.revoked is not None else replace(one, revoked=now.astimezone(UTC).replace(microsecond=0))
    )
