"""Verdicts that are remembered: never another than judging anew would give, and as many as can be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbap.protocol.pdu import (
    ReadHoldingRegisters,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.protocol.pdu.base import Request
from mbap.security import settled as settling
from mbap.security.ledger import Ledger
from mbap.security.policy import Moment, Policy
from mbap.security.settled import Verdicts
from mbap.server.handler import Call, Peer
from support.policies import HMI, MONDAY_NOON, NAMED, allowing, at, policy_of

NOON = Moment.at(MONDAY_NOON).wall
SOURCES = [
    "",
    'from = { net = "192.0.2.0/24" }',
    'from = { net = "192.0.2.7" }',
    'from = { role = "Operator" }',
]
WHEN = ["", "", 'when = "day"', 'armed = "service"', "expires = 2026-11-30T12:00:20Z"]
LIMITS = ["", "", "rate = { requests = '3/s' }", "rate = { writes = '1/s' }", 'log = "each"',
          'points = "level"', 'points = "set"', "count = 1"]  # fmt: skip
ABOUT = ['"read"', '"write"', '"all"', "3", "6", "16", "[3, 5]"]
WHERE = ["", 'address = { holding = "0-9" }', 'address = { holding = "5-29", coil = "0-9" }']


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    rules = []
    for number in range(draw(st.integers(1, 6))):
        action = draw(st.sampled_from(["allow", "allow", "allow", "deny", "alert"]))
        lines = [draw(st.sampled_from(some)) for some in (SOURCES, WHERE, WHEN)]
        lines += [draw(st.sampled_from(LIMITS))] if action != "deny" else []
        lines += [f"function = {draw(st.sampled_from(ABOUT))}", f'action = "{action}"']
        unit = draw(st.sampled_from(['"any"', "1", "[0, 2]"]))
        rules.append("\n".join(["[[rules]]", f'id = "r{number}"', f"unit = {unit}", *lines]))
    return policy_of("\n".join(rules), NAMED)


REQUESTS: list[Request[Any]] = [
    *(ReadHoldingRegisters(address, count) for address in (0, 5, 9, 20, 29) for count in (1, 2)),
    *(WriteSingleRegister(address, value) for address in (5, 20, 30) for value in (1, 2000)),
    WriteMultipleRegisters(29, (1, 70)),
    WriteMultipleRegisters(0, (1,)),
    WriteSingleCoil(3, True),
]
PEERS = [
    Peer("192.0.2.7", 1, "tcp://0.0.0.0:502", session=1),
    Peer("192.0.2.8", 2, "tcp://0.0.0.0:502", session=2),
    Peer("192.0.2.7", 3, "tls://0.0.0.0:802", role="Operator", session=3),
    Peer("198.51.100.1", 4, "tcp://0.0.0.0:502", session=4),
]
TIMES = [0, 1, 19, 20, 21, 25_000, 60_000]
ASKED = st.tuples(
    st.sampled_from(REQUESTS), st.sampled_from([0, 1, 2]), st.sampled_from(PEERS), st.sampled_from(TIMES)
)


@given(policies(), st.lists(ASKED, min_size=1, max_size=60), st.sampled_from([None, 5, 30]))
@settings(max_examples=200, deadline=None)
def test_what_is_settled_is_what_judging_anew_says(
    policy: Policy, asked: list[tuple[Request[Any], int, Peer, int]], armed: int | None
) -> None:
    ledger = Ledger(policy)
    verdicts = Verdicts(policy, ledger, "")
    if armed is not None:
        ledger.arm("service", armed, at())
    for request, unit, peer, second in asked:
        now = Moment(float(second), NOON + 1_000_000 * second)
        found = verdicts.of_unit(unit).of(request.encode(), peer, now)
        verdict = policy.judge(Call(request, unit, peer), now, ledger)
        if found is not None:
            assert (verdict.action, verdict.log, verdict.takes) == ("allow", "none", ())
            assert (found.rules, found.request) == (verdict.rules, request)
            assert not ledger.concerns(request)
        ledger.note(verdict, now)
        if verdict.passes and ledger.concerns(request):
            ledger.answered(unit, request, None, ledger.sent(unit, request))


READ = ReadHoldingRegisters(0, 2)


def asked(verdicts: Verdicts, seconds: float = 0.0, peer: Peer = HMI) -> bool:
    return verdicts.of_unit(1).of(READ.encode(), peer, at(seconds)) is not None


def fresh_verdicts(*rule: str, rest: str = NAMED) -> Verdicts:
    policy = allowing(*rule, rest=rest)
    return Verdicts(policy, Ledger(policy), "")


@pytest.mark.parametrize(
    ("rule", "settled"),
    [
        ("", True),
        ('function = "read"', True),
        ('points = "set"', True),
        ("count = 9", True),
        ('log = "none"', True),
        ("expires = 2099-01-01T00:00:00Z", True),
        ("expires = 2001-01-01T00:00:00Z", False),
        ("count = 1", False),
        ('log = "summary"', False),
        ("rate = { requests = '3/s' }", False),
        ("rate = { writes = '3/s' }", True),
        ('when = "day"', False),
        ('armed = "service"', False),
    ],
)
def test_a_rule_settles_a_read_or_not(rule: str, settled: bool) -> None:
    address = 'address = { holding = "0-99" }'
    assert asked(fresh_verdicts(rule, address)) is settled


def test_another_client_with_the_session_of_one_before_is_somebody_else() -> None:
    verdicts = fresh_verdicts('from = { net = "10.1.0.7" }')
    assert asked(verdicts)
    assert not asked(verdicts, peer=Peer("192.0.2.1", 1, HMI.listener, session=HMI.session))


def test_what_is_known_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "MOST_REQUESTS", 20)
    monkeypatch.setattr(settling, "MOST_PLACES", 3)
    verdicts = fresh_verdicts(rest="")
    for session in range(1, 9):
        for address in range(50):
            peer = Peer("10.1.0.7", session=session)
            pdu = ReadHoldingRegisters(address, 1).encode()
            assert verdicts.of_unit(session).of(pdu, peer, at()) is not None
            assert (verdicts.places <= 3, verdicts.count <= 20) == (True, True)
            assert sum(len(verdicts.of_unit(unit)) for unit in range(1, 9)) <= verdicts.count


def test_a_request_is_judged_once_for_clients_that_the_same_rules_are_about() -> None:
    verdicts = fresh_verdicts()
    one = verdicts.of_unit(1).of(READ.encode(), Peer("10.1.0.7", session=1), at())
    assert verdicts.of_unit(1).of(READ.encode(), Peer("10.1.0.8", session=2), at()) is one


def test_what_is_settled_ends_when_its_rule_does_and_counts_again_where_the_clock_is_set_back() -> None:
    verdicts = fresh_verdicts("expires = 2026-11-30T12:00:20Z")
    for second, passes in ((0, True), (19, True), (20, False), (19, True), (21, False)):
        now = Moment(0.0, NOON + 1_000_000 * second)
        found = verdicts.of_unit(1).of(READ.encode(), HMI, now)
        assert found is None or passes
    assert verdicts.of_unit(1).of(ReadHoldingRegisters(1, 1).encode(), HMI, Moment(0.0, NOON)) is not None
