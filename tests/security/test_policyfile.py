"""The policy file: what is read, and what is wrong with it in sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mbap.filefaults import FileFaults
from mbap.security.policycases import load_cases
from mbap.security.policyfile import load_policy, parse_policy, policy_json_schema

EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"
RULE = '[[rules]]\nid = "it"\nunit = 1\nfunction = 3\naction = "allow"\n'


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")) + sorted(EXAMPLES.glob("*.rules")))
def test_an_example_is_right(path: Path) -> None:
    if path.name.endswith(".cases.toml"):
        assert load_cases(path)
    else:
        assert load_policy(path).rules


@pytest.mark.parametrize("path", [path for path in EXAMPLES.glob("*.toml") if "cases" not in path.name])
def test_an_example_that_is_written_out_and_read_again_is_the_same(path: Path) -> None:
    policy = load_policy(path)
    again = parse_policy(str(policy))
    assert (again, again.hash) == (policy, policy.hash)


def test_the_hash_is_of_what_is_said_and_not_of_how() -> None:
    one = parse_policy("policy = 1\n" + RULE)
    other = parse_policy(
        "# the same\npolicy = 1\n[default]\nlog = 'each'\n" + RULE.replace("unit = 1", "unit = ['1']")
    )
    changed = parse_policy("policy = 1\n" + RULE.replace("function = 3", "function = 4"))
    assert one.hash == other.hash != changed.hash


@pytest.mark.parametrize(
    ("references", "table"),
    [
        ("'40101-40110'", "{ holding = '100-109' }"),
        ("'400101..400110'", "{ holding = '100-109' }"),
        ("'hr100-109'", "{ holding = '100-109' }"),
        ("['4x00101', 'hr101..109']", "{ holding = '100-109' }"),
        ("'%MW100, 30001, 10008-10010, co0'", "{ holding = 100, input = 0, discrete = '7-9', coil = 0 }"),
    ],
)
def test_references_mean_what_a_table_of_zero_based_addresses_does(references: str, table: str) -> None:
    one, other = (
        parse_policy(f"policy = 1\n{RULE}address = {text}\naddress_read = {text}")
        for text in (references, table)
    )
    assert (one, one.hash) == (other, other.hash)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (RULE, "policy: is missing: the version of the format, policy = 1"),
        ("policy = 2", "policy: 2 is not a known policy"),
        ("policy = 1\nmode = 'observed'", 'mode: "observed" is not a known mode; did you mean "observe"?'),
        ("policy = 1\n[default]\naction = 'allow'", 'default.action: "allow" is not a known action'),
        (
            "policy = 1\n[networks]\nhmi = ['10.1.0.5/24']",
            "is an address within a network: write 10.1.0.0/24",
        ),
        ("policy = 1\n" + RULE.replace("unit = 1\n", ""), 'unit: is missing: the units, or "any"'),
        ("policy = 1\n" + RULE.replace("function = 3\n", ""), "rules[0].function: is missing"),
        ("policy = 1\n" + RULE + RULE, 'rules[1].id: "it" is the id of rule 1 already'),
        ("policy = 1\n" + RULE + 'to = "plc1"', 'rules[0].to: no "plc1" in [devices]'),
        ("policy = 1\n" + RULE + 'when = "day"', 'rules[0].when: no "day" in [schedules]'),
        ("policy = 1\n" + RULE + 'points = "speed"', 'rules[0].points: no "speed" in [points]'),
        ("policy = 1\n" + RULE + 'from = { net = "hmi" }', 'rules[0].from.net: no "hmi" in [networks]'),
        ("policy = 1\n" + RULE + 'from = { nets = "hmi" }', 'unknown key; did you mean "net"?'),
        ("policy = 1\n" + RULE + "from = { role = [] }", "is an empty list"),
        ("policy = 1\n" + RULE + "address = { holdings = '70000' }", "addresses are 0 to 65535"),
        ("policy = 1\n" + RULE + "address = { register = 5 }", '"register" is no table'),
        ("policy = 1\n" + RULE + "address = '100-199'", "100 is ambiguous: write hr100"),
        ("policy = 1\n" + RULE + "address = '40101-30110'", "both ends of a span are in one table"),
        ("policy = 1\n" + RULE + "address = 'hr5.3'", "a rule is about whole addresses"),
        ("policy = 1\n" + RULE + "address = '40101:float32'", "a rule is about whole addresses"),
        ("policy = 1\n" + RULE + "address = 40101", "is a table by kind of data"),
        ("policy = 1\n" + RULE + "address = []", "is empty"),
        ("policy = 1\n" + RULE.replace("= 3", "= 'raed'"), '"raed" is no function; did you mean "read"?'),
        ("policy = 1\n" + RULE.replace("= 3", "= '3/1'"), "only the functions 8 and 43 have sub-functions"),
        ("policy = 1\n" + RULE.replace("unit = 1", "unit = 256"), "units are 0 to 255"),
        ("policy = 1\n" + RULE + "expires = 2030-01-01T00:00:00", "a date and time with its zone"),
        ("policy = 1\n" + RULE + "answer = 'exception 00'", "is no answer"),
        ("policy = 1\n" + RULE + "rate = { requests = '5' }", '"5" is no rate: write 50/s'),
        ("policy = 1\n" + RULE + "rate = { burst = 5 }", "is of requests, which have no rate here"),
        ("policy = 1\n" + RULE.replace("allow", "deny") + "count = 5", "limits what is allowed"),
        ("policy = 1\n[points.a]\naddress = '1-3'\ntype = 'float32'", "has 3 registers, and a value takes 2"),
        ("policy = 1\n[points.a]\naddress = 1\nmin = 5\nmax = 4", "is less than min, 5"),
        (
            "policy = 1\n[points.a]\naddress = 1\ntype = 'float23'",
            'is no type of numbers; did you mean "float32"',
        ),
        ("policy = 1\n[points.a]\naddress = '1-2'\ntype = 'int32'\nbits = 3", "are of one register"),
        ("policy = 1\n[points.a]\ntable = 'coil'\naddress = 1\nmax = 4", "does not go with coils"),
        ("policy = 1\n[points.a]\naddress = 1\nmax = inf", "should be a finite number"),
        ("policy = 1\n[schedules.a]\ntimezone = 'Europe/Belrin'", 'there is no time zone "Europe/Belrin"'),
        ("policy = 1\n[schedules.a]\nfrom = '25:00'", '"25:00" is no time of the day'),
        ("policy = 1\n[schedules.a]\ndays = 'mon-fry'", '"mon-fry" is no day'),
        ("policy = 1\n[devices.a]\nunits = '1-'", '"1-" is no range of units'),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(FileFaults) as caught:
        parse_policy(text, "plant.toml")
    assert sentence in str(caught.value)
    assert all(fault.file == "plant.toml" for fault in caught.value.faults)


def test_a_fault_has_its_line() -> None:
    with pytest.raises(FileFaults) as caught:
        parse_policy("policy = 1\n" + RULE + 'when = "day"\n', "plant.toml")
    assert [(fault.line, fault.path) for fault in caught.value.faults] == [(7, "rules[0].when")]


def test_the_schema_knows_every_key_of_the_examples() -> None:
    schema = json.dumps(policy_json_schema())
    for key in ("networks", "address_write", "max_step", "lines_per_minute", "burst_writes", "timezone"):
        assert f'"{key}"' in schema


def test_the_documentation_shows_the_examples_as_they_are() -> None:
    text = (EXAMPLES.parents[1] / "docs" / "reference" / "policy-files.md").read_text(encoding="utf-8")
    for name in ("plant.toml", "plant.rules"):
        assert (EXAMPLES / name).read_text(encoding="utf-8").rstrip() in text
