"""PEM files that somebody hands over: certificates, requests and lists out of them, or a sentence why not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

LARGEST: Final = 1_000_000
"""Bytes; what is larger holds no certificates."""
_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_LOADERS: Final = {
    "certificate": (x509.load_der_x509_certificate, "x509"),
    "certificate request": (x509.load_der_x509_csr, "req"),
    "revocation list": (x509.load_der_x509_crl, "crl"),
}


def bytes_of(path: Path) -> bytes:
    """What is in *path*.

    Raises:
        ValueError: it is empty, or far too large.
        OSError: it cannot be read; the sentence names the file.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, not a file")
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise type(error)(f"cannot read {path}: {error.strerror or error}") from None
    if not data.strip():
        raise ValueError(f"{path} is empty")
    if len(data) > LARGEST:
        raise ValueError(f"{path} is too large to be a certificate or a key")
    return data


def blocks(data: bytes) -> list[tuple[str, bytes]]:
    """The PEM blocks in *data*: what each says that it is, and the whole block."""
    return [(found[1].decode("ascii"), found[0]) for found in _BLOCK.finditer(data)]


def read_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates in *path*, one at least, in their order.

    Raises:
        ValueError: there is none, or one is damaged.
        OSError: it cannot be read.
    """
    return parse_certificates(bytes_of(path), path)


def parse_certificates(data: bytes, path: Path) -> list[x509.Certificate]:
    """The certificates in *data*, which came from *path*; see `read_certificates`."""
    found = [block for label, block in blocks(data) if label in ("CERTIFICATE", "X509 CERTIFICATE")]
    if not found:
        raise no_pem(path, data, "certificate")
    try:
        return [x509.load_pem_x509_certificate(block) for block in found]
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"a certificate in {path} is damaged") from None


def read_request(path: Path) -> x509.CertificateSigningRequest:
    """The request in *path*, whose signature is right.

    Raises:
        ValueError: there is none, it is damaged, or whoever made it did not have its key.
        OSError: it cannot be read.
    """
    data = bytes_of(path)
    found = [block for label, block in blocks(data) if label.endswith("CERTIFICATE REQUEST")]
    if not found:
        raise no_pem(path, data, "certificate request")
    try:
        request = x509.load_pem_x509_csr(found[0])
        right = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"the certificate request in {path} is damaged") from None
    if not right:
        raise ValueError(f"the request in {path} is not signed with its own key: it was changed on its way")
    return request


def read_crl(path: Path) -> x509.CertificateRevocationList:
    """The revocation list in *path*.

    Raises:
        ValueError: there is none, or it is damaged.
        OSError: it cannot be read.
    """
    data = bytes_of(path)
    found = [block for label, block in blocks(data) if label == "X509 CRL"]
    if not found:
        raise no_pem(path, data, "revocation list")
    try:
        return x509.load_pem_x509_crl(found[0])
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"the revocation list in {path} is damaged") from None


def no_pem(path: Path, data: bytes, wanted: str) -> ValueError:
    """Why there is no *wanted* in *data*: what it is instead, as far as that can be told."""
    labels = [label.lower() for label, _ in blocks(data)]
    if labels:
        return ValueError(f"{path} has no {wanted}, but: {', '.join(labels)}")
    for what, (load, command) in _LOADERS.items():
        try:
            load(data)
        except (ValueError, UnsupportedAlgorithm):
            continue
        return ValueError(
            f"{path} is a {what} in DER, and PEM is wanted:"
            f" openssl {command} -inform DER -in {path} -out {path.with_suffix('.pem')}"
        )
    return ValueError(f"{path} has no {wanted} in PEM, the form that begins with -----BEGIN")
