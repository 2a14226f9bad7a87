"""The doors of a server: all that it listens with, be it TCP, UDP or a serial line."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mbap.records import replace
from mbap.server.connection import Host
from mbap.server.conversation import Conversation
from mbap.server.guests import Correspondents
from mbap.server.listening import Acceptor, Take, bound, cannot_listen, places
from mbap.transport.endpoint import Endpoint

if TYPE_CHECKING:
    from mbap.server.datagrams import DatagramClient, Datagrams
    from mbap.server.serialline import SerialListener

log = logging.getLogger("mbap.server")


class Doors:
    """Listens at *endpoint* for *server*.

    Args:
        enter: takes in whoever has connected by TCP.
        given: bound sockets to listen on instead of new ones; they stay open elsewhere.
        public: it is meant that *endpoint* can be reached from the whole internet.

    Attributes:
        endpoint: where it listens, with the port it really got.
        correspondents: the clients that are known by their datagrams alone.
    """

    def __init__(
        self,
        server: Host,
        endpoint: Endpoint,
        enter: Take,
        given: Sequence[socket.socket] | None,
        *,
        public: bool,
    ) -> None:
        self.endpoint = endpoint
        self.correspondents: Correspondents[DatagramClient] = Correspondents(
            server.limits, server.counted, server.seldom
        )
        self._server, self._enter, self._given, self._public = server, enter, given, public
        self._acceptors: list[Acceptor] = []
        self._datagrams: list[Datagrams] = []
        self._port: SerialListener | None = None

    async def open(self) -> None:
        """Listen.

        Raises:
            ValueError: it can be reached from the whole internet, and that is not meant.
            OSError: it cannot; one sentence.
        """
        if self.endpoint.line is None:
            await self._open_on_network()
            return
        from mbap.server.serialline import SerialListener  # few servers have one

        self._port = SerialListener(self._server, self.endpoint)
        await self._port.start()

    async def aclose(self) -> None:
        """Let nobody in any more, and hear nobody; those who are connected by TCP stay."""
        acceptors, self._acceptors = self._acceptors, []
        await asyncio.gather(*(acceptor.aclose() for acceptor in acceptors))
        if self._port is not None:
            await self._port.aclose()
        datagrams, self._datagrams = self._datagrams, []
        await cancelled(conversation for one in datagrams for conversation in one.conversations)
        for one in datagrams:
            one.close()

    async def _open_on_network(self) -> None:
        kind = socket.SOCK_DGRAM if self.endpoint.datagrams else socket.SOCK_STREAM
        try:
            if self._given:
                sockets = list(self._given)
                for one in sockets:
                    one.setblocking(False)
            else:
                sockets = bound(await places(self.endpoint, kind, public=self._public), kind)
            self.endpoint = replace(self.endpoint, port=sockets[0].getsockname()[1])
            if self.endpoint.datagrams:
                await self._hear_datagrams(sockets)
            else:
                self._accept(sockets)
        except OSError as error:
            raise cannot_listen(self.endpoint, error) from error

    def _accept(self, sockets: Sequence[socket.socket]) -> None:
        for one in sockets:
            one.listen(self._server.limits.backlog)
            own = not self._given
            self._acceptors.append(Acceptor(one, self._enter, self._accept_failed, own=own))

    async def _hear_datagrams(self, sockets: Sequence[socket.socket]) -> None:
        from mbap.server.datagrams import Datagrams  # few servers do

        log.warning(
            "%s: UDP is not in the Modbus standard; requests and answers may get lost", self.endpoint.url
        )
        for one in sockets:
            _, datagrams = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: Datagrams(self._server, self.correspondents), sock=one
            )
            self._datagrams.append(datagrams)

    def _accept_failed(self, problem: OSError) -> None:
        self._server.counted.accept_failures += 1
        self._server.seldom.warn(
            "accept",
            "no connection can be accepted for now, those that come are kept waiting: %s",
            problem.strerror or problem,
        )


async def cancelled(conversations: Iterable[Conversation]) -> None:
    """Cancel what handlers are still doing, and wait until it has ended."""
    tasks = [task for conversation in conversations for task in conversation.tasks]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
