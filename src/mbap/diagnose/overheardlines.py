"""Exchanges out of lines of JSON: what `mbap sniff --json` prints, and traces of `mbap record`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final

from mbap.diagnose.capture import Captured, decoded

LONGEST_LINE: Final = 8192
"""Bytes; a longer line is none of ours, and is never read whole."""
_LONGEST_PDU: Final = 253


class OverheardLines:
    """The exchanges in a file of lines, in their order; lines that cannot be read are left out and counted.

    Attributes:
        problem: what was wrong with the first line that could not be read; None while there is none.
        packets: lines so far.
        adus: requests and answers so far.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._began = 0
        self._device = "line"
        self._wrong = 0
        self._first = ""
        self.packets = 0
        self.adus = [0, 0]

    @property
    def problem(self) -> str | None:
        """Which lines were left out, and why."""
        if not self._wrong:
            return None
        more = f", and {self._wrong - 1} more" if self._wrong > 1 else ""
        return f"{self._first}: left out{more}"

    def __iter__(self) -> Iterator[Captured]:
        while line := self._file.readline(LONGEST_LINE):
            self.packets += 1
            try:
                exchange = self._exchange(line)
            except (ValueError, TypeError, OverflowError) as error:
                self._note(str(error))
                continue
            if exchange is not None:
                self.adus[0] += bool(exchange.pdu)
                self.adus[1] += exchange.response is not None
                yield exchange

    def _note(self, why: str) -> None:
        self._wrong += 1
        self._first = self._first or f"line {self.packets} cannot be read ({why})"

    def _exchange(self, line: bytes) -> Captured | None:
        if not line.strip():
            return None
        found = json.loads(line)
        if not isinstance(found, dict):
            raise ValueError("it is no JSON object")
        if "mbap_trace" in found:
            self._began, self._device = _time(found.get("began")), str(found.get("device", "device"))
        elif "at" in found:
            return self._recorded(found)
        elif "unit" in found:
            return self._sniffed(found)
        elif "frames" not in found:  # the counts at the end of what sniff prints
            raise ValueError("it is neither of mbap sniff --json nor of mbap record")
        return None

    def _recorded(self, found: Mapping[str, Any]) -> Captured:
        time = self._began + int(float(found["at"]) * 1e6)
        client = str(found.get("peer") or f"client-{found.get('client', 1)}")
        after = int(float(found.get("after", 0)) * 1e6)
        return self._captured(found, time, after, client)

    def _sniffed(self, found: Mapping[str, Any]) -> Captured:
        after = None if found.get("ms") is None else int(float(found["ms"]) * 1000)
        return self._captured(found, _time(found.get("time")), after, "client")

    def _captured(self, found: Mapping[str, Any], time: int, after: int | None, client: str) -> Captured:
        pdu, response = _pdu(found.get("request")) or b"", _pdu(found.get("answer"))
        if not pdu and response is None:
            raise ValueError("it has neither a request nor an answer")
        unit = int(found["unit"])
        if not 0 <= unit <= 255:
            raise ValueError(f"the unit is 0 to 255, not {unit}")
        exchange = Captured(time, client, 0, self._device, 0, unit, None, decoded(pdu) if pdu else None, pdu)
        if response is not None:
            exchange.response, exchange.response_time = response, time + (after or 0)
        exchange.frame = self.packets
        return exchange


def _time(text: object) -> int:
    """UTC microseconds."""
    moment = datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1e6)


def _pdu(text: object) -> bytes | None:
    if text is None:
        return None
    pdu = bytes.fromhex(str(text))
    if not 1 <= len(pdu) <= _LONGEST_PDU:
        raise ValueError(f"a PDU has 1 to {_LONGEST_PDU} bytes, not {len(pdu)}")
    return pdu
