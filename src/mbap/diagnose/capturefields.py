"""What a filter can ask about an exchange: the fields of Wireshark that people know, and short names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mbap.diagnose.capture import Captured
from mbap.diagnose.wording import values_read, values_written, writes

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
    def frame(self) -> int:
        """The number of the packet."""
        return self.exchange.response_frame if self.answer else self.exchange.frame


Values = Sequence[Any]
Read = Callable[[Side], Values]


class Field(NamedTuple):
    """Something to compare with.

    Attributes:
        kind: `number`, `range` of addresses, `address` of a host, `time` that passes, `moment`, or `mark`,
            which is there or not.
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


def _counts(side: Side) -> Values:
    return [last - first + 1 for first, last in _spans(side)]


_ADDRESS, _COUNT = 1, 2
_SINGLE: Final = frozenset({5, 6, 22})
"""Functions whose requests name no count."""


def _named(index: int, *, both: bool = False, bits: bool | None = None, writes: bool | None = None) -> Read:
    """The address or count that the packet names.

    As Wireshark calls them: function 23, which does both, has fields of its own for what it reads and writes.
    """

    def values(side: Side) -> Values:
        request = side.exchange.request
        spans = () if request is None else request.spans()
        if (len(spans) == 2) is not both or (index == _COUNT and side.exchange.function_code in _SINGLE):
            return ()
        return [
            span[index] for span in spans if bits in (None, span[0].holds_bits) and writes in (None, span[3])
        ]

    return values


def _source_host(side: Side) -> Values:
    return (side.exchange.server if side.answer else side.exchange.client,)


def _target_host(side: Side) -> Values:
    return (side.exchange.client if side.answer else side.exchange.server,)


def _hosts(side: Side) -> Values:
    return side.exchange.client, side.exchange.server


def _source_port(side: Side) -> Values:
    return (side.exchange.server_port if side.answer else side.exchange.client_port,)


def _target_port(side: Side) -> Values:
    return (side.exchange.client_port if side.answer else side.exchange.server_port,)


def _ports(side: Side) -> Values:
    return side.exchange.client_port, side.exchange.server_port


def _time(side: Side) -> Values:
    """When it was, in UTC microseconds; nothing where it is not there."""
    at = side.exchange.response_time if side.answer else side.exchange.time
    return () if at is None else (at,)


def _frame(side: Side) -> Values:
    return (side.frame,)


def _unit(side: Side) -> Values:
    return (side.exchange.unit,)


def _transaction(side: Side) -> Values:
    return (side.exchange.transaction,)


def _carried(side: Side) -> tuple[bool, Values]:
    """The values in the packet, and whether they are bits: what an answer reads, or a request writes."""
    found = values_read(side.exchange) if side.answer else values_written(side.exchange)
    return (False, ()) if found is None else (found.table.holds_bits, found.values)


def _registers(side: Side) -> Values:
    bits, values = _carried(side)
    return () if bits else values


def _signed(side: Side) -> Values:
    return [value - 0x10000 if value & 0x8000 else value for value in _registers(side)]


def _bits(side: Side) -> Values:
    bits, values = _carried(side)
    return values if bits else ()


def _diagnostic(side: Side) -> Values:
    pdu = side.pdu
    return [int.from_bytes(pdu[1:3], "big")] if pdu[:1] == b"\x08" and len(pdu) > 2 else []


def _again(side: Side) -> Values:
    return (True,) if side.exchange.repeated and not side.answer else ()


def _mark(holds: Callable[[Side], bool]) -> Field:
    return Field("mark", lambda side: (True,) if holds(side) else ())


_SLOW: Final = (
    "frame.time_delta is taken for the time from a request to its answer; in Wireshark it is the time since"
    " the packet before, whatever that was: there the same is modbus.response_time"
)
_RETRANSMISSION: Final = (
    "a retransmission is taken for a request that was sent again before it was answered; what TCP sends again"
    " is counted apart"
)

