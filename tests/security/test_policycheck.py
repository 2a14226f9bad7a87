"""What is suspicious in a policy."""

from __future__ import annotations

import pytest

from mbap.security.compact import parse_compact
from mbap.security.policy import Policy
from mbap.security.policycheck import findings, in_words
from support.policies import at, policy_of

OFF = '[[rules]]\nid = "r"\naction = "allow"\nenabled = false\nunit = 1\nfunction = "read"\n'


def found(policy: Policy) -> list[tuple[str, str, str]]:
    return [(one.kind, one.about, one.rule) for one in findings(policy, at())]


def abouts(text: str) -> list[tuple[str, str]]:
    return [(one.about, one.rule) for one in findings(parse_compact(text), at()) if one.about != "broad"]


def test_a_policy_without_a_fault_has_none() -> None:
    assert (
        found(parse_compact("ALLOW SRC=10.0.0.5 UNIT=1 FC=3 REG=0-9\nALLOW SRC=10.0.0.6 UNIT=1 FC=3")) == []
    )


def test_a_policy_that_allows_nothing_is_named() -> None:
    assert found(Policy()) == [("warning", "empty", "")]


@pytest.mark.parametrize(
    ("mode", "rules", "said"),
    [
        ("enforce", "", "no rule allows anything: every request is refused"),
        ("observe", "", "no rule allows anything: every request would be refused where it is enforced"),
        ("enforce", OFF, "no rule that allows anything is enabled: every request is refused"),
    ],
)
def test_what_allows_nothing_is_refused_by_those_that_are_enforced(mode: str, rules: str, said: str) -> None:
    policy = policy_of(f'mode = "{mode}"\n{rules}')
    assert said in [one.message for one in findings(policy, at())]


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (2, ["note: r0: is not enabled", "note: r1: is not enabled"]),
        (54, ["note: r0, r1, r2 and 51 more are not enabled"]),
    ],
)
def test_many_rules_that_are_not_enabled_are_one_sentence(count: int, said: list[str]) -> None:
    rule = '[[rules]]\nid = "r{}"\naction = "allow"\nenabled = false\nunit = 1\nfunction = "read"\n'
    policy = policy_of("".join(rule.format(at) for at in range(count)))
    assert in_words(findings(policy, at()))[1:] == said


@pytest.mark.parametrize(
    ("functions", "forgotten"),
    [
        ("5,6,15", "16, 22, 23"),
        ("6", "16, 22, 23"),
        ("16", "6, 22, 23"),
        ("6,16,22", "23"),
        ("5", "15"),
        ("6,16,22,23", ""),
        ("5,15", ""),
        ("WRITE", ""),
        ("3", ""),
    ],
)
def test_a_list_of_writes_that_are_denied_has_to_be_whole(functions: str, forgotten: str) -> None:
    policy = parse_compact(f"DENY FC={functions}\nALLOW SRC=10.0.0.5 FC=READ")
    said = [one.message for one in findings(policy, at()) if one.about == "forgotten"]
    assert [message.partition("function ")[2].partition(";")[0] for message in said] == (
        [forgotten] if forgotten else []
    )


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("DENY FC=3", "ALLOW FC=3"),
        ("DENY SRC=10.0.0.0/8 FC=READ", "ALLOW SRC=10.1.0.0/16 FC=3 REG=0-9"),
        ("DENY FC=3 REG=0-99", "ALLOW FC=3 REG=10-19,30"),
        ("DENY UNIT=1-9 FC=8", "ALLOW UNIT=3 FC=8/0"),
        ("DENY DST=plc1,plc2 FC=3", "ALLOW DST=plc2 FC=3"),
        ("DENY FC=3", "ALLOW FC=3 ROLE=Operator"),
    ],
)
def test_a_rule_behind_a_wider_one_is_shadowed(earlier: str, later: str) -> None:
    assert ("shadowed", "line-2") in abouts(f"{earlier}\n{later}")


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("DENY SRC=10.1.0.0/16 FC=3", "ALLOW SRC=10.0.0.0/8 FC=3"),
        ("DENY FC=3 REG=0-99", "ALLOW FC=3 REG=99-100"),
        ("DENY FC=3 ROLE=Operator", "ALLOW FC=3"),
        ("DENY FC=3 ARMED=work", "ALLOW FC=3"),
        ("DENY FC=3 ENABLED=NO", "ALLOW FC=3"),
        ("DENY FC=3 EXPIRES=2020-01-01T00:00:00Z", "ALLOW FC=3"),
        ("DENY FC=4", "ALLOW FC=3"),
    ],
)
def test_a_rule_behind_a_narrower_one_is_not(earlier: str, later: str) -> None:
    assert ("shadowed", "line-2") not in abouts(f"{earlier}\n{later}")


