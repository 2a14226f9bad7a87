"""Recorded traffic of a device: a file with one exchange a line, and what its registers were over time.

The first line says what it is; each further one is an exchange, with times in seconds since the start:

    {"mbap_trace": 1, "device": "tcp://10.0.0.5:502", "began": "2026-05-04T10:00:00+00:00"}
    {"at": 0.5, "client": 1, "peer": "10.0.0.9", "unit": 1, "request": "0300000002",
     "answer": "030400010002", "after": 0.01}

An answer of null is none. Both PDUs are hexadecimal. (An exchange is one line; here it is broken.)
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from mbap.addresses import Table
from mbap.errors import ExceptionResponse, ProtocolError
from mbap.filefaults import Fault, FileFaults, read_text
from mbap.protocol.pdu import READS
from mbap.protocol.pdu.base import decode_request
from mbap.server.waves import Steps

VERSION = 1
MOST_EXCHANGES = 1_000_000
"""A longer file is refused: it would not fit into memory well."""
_LONGEST_PDU = 253
_FEWEST_BYTES_SHOWN = 60
PAUSE = 1.0
"""Seconds after the last answer until a trace that is played back begins again."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer.

    Attributes:
        at: when the request came, in seconds after the start of the recording.
        client: which connection it came on, counted from 1.
        peer: the address it came from, or what stands for it.
        unit: the unit asked.
        request, answer: the PDUs; an answer of None is silence.
        after: seconds from the request to the answer.
    """

    at: float
    client: int
    unit: int
    request: bytes
    answer: bytes | None
    after: float = 0.0
    peer: str = ""

    def as_json(self) -> str:
        """The line of it in a trace file."""
        fields = {
            "at": round(self.at, 6),
            "client": self.client,
            "peer": self.peer,
            "unit": self.unit,
            "request": self.request.hex(),
            "answer": None if self.answer is None else self.answer.hex(),
            "after": round(self.after, 6),
        }
        return json.dumps(fields)


@dataclass(frozen=True, slots=True)
class Trace:
    """What was recorded: of which device, since when, and the exchanges in the order of their requests."""

    device: str
    began: str
    exchanges: tuple[Exchange, ...]

    @property
    def seconds(self) -> float:
        """How long it took, from the start to the last answer."""
        return max((exchange.at + exchange.after for exchange in self.exchanges), default=0.0)

    def header(self) -> str:
        """The first line of the file."""
        return json.dumps({"mbap_trace": VERSION, "device": self.device, "began": self.began})

    def registers(self, unit: int) -> Mapping[tuple[Table, int], Steps]:
        """What each register and bit of *unit* was over time, as far as it was read."""
        seen: dict[tuple[Table, int], list[tuple[float, int]]] = defaultdict(list)
        for exchange in self.exchanges:
            if exchange.unit == unit:
                for place, value in _values(exchange):
                    seen[place].append((exchange.at + exchange.after, value))
        return {place: _steps(values, self.seconds) for place, values in seen.items()}


def _values(exchange: Exchange) -> Iterator[tuple[tuple[Table, int], int]]:
    """The places that *exchange* read, with their values; nothing where it is no good read."""
    if exchange.answer is None or exchange.answer[0] & 0x80:
        return
    try:
        request = decode_request(exchange.request)
        if not isinstance(request, tuple(READS.values())):
            return
        values = cast("Sequence[int]", request.decode_response(exchange.answer))
    except (ExceptionResponse, ProtocolError):
        return
    ((table, address, _, _),) = request.spans()
    for offset, value in enumerate(values):
        yield (table, address + offset), int(value)


def _steps(values: Sequence[tuple[float, int]], seconds: float) -> Steps:
    ordered = sorted(values)
    return Steps(tuple(at for at, _ in ordered), tuple(float(value) for _, value in ordered), seconds + PAUSE)


def looks_like_a_trace(path: str | Path) -> bool:
    """Whether the file at *path* begins as a trace does."""
    try:
        with Path(path).open("rb") as file:
            return b'"mbap_trace"' in file.read(_FEWEST_BYTES_SHOWN)
    except OSError:
        return False


def read_trace(path: str | Path) -> Trace:
    """The trace in the file at *path*.

    Raises:
        FileFaults: it cannot be read, or is no trace; the first line that is wrong.
    """
    return parse_trace(read_text(path), str(path))


def parse_trace(text: str, file: str = "trace") -> Trace:
    """The trace that *text* is; *file* is what faults call it.

    Raises:
        FileFaults: it is no trace; the first line that is wrong.
    """
    lines = text.splitlines()
    if len(lines) > MOST_EXCHANGES + 1:
        raise FileFaults([Fault(file, 0, "", f"has more than {MOST_EXCHANGES:,} exchanges")])
    number = 1
    try:
        head = _object(lines[0] if lines else "")
        if head.get("mbap_trace") != VERSION:
            raise ValueError(f'is no trace: its first line begins with {{"mbap_trace": {VERSION}')
        exchanges = []
        for number, line in enumerate(lines[1:], start=2):  # noqa: B007
            if line.strip():
                exchanges.append(_exchange(_object(line)))
    except ValueError as error:
        raise FileFaults([Fault(file, number, "", str(error))]) from None
    exchanges.sort(key=lambda exchange: exchange.at)
    return Trace(str(head.get("device", "")), str(head.get("began", "")), tuple(exchanges))


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} (column {error.colno})") from None
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")
    return found


def _exchange(found: Mapping[str, Any]) -> Exchange:
    return Exchange(
        _seconds(found, "at"),
        _whole(found, "client", 1, 1_000_000_000),
        _whole(found, "unit", 0, 255),
        _pdu(found, "request"),
        None if found.get("answer") is None else _pdu(found, "answer"),
        _seconds(found, "after"),
        str(found.get("peer", "")),
    )


def _seconds(found: Mapping[str, Any], key: str) -> float:
    value = found.get(key, 0.0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value < 1e9:
        raise ValueError(f'"{key}" is seconds, not {json.dumps(value)}')
    return float(value)


def _whole(found: Mapping[str, Any], key: str, low: int, high: int) -> int:
    value = found.get(key, 1)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f'"{key}" is {low} to {high}, not {json.dumps(value)}')
    return value


def _pdu(found: Mapping[str, Any], key: str) -> bytes:
    value = found.get(key)
    try:
        pdu = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        pdu = b""
    if not 1 <= len(pdu) <= _LONGEST_PDU:
        raise ValueError(f'"{key}" is a PDU in hexadecimal, of 1 to {_LONGEST_PDU} bytes')
    return pdu
