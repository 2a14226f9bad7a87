"""What is remembered is bounded, and being full never opens anything."""

from __future__ import annotations

import pytest

from mbap.protocol.pdu import ReadHoldingRegisters
from mbap.security.firewall import Firewall
from mbap.security.ledger import Ledger
from mbap.server.device import Device
from mbap.server.handler import Peer
from mbap.server.server import Server
from support.policies import allowing, at, judged, policy_of

READ = ReadHoldingRegisters(0, 1)
SLOW = allowing('rate = { requests = "2/h" }')


def client(number: int) -> Peer:
    return Peer(f"10.1.{number // 250}.{number % 250}")


def test_where_no_more_rates_fit_new_clients_are_refused_and_old_ones_go_on() -> None:
    ledger = Ledger(SLOW, most_buckets=3)
    assert all(judged(SLOW, READ, peer=client(number), ledger=ledger).passes for number in range(3))
    assert judged(SLOW, READ, peer=client(3), ledger=ledger).field == "rate"
    assert judged(SLOW, READ, peer=client(0), ledger=ledger).passes
    assert ledger.buckets == 3


def test_a_client_that_was_idle_makes_room() -> None:
    ledger = Ledger(SLOW, most_buckets=3)
    for number in range(3):
        judged(SLOW, READ, peer=client(number), ledger=ledger)
    later = at(1_800.0)
    assert judged(SLOW, READ, peer=client(3), ledger=ledger, now=later).passes
    assert ledger.buckets == 3


def test_a_million_clients_take_no_more_room_than_some() -> None:
    policy = allowing('rate = { requests = "1000000/s" }')
    ledger = Ledger(policy, most_buckets=100)
    for number in range(2_000):
        judged(policy, READ, peer=client(number), ledger=ledger, now=at(float(number)))
    assert ledger.buckets == 100


def test_a_smaller_burst_of_another_policy_counts_at_once() -> None:
    before, after = (allowing(f'rate = {{ requests = "{n}/h" }}') for n in (100, 2))
    ledger = Ledger(before)
    judged(before, READ, ledger=ledger)
    ledger.adopt(after)
    assert [judged(after, READ, ledger=ledger).passes for _ in range(3)] == [True, True, False]


def test_hits_are_counted_by_rule_and_what_no_rule_is_about_under_nothing() -> None:
    policy = allowing("function = 3", "address = { holding = 0 }")
    ledger = Ledger(policy)
    judged(policy, READ, ledger=ledger)
    judged(policy, READ, ledger=ledger)
    judged(policy, ReadHoldingRegisters(1, 1), ledger=ledger)
    assert {rule: hits.count for rule, hits in ledger.hits.items()} == {"it": 2, "": 1}


def test_a_firewall_alone_on_a_serial_line_would_answer_for_all_units() -> None:
    firewall = Firewall(policy_of(""), Device())
    with pytest.raises(ValueError, match="it would answer for every unit"):
        Server("rtu:///dev/ttyUSB0", firewall)
    Server("rtu:///dev/ttyUSB0#5", firewall)