_STREAM: Final = (
    "tcp.stream counts connections to Modbus servers, from 0; Wireshark counts those to others too"
)
_UTC: Final = "frame.time without a zone is UTC here; Wireshark takes it for that of its machine"
_UNIT: Final = "modbus.unit_id is the unit; Wireshark itself calls it mbtcp.unit_id"

FIELDS: Final[Mapping[str, Field]] = {
    "modbus": _mark(lambda side: True),
    "mbtcp": _mark(lambda side: True),
    "tcp": _mark(lambda side: True),
    "ip": _mark(lambda side: ":" not in side.exchange.client),
    "ipv6": _mark(lambda side: ":" in side.exchange.client),
    "tcp.port": Field("number", _ports),
    "tcp.srcport": Field("number", _source_port),
    "tcp.dstport": Field("number", _target_port),
    "tcp.stream": Field("number", lambda side: [side.exchange.connection - 1], _STREAM),
    "ip.addr": Field("address", _hosts),
    "ip.src": Field("address", _source_host),
    "ip.dst": Field("address", _target_host),
    "ip.host": Field("address", _hosts),
    "ipv6.addr": Field("address", _hosts),
    "ipv6.src": Field("address", _source_host),
    "ipv6.dst": Field("address", _target_host),
    "frame.number": Field("number", _frame),
    "frame.time": Field("moment", _time, _UTC),
    "frame.time_epoch": Field("time", lambda side: [at / 1e6 for at in _time(side)]),
    "frame.time_delta": Field("time", _delay, _SLOW),
    "modbus.response_time": Field("time", _delay),
    "modbus.func_code": Field("number", _function),
    "modbus.exception_code": Field("number", _exception),
    "modbus.unit_id": Field("number", _unit, _UNIT),
    "mbtcp.unit_id": Field("number", _unit),
    "mbrtu.unit_id": Field("number", _unit),
    "mbtcp.trans_id": Field("number", _transaction),
    "mbtcp.prot_id": Field("number", lambda side: (0,)),
    "mbtcp.len": Field("number", lambda side: (len(side.pdu) + 1,)),
    "modbus.reference_num": Field("number", _named(_ADDRESS)),
    "modbus.read_reference_num": Field("number", _named(_ADDRESS, both=True, writes=False)),
    "modbus.write_reference_num": Field("number", _named(_ADDRESS, both=True, writes=True)),
    "modbus.word_cnt": Field("number", _named(_COUNT, bits=False)),
    "modbus.read_word_cnt": Field("number", _named(_COUNT, both=True, writes=False)),
    "modbus.write_word_cnt": Field("number", _named(_COUNT, both=True, writes=True)),
    "modbus.bit_cnt": Field("number", _named(_COUNT, bits=True)),
    "modbus.regval_uint16": Field("number", _registers),
    "modbus.regval_int16": Field("number", _signed),
    "modbus.bitval": Field("number", _bits),
    "modbus.diagnostic_code": Field("number", _diagnostic),
    "tcp.analysis.retransmission": Field("mark", _again, _RETRANSMISSION),
    # short names
    "unit": Field("number", _unit),
    "function": Field("number", _function),
    "transaction": Field("number", _transaction),
    "value": Field("number", lambda side: _carried(side)[1]),
    "register": Field("range", _spans),
    "address": Field("range", _spans),
    "count": Field("number", _counts),
    "delay": Field("time", _delay),
    "time": Field("moment", _time),
    "client": Field("address", lambda side: [side.exchange.client]),
    "server": Field("address", lambda side: [side.exchange.server]),
    "exception": Field("number", _exception),
    "write": _mark(lambda side: writes(side.exchange)),
    "read": _mark(lambda side: bool(side.exchange.pdu) and not writes(side.exchange)),
    "unanswered": _mark(lambda side: not side.answer and side.exchange.response is None),
    "retransmission": Field("mark", _again, _RETRANSMISSION),
}
"""Every field, by its name."""
