"""The quick way through a firewall: plain requests that are settled go on to the lane of its handler.

Everything else takes `Firewall.handle`. What is counted and seen is the same on both ways.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from mbap.errors import ExceptionResponse, ModbusError
from mbap.protocol.exchanges import Exchange
from mbap.protocol.relayed import Relayed
from mbap.security.following import Followed
from mbap.security.policy import Moment
from mbap.security.settled import Settled
from mbap.server.handler import Peer

if TYPE_CHECKING:
    from mbap.security.firewall import Firewall
    from mbap.server.forwarding import Forwarded, Lane


class Passage:
    """From a firewall to the lane of its handler, for one unit and as long as the policy is the same.

    Few calls and few objects: it is what nearly every request goes through.

    Attributes:
        inner: that lane. lane: what leads there.
    """

    __slots__ = (
        "_clock",
        "_firewall",
        "_healthy",
        "_note",
        "_saw",
        "_target",
        "_unit",
        "_verdicts",
        "inner",
        "lane",
    )

    def __init__(self, firewall: Firewall, inner: Lane, unit: int) -> None:
        self._firewall = firewall
        self._clock, self._healthy, self._target = firewall.clock, firewall.healthy, firewall.target
        self._saw = [observer.saw for observer in firewall.observers]
        self._verdicts = firewall.verdicts.of_unit(unit)
        self._unit = unit
        self._note: tuple[Settled, Moment] | None = None
        self.inner = inner
        self.lane = inner.followed(
            self._permits,
            self._judge if self._saw else inner.judge,
            self._begun,
            self._ended if self._saw else None,
        )

    def _permits(self, request: Relayed, peer: Peer) -> bool:
        if self._healthy is not None and not self._healthy():
            return False
        now = self._clock()
        settled = self._verdicts.of(request.pdu, peer, now)
        if settled is None:
            return False
        self._note = settled, now
        return self.inner.permits is None or self.inner.permits(request, peer)

    def _begun(self, sent: Forwarded) -> None:
        assert self._note is not None
        sent.note = self._note
        self._firewall.passed(*self._note)

    def _ended(self, sent: Forwarded, response: bytes | None) -> None:
        (settled, began), peer = sent.note, sent.peer
        exchange = Exchange(
            began.wall,
            peer.address,
            peer.port,
            self._target or peer.listener,
            0,
            self._unit,
            None,
            settled.request,
            sent.request.pdu,
            response,
            None if response is None else self._clock().wall,
            peer.role,
        )
        for saw in self._saw:
            saw(exchange)

    def _judge(self, error: ModbusError, sent: Forwarded) -> ExceptionResponse | Awaitable[bytes]:
        instead = self.inner.judge(error, sent)
        if isinstance(instead, ExceptionResponse):
            self._ended(sent, _exception(sent, instead))
            return instead
        return Followed(
            instead,
            lambda response: self._ended(sent, response),
            lambda failure: self._ended(sent, _exception(sent, failure)),
        )


def _exception(sent: Forwarded, error: BaseException) -> bytes | None:
    if not isinstance(error, ExceptionResponse):
        return None
    return bytes((sent.request.function_code | 0x80, error.code))
