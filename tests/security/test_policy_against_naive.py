"""The index never changes a verdict: the same as looking at every rule in turn; and it looks at few."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.protocol.pdu import (
    Diagnostics,
    MaskWriteRegister,
    Opaque,
    ReadCoils,
    ReadDiscreteInputs,
    ReadFifoQueue,
    ReadHoldingRegisters,
    ReadInputRegisters,
    ReadWriteMultipleRegisters,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.protocol.pdu.base import Request
from mbap.security.accesses import joined
from mbap.security.functions import Functions
from mbap.security.policy import Policy, Rule
from mbap.security.sources import Source
from mbap.server.handler import Call, Peer
from mbap.server.networks import network_of
from support.naive_policy import decides
from support.policies import at, judged

# Few values, close to each other and to the borders of pages, so that rules and requests meet.
ADDRESS = st.sampled_from([0, 1, 62, 63, 64, 65, 127, 128, 200, 65_534, 65_535])
SPAN = st.tuples(ADDRESS, ADDRESS).map(lambda ends: (min(ends), max(ends)))
FUNCTION = st.sampled_from(
    ["read", "write", "file", "vendor", "all", "diag-safe", "3", "6", "16", "23", "8/1"]
)
NETWORKS = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "fd00::/8", "0.0.0.0/0"]
CLIENTS = ["10.1.2.3", "10.1.2.4", "10.2.0.1", "192.0.2.1", "fd00::1"]
UNITS = [None, ((1, 1),), ((0, 0),), ((1, 3), (255, 255))]


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    nets = tuple(draw(st.lists(st.sampled_from(NETWORKS), max_size=2, unique=True)))
    roles = tuple(draw(st.lists(st.sampled_from(["Operator", "Admin", ""]), max_size=1)))
    tables = draw(st.dictionaries(st.sampled_from(list(Table)), st.lists(SPAN, min_size=1, max_size=2)))
    return Rule(
        id=f"r{draw(st.integers(0, 10**9))}",
        functions=Functions(draw(st.lists(FUNCTION, min_size=1, max_size=2))),
        action=draw(st.sampled_from(["allow", "deny", "alert"])),
        source=Source(nets, tuple(network_of(net) for net in nets), roles),
        units=draw(st.sampled_from(UNITS)),
        addresses={table: joined(spans) for table, spans in tables.items()} or None,
        enabled=draw(st.sampled_from([True, True, True, False])),
    )


@st.composite
def requests(draw: st.DrawFn) -> Request[Any]:
    address, other = draw(ADDRESS), draw(ADDRESS)
    most = min(120, 65_536 - address)
    count = draw(st.sampled_from([n for n in (1, 2, 64, 66, 120) if n <= most]))
    return draw(
        st.sampled_from(
            [
                ReadCoils(address, count),
                ReadDiscreteInputs(address, count),
                ReadHoldingRegisters(address, count),
                ReadInputRegisters(address, count),
                ReadFifoQueue(address),
                WriteSingleCoil(address, True),
                WriteSingleRegister(address, 1),
                WriteMultipleCoils(address, (True,) * count),
                WriteMultipleRegisters(address, (1,) * count),
                MaskWriteRegister(address, 0, 1),
                ReadWriteMultipleRegisters(address, count, other, (1,)),
                Diagnostics(draw(st.sampled_from([0, 1, 18, 19, 300]))),
                Opaque(draw(st.sampled_from([65, 90]))),
            ]
        )
    )


PEERS = st.builds(
    Peer, st.sampled_from(CLIENTS), role=st.sampled_from([None, "Operator", "Admin", "operator"])
)


@settings(max_examples=150, deadline=None)
@given(st.lists(rules(), max_size=8, unique_by=lambda rule: rule.id), requests(), PEERS, st.integers(0, 255))
def test_a_verdict_is_that_of_looking_at_every_rule_in_turn(
    some: list[Rule], request: Request[Any], peer: Peer, unit: int
) -> None:
    policy = Policy(tuple(some))
    for one in (unit, 1, 0):
        call = Call(request, one, peer)
        verdict = policy.judge(call, at())
        assert (verdict.rules if verdict.passes else None) == decides(policy, call)


def many(amount: int) -> Policy:
    """Rules as a large plant has them: each a client, a unit and a stretch of registers."""
    made = []
    for number in range(amount):
        net = f"10.{number % 200}.{number // 200 % 250}.0/24"
        first = number * 13 % 60_000
        made.append(
            Rule(
                id=f"r{number}",
                functions=Functions(["read"] if number % 2 else ["16", "6"]),
                source=Source((net,), (network_of(net),)),
                units=((number % 247 + 1, number % 247 + 1),),
                addresses={Table.HOLDING_REGISTERS: ((first, first + 99),)},
            )
        )
    return Policy(tuple(made))


def test_of_ten_thousand_rules_few_are_looked_at() -> None:
    policy = many(10_000)
    number = 9_999
    request = ReadHoldingRegisters(number * 13 % 60_000, 10)
    peer = Peer(f"10.{number % 200}.{number // 200 % 250}.9")
    verdict = judged(policy, request, unit=number % 247 + 1, peer=peer)
    assert (verdict.rule, verdict.examined) == ("r9999", 1)


def test_a_request_that_none_of_ten_thousand_rules_is_about_makes_it_look_at_none() -> None:
    verdict = judged(many(10_000), ReadHoldingRegisters(65_000, 10), peer=Peer("192.0.2.1"))
    assert (verdict.passes, verdict.examined) == (False, 0)


def test_rules_that_differ_in_their_addresses_alone_are_told_apart_by_page() -> None:
    rules_of_one_client = tuple(
        Rule(
            id=f"r{number}",
            functions=Functions(["read"]),
            units=((1, 1),),
            addresses={Table.HOLDING_REGISTERS: ((number * 6, number * 6 + 5),)},
        )
        for number in range(10_000)
    )
    verdict = judged(Policy(rules_of_one_client), ReadHoldingRegisters(59_988, 6))
    assert verdict.rule == "r9998"
    assert verdict.examined <= 64 // 6 + 2
