"""The profile file: what it may say, what becomes of it, and everything that is refused, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbap.addresses import Table
from mbap.collect.profilefile import json_schema, parse_profile, parse_range, read_profile
from mbap.collect.registermap import Kind, Point, Profile
from mbap.filefaults import FileFaults

HEAD = '[profile]\nname = "Test"\n'


def profile(body: str, head: str = HEAD) -> Profile:
    return parse_profile(head + body, "test")


def point(body: str, head: str = HEAD) -> Point:
    return profile(f"[points.x]\n{body}", head).points[0]


def messages(body: str, head: str = HEAD) -> list[str]:
    """The faults, without the file's name and line."""
    with pytest.raises(FileFaults) as caught:
        profile(body, head)
    return [f"{fault.path}: {fault.message}" for fault in caught.value.faults]


def fault_of_point(body: str) -> str:
    (message,) = messages(f"[points.x]\n{body}")
    return message.removeprefix("points.x")


# --- what a file says becomes a profile ---


def test_the_file_names_the_profile_and_its_head_the_device(tmp_path: Path) -> None:
    path = tmp_path / "meter_7.toml"
    path.write_text(HEAD + '[points.x]\ntable = "coil"\naddress = 1\n', encoding="utf-8")
    made = read_profile(path)
    assert (made.name, made.title) == ("meter_7", "Test")


def test_what_is_not_said_has_its_default() -> None:
    made = profile('[points.x]\ntable = "input"\naddress = 1\n')
    assert (made.largest, made.largest_bits, made.gap, made.gap_bits) == (125, 2000, 10, 128)
    assert (made.pause, made.connect_pause, made.timeout, made.forbidden) == (0.0, 0.0, None, ())
    assert made.points[0] == Point("x", Table.INPUT_REGISTERS, 1, made.points[0].encoding)


def test_the_read_facts_are_taken_over() -> None:
    made = profile(
        '[read]\nlargest = 50\ngap = 3\npause = "20ms"\nconnect_pause = "1s"\ntimeout = "2s"\n'
        'forbidden = ["holding 100..199", "coil 7"]\n[points.x]\ntable = "input"\naddress = 1\n'
    )
    assert (made.largest, made.gap, made.pause, made.connect_pause, made.timeout) == (50, 3, 0.02, 1.0, 2.0)
    assert made.forbidden == ((Table.HOLDING_REGISTERS, 100, 199), (Table.COILS, 7, 7))


def test_a_reference_stands_for_table_and_address() -> None:
    made = point('reference = "40108"')
    assert (made.table, made.address) == (Table.HOLDING_REGISTERS, 107)


def test_a_type_is_decoded_with_scale_and_offset() -> None:
    made = point('table = "input"\naddress = 1\ntype = "int16"\nscale = 0.1\noffset = -40')
    assert made.encoding is not None
    assert made.encoding.decode([500]) == 10.0


def test_the_word_order_of_the_profile_holds_for_all_points() -> None:
    made = point('table = "input"\naddress = 1\ntype = "uint32"', HEAD + 'word_order = "CDAB"\n')
    assert made.encoding is not None
    assert made.encoding.decode([1, 0]) == 1


def test_a_point_may_have_its_own_word_order() -> None:
    made = point(
        'table = "input"\naddress = 1\ntype = "uint32"\nword_order = "ABCD"', HEAD + 'word_order = "CDAB"\n'
    )
    assert made.encoding is not None
    assert made.encoding.decode([0, 1]) == 1


def test_a_bit_makes_a_bool() -> None:
    made = point('table = "holding"\naddress = 1\nbit = 3')
    assert made.encoding is not None
    assert made.encoding.decode([8]) is True


def test_a_text_has_its_length_in_registers() -> None:
    assert point('table = "input"\naddress = 1\ntype = "string"\nlength = 8').count == 8


def test_sentinels_are_no_value() -> None:
    made = point('table = "input"\naddress = 1\nsentinels = [0x8000, "default"]')
    assert made.encoding is not None
    assert [made.encoding.decode([raw]) for raw in (0x8000, 0xFFFF, 1)] == [None, None, 1]


def test_states_make_a_state() -> None:
    made = point('table = "input"\naddress = 1\nstates = { 0 = "off", 0x10 = "on" }')
    assert (made.kind, made.states) == (Kind.STATE, {0: "off", 16: "on"})


def test_bits_make_a_bit_field() -> None:
    made = point('table = "input"\naddress = 1\nbits = { 0 = "hot", 15 = "cold" }')
    assert (made.kind, made.states) == (Kind.BITS, {0: "hot", 15: "cold"})


