"""Reading all that a unit has: its tables by a survey, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mbap.client.dialogue import Dialogue
from mbap.diagnose.devicetext import KnownUnit
from mbap.diagnose.scan.survey import Survey
from mbap.diagnose.scan.walk import Walk, spans
from mbap.diagnose.seen import Run
from mbap.errors import ConnectFailed, ConnectionLost, ExceptionResponse, ProtocolError, ResponseTimeout
from mbap.protocol.pdu import ReadDeviceIdentification, ReadExceptionStatus, ReportServerId, Request


@dataclass(slots=True)
class Contents:
    """What was found.

    Attributes:
        survey: the tables.
        identification, server_id, exception_status: what the unit says of itself.
    """

    survey: Survey
    identification: dict[int, bytes] = field(default_factory=dict)
    server_id: bytes | None = None
    exception_status: int | None = None

    def unit(self) -> KnownUnit:
        """The same for a device file."""
        runs = [run for walk in self.survey.walks for run in _runs(walk)]
        return KnownUnit(
            runs, self.identification, self.server_id, self.exception_status, self.survey.largest_read
        )


def read_through(survey: Survey) -> Dialogue[Contents]:
    """Ask the unit who it is, and carry out *survey*.

    Raises:
        ModbusError: the unit is not there, or not any more.
    """
    contents = Contents(survey)
    for code in (3, 2, 1):
        contents.identification = yield from _objects(code, survey)
        if contents.identification:
            break
    contents.server_id = yield from _maybe(ReportServerId(), survey)
    contents.exception_status = yield from _maybe(ReadExceptionStatus(), survey)
    yield from survey.dialogue()
    return contents


def _objects(code: int, survey: Survey) -> Dialogue[dict[int, bytes]]:
    request: ReadDeviceIdentification | None = ReadDeviceIdentification(code, 0)
    objects: dict[int, bytes] = {}
    while request is not None:
        answer = yield from _maybe(request, survey)
        if answer is None or objects.keys() & answer.objects.keys():
            break
        objects.update(answer.objects)
        try:
            request = request.following(answer)
        except ProtocolError:
            break
    return objects


def _maybe(request: Request[Any], survey: Survey) -> Dialogue[Any]:
    """The answer; None where the unit does not have such a thing: some end the connection then."""
    survey.requests += 1
    try:
        return (yield request)
    except ConnectFailed:
        raise
    except (ExceptionResponse, ProtocolError, ResponseTimeout, ConnectionLost):
        return None


def _runs(walk: Walk) -> Iterator[Run]:
    for first, last in spans(sorted(walk.values)):
        yield Run(walk.table, first, [walk.values[address] for address in range(first, last + 1)])
