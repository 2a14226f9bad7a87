"""A site's CA in a folder, and TLS handshakes between what it issued."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from mbap.security.authority import Authority
from mbap.security.certificates import PrivateKey, Wish, make_ca, new_key
from mbap.security.keyfiles import write_key

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class SiteCa:
    """The CA of *folder*, made anew; `server` and `client` make key and certificate and give their files."""

    def __init__(self, folder: Path, name: str = "Test site", now: datetime = NOW) -> None:
        self.key = new_key()
        self.now = now
        self.authority = Authority.create(folder, make_ca(self.key, name, now), self.key, now)
        self.ca = folder / "ca.pem"
        self.crl = folder / "crl.pem"

    def server(self, name: str = "plc1", *, days: int = 730) -> tuple[Path, Path]:
        """For localhost and 127.0.0.1."""
        return self.made(Wish(name, server=True, dns=("localhost",), ip=("127.0.0.1",), days=days))

    def client(self, name: str = "panel", role: str | None = "Operator") -> tuple[Path, Path]:
        """With *role*."""
        return self.made(Wish(name, client=True, role=role))

    def made(self, wish: Wish, key: PrivateKey | None = None) -> tuple[Path, Path]:
        """The files of certificate and key for *wish*."""
        key = key or new_key()
        self.authority.issue(wish, key.public_key(), self.key, self.now, overwrite=True)
        path = self.authority.path(f"{wish.name}.key")
        write_key(path, key, replace=True)
        return self.authority.path(f"{wish.name}.pem"), path

    def revoke(self, name: str) -> None:
        """Put all of *name* on the revocation list."""
        serials = [one.serial for one in self.authority.index().named(name)]
        self.authority.revoke(serials, self.key, self.now)


def today() -> datetime:
    """The time to the second, for what OpenSSL is to verify by its own clock."""
    return datetime.now(UTC).replace(microsecond=0)


def leaf_of(path: Path) -> x509.Certificate:
    """The first certificate in *path*."""
    return x509.load_pem_x509_certificates(path.read_bytes())[0]


def server_context(
    ca: Path, files: tuple[Path, Path], *, crl: Path | None = None, wants: bool = True
) -> ssl.SSLContext:
    """A server's: wants the client's certificate unless told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_REQUIRED if wants else ssl.CERT_NONE
    if crl is not None:
        context.load_verify_locations(crl)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def client_context(ca: Path, files: tuple[Path, Path] | None) -> ssl.SSLContext:
    """A client's, which verifies chain and name."""
    context = ssl.create_default_context(cafile=str(ca))
    if files is not None:
        context.load_cert_chain(*files)
    return context


@contextmanager
def tls_server(context: ssl.SSLContext, answer: bytes = b"") -> Iterator[tuple[int, list[bytes]]]:
    """A server on 127.0.0.1 that takes any number of connections, one after the other; gives its port and
    what it received. What it receives is answered with *answer*, where there is one."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                connection.settimeout(10)
                with suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                    while data := secured.recv(1000):
                        received.append(data)
                        if answer:
                            secured.sendall(answer)
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1], received
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=10)


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost") -> x509.Certificate:
    """The certificate of the client as the server sees it.

    Raises:
        ssl.SSLError: one of them refused the other.
    """
    client_in, client_out, server_in, server_out = (ssl.MemoryBIO() for _ in range(4))
    one = client.wrap_bio(client_in, client_out, server_hostname=name)
    other = server.wrap_bio(server_in, server_out, server_side=True)
    for _ in range(6):
        for side in (one, other):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
            server_in.write(client_out.read())
            client_in.write(server_out.read())
    der = other.getpeercert(True)
    assert der is not None
    return x509.load_der_x509_certificate(der)
