"""Requests out of an audit trail, to be judged again: what it says is enough for most rules."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from mbap.errors import ExceptionResponse
from mbap.protocol.exchanges import Exchange
from mbap.protocol.pdu.base import Request, decode_request, request_class
from mbap.protocol.pdu.opaque import Opaque
from mbap.security.auditrecord import moment

REQUESTS: Final = frozenset({"request", "deny", "alert", "response"})


def exchanges_of_trail(lines: Iterable[str]) -> Iterator[Exchange]:
    """The requests that *lines* of a trail tell of, each as often as it was counted.

    Values that the trail does not have are taken for 0: rules about values judge those only where they were
    written down. Lines that are no JSON, or tell of no request, are passed over.
    """
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and found.get("event") in REQUESTS and "func" in found:
            exchange = _exchange(found)
            if exchange is not None:
                yield from [exchange] * min(int(found.get("count", 1)), 100_000)


def _exchange(found: Mapping[str, Any]) -> Exchange | None:
    try:
        request = _request(found)
        time = moment(str(found["ts"]))
        tls = found.get("tls") or {}
        return Exchange(
            time,
            str(found.get("src_ip", "")),
            int(found.get("src_port", 0)),
            str(found.get("dst_device") or found.get("dst_ip") or ""),
            int(found.get("dst_port", 0)),
            int(found.get("unit", 0)),
            None,
            request,
            request.encode(),
            role=tls.get("role"),
        )
    except (ValueError, TypeError, KeyError, struct.error, ExceptionResponse):
        return None


def _request(found: Mapping[str, Any]) -> Request[Any]:
    pdu = _pdu(found)
    known = request_class(pdu[0]) is not None and len(pdu) > 1
    return decode_request(pdu) if known else Opaque(pdu[0], pdu[1:])


def _pdu(found: Mapping[str, Any]) -> bytes:
    """A request that does what the line says; of rarer functions no more is known than their code."""
    code, address, count = int(found["func"]), int(found.get("address", 0)), int(found.get("quantity", 1))
    values = [int(value) for value in found.get("values", ())] or [0] * count
    head = struct.pack(">BH", code, address)
    if code in (1, 2, 3, 4):
        return head + struct.pack(">H", count)
    if code in (5, 6):
        return head + struct.pack(">H", 0xFF00 * bool(values[0]) if code == 5 else values[0])
    if code == 15:
        bits = sum(bool(value) << at for at, value in enumerate(values))
        size = (count + 7) // 8
        return head + struct.pack(">HB", count, size) + bits.to_bytes(size, "little")
    if code == 16:
        return head + _registers(values)
    if code == 22:
        return head + struct.pack(">HH", int(found.get("and_mask", 0)), values[0])
    if code == 23:
        read = int(found.get("read_address", address)), int(found.get("read_quantity", 1))
        return struct.pack(">BHHH", code, *read, address) + _registers(values)
    sub = int(found.get("subfunc", 0))
    return {8: head[:1] + struct.pack(">HH", sub, 0), 43: bytes([43, sub & 0xFF, 1, 0])}.get(
        code, bytes([code])
    )


def _registers(values: list[int]) -> bytes:
    return struct.pack(f">HB{len(values)}H", len(values), 2 * len(values), *values)
