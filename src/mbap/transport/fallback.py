"""Plain Modbus in place of TLS: asked for in so many words, for reading, and never where TLS once was.

Whoever can block port 802 could otherwise have everybody speak plainly.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mbap.errors import CertificateRefused, ConnectFailed, TlsFailed
from mbap.records import replace
from mbap.transport import tcp, tlsdial, tlswire
from mbap.transport.endpoint import Endpoint
from mbap.transport.opening import Wire

if TYPE_CHECKING:
    import asyncio

    from mbap.transport.tls import TLS

log = logging.getLogger("mbap.tls")
_SHARE: Final = 0.5
"""Of the time for connecting, so much is for TLS."""
_MOST: Final = 100_000


class Reached:
    """Which devices were reached by TLS, or speak it: kept in *file*, where there is one, between starts."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._known: set[str] = set()
        self._lock = threading.Lock()
        self._unsure = False
        if file is not None:
            self._read(file)

    def _read(self, file: Path) -> None:
        try:
            self._known = set(file.read_text(encoding="ascii").split())
        except FileNotFoundError:
            return
        except (OSError, ValueError) as problem:
            self._unsure = True
            log.error(
                "no fallback to plain Modbus: %s, which devices have TLS, cannot be read: %s", file, problem
            )

    def has(self, place: str) -> bool:
        """Whether *place*, `plc:802`, was; also where that cannot be known any more."""
        return self._unsure or place in self._known

    def add(self, place: str) -> None:
        """*place* speaks TLS."""
        with self._lock:
            if place in self._known:
                return
            if len(self._known) >= _MOST:
                self._unsure = True  # nothing is forgotten: nobody falls back any more
                return
            self._known.add(place)
            if self._file is not None:
                self._write(self._file)

    def _write(self, file: Path) -> None:
        with suppress(OSError, ValueError):  # others may have written to it
            self._known.update(file.read_text(encoding="ascii").split())
        new = file.with_name(f"{file.name}.new")
        try:
            with new.open("w", encoding="ascii") as out:
                out.write("".join(f"{place}\n" for place in sorted(self._known)))
                out.flush()
                os.fsync(out.fileno())
            new.replace(file)
        except OSError as problem:
            log.error("cannot remember in %s which devices have TLS: %s", file, problem)


class PlainWire:
    """A plain connection in place of one by TLS, for the blocking client."""

    read_only = True

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self.settimeout, self.recv, self.send = opened.settimeout, opened.recv, opened.send
        self.shutdown, self.close = opened.shutdown, opened.close


def connect(endpoint: Endpoint, timeout: float, tls: TLS, *, user_timeout: float) -> Wire:
    """A way to *endpoint*: by TLS, or plainly, for reading, where that may be.

    Raises:
        ConnectFailed: with the reason in plain words.
    """
    try:
        wire = tlswire.connect(endpoint, _SHARE * timeout, tls, user_timeout=user_timeout)
    except ConnectFailed as error:
        plain = _plain(endpoint, tls, error)
        return PlainWire(tcp.connect(plain, timeout * (1 - _SHARE), user_timeout=user_timeout))
    tls.reached.add(_place(endpoint))
    return wire


async def dial(
    make_protocol: Callable[[], asyncio.Protocol],
    endpoint: Endpoint,
    timeout: float,
    tls: TLS,
    *,
    user_timeout: float,
) -> None:
    """The same for asyncio.

    Raises:
        ConnectFailed: with the reason in plain words.
    """
    try:
        await tlsdial.dial(make_protocol, endpoint, _SHARE * timeout, tls, user_timeout=user_timeout)
    except ConnectFailed as error:
        plain = _plain(endpoint, tls, error)
        await tcp.dial(make_protocol, plain, timeout * (1 - _SHARE), user_timeout=user_timeout)
    else:
        tls.reached.add(_place(endpoint))


def _place(endpoint: Endpoint) -> str:
    return f"{endpoint.host}:{endpoint.port}"


def _plain(endpoint: Endpoint, tls: TLS, error: ConnectFailed) -> Endpoint:
    """Where plain Modbus is to be spoken because of *error*; tells everybody who wants to know.

    Raises:
        ConnectFailed: *error*, where it is not to be.
    """
    if isinstance(error, CertificateRefused):
        tls.reached.add(_place(endpoint))  # whoever has a certificate speaks TLS
    why_not = _why_not(endpoint, tls, error)
    if why_not:
        error.advice = f"{error.advice}; {why_not}".removeprefix("; ")
        raise error
    plain = replace(endpoint, scheme="tcp", port=endpoint.plain_port, plain_port=502)
    said = f"plain Modbus on port {plain.port} instead of TLS, read-only, because {error.reason}"
    log.warning("%s: %s", endpoint.url, said)
    if tls.on_fallback is not None:
        with suppress(Exception):
            tls.on_fallback(endpoint.url, said)
    return plain


def _why_not(endpoint: Endpoint, tls: TLS, error: ConnectFailed) -> str:
    """Why plain Modbus is no way to *endpoint*; empty where it is one."""
    if isinstance(error, TlsFailed):
        return "there is no fallback where somebody answers on this port"
    if tls.reached.has(_place(endpoint)):
        return "there is no fallback, because this device was reached by TLS before"
    return ""
