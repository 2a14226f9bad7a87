"""Files that must be private: written for their owner alone, and not read when others could have."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mbap.security.certificates import PrivateKey
from mbap.security.pemfiles import bytes_of, no_pem

POSIX: Final = os.name == "posix"
_WIDER: Final = 0o077


class Exists(ValueError):
    """A file is there already and is not to be overwritten."""


class TooWide(ValueError):
    """Others than its owner may read a key, or enter a folder of keys."""


class PassphraseNeeded(ValueError):
    """The key is encrypted, and there was no passphrase."""


def write_key(path: Path, key: PrivateKey, passphrase: bytes | None = None, *, replace: bool = False) -> None:
    """Write *key* as PEM (PKCS#8), for its owner alone; whole or not at all.

    Raises:
        Exists: the file is there, and *replace* was not said.
        OSError: it cannot be written.
    """
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase)
    pkcs8 = serialization.PrivateFormat.PKCS8
    data = key.private_bytes(serialization.Encoding.PEM, pkcs8, encryption)
    write_file(path, data, private=True, replace=replace)


def read_key(path: Path, passphrase: bytes | None = None) -> PrivateKey:
    """The key in the PEM file *path*.

    Raises:
        TooWide: others can read the file.
        PassphraseNeeded: it is encrypted, and there was no passphrase.
        ValueError: it has no key that can be used, and why.
        OSError: it cannot be read.
    """
    check_private(path)
    return parse_key(bytes_of(path), path, passphrase)


def parse_key(data: bytes, path: Path, passphrase: bytes | None = None) -> PrivateKey:
    """The key in *data*, which came from *path*; see `read_key`."""
    if b"PRIVATE KEY-----" not in data:
        raise no_pem(path, data, "private key")
    try:
        key = serialization.load_pem_private_key(data, passphrase)
    except TypeError:
        if passphrase is not None:  # it is not encrypted; a passphrase that is not needed does no harm
            return parse_key(data, path)
        raise PassphraseNeeded(f"the key {path} is encrypted: give its passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        if passphrase is not None:
            raise ValueError(f"the passphrase does not open {path}, or the key is damaged") from None
        raise ValueError(f"the private key in {path} is damaged") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError(f"the key in {path} is neither RSA nor of an elliptic curve such as P-256")
    return key


def check_private(path: Path) -> None:
    """See that only its owner can read *path*, a key or a folder of keys. On Windows it is not looked at.

    Raises:
        TooWide: others can.
        OSError: there is no such file.
    """
    found = path.stat()
    if not POSIX:
        return
    if found.st_uid != os.geteuid() and os.geteuid() != 0:
        raise TooWide(f"{path} belongs to another user: whoever runs this must own it")
    if found.st_mode & _WIDER:
        mode = stat.S_IMODE(found.st_mode)
        what, right = ("folder", "700") if stat.S_ISDIR(found.st_mode) else ("key", "600")
        raise TooWide(f"others can read the {what} {path} (mode {mode:04o}): run chmod {right} {path}")


def make_folder(folder: Path) -> None:
    """Make *folder* for its owner alone; one that is there must be that already.

    Raises:
        TooWide: others can enter it.
        OSError: it cannot be made.
    """
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")
    check_private(folder)


def write_file(path: Path, data: bytes, *, private: bool, replace: bool) -> None:
    """Write *data* whole or not at all: a reader sees the old file, or the new one.

    Raises:
        Exists: the file is there, and *replace* was not said.
        OSError: it cannot be written.
    """
    if not replace and path.exists():
        raise Exists(f"{path} is there already: give --replace to overwrite it")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o600 if private else 0o644)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
