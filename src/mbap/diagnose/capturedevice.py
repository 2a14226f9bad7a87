"""A simulated device out of a capture: the values, and what else it said of itself."""

from __future__ import annotations

from mbap.diagnose.capture import Captured
from mbap.diagnose.devicetext import KnownUnit, device_text
from mbap.diagnose.seen import Seen
from mbap.diagnose.wording import end_text
from mbap.errors import ExceptionResponse, ProtocolError
from mbap.protocol.pdu import ReadDeviceIdentification, ReadExceptionStatus, ReportServerId

Server = tuple[str, int]


class DeviceFromCapture:
    """Remembers what the servers of a capture were."""

    def __init__(self) -> None:
        self._seen = Seen()
        self._units: dict[tuple[Server, int], KnownUnit] = {}
        self._first = self._last = 0

    def take(self, exchange: Captured) -> None:
        """Remember what *exchange* tells."""
        self._first, self._last = self._first or exchange.time, exchange.time
        self._seen.take(exchange)
        if exchange.function_code in (7, 17, 43) and exchange.response is not None:
            self._said(exchange, exchange.response)

    def _said(self, exchange: Captured, response: bytes) -> None:
        request = exchange.request
        if request is None or exchange.exception is not None:
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
        return sorted(told | {(server, port) for server, port, _ in self._seen.devices()})

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
        for of in self._seen.devices():
            units.setdefault(of[2], KnownUnit()).runs = list(self._seen.runs(of))
        left = self._seen.left_out
        comments = ["From a capture: each value is the last that was seen."]
        comments += [f"{left} values were too many to be remembered."] if left else []
        return device_text(f"As seen at {end_text(server, port)}", units, comments)


def _some(servers: list[Server]) -> str:
    shown = ", ".join(end_text(*server) for server in servers[:3])
    return shown if len(servers) <= 3 else f"{shown}, ..."
