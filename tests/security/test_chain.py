"""security.chain: whatever is changed in a trail is found."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.security.chain import START, Fault, check, forge

KEY = b"of the plant"

texts = st.text(max_size=8)
fields = st.dictionaries(
    texts.filter(lambda name: name not in ("n", "prev", "hash")), texts | st.integers(), max_size=3
)


def chain(*events: dict[str, object], key: bytes = b"") -> list[bytes]:
    lines, link = [], START
    for one in events:
        line, link = forge(link, one, key)
        lines.append(line)
    return lines


FIVE = chain(*({"event": "deny", "unit": unit} for unit in range(5)))


def test_what_was_forged_holds() -> None:
    assert check(FIVE) is None
    assert [json.loads(line)["unit"] for line in FIVE] == [0, 1, 2, 3, 4]


@given(st.lists(fields, min_size=1, max_size=6))
def test_any_fields_hold_and_nothing_in_a_line_can_act_on_a_terminal(events: list[dict[str, object]]) -> None:
    lines = chain(*events)
    assert check(lines) is None
    assert all(32 <= byte < 127 for line in lines for byte in line)
    assert [
        {name: json.loads(line)[name] for name in one} for line, one in zip(lines, events, strict=True)
    ] == events


@given(st.data())
def test_any_byte_that_is_changed_is_found_in_its_line(data: st.DataObject) -> None:
    lines = list(FIVE)
    at = data.draw(st.integers(0, 4))
    where = data.draw(st.integers(0, len(lines[at]) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda one: one != lines[at][where]))
    lines[at] = lines[at][:where] + bytes([byte]) + lines[at][where + 1 :]
    found = check(lines)
    assert found is not None
    assert found.line == at + 1


@given(st.data())
def test_any_other_order_is_found(data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(5)).filter(lambda order: order != [0, 1, 2, 3, 4]))
    assert check([FIVE[at] for at in order]) is not None


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([FIVE[0], FIVE[2]], Fault(2, "lines 2 to 2 are missing before it")),
        ([FIVE[0], FIVE[4]], Fault(2, "lines 2 to 4 are missing before it")),
        ([*FIVE[:3], FIVE[2]], Fault(4, "its number is 3 after 3: lines were put in, repeated or moved")),
        ([FIVE[0], FIVE[1][:-9]], Fault(2, "it is not a line of an audit trail")),
        ([b"[" * 100_000], Fault(1, "it is not a line of an audit trail")),
    ],
)
def test_a_fault_says_what_is_wrong(lines: list[bytes], fault: Fault) -> None:
    assert check(lines) == fault


def test_a_chain_may_begin_later() -> None:
    assert check(FIVE[2:]) is None


def test_a_line_that_was_made_anew_does_not_fit_the_next() -> None:
    other, _ = forge(START, {"event": "deny", "unit": 99})
    assert check([other, *FIVE[1:]]) == Fault(2, "it does not follow the line before: that is another one")


def test_with_a_key_nobody_else_makes_a_line_that_holds() -> None:
    lines = chain({"unit": 1}, {"unit": 2}, key=KEY)
    assert check(lines, KEY) is None
    for key in (b"", b"another"):
        found = check(lines, key)
        assert found is not None
        assert "digest is another" in found.reason


def test_without_the_key_of_a_chain_that_has_one_it_is_said() -> None:
    found = check(chain({"unit": 1}, key=KEY))
    assert found is not None
    assert "or it was made with a key" in found.reason
