"""Datagrams, one ADU each: `udp://`, which is not in the standard but in some devices."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mbap.protocol.adu import Adu
from mbap.protocol.tcp import HEADER, TcpFraming
from mbap.transport import tcp
from mbap.transport.endpoint import Endpoint

if TYPE_CHECKING:
    import asyncio

_log = logging.getLogger(__name__)
_warned: set[str] = set()


class DatagramFraming(TcpFraming):
    """Takes datagrams instead of a stream: each is one whole ADU, or it is left out and counted.

    Attributes:
        malformed: datagrams that were not exactly one ADU.
    """

    __slots__ = ("malformed",)

    def __init__(self) -> None:
        self.malformed = 0
        super().__init__()

    def unpack(self, data: bytes) -> list[Adu]:
        """The ADU that the datagram *data* is; nothing is kept, and nothing ends it."""
        adus = super().unpack(data)
        if len(adus) != 1 or self.partial:
            self.malformed += 1
            adus = []
        self.clear()
        return adus


class DatagramSocket:
    """A socket for datagrams with the face of a stream, for the blocking client."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened

    def settimeout(self, seconds: float | None) -> None:
        """How long `recv` and `send` wait."""
        self._socket.settimeout(seconds)

    def recv(self, size: int) -> bytes:
        """The next datagram; an empty one, which on a stream would be the end, is one zero byte."""
        return self._socket.recv(size) or b"\0"

    def send(self, data: bytes) -> int:
        """Send the first ADU of *data*; gives its size."""
        return self._socket.send(data[: 6 + HEADER.unpack_from(data)[2]])

    def shutdown(self, how: int) -> None:
        """Wake up whoever waits."""
        self._socket.shutdown(how)

    def close(self) -> None:
        """Close it."""
        self._socket.close()


def connect(endpoint: Endpoint, timeout: float) -> DatagramSocket:
    """A socket for datagrams to *endpoint* and from nobody else.

    Raises:
        ConnectFailed: the name is unknown, or there is no way.
    """
    warn_once("udp:// is not in the Modbus standard: datagrams may be lost, doubled or overtaken")
    return DatagramSocket(tcp.connect(endpoint, timeout))


async def dial(make_protocol: Callable[[], asyncio.Protocol], endpoint: Endpoint, timeout: float) -> None:
    """The same for asyncio: hands the protocol a transport whose `write` sends one datagram.

    Raises:
        ConnectFailed: the name is unknown, or there is no way.
    """
    import asyncio

    from mbap.transport.udp_asyncio import DatagramEnd

    warn_once("udp:// is not in the Modbus standard: datagrams may be lost, doubled or overtaken")
    opened = await tcp.open_connection(endpoint, timeout)
    loop: Any = asyncio.get_running_loop()
    try:
        await loop.create_datagram_endpoint(lambda: DatagramEnd(make_protocol()), sock=opened)
    except BaseException:
        opened.close()
        raise


def warn_once(sentence: str) -> None:
    """Log *sentence* as a warning, the first time that this process says it."""
    if sentence not in _warned:
        _warned.add(sentence)
        _log.warning("%s", sentence)
