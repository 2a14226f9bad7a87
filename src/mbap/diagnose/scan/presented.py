"""What a TLS server shows to whoever comes: its certificate, and whether it asks for ours."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mbap.transport.handshake import Seen, Watched

if TYPE_CHECKING:
    from mbap.transport.certificate import Certificate


@dataclass(frozen=True, slots=True)
class Presented:
    """What it showed.

    Attributes:
        certificate: None where it showed none, or one that cannot be read.
        asks: whether it asks for a certificate of the client.
        version: of TLS, where the handshake came so far.
    """

    certificate: Certificate | None
    asks: bool
    version: str | None = None

    @property
    def said(self) -> str:
        """In a few words: whose certificate, until when, and what it asks for."""
        from mbap.transport.certificate import moment

        parts = ["TLS"]
        if self.certificate is not None:
            until = moment(self.certificate.not_after).partition(" ")[0]
            parts.append(f"{self.certificate.holder} until {until}")
        if self.asks:
            parts.append("asks for a client certificate")
        return ", ".join(parts)


async def presented(address: str, port: int, timeout: float) -> Presented | None:
    """Begin a handshake, and go as far as it goes; None where no TLS is spoken there.

    Raises:
        OSError: it cannot be connected; `TimeoutError` where nobody answers.
    """
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(address, port)
    watched = _watched()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = watched.context.wrap_bio(incoming, outgoing)
    seen = watched.begin(one)
    try:
        async with asyncio.timeout(timeout):
            await _handshake(one, incoming, outgoing, reader, writer)
    except (OSError, TimeoutError):
        pass  # how it ends does not matter: what was seen until then does
    finally:
        watched.end(one, done=False)
        writer.close()
    if seen.chain is None and one.version() is None:
        return None
    return Presented(_certificate(seen), seen.asked, one.version())


async def _handshake(
    one: ssl.SSLObject,
    incoming: ssl.MemoryBIO,
    outgoing: ssl.MemoryBIO,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    while True:
        try:
            one.do_handshake()
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            data = await reader.read(16_384)
            if not data:
                return
            incoming.write(data)
        else:
            writer.write(outgoing.read())
            await writer.drain()
            return


def _certificate(seen: Seen) -> Certificate | None:
    try:
        return seen.certificate
    except ModuleNotFoundError:  # without the extra tls
        return None


def _watched() -> Watched:
    """Takes whatever is offered: it is looked at, and nothing is said over it."""
    contexts = []
    for _ in range(2):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        contexts.append(context)
    return Watched(*contexts)
