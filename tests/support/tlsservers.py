"""TLS servers that are not ours, and the error with which a client leaves them."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from typing import Any

import pytest

import mbap
from mbap import ModbusError
from mbap.protocol.pdu import ReadHoldingRegisters, WriteSingleRegister
from support.certificates import plant
from support.fronts import FRONTS, connected

DEVICE = mbap.Device(holding_registers=[7, 8, 9])
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
READ = ReadHoldingRegisters(0, 3)
WRITE = WriteSingleRegister(0, 1)
both_fronts = pytest.mark.parametrize("kind", FRONTS)
both_versions = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])


class Peer:
    """A TLS server that is not ours, in a thread; *shape* says in which pieces it answers.

    Attributes:
        handshakes: how many were tried. resumed: which of them went on from a session.
        breaks: it answers with what cannot be decrypted.
    """

    def __init__(self, context: ssl.SSLContext | None, answers: bool = True, shape: str = "whole") -> None:
        self.handshakes = 0
        self.resumed: list[bool] = []
        self.breaks = False
        self._context, self._answers, self._shape = context, answers, shape
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.url = f"tls://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Peer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _run(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            with accepted, suppress(OSError):
                accepted.settimeout(5)
                self.handshakes += 1
                self._serve(accepted)

    def _serve(self, accepted: socket.socket) -> None:
        if self._context is None:
            accepted.recv(4096)
            accepted.sendall(bytes.fromhex("000100000003018301"))
            return
        with self._context.wrap_socket(accepted, server_side=True) as client:
            self.resumed.append(bool(client.session_reused))
            while self._answers and (request := client.recv(4096)):
                self._answer(client, request)
            with suppress(OSError):
                client.unwrap()

    def _answer(self, client: ssl.SSLSocket, request: bytes) -> None:
        if self.breaks:  # a record that nobody can decrypt
            socket.socket.send(client, bytes.fromhex("17 0303 0020") + bytes(32))
            return
        read = request[7] == READ.function_code
        answer = request[:4] + bytes.fromhex("0009 01 03 06 0007 0008 0009") if read else request
        if self._shape == "whole":
            client.sendall(answer)
            return
        for at in range(0, len(answer), 5 if self._shape == "three records" else 1):
            client.sendall(answer[at : at + (5 if self._shape == "three records" else 1)])


def context_of(
    name: str = "server", version: ssl.TLSVersion | None = None, *, asks: bool = True, **limits: Any
) -> ssl.SSLContext:
    holder = plant()[name]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(holder.chain, holder.key)
    context.load_verify_locations(plant().ca)
    context.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def refused(kind: str, url: str, request: Any = READ, **options: Any) -> ModbusError:
    """The error that a call ends with."""
    options.setdefault("tls", plant()["client"].tls())
    with connected(kind, url, **options) as client:
        with pytest.raises(ModbusError) as caught:
            client.execute(request)
        return caught.value
