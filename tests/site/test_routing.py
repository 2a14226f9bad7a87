"""mbap.site.routing: routes as they are written."""

from __future__ import annotations

import pytest

from mbap.site.routing import parse_route


def test_units_keep_their_number() -> None:
    route = parse_route("1-3,7=tcp://plc")
    assert (route.units, route.line) == ({1: 1, 2: 2, 3: 3, 7: 7}, "tcp://plc:502")


def test_one_number_behind_is_for_all_in_front() -> None:
    assert parse_route("100-102=tcp://plc#1").units == {100: 1, 101: 1, 102: 1}


def test_a_range_behind_is_an_offset() -> None:
    assert parse_route("101-103=rtu+tcp://moxa:4001#1-3").units == {101: 1, 102: 2, 103: 3}


def test_a_list_behind_is_a_map() -> None:
    assert parse_route("1,2,3=plc#9,8,7").units == {1: 9, 2: 8, 3: 7}


def test_the_url_of_a_line_may_have_equals_signs() -> None:
    route = parse_route("1-2=rtu:///dev/ttyUSB0?baudrate=9600&parity=N")
    assert route.line == "rtu:///dev/ttyUSB0?baudrate=9600&parity=N&stopbits=1"
    assert list(route.units) == [1, 2]


def test_a_line_alone_has_the_units_that_a_line_can_have() -> None:
    route = parse_route("rtu:///dev/ttyUSB0?baudrate=9600")
    assert list(route.units) == list(range(1, 248))


def test_a_host_alone_has_all_units() -> None:
    assert list(parse_route("tcp://plc").units) == list(range(256))


def test_a_star_is_every_unit() -> None:
    assert parse_route("*=rtu+tcp://moxa:4001#1").units == dict.fromkeys(range(256), 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1-3=tcp://plc#1-2", "3 units in front, but 2 behind"),
        ("1-300=tcp://plc", "a unit is 0 to 255, not 256"),
        ("3-1=tcp://plc", "runs backwards"),
        ("a=tcp://plc", "not a list of numbers"),
        ("1=", "names no host"),
        ("1=htp://plc", "not a kind of connection"),
        ("1=tcp://plc#", "not a list of numbers"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_with_examples(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as raised:
        parse_route(text)
    assert "write it like 1-20=rtu:///dev/ttyUSB0" in str(raised.value)