def test_a_rule_that_says_what_was_said_is_of_no_use() -> None:
    assert ("unused", "line-2") in abouts("ALLOW FC=READ\nALLOW FC=3")


def test_rules_that_overlap_and_say_the_opposite_are_noted() -> None:
    assert ("overlapping", "line-2") in abouts("DENY UNIT=1 FC=3 REG=0-9\nALLOW UNIT=1 FC=3 REG=0-99")
    assert abouts("DENY UNIT=1 FC=3 REG=0-9\nALLOW UNIT=1 FC=3 REG=10-99") == []
    assert abouts("DENY SRC=10.0.0.1 FC=3\nALLOW SRC=10.0.0.2 FC=3") == []


def test_denying_one_unit_leaves_0_and_255_open() -> None:
    assert ("units", "line-2") in abouts("DENY UNIT=1 FC=WRITE\nALLOW FC=WRITE")
    assert ("units", "line-2") not in abouts("DENY FC=WRITE REG=5\nALLOW FC=WRITE")


def test_an_expired_rule_is_reported() -> None:
    assert ("expired", "line-1") in abouts("ALLOW FC=3 EXPIRES=2026-11-30T12:00:00Z")
    assert ("expires", "line-1") in abouts("ALLOW FC=3 EXPIRES=2026-12-01T12:00:00Z")


def test_a_rule_whose_functions_do_not_go_to_its_tables_is_of_no_use() -> None:
    assert ("unused", "line-1") in abouts("ALLOW FC=3 REG=coil:0-9")


def test_names_that_nobody_uses_are_noted() -> None:
    messages = [one.message for one in findings(parse_compact("HOST hmi=10.0.0.1\nALLOW FC=3"), at())]
    assert 'no rule names the network "hmi"' in messages


def test_every_function_is_noted_and_so_is_writing_without_a_role() -> None:
    kinds = [about for _, about, _ in found(parse_compact("ALLOW SRC=10.0.0.1\nALLOW ROLE=Operator FC=3"))]
    assert {"broad", "roleless"} <= set(kinds)


def test_a_way_around_a_limited_value_is_named() -> None:
    point = '[points.speed]\naddress = "100-101"\ntype = "float32"\nmax = 5'
    limited = '[[rules]]\nid = "set"\nunit = 1\nfunction = 16\npoints = "speed"\naction = "allow"\n'
    around = (
        '[[rules]]\nid = "around"\nunit = 1\nfunction = 6\naddress = {{ holding = "{}" }}\naction = "allow"'
    )
    assert ("warning", "unlimited", "around") in found(policy_of(limited + around.format("101"), point))
    assert ("warning", "unlimited", "around") not in found(policy_of(limited + around.format("102"), point))


def test_ten_thousand_rules_are_checked() -> None:
    lines = [f"ALLOW SRC=10.{n // 250}.{n % 250}.1 UNIT={n % 247 + 1} FC=3 REG={n}" for n in range(10_000)]
    assert found(parse_compact("\n".join(lines))) == []
