"""Faults that a device file asks for: of the whole device and of a unit."""

from __future__ import annotations

import pytest

from mbap.server.devicefile import parse_device_file
from mbap.server.faults import KINDS, Fault, Rule
from support.devicefiles import problems, unit


def test_faults_become_rules() -> None:
    file = parse_device_file(
        "[units.1.coil]\n0 = true\n[faults]\nlate = { probability = 0.01, by = '2s' }\n"
        "exception = [{ probability = 0.1, code = 6 }]\n"
        "silent = { every = '45s', for = '8s', first = '5s' }"
    )
    assert file.rules == (
        Rule(Fault("late", delay=2.0), probability=0.01),
        Rule(Fault("silent"), every=45.0, lasting=8.0, first=5.0),
        Rule(Fault("exception", code=6), probability=0.1),
    )


def test_faults_of_a_unit_hit_only_it_and_go_first() -> None:
    file = parse_device_file(
        "[faults]\nsilent = { probability = 0.5 }\n[units.3.coil]\n0 = true\n"
        "[units.3.faults]\nreset = { probability = 1 }"
    )
    assert file.rules[0] == Rule(Fault("reset"), units=frozenset({3}))
    assert file.rules[1].units == frozenset()


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("slow = 2", "faults.slow: unknown key"),
        ("late = 3", "faults.late: is a table such as { probability = 0.01 }, not 3"),
        ("late = { probability = 3 }", "faults.late: a probability is 0 to 1, not 3"),
        ("late = { probability = 0.1, code = 3 }", "faults.late.code: unknown key"),
        ("silent = { }", "faults.silent: says when: probability = 0.01"),
        ("silent = { every = '5s', for = '9s' }", "faults.silent: a spell every 5 s cannot last 9 s"),
        ("exception = { probability = 1, code = 300 }", "faults.exception: an exception code is 1 to 255"),
    ],
)
def test_what_is_wrong_with_a_fault_is_said(entry: str, problem: str) -> None:
    assert problems(f"[units.1.coil]\n0 = true\n[faults]\n{entry}")[0].startswith(problem)


def test_every_kind_of_fault_can_be_written() -> None:
    text = "[units.1.coil]\n0 = true\n[faults]\n" + "\n".join(f"{kind} = {{ times = 1 }}" for kind in KINDS)
    assert [rule.fault.kind for rule in parse_device_file(text).rules] == list(KINDS)


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("busy = { times = 2, of = 3 }", Fault("busy", code=6)),
        ("close = { times = 1, when = 'during' }", Fault("close", when="during")),
        ("wrong_unit = { times = 1, value = 0 }", Fault("wrong_unit", value=0)),
        ("rubbish_after = { times = 1, hex = '00ff' }", Fault("rubbish_after", octets=b"\x00\xff")),
        ("reboot = { times = 1, by = '2s' }", Fault("reboot", delay=2.0)),
    ],
)
def test_a_fault_can_say_more(entry: str, fault: Fault) -> None:
    (rule,) = parse_device_file(f"[units.1.coil]\n0 = true\n[faults]\n{entry}").rules
    assert rule.fault == fault


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("wrong_unit = { times = 1, value = 256 }", "wrong_unit.value: is 0 to 255, not 256"),
        (
            "close = { times = 1, when = 'never' }",
            'close.when: "never" cannot be; known are before',
        ),
        ("silent = { times = 0 }", "silent: times is 1 or more, not 0"),
        ("silent = { of = 3 }", "silent: says when"),
        ("silent = { times = 3, of = 2 }", "silent: of 2 needs times, as many or fewer: times = 2, of = 3"),
        ("torn = { times = 1 }", "torn: unknown key"),
    ],
)
def test_what_is_wrong_with_what_a_fault_says_is_said(entry: str, problem: str) -> None:
    found = problems(f"[units.1.coil]\n0 = true\n[faults]\n{entry}")
    assert found[0].startswith(f"faults.{problem}")


def test_tearing_belongs_to_a_unit() -> None:
    tables = unit("[units.1.coil]\n0 = true\n[units.1.faults]\ntorn = { probability = 0.5, by = '2s' }")
    (rule,) = tables.tearing
    assert (rule.probability, rule.fault.delay) == (0.5, 2.0)
