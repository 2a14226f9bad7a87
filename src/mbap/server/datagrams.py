"""Answers to datagrams, one ADU each: what `udp://` listens with."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

from mbap.protocol.server import Heard, ServerSession
from mbap.protocol.tcp import HEADER
from mbap.server.conversation import Conversation, Service
from mbap.server.guests import Correspondents
from mbap.server.handler import Peer

_LOOKS = 4
"""How often in the time after which a client is forgotten for being idle it is looked who is."""


class DatagramHost(Service, Protocol):
    """What datagrams need of their server."""

    @property
    def url(self) -> str:
        """Where it listens."""
        ...

    def new_session(self) -> ServerSession:
        """A session for one client."""
        ...

    def count_heard(self, before: Heard, now: Heard) -> None:
        """A framing has left out more than before."""
        ...


class Datagrams(asyncio.DatagramProtocol):
    """Answers every datagram that is one request, to where it came from.

    Clients are remembered within the limits for connections; one that was quiet for longest, or for as long
    as the limits say, is forgotten. While the system does not take answers, what comes is dropped: a client
    has to ask again, as it has to whenever a datagram is lost.
    """

    def __init__(self, host: DatagramHost, remembered: Correspondents[DatagramClient]) -> None:
        self.blocked = False
        self._host, self._remembered = host, remembered
        self._clients: dict[Any, DatagramClient] = {}
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.DatagramTransport

    @property
    def conversations(self) -> list[Conversation]:
        """Those with all clients that are remembered."""
        return [client.conversation for client in self._clients.values()]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: Any) -> None:
        if self.blocked:
            self._host.counted.unanswered += 1
        elif self._remembered.allows(str(address[0])):
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
            self._remembered.forget(client)
            client.conversation.end()

    def close(self) -> None:
        """Answer no more."""
        if self._timer is not None:
            self._timer.cancel()
        for address in list(self._clients):
            self.forget(address)
        self._transport.close()

    def _client(self, address: Any) -> DatagramClient | None:
        client = self._clients.get(address)
        if client is not None:
            self._remembered.touch(client)
            return client
        if not self._remembered.has_room(str(address[0])):
            return None
        client = DatagramClient(self._host, self, address)
        self._remembered.admit(client)
        if not client.conversation.begin():
            self._remembered.forget(client)
            return None
        self._clients[address] = client
        self._watch()
        return client

    def _watch(self) -> None:
        """Have a timer as long as somebody is remembered who may be forgotten for being idle."""
        idle = self._host.limits.idle_timeout
        if idle is not None and self._timer is None and self._clients:
            self._timer = self._loop.call_later(idle / _LOOKS, self._forget_idle, idle)

    def _forget_idle(self, idle: float) -> None:
        self._timer = None
        since = self._loop.time() - idle
        for address, client in list(self._clients.items()):
            if (
                client.quiet
                and client.last_active <= since
                and not self._remembered.keeps(client.peer.address)
            ):
                self._host.counted.closed_idle += 1
                self.forget(address)
        self._watch()


class DatagramClient:
    """One client, known by its address and port."""

    def __init__(self, host: DatagramHost, datagrams: Datagrams, address: Any) -> None:
        self._host, self._datagrams, self._address = host, datagrams, address
        self._session = host.new_session()
        self._heard = Heard()
        self._loop = asyncio.get_running_loop()
        self.last_active = self._loop.time()
        self.served = False
        self.peer = Peer(str(address[0]), int(address[1]), host.url)
        self.conversation = Conversation(host, self._session, self, self.peer)

    @property
    def quiet(self) -> bool:
        """Whether no request of it is open."""
        return self.conversation.quiet

    @property
    def blocked(self) -> bool:
        """Whether the system takes no more answers for now."""
        return self._datagrams.blocked

    def receive(self, data: bytes) -> None:
        """The client sent *data*."""
        self.last_active = self._loop.time()
        self.conversation.take(self._session.receive_data(data))
        heard = self._session.heard
        if heard != self._heard:
            self._host.count_heard(self._heard, heard)
            self._heard = heard

    def transmit(self, data: bytes) -> None:
        """Send the ADUs in *data*, a datagram each."""
        self.last_active = self._loop.time()
        self.served = True
        while data:
            whole = 6 + HEADER.unpack_from(data)[2] if len(data) >= HEADER.size else len(data)
            self._datagrams.send(data[:whole], self._address)
            data = data[whole:]

    def settled(self) -> None:
        """Nothing waits for anything."""

    def close(self, *, reset: bool = False) -> None:
        """There is no connection: what is open is not answered any more."""
        self._datagrams.forget(self._address)

    def abort(self) -> None:
        """The same, when another client gets its place."""
        self._datagrams.forget(self._address)
