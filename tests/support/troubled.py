"""Devices behind a gateway, without a network: they answer late, twice, wrongly or not when told so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from mbap.errors import ExceptionResponse, IllegalDataAddress
from mbap.protocol.framing import Framing
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.server import Indication, ServerSession
from mbap.protocol.wire import Registers
from mbap.transport.endpoint import Endpoint

KINDS = ["late", "later", "silent", "twice", "garbled", "cut", "stranger", "exception", "hangs up"]
QUICK, TIMEOUT = 0.01, 1.0
DELAYS = {"late": TIMEOUT + QUICK / 2, "later": TIMEOUT + 0.3}
"""Late is just when the next request is on its way already, if nothing is done against that."""


def telling(unit: int, address: int, count: int) -> Registers:
    """What these registers hold."""
    return Registers(b"".join((256 * unit + address + i).to_bytes(2, "big") for i in range(count)))


class Devices:
    """The devices of one line.

    Attributes:
        next: what each does with the next request; nothing wrong where it is not here.
        asked: every request that came. writes: in how many pieces they came.
    """

    def __init__(self, framing: Callable[[], Framing]) -> None:
        self.framing = framing
        self.next: dict[int, str] = {}
        self.asked: list[Indication[Any]] = []
        self.writes = 0

    async def dial(self, make: Callable[[], asyncio.Protocol], endpoint: Endpoint, timeout: float) -> None:
        """What a link connects by."""
        protocol = make()
        protocol.connection_made(Wire(self, protocol))


class Wire(asyncio.Transport):
    """The devices' end of a connection."""

    def __init__(self, devices: Devices, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._devices, self._protocol = devices, protocol
        self._session = ServerSession(devices.framing())
        self._closed = False
        self._due: dict[float, list[Callable[[], None]]] = {}

    def write(self, data: Any) -> None:
        self._devices.writes += 1
        for indication in self._session.receive_data(bytes(data)):
            self._devices.asked.append(indication)
            kind = self._devices.next.pop(indication.unit, "answers")
            self._react(indication, kind)

    def _react(self, indication: Indication[Any], kind: str) -> None:
        result = _result(indication)
        answer = self._session.pack_response(indication, result)
        if kind == "hangs up":
            self.close()
        elif kind == "exception":
            self._later(QUICK, self._session.pack_response(indication, IllegalDataAddress()))
        elif kind == "stranger":
            forged = indication._replace(unit=77)
            self._later(QUICK, self._session.pack_response(forged, result))
        elif kind == "garbled":
            # What TCP carries has no checksum: there only what shows in its structure can be noticed.
            place = -1 if isinstance(self._session.framing, RtuFraming) else 7
            spoilt = bytearray(answer)
            spoilt[place] ^= 0x55
            self._later(QUICK, bytes(spoilt))
        elif kind == "cut":
            # TCP loses no bytes in between: what is cut off there is the end of the connection.
            lossy = isinstance(self._session.framing, RtuFraming)
            cut_off = self._deliver if lossy else self._deliver_last
            self._later(QUICK, answer[:-2], cut_off)
        elif kind != "silent":
            self._later(DELAYS.get(kind, QUICK), answer * (2 if kind == "twice" else 1))

    def _later(self, seconds: float, data: bytes, deliver: Callable[[bytes], None] | None = None) -> None:
        """What is due at the same moment arrives in its order, as bytes of a stream do; timers would not."""
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        due = self._due.setdefault(when, [])
        due.append(partial(deliver or self._deliver, data))
        if len(due) == 1:
            loop.call_at(when, self._arrive, when)

    def _arrive(self, when: float) -> None:
        for deliver in self._due.pop(when):
            deliver()

    def _deliver(self, data: bytes) -> None:
        if not self._closed:
            self._protocol.data_received(data)

    def _deliver_last(self, data: bytes) -> None:
        self._deliver(data)
        self.close()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closed

    def get_write_buffer_size(self) -> int:
        return 0


def _result(indication: Indication[Any]) -> object:
    """What a read gives; what is no request that is known here is refused, as devices do."""
    request = cast("Any", indication.request)
    if isinstance(request, ExceptionResponse):
        return request
    return None if request.writes else telling(indication.unit, request.address, request.count)
