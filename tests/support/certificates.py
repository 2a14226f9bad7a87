"""Certificates for tests, made once for a session: a site's own authority, and all that can be wrong."""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mbap.protocol.role import ROLE_OID, encode_role
from mbap.transport.tls import TLS

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
ROLE = x509.ObjectIdentifier(ROLE_OID)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Plant"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def new_key(kind: str = "ec") -> Key:
    """A private key: `ec` is P-256, `rsa` 2048 bits."""
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def role_extension(value: bytes) -> x509.UnrecognizedExtension:
    """The extension of the role with *value* as it is, right or wrong."""
    return x509.UnrecognizedExtension(ROLE, value)


class Authority:
    """A certificate authority in memory, which signs whatever it is asked to."""

    def __init__(self, name: str = "Plant CA", above: Authority | None = None) -> None:
        self.name = _name(name)
        self.above = above
        self.key = new_key()
        self.certificate = self._own()
        self._revoked: list[x509.RevokedCertificate] = []

    def _own(self) -> x509.Certificate:
        signer = self.above or self
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(signer.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - 400 * DAY)
            .not_valid_after(NOW + 400 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=False,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=True,
                    crl_sign=True,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
        )
        return builder.sign(signer.key, hashes.SHA256())

    def sign(
        self,
        name: str,
        key: Key,
        *,
        usage: Sequence[x509.ObjectIdentifier] = (),
        names: Iterable[str] = (),
        roles: Iterable[bytes] = (),
        times: tuple[datetime.datetime, datetime.datetime] = (NOW - DAY, NOW + 30 * DAY),
    ) -> x509.Certificate:
        """A certificate for *key*; *roles* are the values of its role extensions, of which many may be."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(times[0])
            .not_valid_after(times[1])
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        )
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        found = [_general_name(one) for one in names]
        if found:
            builder = builder.add_extension(x509.SubjectAlternativeName(found), critical=False)
        for role in roles:
            # The builder refuses a second one, and a test needs just that.
            extension = x509.Extension(ROLE, False, role_extension(role))
            builder._extensions.append(extension)
        return builder.sign(self.key, hashes.SHA256())

    def revoke(self, certificate: x509.Certificate) -> None:
        """From the next list on *certificate* is revoked."""
        one = x509.RevokedCertificateBuilder(certificate.serial_number, NOW - DAY)
        self._revoked.append(one.build())

    def revocation_list(
        self,
        *,
        begins: datetime.datetime = NOW - DAY,
        ends: datetime.datetime = NOW + 30 * DAY,
        without: bool = False,
    ) -> bytes:
        """A list of what is revoked, in PEM; *without* leaves everything out."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(begins)
            .next_update(ends)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
        )
        for one in () if without else self._revoked:
            builder = builder.add_revoked_certificate(one)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def write_key(path: Path, key: Key) -> Path:
    """*key* in a file that nobody else may read."""
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    return path


class Holder:
    """A certificate with its key, in files; *ca* is the file of those whom it trusts."""

    def __init__(self, folder: Path, name: str, certificate: x509.Certificate, key: Key, ca: Path) -> None:
        self.certificate = certificate
        self.key = write_key(folder / f"{name}.key", key)
        self.chain = folder / f"{name}.pem"
        self.chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.ca = ca

    def tls(self, **others: object) -> TLS:
        """Its settings; *others* as for `TLS`."""
        given: dict[str, object] = {"ca": self.ca, "certificate": self.chain, "key": self.key, **others}
        return TLS(**given)  # type: ignore[arg-type]


class Plant:
    """The certificates of one plant, with the names that the tests call them by."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority, self.other = Authority(), Authority("Other CA")
        self.ca, self.other_ca = folder / "ca.pem", folder / "other-ca.pem"
        self.ca.write_bytes(self.authority.pem)
        self.other_ca.write_bytes(self.other.pem)
        self.crl = folder / "crl.pem"
        self._made: dict[str, Holder] = {}
        self.authority.revoke(self["revoked"].certificate)
        self.authority.revoke(self["revoked server"].certificate)
        self.crl.write_bytes(self.authority.revocation_list())

    def __getitem__(self, name: str) -> Holder:
        """The holder *name*, made when it is first asked for."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> Holder:
        key = new_key("rsa" if "rsa" in name else "ec")
        file = name.replace(" ", "-")
        certificate = self._server(name, key) if "server" in name else self._client(name, key)
        return Holder(self.folder, file, certificate, key, self.ca)

    def _server(self, name: str, key: Key) -> x509.Certificate:
        names = ("plc.plant", "10.0.0.5") if "misnamed" in name else ("localhost", "127.0.0.1", "::1")
        return self._signer(name, key).sign(name, key, usage=[SERVER], names=names, times=_times(name))

    def _client(self, name: str, key: Key) -> x509.Certificate:
        usage = () if "any use" in name else (SERVER,) if "serverauth" in name else (CLIENT,)
        return self._signer(name, key).sign(
            name, key, usage=usage, roles=ROLES.get(name, (encode_role("Operator"),)), times=_times(name)
        )

    def _signer(self, name: str, key: Key) -> Authority:
        if "self-signed" in name:
            own = Authority.__new__(Authority)
            own.name, own.key = _name(name), key
            return own
        return self.other if "strange" in name else self.authority


def _times(name: str) -> tuple[datetime.datetime, datetime.datetime]:
    if "expired" in name:
        return NOW - 30 * DAY, NOW - DAY
    if "future" in name:
        return NOW + DAY, NOW + 30 * DAY
    return NOW - DAY, NOW + 30 * DAY


ROLES: dict[str, Sequence[bytes]] = {
    "roleless": (),
    "doubly roled": (encode_role("Operator"), encode_role("Admin")),
    "printable role": (b"\x13\x08Operator",),
    "ia5 role": (b"\x16\x08Operator",),
    "raw role": (b"Operator",),
    "empty role": (b"\x0c\x00",),
    "nul role": (b"\x0c\x05Op\x00er",),
    "long role": (b"\x0c\x82\x28\x00" + 10_240 * b"x",),
    "trailing role": (encode_role("Operator") + b"\x00",),
    "broken role": (b"\x0c\x02\xc3\x28",),
    "listed role": (encode_role("Operator,Admin"),),
    "lower role": (encode_role("operator"),),
}
"""The role extensions of those who do not have that of an Operator."""


@cache
def plant() -> Plant:
    """The certificates that all tests of this process share; none of the files may be changed."""
    return Plant(Path(mkdtemp(prefix="mbap-certificates-")))
