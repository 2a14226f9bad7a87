"""Verdicts that stay as they are: for the same request of the same client, until the policy is another.

A request that a rule without rates, schedule and window lets pass, and that nobody wants written down, passes
again the next time. `tests/security/test_passage.py` holds that against judging each anew.
"""

from __future__ import annotations

import sys
from typing import Any, Final, NamedTuple

from mbap.protocol.pdu.base import Request, decode_request
from mbap.security.accesses import Access, accesses
from mbap.security.ledger import Ledger
from mbap.security.policy import Moment, Policy, is_about
from mbap.security.policyindex import numbers
from mbap.security.rules import Rule
from mbap.server.handler import Call, Peer

MOST_PLACES: Final = 4_096
"""Clients and units of which it is kept what passes."""
MOST_REQUESTS: Final = 8_192
"""Requests of which it is kept, over all clients and units."""


class Settled(NamedTuple):
    """That a request passes.

    Attributes:
        rules: the ids of the rules that were about it.
        since, until: UTC microseconds, between which it holds: no rule that matters begins or ends there.
        request: taken apart.
    """

    rules: tuple[str, ...]
    since: int
    until: int
    request: Request[Any]


_Known = dict[bytes, Settled | None]


class Verdicts:
    """What is settled of one policy, for all units: bounded, and thrown away with it."""

    def __init__(self, policy: Policy, ledger: Ledger, target: str) -> None:
        self._policy, self._ledger, self._target = policy, ledger, target
        self._units: dict[int, UnitVerdicts] = {}
        self.count = self.places = 0

    def of_unit(self, unit: int) -> UnitVerdicts:
        """What is settled of *unit*."""
        if unit not in self._units:
            self._units[unit] = UnitVerdicts(self, unit)
        return self._units[unit]

    def common(self, peer: Peer, unit: int) -> int:
        """The rules that can be about what *peer* asks *unit*."""
        return self._policy.index.common(peer, unit, self._target)

    def judge(self, pdu: bytes, unit: int, peer: Peer, now: Moment) -> Settled | None:
        """Find out how the request *pdu* passes."""
        call = Call(decode_request(pdu), unit, peer)
        return settled(self._policy, call, now, self._ledger, self._target)

    def make_room(self) -> None:
        """Forget what is known, where that is much."""
        if self.count >= MOST_REQUESTS or self.places >= MOST_PLACES:
            for one in self._units.values():
                one.clear()
            self.count = self.places = 0


class UnitVerdicts:
    """The same for one unit. Clients that the same rules are about share what is known."""

    __slots__ = ("_all", "_known", "_places", "_unit")

    def __init__(self, verdicts: Verdicts, unit: int) -> None:
        self._all, self._unit = verdicts, unit
        self._places: dict[int, tuple[Peer, _Known]] = {}
        self._known: dict[int, _Known] = {}

    def of(self, pdu: bytes, peer: Peer, now: Moment) -> Settled | None:
        """How the request *pdu* passes; None: it does not, or that is not settled."""
        place = self._places.get(peer.session)
        if place is not None and place[0] is peer and pdu in place[1]:
            found = place[1][pdu]
            if found is None or found.since <= now.wall < found.until:
                return found
        return self._judged(pdu, peer, now)

    def _judged(self, pdu: bytes, peer: Peer, now: Moment) -> Settled | None:
        self._all.make_room()
        place = self._places.get(peer.session)
        if place is None or place[0] is not peer:
            rules = self._all.common(peer, self._unit)
            place = peer, self._known.setdefault(rules, {})
            self._all.places += peer.session not in self._places
            self._places[peer.session] = place
        known = place[1]
        if pdu in known and (found := known[pdu]) is not None and found.since <= now.wall < found.until:
            return found
        self._all.count += pdu not in known
        known[pdu] = found = self._all.judge(pdu, self._unit, peer, now)
        return found

    def clear(self) -> None:
        """Forget it."""
        self._places.clear()
        self._known.clear()

    def __len__(self) -> int:
        return sum(map(len, self._known.values()))


def settled(policy: Policy, call: Call[Any], now: Moment, ledger: Ledger, target: str = "") -> Settled | None:
    """How *call* passes, where nothing but the time makes a difference; else None."""
    verdict = policy.judge(call, now, ledger, target)
    if verdict.action != "allow" or verdict.log != "none" or verdict.takes or ledger.concerns(call.request):
        return None
    common = policy.index.common(call.peer, call.unit, target)
    since, until = 0, sys.maxsize
    for access in accesses(call.request):
        for rule in _looked_at(policy, common, access, now):
            if rule.when or rule.armed:
                return None
            if rule.expires is not None and now.wall < rule.expires:
                until = min(until, rule.expires)
            elif rule.expires is not None:
                since = max(since, rule.expires)
    return Settled(verdict.rules, since, until, call.request)


def _looked_at(policy: Policy, common: int, access: Access, now: Moment) -> list[Rule]:
    """The rules of *common* up to the one that decides about *access*."""
    found = []
    for number in numbers(policy.index.candidates(common, access)):
        rule = policy.rules[number]
        found.append(rule)
        if is_about(rule, access) and policy.holds(rule, now):
            break
    return found
