"""The device file: what it can say, and that everything that is wrong with one is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbap.addresses import Table
from mbap.filefaults import FileFaults
from mbap.server.admission import Admission
from mbap.server.devicefile import Moving, UnitTables, parse_device_file, read_device_file
from mbap.server.faults import KINDS, Fault, Rule
from mbap.server.formula import Formula
from mbap.server.waves import Counter, Motion, Wave

HOLDING = Table.HOLDING_REGISTERS
KINDS_OF_ENTRY = "value, wave, counter, noise, steps, formula and trace"


def unit(text: str) -> UnitTables:
    return parse_device_file(text).units[1]


def holding(entry: str, head: str = "") -> dict[int, list[int]]:
    return unit(f"{head}\n[units.1.holding]\n{entry}").values[HOLDING]


def motion_of(moving: Moving) -> Motion:
    assert not isinstance(moving.motion, Formula)
    return moving.motion


def problems(text: str) -> list[str]:
    with pytest.raises(FileFaults) as caught:
        parse_device_file(text)
    return [f"{fault.path}: {fault.message}" for fault in caught.value.faults]


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


def test_a_wave_moves_and_begins_with_its_first_value() -> None:
    tables = unit("[units.1.input]\n4 = { wave = 'sine', low = 20, high = 80, period = '1m30s' }")
    (moving,) = tables.moving
    assert isinstance(moving.motion, Wave)
    assert (moving.motion.shape, moving.motion.low, moving.motion.period) == ("sine", 20.0, 90.0)
    assert (moving.table, moving.span) == (Table.INPUT_REGISTERS, range(4, 5))
    assert tables.values[Table.INPUT_REGISTERS] == {4: [50]}


def test_a_coil_can_move_too() -> None:
    (moving,) = unit("[units.1.coil]\n0 = { wave = 'square', period = '10s' }").moving
    assert motion_of(moving).at(1.0) == 1.0
    assert motion_of(moving).at(6.0) == 0.0


@pytest.mark.parametrize(
    ("entry", "wraps_at"),
    [
        ("counter = 0", 65_536.0),
        ("counter = 0, type = 'uint32', scale = 0.1", 2.0**32 * 0.1),
        ("counter = 0, type = 'int16'", 32_768.0),
        ("counter = 0, type = 'bcd32'", 1e8),
        ("counter = 0, type = 'float32'", None),
        ("counter = 0, wraps_at = 1000", 1_000.0),
    ],
)
def test_a_counter_wraps_where_its_type_is_full(entry: str, wraps_at: float | None) -> None:
    (moving,) = unit(f"[units.1.holding]\n0 = {{ {entry} }}").moving
    assert isinstance(moving.motion, Counter)
    assert moving.motion.wraps_at == wraps_at


def test_two_random_waves_of_a_file_differ() -> None:
    text = "[units.1.holding]\n0 = { wave = 'random' }\n1 = { wave = 'random' }"
    first, second = unit(text).moving
    assert motion_of(first).at(30.0) != motion_of(second).at(30.0)


def test_any_answers_for_units_that_are_not_named() -> None:
    file = parse_device_file("[units.any.coil]\n0 = true")
    assert file.units == {}
    assert file.default is not None


@pytest.mark.parametrize(("text", "code"), [("0B", 0x0B), ("0A", 0x0A), ("silent", None)])
def test_the_file_says_what_unknown_units_get(text: str, code: int | None) -> None:
    file = parse_device_file(f"[device]\nunknown_units = '{text}'\n[units.1.coil]\n0 = true")
    assert file.unknown_units == code


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
    ("entry", "at", "value"),
    [
        ("{ noise = 100, spread = 0 }", 5.0, 100.0),
        ("{ steps = [['0s', 5], ['10s', 8]] }", 9.9, 5.0),
        ("{ steps = [['0s', 5], ['10s', 8]] }", 10.0, 8.0),
        ("{ steps = [['0s', 5], ['10s', 8]], period = '20s' }", 25.0, 5.0),
    ],
)
def test_a_value_can_be_noisy_or_take_steps(entry: str, at: float, value: float) -> None:
    (moving,) = unit(f"[units.1.holding]\n0 = {entry}").moving
    assert motion_of(moving).at(at) == value


def test_a_formula_may_look_at_every_table_of_its_unit() -> None:
    (moving,) = unit(
        "[units.1.holding]\n0 = 2\n1 = { formula = 'hr0 * ir5 + di3', type = 'float32' }\n"
        "[units.1.input]\n5 = 3\n[units.1.discrete]\n3 = true"
    ).moving
    assert isinstance(moving.motion, Formula)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            "0 = { formula = 'hr9' }",
            "0: it looks at holding register 9 (reference 40010)",
        ),
        ("0 = { formula = 'hr0 + 1' }", "0: it looks at itself"),
        ("0 = { formula = 'hr1' }\n1 = { formula = 'hr0' }", "0: it looks at itself"),
        ("0 = { formula = '__import__(1)' }", "0: there is no function '__import__'"),
        ("0 = { formula = 'hr0', type = 'string', length = 2 }", "0: string cannot be computed"),
        ("0 = { steps = [] }", "0: there is no step"),
        ("0 = { steps = 5 }", '0: steps is a list such as [["0s", 5], ["10s", 8]], not 5'),
        ("0 = { steps = [5] }", '0: a step is a time and a value, ["10s", 8], not 5'),
        ("0 = { steps = [['1s', 'x']] }", '0: a step leads to a number, not to "x"'),
        ("0 = { steps = [['2s', 1], ['1s', 2]] }", "0: the steps are not in the order of their times"),
        ("0 = { steps = [['0s', 70000]] }", "0: 70000.0 is out of range"),
        ("0 = { noise = 10, spread = 5 }", "0: -10.0 is out of range"),
        ("0 = { trace = 'none.jsonl' }", "0: none.jsonl: cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_with_a_motion_is_said(entry: str, problem: str) -> None:
    assert problems(f"[units.1.holding]\n{entry}")[0].startswith(f"units.1.holding.{problem}")


def test_a_trace_is_played_back_register_by_register(tmp_path: Path) -> None:
    lines = [
        '{"mbap_trace": 1}',
        '{"at": 0, "unit": 3, "request": "0300640002", "answer": "030400050007"}',
        '{"at": 10, "unit": 3, "request": "0300640001", "answer": "03020009", "after": 1}',
    ]
    (tmp_path / "plc.jsonl").write_text("\n".join(lines), encoding="utf-8")
    text = "[units.1.holding]\n0 = { trace = 'plc.jsonl', unit = 3, address = 100, count = 2 }"
    tables = parse_device_file(text, folder=tmp_path).units[1]
    assert tables.values[HOLDING] == {0: [5, 7]}
    first, second = tables.moving
    assert [motion_of(first).at(second) for second in (0.0, 10.5, 11.5, 12.5)] == [5.0, 5.0, 9.0, 5.0]
    assert [motion_of(second).at(at) for at in (0.0, 10.5)] == [7.0, 7.0]


def test_a_trace_without_the_register_is_said(tmp_path: Path) -> None:
    (tmp_path / "plc.jsonl").write_text('{"mbap_trace": 1}', encoding="utf-8")
    with pytest.raises(FileFaults, match=r"units.1.holding.7: plc.jsonl has no holding 7 of unit 1"):
        parse_device_file("[units.1.holding]\n7 = { trace = 'plc.jsonl' }", folder=tmp_path)


def test_a_unit_has_identification_files_and_queues() -> None:
    tables = unit(
        "[units.1]\nserver_id = '07ff'\nexception_status = 5\ndiagnostics = 'none'\n"
        "[units.1.identification]\nvendor_name = 'ACME'\n128 = 'own'\n"
        "[units.1.files]\n4 = [1, 2, 3]\n[units.1.fifos]\n1246 = [440]"
    )
    assert tables.identification == {0: b"ACME", 128: b"own"}
    assert (tables.files, tables.fifos) == ({4: [1, 2, 3]}, {1246: [440]})
    assert (tables.server_id, tables.exception_status, tables.diagnostics) == (b"\x07\xff", 5, "none")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[units.1.identification]\nvendor = 'x'",
            'identification.vendor: unknown key; did you mean "vendor_url"?',
        ),
        ("[units.1.identification]\nvendor_name = 3", "identification.vendor_name: is text in quotes, not 3"),
        ("[units.1.files]\n0 = [1]", "files.0: its number is 1 to 65535, not 0"),
        ("[units.1.files]\n1 = 5", "files.1: is a list of whole numbers from 0 to 65535, not 5"),
        (
            "[units.1.files]\n1 = [1, 70000]",
            "files.1: is a list of whole numbers from 0 to 65535, and has 70000",
        ),
        ("[units.1]\nlargest_read = 126", "largest_read: is 1 to 125, not 126"),
        ("[units.1]\nholes = 'x'", 'holes: "x" cannot be; known are refused, silent, zero'),
        ("[units.1]\nserver_id = 'x'", 'server_id: is hexadecimal such as "0d0a", not "x"'),
    ],
)
def test_what_is_wrong_with_what_else_a_unit_has_is_said(text: str, problem: str) -> None:
    assert problems(f"{text}\n[units.1.coil]\n0 = true")[0] == f"units.1.{problem}"


def test_an_object_that_no_answer_could_hold_is_said() -> None:
    text = f"[units.1.identification]\nvendor_name = '{'x' * 245}'\n[units.1.coil]\n0 = true"
    assert problems(text) == ["units.1.identification.vendor_name: has 245 bytes, and 244 fit into an answer"]


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
