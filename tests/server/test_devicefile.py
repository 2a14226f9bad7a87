"""The device file: what it can say, and that everything that is wrong with one is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbap.addresses import Table
from mbap.filefaults import FileFaults
from mbap.server.admission import Admission
from mbap.server.devicefile import parse_device_file, read_device_file
from support.devicefiles import HOLDING, holding, problems, unit

KINDS_OF_ENTRY = "value, wave, counter, noise, steps, formula and trace"


@pytest.mark.parametrize(
    ("entry", "values"),
    [
        ("0 = 1450", {0: [1450]}),
        ("0 = [1, 2, 3]", {0: [1, 2, 3]}),
        ("65535 = 7", {65535: [7]}),
        ("0 = { value = -5, type = 'int16' }", {0: [0xFFFB]}),
        ("0 = { value = 230.5, type = 'float32' }", {0: [0x4366, 0x8000]}),
        ("0 = { value = 230.5, type = 'float32', order = 'CDAB' }", {0: [0x8000, 0x4366]}),
        ("0 = { value = 23.4, scale = 0.1 }", {0: [234]}),
        ("0 = { value = -10, scale = 0.1, offset = -40 }", {0: [300]}),
        ("0 = { value = 'AB', type = 'string', length = 2 }", {0: [0x4142, 0]}),
        ("0 = { value = 7, count = 3 }", {0: [7, 7, 7]}),
    ],
)
def test_a_value_is_encoded_as_the_entry_says(entry: str, values: dict[int, list[int]]) -> None:
    assert holding(entry) == values


def test_the_word_order_of_the_file_holds_for_its_values() -> None:
    assert holding("0 = { value = 1, type = 'uint32' }", "[device]\nword_order = 'CDAB'") == {0: [1, 0]}


def test_the_word_order_of_a_unit_wins_over_the_files() -> None:
    text = "[device]\nword_order = 'CDAB'\n[units.1]\nword_order = 'ABCD'\n"
    assert unit(text + "holding.0 = { value = 1, type = 'uint32' }").values[HOLDING] == {0: [0, 1]}


def test_coils_and_discrete_inputs_are_true_or_false() -> None:
    tables = unit("[units.1.coil]\n0 = [true, false]\n[units.1.discrete]\n5 = { value = true, count = 2 }")
    assert tables.values[Table.COILS] == {0: [1, 0]}
    assert tables.values[Table.DISCRETE_INPUTS] == {5: [1, 1]}


def test_any_answers_for_units_that_are_not_named() -> None:
    file = parse_device_file("[units.any.coil]\n0 = true")
    assert file.units == {}
    assert file.default is not None


@pytest.mark.parametrize(("text", "code"), [("0B", 0x0B), ("0A", 0x0A), ("silent", None)])
def test_the_file_says_what_unknown_units_get(text: str, code: int | None) -> None:
    file = parse_device_file(f"[device]\nunknown_units = '{text}'\n[units.1.coil]\n0 = true")
    assert file.unknown_units == code


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "units: there is none; begin with [units.1.holding] and 0 = [1, 2, 3]"),
        ("nam = 1", "nam: unknown key; known are device, units, faults"),
        ("unit = 1", 'unit: unknown key; did you mean "units"?'),
        ("units = 3", "units: is a table, not 3"),
        ("[units]\n1 = 3", "units.1: is a table, [units.1.holding] for instance, not 3"),
        ("[units.256.coil]", "units.256: a unit is 0 to 255, or any, not 256"),
        ("[units.1.inputs]", 'units.1.inputs: unknown key; did you mean "input"?'),
        ("[device]\nname = 3", "device.name: is text in quotes, not 3"),
        ("[device]\nseed = 'x'", 'device.seed: is a whole number, not "x"'),
        ("[device]\nunknown_units = '0C'", 'device.unknown_units: "0C" cannot be; known are 0B, 0A, silent'),
    ],
)
def test_what_is_wrong_around_the_tables_is_said(text: str, problem: str) -> None:
    assert problem in problems(text)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("x = 3", "x: an address is 0 to 65535, as on the wire, not x"),
        ("65536 = 3", "65536: an address is 0 to 65535, as on the wire, not 65536"),
        ("65535 = [1, 2]", "65535: it takes 2 addresses, and the last one is 65535"),
        ("0 = []", "0: is an empty list"),
        ("0 = true", "0: is a whole number from 0 to 65535, not true"),
        ("0 = 'x'", '0: is a whole number from 0 to 65535, not "x"'),
        ("0 = { }", f"0: needs one of {KINDS_OF_ENTRY}"),
        ("0 = { valu = 3 }", '0.valu: unknown key; did you mean "value"?'),
        (
            "0 = { value = 1, wave = 'sine' }",
            f"0: needs one of {KINDS_OF_ENTRY}, not several",
        ),
        ("0 = { value = 1, period = '5s' }", "0.period: unknown key"),
        ("0 = { value = 70000 }", "0: 70000 is out of range: uint16 takes 0 to 65535"),
        ("0 = { value = 1, count = 0 }", "0: count is 1 to 65536, not 0"),
        ("0 = { value = 1, type = 'flaot32' }", "0: 'flaot32' is no type: did you mean float32?"),
        ("0 = { wave = 'sinus' }", '0.wave: "sinus" cannot be; did you mean "sine"?'),
        ("0 = { wave = 'sine', period = 5 }", '0.period: is a duration with its unit, such as "2s", not 5'),
        ("0 = { wave = 'sine', period = '5' }", "0.period: '5' has no unit of time"),
        ("0 = { wave = 'sine', low = 'x' }", '0.low: is a number, not "x"'),
        ("0 = { wave = 'sine', high = 100000 }", "0: 100000.0 is out of range: uint16 takes 0 to 65535"),
        ("0 = { wave = 'sine', low = 3, high = 1 }", "0: low is above high: 3 > 1"),
        ("0 = { counter = 1, type = 'string', length = 4 }", "0: string cannot count"),
        ("0 = [1, 2, 3]\n2 = 9", "2: the entry before it takes addresses up to 2"),
    ],
)
def test_what_is_wrong_with_an_entry_is_said(entry: str, problem: str) -> None:
    (found,) = problems(f"[units.1.holding]\n{entry}")[:1]
    assert found.startswith(f"units.1.holding.{problem}")


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("0 = 3", "0: is true or false, not 3"),
        ("0 = { counter = 3 }", "0: a coil or discrete input cannot count; use a wave"),
        ("0 = { value = true, type = 'bool' }", "0.type: unknown key; known are value, count"),
    ],
)
def test_what_is_wrong_with_a_coil_is_said(entry: str, problem: str) -> None:
    assert problems(f"[units.1.coil]\n{entry}") == [f"units.1.coil.{problem}"]


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pump.toml"
    path.write_text("[units.1.holding]\n0 = -1\n1 = { valu = 2 }\n[fault]\n", encoding="utf-8")
    with pytest.raises(FileFaults) as caught:
        read_device_file(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert all(line.startswith(str(path)) for line in lines)


def test_what_is_not_toml_is_said_with_its_line() -> None:
    with pytest.raises(FileFaults, match=r"^pump.toml:1: is not TOML"):
        parse_device_file("[units.1.holding\n0 = 1", "pump.toml")


def test_a_fault_names_its_line() -> None:
    with pytest.raises(FileFaults, match=r"^pump.toml:3 units.1.holding.1: is a whole number"):
        parse_device_file("[units.1.holding]\n0 = 1\n1 = -1", "pump.toml")


def test_what_is_there_twice_is_said_with_both_lines() -> None:
    with pytest.raises(FileFaults, match=r"^pump.toml:3 units.1.holding.0: is there twice; it is on line 2"):
        parse_device_file("[units.1.holding]\n0 = 1\n0 = 2", "pump.toml")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileFaults, match="cannot be read: No such file"):
        read_device_file(tmp_path / "none.toml")


def test_a_file_that_is_not_text_is_said(tmp_path: Path) -> None:
    path = tmp_path / "pump.toml"
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(FileFaults, match=r"is not UTF-8 text \(byte 8\)"):
        read_device_file(path)


@pytest.mark.parametrize(
    ("text", "admission"),
    [
        ("connections = 1", Admission(1, "refuse")),
        ("preset = 'meter'", Admission(2, "refuse")),
        ("preset = 'gateway'", Admission(32, "drop")),
        ("preset = 'plc'\nconnections = 4\nwhen_full = 'mute'", Admission(4, "mute")),
        ("name = 'x'", None),
    ],
)
def test_the_file_says_how_many_connections_there_may_be(text: str, admission: Admission | None) -> None:
    assert parse_device_file(f"[device]\n{text}\n[units.1.coil]\n0 = true").admission == admission


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("preset = 'meters'", 'device.preset: "meters" cannot be; did you mean "meter"?'),
        ("preset = 'meters'\nconnections = 9", 'device.preset: "meters" cannot be; did you mean "meter"?'),
        ("preset = 'plc'\nconnections = 9", "device.connections: a plc takes 4 to 8, not 9"),
        ("connections = 0", "device.connections: it is 1 to 1000, not 0"),
        ("when_full = 'x'", 'device.when_full: "x" cannot be; known are refuse, drop, mute'),
    ],
)
def test_what_is_wrong_with_the_connections_is_said(text: str, problem: str) -> None:
    assert problems(f"[device]\n{text}\n[units.1.coil]\n0 = true") == [problem]
