"""Policies, calls and verdicts for tests of the firewall."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mbap.protocol.pdu.base import Request
from mbap.security.ledger import Ledger
from mbap.security.policy import Moment, Policy, Verdict
from mbap.security.policyfile import parse_policy
from mbap.server.handler import Call, Identity, Peer

MONDAY_NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
HMI = Peer("10.1.0.7", 40_000, "tcp://0.0.0.0:502", session=1)


NAMED = """
[points.level]
address = 20
type = "int16"
max_step = 1000
[points.set]
address = 30
type = "int16"
min = 0
max = 80
[schedules.day]
days = "mon-fri"
from = "06:00"
to = "18:00"
"""
"""Points and a schedule that rules may name."""


def policy_of(rules: str, rest: str = "") -> Policy:
    """The policy with these `[[rules]]` and other tables."""
    return parse_policy(f"policy = 1\n{rest}\n{rules}", "test.toml")


def allowing(*lines: str, rest: str = "") -> Policy:
    """The policy with one rule, `it`, that allows what *lines* say, of any unit unless they name one."""
    unit = [] if any(line.startswith("unit") for line in lines) else ['unit = "any"']
    function = [] if any(line.startswith("function") for line in lines) else ['function = "all"']
    rule = ["[[rules]]", 'id = "it"', 'action = "allow"', *unit, *function, *lines]
    return policy_of("\n".join(rule), rest)


def operator(
    role: str | None = "Operator", subject: str = "CN=hmi1,O=Plant", issuer: str = "", fingerprint: str = ""
) -> Peer:
    """A client with a certificate."""
    named = Identity(subject, issuer, "", fingerprint)
    return Peer("10.1.0.7", 40_000, "tls://0.0.0.0:802", role=role, identity=named, session=2)


def at(seconds: float = 0.0, wall: datetime = MONDAY_NOON) -> Moment:
    """So long after the beginning, at this time of day."""
    return Moment.at(wall, seconds)


def judged(
    policy: Policy,
    request: Request[Any],
    *,
    unit: int = 1,
    peer: Peer = HMI,
    now: Moment | None = None,
    ledger: Ledger | None = None,
    target: str = "",
) -> Verdict:
    """What becomes of *request*; with a *ledger* it is noted there."""
    moment = now or at()
    call = Call(request, unit, peer)
    if ledger is None:
        return policy.judge(call, moment, target=target)
    verdict = policy.judge(call, moment, ledger, target)
    ledger.note(verdict, moment)
    return verdict
