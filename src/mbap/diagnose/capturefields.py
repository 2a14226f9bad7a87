"""What a filter can ask about an exchange: the fields of Wireshark that people know, and short names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from mbap.diagnose.capture import Captured

EXCEPTION_FLAG: Final = 0x80


class Side(NamedTuple):
    """One of the two packets of an exchange: a filter fits an exchange when it fits one of them."""

    exchange: Captured
    answer: bool

    @property
    def pdu(self) -> bytes:
        """What was sent."""
        return (self.exchange.response or b"") if self.answer else self.exchange.pdu

    @property
    def ends(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Who sent it, to whom."""
        one = self.exchange
        client, server = (one.client, one.client_port), (one.server, one.server_port)
        return (server, client) if self.answer else (client, server)


Values = list[Any]
Read = Callable[[Side], Values]


class Field(NamedTuple):
    """Something to compare with.

    Attributes:
        kind: `number`, `address` (of a host), `time`, or `mark`, which is there or not.
        values: what it is in a packet; a comparison holds when it does for one of them.
        says: what it means here, where that is not what it means in Wireshark.
    """

    kind: str
    values: Read
    says: str = ""


def _function(side: Side) -> Values:
    return [side.pdu[0] & 0x7F] if side.pdu else []


def raw_function(side: Side) -> Values:
    """The function code as it was sent: 128 is added where it is an exception."""
    return [side.pdu[0]] if side.pdu else []


def _exception(side: Side) -> Values:
    code = side.exchange.exception if side.answer else None
    return [] if code is None else [code]


def _delay(side: Side) -> Values:
    return [] if side.exchange.delay is None or not side.answer else [side.exchange.delay / 1e6]


def _spans(side: Side) -> Values:
    """The addresses that it touches, as ranges."""
    request = side.exchange.request
    return [] if request is None else [(first, first + count - 1) for _, first, count, _ in request.spans()]


def _first(side: Side) -> Values:
    return [first for first, _ in _spans(side)]


def _counts(side: Side) -> Values:
    return [last - first + 1 for first, last in _spans(side)]


def _host(which: int) -> Read:
    return lambda side: [side.ends[which][0]]


def _port(which: int) -> Read:
    return lambda side: [side.ends[which][1]]


def _writes(side: Side) -> bool:
    return side.exchange.request is not None and side.exchange.request.writes


def _mark(holds: Callable[[Side], bool]) -> Field:
    return Field("mark", lambda side: [True] if holds(side) else [])


_SLOW: Final = (
    "frame.time_delta is taken for the time from a request to its answer; in Wireshark it is the time since"
    " the packet before, whatever that was: there the same is modbus.response_time"
)
_RETRANSMISSION: Final = (
    "retransmission is taken for a request that was sent again before it was answered; what TCP sends again"
    " is counted apart"
)

FIELDS: Final[Mapping[str, Field]] = {
    "modbus": _mark(lambda side: True),
    "mbtcp": _mark(lambda side: True),
    "tcp": _mark(lambda side: True),
    "tcp.port": Field("number", lambda side: [port for _, port in side.ends]),
    "tcp.srcport": Field("number", _port(0)),
    "tcp.dstport": Field("number", _port(1)),
    "tcp.stream": Field("number", lambda side: [side.exchange.connection]),
    "ip.addr": Field("address", lambda side: [host for host, _ in side.ends]),
    "ip.src": Field("address", _host(0)),
    "ip.dst": Field("address", _host(1)),
    "ipv6.addr": Field("address", lambda side: [host for host, _ in side.ends]),
    "ipv6.src": Field("address", _host(0)),
    "ipv6.dst": Field("address", _host(1)),
    "frame.number": Field(
        "number", lambda side: [side.exchange.response_frame if side.answer else side.exchange.frame]
    ),
    "frame.time_delta": Field("time", _delay, _SLOW),
    "modbus.response_time": Field("time", _delay),
    "modbus.func_code": Field("number", _function),
    "modbus.exception_code": Field("number", _exception),
    "modbus.unit_id": Field("number", lambda side: [side.exchange.unit]),
    "mbtcp.unit_id": Field("number", lambda side: [side.exchange.unit]),
    "mbtcp.trans_id": Field("number", lambda side: [side.exchange.transaction]),
    "modbus.reference_num": Field("number", _first),
    "modbus.word_cnt": Field("number", _counts),
    "modbus.bit_cnt": Field("number", _counts),
    # short names
    "unit": Field("number", lambda side: [side.exchange.unit]),
    "function": Field("number", _function),
    "transaction": Field("number", lambda side: [side.exchange.transaction]),
    "register": Field("range", _spans),
    "address": Field("range", _spans),
    "count": Field("number", _counts),
    "delay": Field("time", _delay),
    "client": Field("address", lambda side: [side.exchange.client]),
    "server": Field("address", lambda side: [side.exchange.server]),
    "exception": Field("number", _exception),
    "write": _mark(_writes),
    "read": _mark(lambda side: side.exchange.request is not None and not _writes(side)),
    "unanswered": _mark(lambda side: not side.answer and side.exchange.response is None),
    "retransmission": Field(
        "mark", lambda side: [True] if side.exchange.repeated and not side.answer else [], _RETRANSMISSION
    ),
}
"""Every field, by its name."""
