"""`mbap profile`: list, show, check, schema, doc."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mbap.cli.profile import command
from mbap.collect.profiles import ProfileError

GOOD = """\
[profile]
name = "Acme"
[points.mode]
table = "holding"
address = 20
states = { 0 = "off", 1 = "on" }
writable = [0, 1]
[points.level]
table = "input"
address = 3
scale = 0.1
offset = -40
unit = "m"
low = 0
description = "a | b"
[points.fast]
table = "coil"
address = 9
group = "fast"
"""
BAD = '[profile]\nname = "Acme"\n[points.x]\ntable = "inputs"\naddress = 99999\n'


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def data(*arguments: object) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "acme.toml"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.toml"
    path.write_text(BAD, encoding="utf-8")
    return path


def test_list_names_the_built_in_profiles() -> None:
    lines = run("list").stdout.splitlines()
    assert any(line.split() == ["sdm630", "Eastron", "SDM630", "84"] for line in lines)


def test_list_as_json_has_the_sources() -> None:
    (meter,) = [entry for entry in data("list") if entry["name"] == "sdm120"]
    assert (meter["points"], meter["groups"]) == (22, ["fast", "default", "slow"])
    assert len(meter["sources"]) >= 2


def test_show_has_facts_and_points_by_group(good: Path) -> None:
    text = run("show", good).stdout
    assert text.startswith("Acme\n")
    assert "group default" in text
    assert "group fast" in text
    assert ["mode", "40021", "hr20", "uint16", "state"] in [line.split() for line in text.splitlines()]


def test_show_as_json_has_everything_of_a_point(good: Path) -> None:
    mode = data("show", good)["points"][0]
    assert (mode["reference"], mode["kind"], mode["writable"]) == ("40021", "state", [0, 1])
    assert mode["names"] == {"0": "off", "1": "on"}


def test_show_takes_built_in_names() -> None:
    assert data("show", "sdm630")["read"]["largest"] == 80


def test_check_says_ok_and_exits_with_0(good: Path) -> None:
    result = run("check", good)
    assert (result.exit_code, result.stdout) == (0, f"{good}: ok, 3 points in the groups default, fast\n")


def test_show_and_check_say_how_the_device_breaks_the_rules(good: Path) -> None:
    good.write_text(f"[quirks]\nanswer_unit = 9\n{good.read_text(encoding='utf-8')}", encoding="utf-8")
    assert "Quirks" in run("show", good).output
    assert "; quirks: answer-unit=9" in run("check", good).output
    assert data("show", good, "--json")["quirks"] == {"answer_unit": 9}
    assert data("check", good, "--json")[0]["quirks"] == {"answer_unit": 9}


def test_check_reports_all_faults_and_exits_with_2(bad: Path) -> None:
    result = run("check", bad)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f'{bad}:4 points.x.table: "inputs" is not a known table; did you mean "input"?',
        f"{bad}:5 points.x.address: must be at most 65535, not 99999",
    ]
    assert result.stdout == f"{bad}: 2 faults\n"


def test_check_goes_on_with_the_other_files(good: Path, bad: Path) -> None:
    result = run("check", bad, good)
    assert (result.exit_code, result.stdout.count(": ok")) == (2, 1)


def test_check_as_json_has_the_faults_with_their_lines(bad: Path) -> None:
    result = run("check", bad, "--json")
    (entry,) = json.loads(result.stdout)
    assert (result.exit_code, entry["ok"], [fault["line"] for fault in entry["faults"]]) == (2, False, [4, 5])


def test_check_of_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    result = run("check", tmp_path / "none.toml")
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


def test_an_unknown_profile_is_one_error() -> None:
    assert isinstance(run("show", "sdm631").exception, ProfileError)


def test_schema_is_json() -> None:
    schema = json.loads(run("schema").stdout)
    assert schema["properties"]["points"]["minProperties"] == 1


def test_schema_can_be_written_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    assert run("schema", "-o", path).stdout == ""
    assert json.loads(path.read_text(encoding="utf-8"))["type"] == "object"


def test_doc_has_a_table_for_each_table_of_the_device(good: Path) -> None:
    text = run("doc", good).stdout
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# Acme",
        "## Input registers (read with function 04)",
        "## Holding registers (read with function 03)",
        "## Coils (read with function 01)",
        "## Named values",
        "### `mode`",
    ]


def test_doc_has_reference_and_address_type_scale_unit_and_description(good: Path) -> None:
    text = run("doc", good).stdout
    assert (
        "| 30004 | 3 | `level` | uint16 | AB | * 0.1 -40 | m | gauge | from 0 |  | default | a \\| b |"
        in text
    )


def test_doc_has_the_named_values(good: Path) -> None:
    assert "| Value | Meaning |\n| --- | --- |\n| 0 | off |\n| 1 | on |" in run("doc", good).stdout


def test_doc_says_what_each_group_costs_to_read(good: Path) -> None:
    assert "| default | 2 | 2 | 24 + 22 |" in run("doc", good).stdout


@pytest.mark.parametrize("name", ["sdm630", "demo_tank"])
def test_doc_can_be_written_to_a_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "map.md"
    run("doc", name, "-o", path)
    assert path.read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize("name", ["list", "show", "check", "schema", "doc"])
def test_help_has_an_example(name: str) -> None:
    assert f"mbap profile {name}" in run(name, "--help").stdout
