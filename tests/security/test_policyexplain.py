"""An explanation says the same as the verdict."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mbap.protocol.pdu import ReadHoldingRegisters, ReadWriteMultipleRegisters, WriteSingleRegister
from mbap.protocol.pdu.base import Request
from mbap.security.compact import parse_compact
from mbap.security.policy import Policy, Rule
from mbap.security.policydiff import differences
from mbap.security.policyexplain import explain
from mbap.server.handler import Call, Peer
from security.test_policy_against_naive import PEERS, requests, rules
from support.policies import HMI, at, operator


def misfits(text: str, request: Request[Any], peer: Peer = HMI, unit: int = 1) -> list[str]:
    (step, *_) = explain(parse_compact(text), Call(request, unit, peer), at(), target="plc1")
    return [field for field, _ in step.misfits]


def test_the_fields_that_do_not_fit_are_named() -> None:
    read = ReadHoldingRegisters(0, 1)
    assert misfits("ALLOW SRC=10.1.0.0/16 DST=plc1 UNIT=1 FC=3 REG=0", read) == []
    assert misfits("ALLOW SRC=10.2.0.0/16 DST=plc2 UNIT=2 FC=4 REG=1", read) == [
        "from.net",
        "to",
        "unit",
        "function",
        "address",
    ]
    assert misfits("ALLOW FC=3 ROLE=Operator PROTO=TLS", read) == ["from.role", "from.listener"]
    assert misfits("ALLOW FC=3 ROLE=Operator PROTO=TLS", read, operator()) == []
    assert misfits("ALLOW FC=3 ARMED=work ENABLED=NO EXPIRES=2020-01-01T00:00:00Z", read) == [
        "enabled",
        "expires",
        "armed",
    ]


def test_function_23_is_explained_side_by_side() -> None:
    policy = parse_compact("ALLOW FC=WRITE REG=5\nALLOW FC=READ REG=0-3")
    steps = explain(policy, Call(ReadWriteMultipleRegisters(0, 2, 5, (1,)), 1, HMI), at())
    assert [(step.side.partition(" ")[0], step.rule, not step.misfits) for step in steps] == [
        ("writes", "line-1", True),
        ("reads", "line-1", False),
        ("reads", "line-2", True),
    ]


@settings(max_examples=80, deadline=None)
@given(st.lists(rules(), max_size=8, unique_by=lambda rule: rule.id), requests(), PEERS, st.integers(0, 3))
def test_an_explanation_ends_with_the_rule_that_decides(
    some: list[Rule], request: Request[Any], peer: Peer, unit: int
) -> None:
    policy = Policy(tuple(some))
    call = Call(request, unit, peer)
    verdict = policy.judge(call, at())
    deciding = tuple(dict.fromkeys(step.rule for step in explain(policy, call, at()) if not step.misfits))
    if verdict.field == "default":
        assert len(deciding) <= 1
    elif verdict.passes:
        assert deciding == verdict.rules
    else:
        assert deciding[-1] == verdict.rule


# --- diff ---


def test_a_difference_names_the_rule_and_the_field() -> None:
    old = parse_compact("ALLOW FC=3 REG=0-9 ID=a\nALLOW FC=4 ID=b\nDENY FC=8 ID=c")
    new = parse_compact("DENY FC=8 ID=c\nALLOW FC=3 REG=0-99 ID=a\nALLOW FC=1 ID=d")
    said = [(one.what, one.name, list(one.fields)) for one in differences(old, new)]
    assert said == [
        ("changed", "a", ["address"]),
        ("removed", "b", []),
        ("added", "d", []),
        ("moved", "c", ["place"]),
        ("moved", "a", ["place"]),
    ]
    assert differences(old, old) == []


def test_a_single_write_is_not_a_read() -> None:
    assert misfits("ALLOW FC=READ", WriteSingleRegister(0, 1)) == ["function"]
