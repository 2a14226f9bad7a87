"""A simulated device out of a capture: the values, and what else it said of itself."""

from __future__ import annotations

from typing import Final

from mbap.diagnose.capture import Captured
from mbap.diagnose.capturehistory import Histories, Moved
from mbap.diagnose.devicetext import KnownUnit, Stepping, device_text
from mbap.diagnose.seen import Device, device
from mbap.diagnose.wording import asked, end_text, exception_text
from mbap.durations import format_duration
from mbap.errors import ExceptionResponse, ProtocolError
from mbap.protocol.pdu import ReadDeviceIdentification, ReadExceptionStatus, ReportServerId

Server = tuple[str, int]
PAUSE: Final = 1.0
"""Seconds after the end of the capture until values that moved begin again."""
MOST_REFUSED: Final = 20
"""Different requests that were refused, or not answered, and are named in the file."""
_EXCEPTIONS: Final = b"\x80"
"""As bytes are compared, an exception is at least this."""
_TELLING: Final = frozenset({b"\x07", b"\x11", b"\x2b"})
"""The functions by which a device says something of itself."""


class _Times:
    """From when to when there was anything of a device."""

    __slots__ = ("began", "ended")

    def __init__(self, time: int) -> None:
        self.began = self.ended = time


class DeviceFromCapture:
    """Remembers what the servers of a capture were.

    A value is what it was first; what changed without being written changes again when it did.
    """

    def __init__(self) -> None:
        self._histories = Histories()
        self._units: dict[tuple[Server, int], KnownUnit] = {}
        self._times: dict[Device, _Times] = {}
        self._refused: dict[Server, dict[str, Captured]] = {}

    def take(self, exchange: Captured) -> None:
        """Remember what *exchange* tells."""
        of, time = device(exchange), exchange.time
        times = self._times.get(of)
        if times is None:
            times = self._times[of] = _Times(time)
        elif time < times.began:
            times.began = time
        ended = exchange.response_time or time
        if ended > times.ended:
            times.ended = ended
        if self._histories.take(exchange, of):
            return
        response = exchange.response
        if response is None or response >= _EXCEPTIONS:
            self._note_refused(exchange, of[:2])
        elif exchange.pdu[:1] in _TELLING:
            self._said(exchange, response)

    def _note_refused(self, exchange: Captured, server: Server) -> None:
        if not exchange.pdu:
            return
        refused = self._refused.setdefault(server, {})
        if len(refused) < MOST_REFUSED:
            refused[f"unit {exchange.unit}, {asked(exchange)}"] = exchange

    def _said(self, exchange: Captured, response: bytes) -> None:
        request = exchange.request
        if request is None:
            return
        try:
            result = request.decode_response(response)
        except (ProtocolError, ExceptionResponse):
            return
        key = (exchange.server, exchange.server_port), exchange.unit
        unit = self._units.setdefault(key, KnownUnit())
        if isinstance(request, ReadDeviceIdentification):
            unit.identification = {**unit.identification, **result.objects}
        elif isinstance(request, ReportServerId):
            unit.server_id = result
        elif isinstance(request, ReadExceptionStatus):
            unit.exception_status = result

    def servers(self) -> list[Server]:
        """Of which servers anything is known."""
        told = {server for server, _ in self._units}
        return sorted(told | {(server, port) for server, port, _ in self._histories.devices()})

    def text(self) -> str:
        """The device file.

        Raises:
            ValueError: there is no server of which anything is known, or more than one; says how to choose.
        """
        servers = self.servers()
        if not servers:
            raise ValueError("nothing was read or written: there is nothing to make a device of")
        if len(servers) > 1:
            raise ValueError(
                f"{len(servers)} servers were seen ({_some(servers)}), and a device file is one: choose it,"
                f" with the filter server == {servers[0][0]}"
            )
        ((server, port),) = servers
        units = {unit: known for (of, unit), known in self._units.items() if of == servers[0]}
        for of in self._histories.devices():
            unit = units.setdefault(of[2], KnownUnit())
            unit.runs = self._histories.runs(of)
            unit.moving = self._moving(of)
        return device_text(f"As seen at {end_text(server, port)}", units, self._comments(servers[0]))

    def _moving(self, of: Device) -> list[Stepping]:
        began, ended = self._from_to(of[:2])
        period = (ended - began) / 1e6 + PAUSE
        return [_stepping(one, began, period) for one in self._histories.moved(of)]

    def _from_to(self, server: Server) -> tuple[int, int]:
        """When anything of *server* was seen first, and last."""
        every = [times for of, times in self._times.items() if of[:2] == server]
        return min(times.began for times in every), max(times.ended for times in every)

    def _comments(self, server: Server) -> list[str]:
        began, ended = self._from_to(server)
        took = format_duration(round((ended - began) / 1e6, 3))
        comments = [
            f"From a capture of {took}: each value is what it was first, and changes when it did.",
            "What is not here was not read, or was refused: it is answered with exception 02.",
        ]
        left = self._histories.left_out
        comments += [f"{left} values and changes were too many to be remembered."] if left else []
        for what, exchange in self._refused.get(server, {}).items():
            code = exchange.exception
            comments.append(
                f"In the capture: {what}: {'no answer' if code is None else exception_text(code)}"
            )
        return comments


def _stepping(one: Moved, began: int, period: float) -> Stepping:
    steps = [(0.0, one.first), *(((time - began) / 1e6, value) for time, value in one.steps)]
    return Stepping(one.table, one.address, steps, period, one.written)


def _some(servers: list[Server]) -> str:
    shown = ", ".join(end_text(*server) for server in servers[:3])
    return shown if len(servers) <= 3 else f"{shown}, ..."
