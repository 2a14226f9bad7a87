"""Values of a device file that move: waves, counters, steps, formulas, traces."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbap.addresses import Table
from mbap.filefaults import FileFaults
from mbap.server.devicefile import parse_device_file
from mbap.server.formula import Formula
from mbap.server.waves import Counter, Wave
from support.devicefiles import HOLDING, motion_of, problems, unit


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
