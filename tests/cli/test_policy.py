"""`mbap policy`: check, explain, test, diff, show, schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.commandline import CommandLine

EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"
PLANT, CASES, RULES = (str(EXAMPLES / name) for name in ("plant.toml", "plant.cases.toml", "plant.rules"))


@pytest.fixture
def mbap(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


def test_check_ends_with_0_where_there_is_no_warning(mbap: CommandLine) -> None:
    done = mbap("policy", "check", PLANT)
    assert (done.code, done.out.splitlines()[-1]) == (0, f"{PLANT}: 5 rules, 0 warnings")


def test_check_ends_with_1_for_a_warning_and_2_for_a_fault(mbap: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "cell.rules"
    path.write_text("DENY FC=6\nALLOW FC=3\n", encoding="utf-8")
    assert mbap("policy", "check", str(path)).code == 1
    path.write_text("DENY FC=6\nALOW FC=3\n", encoding="utf-8")
    done = mbap("policy", "check", str(path))
    assert done.code == 2
    assert done.err.startswith(f"{path}:2: a line begins with ALLOW")


def test_check_as_json_has_faults_and_findings(mbap: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "cell.rules"
    path.write_text("DENY FC=6\nALLOW FC=3\n", encoding="utf-8")
    data = json.loads(mbap("policy", "check", str(path), "--json").out)
    assert (data["ok"], data["faults"]) == (True, [])
    assert data["findings"][0]["about"] == "forgotten"
    path.write_text("NO\n", encoding="utf-8")
    data = json.loads(mbap("policy", "check", str(path), "--json").out)
    assert (data["ok"], data["faults"][0]["line"]) == (False, 1)


@pytest.mark.parametrize(
    ("request_", "who", "code", "sentence"),
    [
        ("read hr0..9", ["--from", "10.1.0.7"], 0, 'allow by rule "panel-reads"'),
        ("03 0000 000A", ["--from", "10.1.0.7"], 0, 'allow by rule "panel-reads"'),
        ("0001 0000 0006 02 03 0000 000A", ["--from", "10.1.0.7"], 0, "unit 2, function 3"),
        (
            "read hr300",
            ["--from", "10.1.0.7"],
            1,
            'not "panel-reads": address: holding 300 is not all within',
        ),
        ("read hr0", ["--from", "10.1.0.7", "--unit", "9"], 1, "unit: 9 is not 1-2"),
        ("write hr110=1", ["--from", "10.1.0.7"], 1, 'from.role: none is not "Operator"'),
        ("function 90 0040FF00", ["--from", "10.1.0.7"], 1, 'deny by rule "never-restart"'),
        ("mask hr120 0xFFFC 1", ["--from", "10.9.9.9"], 1, "from.net: 10.9.9.9 is not panel"),
        ("06 0000 01", ["--from", "10.1.0.7"], 1, "malformed: answered with exception 03"),
    ],
)
def test_explain_says_which_rule_and_which_field(
    mbap: CommandLine, request_: str, who: list[str], code: int, sentence: str
) -> None:
    done = mbap("policy", "explain", PLANT, request_, *who)
    assert done.code == code
    assert sentence in done.out


def test_explain_knows_roles_windows_and_times(mbap: CommandLine) -> None:
    who = ["--from", "10.1.0.7", "--role", "Operator"]
    write = ["policy", "explain", PLANT, "write", "hr110=1", *who]
    assert mbap(*write, "--at", "2026-11-30T12:00:00Z").code == 0
    assert mbap(*write, "--at", "2026-11-30T22:00:00+01:00").code == 1
    engineer = ["--from", "10.1.8.3", "--role", "Engineer", "--listener", "tls://0.0.0.0:802"]
    ident = ["policy", "explain", PLANT, "2B 0E 01 00", *engineer]
    assert mbap(*ident).code == 1
    assert mbap(*ident, "--armed", "maintenance").code == 0


def test_explain_as_json(mbap: CommandLine) -> None:
    done = mbap("policy", "explain", PLANT, "write hr110=9", "--from", "10.1.0.7", "--role", "Operator",
                "--at", "2026-11-30T12:00:00Z", "--json")  # fmt: skip
    data = json.loads(done.out)
    assert (data["action"], data["rule"], data["field"]) == ("deny", "operator-sets", "points")
    assert data["steps"][-1] == {
        "rule": "operator-sets",
        "side": "writes holding register 110 (reference 40111)",
        "misfits": {},
    }


@pytest.mark.parametrize(
    "request_", ["", "raed hr0", "read", "read hr0 hr9", "function 900", "3", "zz", "mask hr4 x 1"]
)
def test_what_is_no_request_is_one_sentence(mbap: CommandLine, request_: str) -> None:
    done = mbap("policy", "explain", PLANT, request_)
    assert done.code == 2
    assert done.err.count("\n") == 1


def test_a_time_without_its_zone_is_refused(mbap: CommandLine) -> None:
    done = mbap("policy", "explain", PLANT, "read hr0", "--at", "2026-11-30T12:00:00")
    assert (done.code, "has no zone" in done.err) == (2, True)


def test_the_cases_of_the_example_are_as_expected(mbap: CommandLine) -> None:
    done = mbap("policy", "test", PLANT, CASES)
    assert (done.code, done.out) == (0, f"{CASES}: 11 cases, 0 different\n")


def test_a_case_that_is_different_is_named(mbap: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "cases.toml"
    path.write_text(
        '[[cases]]\nname = "hm"\nrequest = "read hr0"\naddress = "10.1.0.7"\nexpect = "deny"\nrule = "x"\n',
        encoding="utf-8",
    )
    done = mbap("policy", "test", PLANT, str(path))
    assert done.code == 1
    assert 'hm: expected deny, by rule "x", and it is allow, by rule "panel-reads"' in done.out
    (row,) = json.loads(mbap("policy", "test", PLANT, str(path), "--json").out)
    assert row["ok"] is False


def test_diff_ends_with_1_where_there_is_a_difference(mbap: CommandLine) -> None:
    assert mbap("policy", "diff", PLANT, PLANT).code == 0
    done = mbap("policy", "diff", PLANT, RULES)
    assert done.code == 1
    assert "- rules operator-sets" in done.out
    assert json.loads(mbap("policy", "diff", PLANT, RULES, "--json").out)


def test_show_is_a_table_with_a_line_a_rule(mbap: CommandLine) -> None:
    lines = mbap("policy", "show", PLANT).out.splitlines()
    assert len(lines) == 7
    assert "operator-sets" in lines[4]


@pytest.mark.parametrize("form", ["toml", "compact"])
def test_what_show_converts_says_the_same(mbap: CommandLine, tmp_path: Path, form: str) -> None:
    path = tmp_path / ("again.toml" if form == "toml" else "again.rules")
    assert mbap("policy", "show", RULES, "--format", form, "-o", str(path)).code == 0
    assert mbap("policy", "diff", RULES, str(path)).code == 0


def test_show_says_what_the_compact_form_has_no_words_for(mbap: CommandLine) -> None:
    done = mbap("policy", "show", PLANT, "--format", "compact")
    assert done.code == 2
    assert 'point "speed": the compact form has no points' in done.err


def test_show_and_schema_give_json(mbap: CommandLine, tmp_path: Path) -> None:
    assert json.loads(mbap("policy", "show", PLANT, "--json").out)["rules"][0]["id"] == "never-restart"
    assert "$schema" in json.loads(mbap("policy", "schema").out)
    path = tmp_path / "schema.json"
    assert mbap("policy", "schema", "-o", str(path)).code == 0
    assert json.loads(path.read_text(encoding="utf-8"))["title"] == "PolicyModel"
