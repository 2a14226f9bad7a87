"""Answers to datagrams, one ADU each: what `udp://` listens with."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

from mbap.protocol.server import Heard, ServerSession
from mbap.protocol.tcp import HEADER
from mbap.server.conversation import Conversation, Service
from mbap.server.handler import Peer


class DatagramHost(Service, Protocol):
    """What datagrams need of their server."""

    @property
    def url(self) -> str:
        """Where it listens."""
        ...

    def new_session(self) -> ServerSession:
        """A session for one client."""
        ...

    def allows(self, address: str) -> bool:
        """Whether clients at *address* are served; counts those that are not."""
        ...

    def count_heard(self, before: Heard, now: Heard) -> None:
        """A framing has left out more than before."""
        ...


class Datagrams(asyncio.DatagramProtocol):
    """Answers every datagram that is one request, to where it came from.

    As many clients are remembered as there may be connections; where there is one more, the one that asked
    longest ago and has no request open is forgotten. While the system does not take answers, what comes is
    dropped: a client has to ask again, as it has to whenever a datagram is lost.
    """

    def __init__(self, host: DatagramHost) -> None:
        self.blocked = False
        self._host = host
        self._clients: dict[Any, DatagramClient] = {}
        self._transport: asyncio.DatagramTransport

    def __len__(self) -> int:
        return len(self._clients)

    @property
    def conversations(self) -> list[Conversation]:
        """Those with all clients that are remembered."""
        return [client.conversation for client in self._clients.values()]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: Any) -> None:
        if self.blocked:
            self._host.counted.unanswered += 1
        elif self._host.allows(str(address[0])):
            client = self._client(address)
            if client is not None:
                client.receive(data)

    def error_received(self, exc: Exception) -> None:
        """A client is not there any more, and its system says so; nothing is to be done."""

    def pause_writing(self) -> None:
        self.blocked = True

    def resume_writing(self) -> None:
        self.blocked = False
        for conversation in self.conversations:
            conversation.work()

    def send(self, data: bytes, address: Any) -> None:
        """Send one datagram."""
        if not self._transport.is_closing():
            self._transport.sendto(data, address)

    def forget(self, address: Any) -> None:
        """End the conversation with *address*."""
        client = self._clients.pop(address, None)
        if client is not None:
            client.conversation.end()

    def close(self) -> None:
        """Answer no more."""
        for address in list(self._clients):
            self.forget(address)
        self._transport.close()

    def _client(self, address: Any) -> DatagramClient | None:
        client = self._clients.pop(address, None)
        if client is None:
            if len(self._clients) >= self._host.limits.max_connections and not self._made_room():
                self._host.counted.refused += 1
                return None
            client = DatagramClient(self._host, self, address)
            self._host.counted.accepted += 1
            if not client.conversation.begin():
                return None
        self._clients[address] = client
        return client

    def _made_room(self) -> bool:
        quiet = (address for address, client in self._clients.items() if client.conversation.quiet)
        longest = next(quiet, None)
        if longest is None:
            return False
        self.forget(longest)
        return True


class DatagramClient:
    """One client, known by its address and port."""

    def __init__(self, host: DatagramHost, datagrams: Datagrams, address: Any) -> None:
        self._host, self._datagrams, self._address = host, datagrams, address
        self._session = host.new_session()
        self._heard = Heard()
        peer = Peer(str(address[0]), int(address[1]), host.url)
        self.conversation = Conversation(host, self._session, self, peer)

    @property
    def blocked(self) -> bool:
        """Whether the system takes no more answers for now."""
        return self._datagrams.blocked

    def receive(self, data: bytes) -> None:
        """The client sent *data*."""
        self.conversation.take(self._session.receive_data(data))
        heard = self._session.heard
        if heard != self._heard:
            self._host.count_heard(self._heard, heard)
            self._heard = heard

    def transmit(self, data: bytes) -> None:
        """Send the ADUs in *data*, a datagram each."""
        while data:
            whole = 6 + HEADER.unpack_from(data)[2] if len(data) >= HEADER.size else len(data)
            self._datagrams.send(data[:whole], self._address)
            data = data[whole:]

    def settled(self) -> None:
        """Nothing waits for anything."""

    def close(self, *, reset: bool = False) -> None:
        """There is no connection: what is open is not answered any more."""
        self._datagrams.forget(self._address)
