"""Policies out of traffic: what was done becomes rules that nobody has enabled yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.diagnose.capture import exchanges
from mbap.protocol.exchanges import Exchange
from mbap.protocol.pdu.base import Request
from mbap.protocol.pdu.diagnostics import Diagnostics
from mbap.protocol.pdu.registers import (
    ReadHoldingRegisters,
    ReadWriteMultipleRegisters,
    WriteSingleRegister,
)
from mbap.security import learning
from mbap.security.learning import MOST_RULES, Learned
from mbap.security.policy import Policy
from mbap.security.policyfile import parse_policy
from mbap.security.replaying import replay

SECOND = 1_000_000


def seen(
    request: Request[Any] | None,
    *,
    client: str = "10.0.0.5",
    unit: int = 1,
    time: int = 0,
    role: str | None = None,
) -> Exchange:
    pdu = b"\x03\x00" if request is None else request.encode()
    return Exchange(time, client, 40_000, "10.0.0.9", 502, unit, 7, request, pdu, role=role)


def learned(*all_of_them: Exchange) -> Policy:
    return Learned().take(all_of_them).policy()


def enforced(policy: Policy) -> Policy:
    return replace(policy, mode="enforce", rules=tuple(replace(one, enabled=True) for one in policy.rules))


def uncommented(policy: Policy) -> Policy:
    return replace(policy, rules=tuple(replace(rule, comment="") for rule in policy.rules))


def test_nothing_that_was_learned_is_enabled_by_itself() -> None:
    policy = learned(seen(ReadHoldingRegisters(0, 10)))
    assert policy.mode == "observe"
    assert not any(rule.enabled for rule in policy.rules)


def test_addresses_are_joined_over_many_requests() -> None:
    reads = [seen(ReadHoldingRegisters(at, 10)) for at in range(0, 2000, 10)]
    (rule,) = learned(*reads, seen(ReadHoldingRegisters(5000, 3))).rules
    assert rule.addresses == {Table.HOLDING_REGISTERS: ((0, 1999), (5000, 5002))}
    assert rule.count == 10


def test_a_rule_says_how_often_and_when_it_was_seen() -> None:
    reads = [seen(ReadHoldingRegisters(0, 1), time=hour * 3600 * SECOND) for hour in (0, 1, 26)]
    failed = replace(reads[0], response=b"\x83\x02")
    (rule,) = learned(*reads, failed).rules
    assert rule.comment == (
        "seen 4 times, 1970-01-01 00:00:00 to 1970-01-02 02:00:00, 1 of them answered with an exception"
    )


def test_each_client_role_unit_and_function_has_a_rule_of_its_own() -> None:
    read, write = ReadHoldingRegisters(0, 1), WriteSingleRegister(0, 5)
    policy = learned(
        seen(read),
        seen(write),
        seen(read, unit=2),
        seen(read, client="10.0.0.6"),
        seen(read, role="Operator"),
    )
    assert len(policy.rules) == 5
    assert {rule.source.roles for rule in policy.rules} == {(), ("Operator",)}


def test_function_23_is_learned_with_what_it_reads_and_what_it_writes() -> None:
    (rule,) = learned(seen(ReadWriteMultipleRegisters(100, 2, 7, [1, 2, 3]))).rules
    assert rule.read_addresses == {Table.HOLDING_REGISTERS: ((100, 101),)}
    assert rule.write_addresses == {Table.HOLDING_REGISTERS: ((7, 9),)}


def test_sub_functions_of_diagnostics_are_told_apart() -> None:
    policy = learned(seen(Diagnostics(0, b"\0\0")), seen(Diagnostics(1, b"\0\0")))
    assert {str(rule.functions) for rule in policy.rules} == {"8/0", "8/1"}


def test_what_is_no_request_is_counted() -> None:
    found = Learned().take([seen(None)])
    assert (found.seen, found.left_out, found.policy().rules) == (1, 1, ())


def test_h155_how_much_is_learned_is_bounded() -> None:
    def scan() -> Iterator[Exchange]:
        for number in range(MOST_RULES + 50):
            yield seen(ReadHoldingRegisters(0, 1), client=f"10.1.{number // 250}.{number % 250}")

    found = Learned().take(scan())
    assert (len(found.policy().rules), found.left_out) == (MOST_RULES, 50)


REQUESTS = st.one_of(
    st.builds(ReadHoldingRegisters, st.integers(0, 300), st.integers(1, 20)),
    st.builds(WriteSingleRegister, st.integers(0, 300), st.integers(0, 9)),
)


@given(st.lists(st.tuples(REQUESTS, st.integers(1, 3)), max_size=30))
def test_what_was_seen_is_allowed_once_it_is_enabled(traffic: list[tuple[Request[Any], int]]) -> None:
    all_of_them = [seen(request, unit=unit) for request, unit in traffic]
    found = replay(enforced(learned(*all_of_them)), all_of_them)
    assert (found.denied, found.allowed) == (0, len(traffic))


@given(st.lists(REQUESTS, min_size=1, max_size=5), st.data(), st.sampled_from([1, 3, 4096]))
def test_requests_that_come_again_are_counted_and_change_nothing_else(
    known: list[Request[Any]], data: st.DataObject, most: int
) -> None:
    requests = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=40))
    refused = data.draw(st.lists(st.booleans(), min_size=len(requests), max_size=len(requests)))
    with mock.patch.object(learning, "_MOST_SAME", most):
        policy = learned(
            *(
                replace(
                    seen(one, time=at * SECOND), response=bytes([one.function_code | 0x80, 2]) if no else None
                )
                for at, (one, no) in enumerate(zip(requests, refused, strict=True))
            )
        )
    assert uncommented(policy) == uncommented(learned(*map(seen, dict.fromkeys(requests))))
    for rule in policy.rules:
        times = [at for at, one in enumerate(requests) if str(one.function_code) == str(rule.functions)]
        often = "once" if len(times) == 1 else f"{len(times)} times"
        failed = sum(refused[at] for at in times)
        assert rule.comment == (
            f"seen {often}, 1970-01-01 00:00:{times[0]:02} to 1970-01-01 00:00:{times[-1]:02}"
            + (f", {failed} of them answered with an exception" if failed else "")
        )


@pytest.mark.parametrize(
    "name", ["iti_ModbusTCP_plant1.pcap", "lemay_fake_command_p502.pcap", "icsnpp_modbus_example.pcap"]
)
def test_a_policy_learned_from_a_plant_is_written_and_read_and_lets_the_plant_go_on(
    captures: Path, name: str
) -> None:
    policy = Learned().take(exchanges(captures / name)).policy()
    again = parse_policy(str(policy))
    assert again.hash == policy.hash
    found = replay(enforced(again), exchanges(captures / name))
    assert found.denied == 0
    assert found.allowed > 20


def test_the_fake_command_is_refused_by_what_was_learned_before_it(captures: Path) -> None:
    all_of_them = list(exchanges(captures / "lemay_fake_command_p502.pcap"))
    begin = all_of_them[0].time
    before = [one for one in all_of_them if one.time < begin + 250 * SECOND]
    found = replay(enforced(Learned().take(before).policy()), all_of_them)
    assert ("", "no rule allows it", "192.168.1.101", "192.168.1.102", "1", "5") in found.examples