def test_a_point_in_a_table_of_bits_has_no_encoding() -> None:
    assert point('table = "coil"\naddress = 1\nstates = { 0 = "off", 1 = "on" }').encoding is None


def test_writable_and_key_and_limits_are_taken_over() -> None:
    made = point('table = "holding"\naddress = 1\nwritable = [0, 50]\nkey = true\nlow = -1\nhigh = 60')
    assert (made.writable, made.key, made.low, made.high) == ((0.0, 50.0), True, -1.0, 60.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("holding 100..199", (Table.HOLDING_REGISTERS, 100, 199)),
        ("discrete 0..65535", (Table.DISCRETE_INPUTS, 0, 65535)),
        ("input 9", (Table.INPUT_REGISTERS, 9, 9)),
    ],
)
def test_ranges_are_read(text: str, expected: tuple[Table, int, int]) -> None:
    assert parse_range(text) == expected


@pytest.mark.parametrize(
    "text", ["holding", "holding 5..3", "holding 0..65536", "holdin 3", "input a..b", "input 1.."]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text.split()[0]):
        parse_range(text)


# --- what is refused ---


def test_five_faults_are_five_lines_with_their_places() -> None:
    text = """\
[profile]
name = "Test"
[read]
largest = 200
[points.a]
table = "input"
adress = 5
type = "flaot32"
[points.b]
table = "input"
address = 10
type = "float32"
[points.c]
table = "input"
address = 11
[points.d]
table = "input"
address = 65535
type = "int32"
"""
    with pytest.raises(FileFaults) as caught:
        parse_profile(text, "test")
    assert str(caught.value).splitlines() == [
        "test.toml:4 read.largest: must be at most 125, not 200",
        'test.toml:7 points.a.adress: unknown key; did you mean "address"?',
        "test.toml:8 points.a.type: 'flaot32' is no type: did you mean float32?",
        "test.toml:13 points.c: it shares input register 11 (reference 30012) with b; "
        "if that is meant, say overlap = true",
        "test.toml:16 points.d: it takes 2 registers from address 65535 on, and the last address is 65535",
    ]


def test_a_profile_needs_a_name() -> None:
    (message,) = messages('[points.x]\ntable = "coil"\naddress = 1\n', head="")
    assert message.startswith("profile.name: is missing")


def test_a_profile_needs_points() -> None:
    (message,) = messages("")
    assert message.startswith("points: there is none")


def test_names_of_the_communication_counters_are_kept() -> None:
    (message,) = messages('[points.comm_x]\ntable = "coil"\naddress = 1\n')
    assert message == "points.comm_x: names with comm_ are kept for the communication counters"


