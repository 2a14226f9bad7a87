"""What a TLS server shows to whoever connects: looked at without trust, and without a Modbus request."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from mbap.records import Record

_SERVER_HELLO: Final = 2
_CERTIFICATE: Final = 11
_CERTIFICATE_REQUEST: Final = 13
_TLS_1_3: Final = 0x0304
_MOST_SEEN: Final = 200_000
"""Bytes of one message; a chain is far smaller."""
_VERSIONS: Final = {0x0304: "TLSv1.3", 0x0303: "TLSv1.2", 0x0302: "TLSv1.1", 0x0301: "TLSv1"}
LATE: Final = 1.0
"""Seconds in which a server of TLS 1.3 says that it refuses a certificate, after the handshake."""


class Shown(Record):
    """What one handshake showed.

    Attributes:
        connected: somebody listens there; without it *fault* says what is in the way.
        version: `TLSv1.3`; empty when it did not come so far.
        suite: the cipher suite.
        chain: the server's certificates, in DER, as it sent them.
        asked: it asked for a client's certificate.
        accepted: the handshake succeeded, and nothing was said against it afterwards.
        fault: the sentence why not; empty when accepted.
        reply: what came for the bytes that were sent after it.
    """

    connected: bool
    version: str = ""
    suite: str = ""
    chain: tuple[bytes, ...] = ()
    asked: bool = False
    accepted: bool = False
    fault: str = ""
    reply: bytes = b""


class _Heard:
    """The messages of a handshake as they pass by, also of one that fails."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._suites = {int(one["id"]) & 0xFFFF: str(one["name"]) for one in context.get_ciphers()}
        self.version = 0
        self.suite = ""
        self.chain: tuple[bytes, ...] = ()
        self.asked = False

    def __call__(
        self, connection: object, direction: str, version: int, content: int, message: int, data: bytes
    ) -> None:
        if direction != "read" or len(data) > _MOST_SEEN:
            return
        if message == _SERVER_HELLO:
            self._hello(data)
        elif message == _CERTIFICATE:
            self.chain = _chain(data[4:], later=self.version == _TLS_1_3)
        elif message == _CERTIFICATE_REQUEST:
            self.asked = True

    def _hello(self, data: bytes) -> None:
        """The version and the suite that the server chose (RFC 8446, 4.1.3)."""
        self.version = int.from_bytes(data[4:6], "big")
        after = 39 + data[38] if len(data) > 38 else len(data)
        self.suite = self._suites.get(int.from_bytes(data[after : after + 2], "big"), self.suite)
        extensions = data[after + 5 :]
        while len(extensions) >= 4:
            kind, size = int.from_bytes(extensions[:2], "big"), int.from_bytes(extensions[2:4], "big")
            if kind == 43:
                self.version = int.from_bytes(extensions[4 : 4 + size], "big")
            extensions = extensions[4 + size :]


