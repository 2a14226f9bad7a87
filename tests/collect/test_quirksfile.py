"""mbap.collect.quirksfile, and what quirks do to a profile: its reads, and the faults of its file."""

from __future__ import annotations

import pytest

from mbap import Quirks
from mbap.addresses import Table
from mbap.collect.plan import plan
from mbap.collect.profiledoc import profile_document
from mbap.collect.profilefile import json_schema, parse_profile
from mbap.collect.quirksfile import QuirksModel
from mbap.filefaults import FileFaults

HEAD = '[profile]\nname = "Test"\n'
POINTS = "".join(f'[points.p{at}]\ntable = "holding"\naddress = {at}\n' for at in (0, 1, 2, 5))


def quirks_of(text: str) -> Quirks:
    return parse_profile(f"{HEAD}[quirks]\n{text}\n{POINTS}", "test").quirks


def faults_of(quirks: str, read: str = "") -> list[str]:
    with pytest.raises(FileFaults) as caught:
        parse_profile(f"{HEAD}[read]\n{read}\n[quirks]\n{quirks}\n{POINTS}", "test")
    return [f"{fault.line} {fault.path}: {fault.message}" for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "quirks"),
    [
        ("", Quirks()),
        ('transaction = "zero"', Quirks(transaction="zero")),
        ("answer_unit = 0", Quirks(answer_unit=0)),
        ('answer_unit = "any"', Quirks(answer_unit="any")),
        ("largest_read = 60\nlargest_bits = 8", Quirks(largest_read=60, largest_bits=8)),
        ('reconnect_idle = "1m30s"', Quirks(reconnect_idle=90)),
        ("short_answers = true\nno_gaps = true", Quirks(short_answers=True, no_gaps=True)),
        ("only_fc6 = true\necho = true", Quirks(only_fc6=True, echo=True)),
        ("only_fc16 = true\nlong_length = true", Quirks(only_fc16=True, long_length=True)),
        (
            "exception_length = true\nsilence_is_illegal_address = true",
            Quirks(exception_length=True, silence_is_illegal_address=True),
        ),
        ("transaction = false\nlargest_read = false\necho = false", Quirks()),
    ],
)
def test_a_profile_says_how_its_device_breaks_the_rules(text: str, quirks: Quirks) -> None:
    assert quirks_of(text) == quirks


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('transaction = "one"', '6 quirks.transaction: "one" is not a known transaction'),
        ("answer_unit = 256", '6 quirks.answer_unit: is 0 to 255, "any", or false; not 256'),
        ("answer_unit = true", "6 quirks.answer_unit: is 0 to 255"),
        ("largest_read = 126", "6 quirks.largest_read: is 1 to 125, or false; not 126"),
        ("largest_bits = 0", "6 quirks.largest_bits: is 1 to 2000, or false; not 0"),
        ("reconnect_idle = 30", '6 quirks.reconnect_idle: is a duration such as "30s", or false; not 30'),
        ('reconnect_idle = "0s"', "6 quirks.reconnect_idle: is more than no time"),
        ("short_answer = true", '6 quirks.short_answer: unknown key; did you mean "short_answers"?'),
        ("echo = 1", "6 quirks.echo: must be true or false, not 1"),
        ("only_fc6 = true\nonly_fc16 = true", "7 quirks.only_fc16: with only_fc6 it leaves no function code"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(text: str, fault: str) -> None:
    (found,) = faults_of(text)
    assert found.startswith(fault)


def test_the_largest_read_of_read_is_not_more_than_that_of_quirks() -> None:
    assert faults_of("largest_read = 50", "largest = 60") == [
        "4 read.largest: is more than the 50 of quirks.largest_read: leave one of them out"
    ]


def test_a_gap_to_read_over_contradicts_a_device_that_refuses_gaps() -> None:
    assert faults_of("no_gaps = true", "gap = 3") == [
        "4 read.gap: with quirks.no_gaps no read goes over a gap: leave one of them out"
    ]


def test_a_point_longer_than_the_largest_read_is_a_fault() -> None:
    text = f'{HEAD}[quirks]\nlargest_read = 1\n[points.x]\ntable = "input"\naddress = 0\ntype = "float32"\n'
    with pytest.raises(FileFaults, match=r"points.x: it takes 2 registers, and the largest read is 1"):
        parse_profile(text, "test")


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("", [(0, 6)]),
        ("largest_read = 2", [(0, 2), (2, 1), (5, 1)]),
        ("no_gaps = true", [(0, 3), (5, 1)]),
    ],
)
def test_reads_are_planned_for_the_quirks(text: str, spans: list[tuple[int, int]]) -> None:
    profile = parse_profile(f"{HEAD}[quirks]\n{text}\n{POINTS}", "test")
    assert [(block.address, block.count) for block in plan(profile, profile.points)] == spans


def test_bits_have_limits_of_their_own() -> None:
    profile = parse_profile(f"{HEAD}[quirks]\nlargest_bits = 16\nlargest_read = 4\n{POINTS}", "test")
    assert profile.largest_in(Table.COILS) == 16
    assert profile.largest_in(Table.INPUT_REGISTERS) == 4


def test_a_document_of_the_profile_says_them() -> None:
    profile = parse_profile(f'{HEAD}[quirks]\ntransaction = "own"\nno_gaps = true\n{POINTS}', "test")
    document = profile_document(profile)
    assert "| Quirks | transaction=own, no-gaps |" in document
    assert "| Gap worth reading over | 0 registers, 0 bits |" in document


def test_what_is_said_later_wins_and_false_turns_one_off() -> None:
    before = Quirks(transaction="zero", largest_read=60, echo=True)
    later = QuirksModel.model_validate({"largest_read": 20, "transaction": False, "no_gaps": True})
    assert later.applied_to(before) == Quirks(largest_read=20, echo=True, no_gaps=True)


def test_the_schema_has_a_key_for_each() -> None:
    properties = json_schema()["$defs"]["QuirksModel"]["properties"]
    assert set(properties) == set(Quirks.__match_args__)
    assert all("description" in one for one in properties.values())