@pytest.mark.parametrize("name", ["X", "1a", "a-b", '"a b"', "ä"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    (message,) = messages(f'[points."{name.strip(chr(34))}"]\ntable = "coil"\naddress = 1\n')
    assert "a name has small letters, digits and _" in message


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('table = "input"', ".address: is missing (or give a reference)"),
        ("address = 1", ".table: is missing (or give a reference)"),
        (
            'table = "input"\nreference = "30001"',
            ".table: the reference says this already: give the one or the other",
        ),
        (
            'reference = "40001.3"',
            '.reference: "40001.3" names one bit: write the register here, and bit = ... beside it',
        ),
        ('table = "inputs"\naddress = 1', '.table: "inputs" is not a known table; did you mean "input"?'),
        ('table = "input"\naddress = 65536', ".address: must be at most 65535, not 65536"),
        ('table = "input"\naddress = 1\nlow = 5\nhigh = 4', ".low: the limits are reversed: 5 is above 4"),
        ('table = "input"\naddress = 1\nbit = 1\nhigh = 4', ".high: bool has no limits"),
        (
            'table = "input"\naddress = 1\nwritable = [0, 1]',
            ".writable: input register 1 (reference 30002) cannot be written",
        ),
        ('table = "coil"\naddress = 1\nwritable = [1, 0]', ".writable: the range is reversed: 1 is above 0"),
        (
            'table = "coil"\naddress = 1\nscale = 2',
            ".scale: coils and discrete inputs are bits, and have none",
        ),
        (
            'table = "coil"\naddress = 1\ntype = "int16"',
            ".type: coils and discrete inputs are bits, and have none",
        ),
        (
            'table = "input"\naddress = 1\nstates = { 0 = "a" }\nkind = "gauge"',
            '.kind: it has states, so it is not of kind "gauge"',
        ),
        ('table = "input"\naddress = 1\nkind = "state"', '.kind: a point of kind "state" needs states'),
        (
            'table = "input"\naddress = 1\nstates = { 70000 = "a" }',
            ".states.70000: is beyond the type, which has 0 to 65535",
        ),
        (
            'table = "input"\naddress = 1\ntype = "int16"\nstates = { 40000 = "a" }',
            ".states.40000: is beyond the type, which has -32768 to 32767",
        ),
        ('table = "input"\naddress = 1\nstates = { a = "b" }', ".states.a: the keys here are whole numbers"),
        (
            'table = "input"\naddress = 1\nbits = { 16 = "a" }',
            ".bits.16: is beyond the type, which has 0 to 15",
        ),
        (
            'table = "coil"\naddress = 1\nstates = { 2 = "a" }',
            ".states.2: is beyond the type, which has 0 to 1",
        ),
        ('table = "coil"\naddress = 1\nbits = { 0 = "a" }', ".bits: a bit with this scale has no bits"),
        (
            'table = "input"\naddress = 1\nstates = { 0 = "a" }\nbits = { 0 = "b" }',
            ".bits: a point has states or bits, not both",
        ),
    ],
)
def test_a_point_that_cannot_be_is_refused(body: str, expected: str) -> None:
    assert fault_of_point(body) == expected


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ('type = "real"', "float32"),
        ('word_order = "word swap"', "CDAB"),
        ("scale = 0", "scale"),
        ('type = "string"', "length"),
        ("length = 3", "length"),
        ('type = "int16"\nbit = 1', "bit"),
        ("sentinels = [70000]", "70000"),
        ('sentinels = ["none"]', "sentinel"),
    ],
)
def test_an_encoding_that_cannot_be_is_refused(body: str, part: str) -> None:
    assert part in fault_of_point(f'table = "input"\naddress = 1\n{body}')


def test_a_point_longer_than_the_largest_read_is_refused() -> None:
    (message,) = messages('[read]\nlargest = 1\n[points.x]\ntable = "input"\naddress = 1\ntype = "int32"\n')
    assert message == "points.x: it takes 2 registers, and the largest read is 1"


def test_a_point_on_a_forbidden_range_is_refused() -> None:
    (message,) = messages(
        '[read]\nforbidden = ["input 5..9"]\n[points.x]\ntable = "input"\naddress = 4\ntype = "int32"\n'
    )
    assert message.endswith("is within the forbidden input 5..9")


# --- points that share registers ---

TWO = '[points.a]\ntable = "input"\naddress = 1\n{}\n[points.b]\ntable = "input"\naddress = 1\n{}\n'


def test_points_on_the_same_register_are_refused() -> None:
    (message,) = messages(TWO.format("", ""))
    assert message.startswith("points.b: it shares input register 1 (reference 30002) with a")


def test_the_same_bit_twice_is_refused() -> None:
    assert len(messages(TWO.format("bit = 1", "bit = 1"))) == 1


def test_different_bits_of_a_register_are_fine() -> None:
    assert len(profile(TWO.format("bit = 1", "bit = 2")).points) == 2


def test_a_bit_within_a_bit_field_is_fine() -> None:
    assert len(profile(TWO.format('bits = { 0 = "x" }', "bit = 2")).points) == 2


def test_a_bit_of_a_number_is_refused() -> None:
    assert len(messages(TWO.format("", "bit = 2"))) == 1


def test_sharing_can_be_meant() -> None:
    assert len(profile(TWO.format("", "overlap = true")).points) == 2


def test_a_point_within_a_longer_one_before_others_is_found() -> None:
    body = '[points.{}]\ntable = "input"\naddress = {}\n{}\n'
    text = (
        body.format("a", 0, 'type = "int64"')
        + body.format("b", 1, "overlap = true")
        + body.format("c", 3, "")
    )
    (message,) = messages(text)
    assert message.startswith("points.c: it shares input register 3")


# --- the schema ---


def test_the_schema_describes_every_key() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == {"profile", "read", "quirks", "points"}
    assert {"table", "address", "reference", "type", "writable"} <= set(
        schema["$defs"]["PointModel"]["properties"]
    )


def test_the_schema_knows_what_is_needed_and_that_there_is_nothing_else() -> None:
    schema = json_schema()
    assert schema["required"] == ["profile", "points"]
    assert schema["additionalProperties"] is False
