"""Exchanges as somebody sees them, made from requests, for tests of what watches."""

from __future__ import annotations

from typing import Any

from mbap.protocol.exchanges import Exchange
from mbap.protocol.pdu import Request

SECOND = 1_000_000
CLIENT, SERVER = "10.0.0.5", "plc1"


def exchange(
    request: Request[Any],
    *,
    client: str = CLIENT,
    server: str = SERVER,
    unit: int = 1,
    time: float = 0.0,
    exception: int | None = None,
) -> Exchange:
    """*request*, sent at *time* in seconds; answered with *exception*, or as it is right."""
    pdu = request.encode()
    response = pdu[:5] if exception is None else bytes((pdu[0] | 0x80, exception))
    moment = round(time * SECOND)
    return Exchange(moment, client, 1_024, server, 502, unit, 1, request, pdu, response, moment + 1_000)