def look(
    host: str,
    port: int,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    passphrase: bytes | None = None,
    ca: Path | None = None,
    crl: Path | None = None,
    send: bytes = b"",
    patience: float = 5.0,
) -> Shown:
    """One handshake with *host*: what it shows, whatever is wrong with it.

    Args:
        certificate: ours, with *key*: to see whether it is accepted.
        ca: verify the server as a client does, also against the revocation list *crl*; without it nothing is
            verified, so that there is something to see.
        send: what to send after it; without it, nothing but the handshake is.
        patience: seconds for connection and handshake, each.

    Raises:
        ValueError: our certificate and key cannot be used.
        OSError: a file cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # whatever is wrong is to be seen, and nothing is sent in trust
    else:
        _trust(context, ca, crl)
    if certificate is not None:
        _load(context, certificate, key, passphrase)
    heard = _Heard(context)
    context._msg_callback = heard  # type: ignore[attr-defined] # the only way to see who asks for a certificate
    try:
        raw = socket.create_connection((host, port), timeout=patience)
    except OSError as error:
        return Shown(False, fault=_unreachable(host, port, error))
    raw.settimeout(patience)
    with closing(raw):
        accepted, fault, reply = _handshake(context, raw, host, send, patience)
    version = _VERSIONS.get(heard.version, "")
    return Shown(True, version, heard.suite, heard.chain, heard.asked, accepted, fault, reply)


def _handshake(
    context: ssl.SSLContext, raw: socket.socket, host: str, send: bytes, patience: float
) -> tuple[bool, str, bytes]:
    """Whether it was accepted, why not, and what came for *send*."""
    try:
        with context.wrap_socket(raw, server_hostname=host) as secured:
            secured.settimeout(patience if send else LATE if secured.version() == "TLSv1.3" else 0.2)
            if send:
                secured.sendall(send)
            reply = _read(secured, until=time.monotonic() + patience if send else 0)
    except TimeoutError:
        return False, "it accepts the connection and then says nothing: is this a TLS server?", b""
    except (ssl.SSLError, OSError) as error:
        return False, refusal(error), b""
    if reply is None:
        return False, "it closed the connection after the handshake: it does not want our certificate", b""
    return True, "", reply


def _read(secured: ssl.SSLSocket, until: float) -> bytes | None:
    """What comes: all of one ADU when something was sent; None when the server closed."""
    data = b""
    while True:
        try:
            part = secured.recv(1024)
        except TimeoutError:
            return data
        if not part:
            return data or None
        data += part
        whole = len(data) >= 6 and len(data) >= 6 + int.from_bytes(data[4:6], "big")
        if whole or time.monotonic() > until:
            return data


def _trust(context: ssl.SSLContext, ca: Path, crl: Path | None) -> None:
    context.load_verify_locations(ca)
    if crl is not None:
        context.load_verify_locations(crl)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def _load(context: ssl.SSLContext, certificate: Path, key: Path | None, passphrase: bytes | None) -> None:
    given = passphrase if passphrase is not None else b""  # else OpenSSL would ask at the terminal
    try:
        context.load_cert_chain(certificate, key or certificate, password=given)
    except ssl.SSLError as error:
        why = "is not the key of" if error.reason == "KEY_VALUES_MISMATCH" else "cannot be used with"
        raise ValueError(f"the key {key or certificate} {why} the certificate {certificate}") from None


_ALERTS: Final = {
    "CERTIFICATE_REQUIRED": "it wants a certificate, and there was none",
    "UNKNOWN_CA": "it does not know the CA of our certificate",
    "CERTIFICATE_REVOKED": "our certificate is revoked",
    "CERTIFICATE_EXPIRED": "our certificate is expired",
    "BAD_CERTIFICATE": "it takes our certificate for a bad one",
    "UNSUPPORTED_CERTIFICATE": "our certificate is not for this purpose",
    "CERTIFICATE_UNKNOWN": "it does not accept our certificate",
    "ACCESS_DENIED": "it denies access to our certificate",
    "HANDSHAKE_FAILURE": "it found no common way, or wants a certificate",
    "PROTOCOL_VERSION": "it speaks neither TLS 1.2 nor 1.3, which are what Modbus/TCP Security allows",
    "UNSUPPORTED_PROTOCOL": "it speaks neither TLS 1.2 nor 1.3, which are what Modbus/TCP Security allows",
    "WRONG_VERSION_NUMBER": "it does not speak TLS: is this plain Modbus, or another service?",
    "RECORD_LAYER_FAILURE": "it does not speak TLS: is this plain Modbus, or another service?",
    "UNEXPECTED_EOF_WHILE_READING": "it closed the connection in the handshake: is this a TLS server?",
}


def refusal(error: OSError) -> str:
    """What an error in or after a handshake means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"a client refuses its certificate: {error.verify_message}"
    reason = getattr(error, "reason", None) or ""
    found = next((said for name, said in _ALERTS.items() if reason.endswith(name)), None)
    if found is not None:
        return found
    if isinstance(error, ConnectionError | ssl.SSLEOFError):
        return "it closed the connection in the handshake: is this a TLS server?"
    return f"the handshake failed: {reason.lower().replace('_', ' ') or error}"


def _chain(body: bytes, *, later: bool) -> tuple[bytes, ...]:
    """The certificates of a Certificate message: since TLS 1.3 with extensions, and a context before them."""
    rest = body[1 + body[0] :] if later and body else body
    rest, found = rest[3:], []
    while len(rest) > 3:
        size = int.from_bytes(rest[:3], "big")
        found.append(rest[3 : 3 + size])
        rest = rest[3 + size :]
        if later:
            rest = rest[2 + int.from_bytes(rest[:2], "big") :]
    return tuple(found)


def _unreachable(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"the name {host} is unknown"
    if isinstance(error, TimeoutError):
        return f"{host} does not answer on port {port}: is it on, and does a firewall let it pass?"
    if isinstance(error, ConnectionRefusedError):
        return f"{host} refused the connection: nobody listens on port {port}"
    return f"cannot connect to {host} on port {port}: {error.strerror or error}"
