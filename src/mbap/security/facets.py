"""An exchange taken apart into what is learned of it: function, addresses, and the values it writes."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final, NamedTuple

from mbap.addresses import Table
from mbap.protocol.exchanges import Exchange
from mbap.protocol.fields import function_name

MALFORMED: Final = "malformed"
_SHORTEST: Final = {5: 5, 6: 5, 15: 7, 16: 8, 23: 12}


class Run(NamedTuple):
    """Coils one after the other that are written the same."""

    first: int
    last: int
    on: bool


def function_of(exchange: Exchange) -> str:
    """`3`, `8/1`, `43/14`; `malformed` where the PDU breaks the standard."""
    pdu, code = exchange.pdu, exchange.function_code
    if exchange.request is None and pdu:
        return MALFORMED
    if code == 8 and len(pdu) >= 3:
        return f"8/{int.from_bytes(pdu[1:3], 'big')}"
    if code == 43 and len(pdu) >= 2:
        return f"43/{pdu[1]}"
    return str(code)


def named(function: str) -> str:
    """`function 6 (write single register)`; `requests that break the standard`."""
    if function == MALFORMED:
        return "requests that break the standard"
    return f"function {function} ({function_name(int(function.partition('/')[0]))})"


def spans_of(exchange: Exchange) -> tuple[tuple[Table, int, int, bool], ...]:
    """What it touches: table, address, count, whether it writes."""
    spans = () if exchange.request is None else exchange.request.spans()
    return tuple(span for span in spans if span[2] > 0)


def registers_of(exchange: Exchange) -> Iterator[tuple[int, int]]:
    """Address and value of each register that it writes; none for a mask, whose outcome is not known."""
    pdu, code = exchange.pdu, exchange.function_code
    if code not in (6, 16, 23) or not _is_whole(exchange):
        return
    address, start = int.from_bytes(pdu[1:3], "big"), 3 if code == 6 else 6
    if code == 23:
        address, start = int.from_bytes(pdu[5:7], "big"), 10
    for at in range(start, len(pdu) - 1, 2):
        yield address + (at - start) // 2, int.from_bytes(pdu[at : at + 2], "big")


def coils_of(exchange: Exchange) -> Iterator[Run]:
    """The coils that it writes, those with the same value next to each other together."""
    pdu, code = exchange.pdu, exchange.function_code
    if code not in (5, 15) or not _is_whole(exchange):
        return
    address = int.from_bytes(pdu[1:3], "big")
    if code == 5:
        yield Run(address, address, pdu[3] != 0)
        return
    bits = int.from_bytes(pdu[6:], "little")
    count = min(int.from_bytes(pdu[3:5], "big"), 8 * len(pdu[6:]))
    if not count:
        return
    first, on = 0, bool(bits & 1)
    for at in range(1, count):
        if bool(bits >> at & 1) != on:
            yield Run(address + first, address + at - 1, on)
            first, on = at, not on
    yield Run(address + first, address + count - 1, on)


def _is_whole(exchange: Exchange) -> bool:
    """Whether it can be taken apart as the standard says; a user's own class may say something else."""
    return exchange.request is not None and len(exchange.pdu) >= _SHORTEST[exchange.function_code]


def same_request(exchange: Exchange) -> str:
    """What tells this request from others of the same client, short."""
    who = f"{exchange.client} {exchange.server} {exchange.unit} ".encode("utf-8", "replace")
    return blake2b(who + exchange.pdu, digest_size=8).hexdigest()
