"""mbap serve with a policy: the device refuses by itself, and keeps a trail, as a guard before it would."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mbap import Client, IllegalFunction
from support.commandline import CommandLine
from support.program import PATIENCE, Running, running

ANY_PORT = "tcp://127.0.0.1:0"
RULES = "ALLOW SRC=127.0.0.1 FC=3 REG=0-9\nALLOW SRC=127.0.0.1 FC=6 REG=5 LOG=YES\n"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "plant.rules"
    path.write_text(RULES, encoding="utf-8")
    return path


def serving(*options: object) -> tuple[str, ...]:
    return ("serve", "--listen", ANY_PORT, *map(str, options))


def begun(program: Running) -> str:
    """What it says first, which the console's width parts into lines; of JSON the one line."""
    assert program.process.stdout is not None
    said = ""
    while not said.endswith(("Ctrl-C", "}")):
        line = program.process.stdout.readline()
        assert line, program.said
        said += f" {line.strip()}" if said else line.strip()
    return said


def url_of(line: str) -> str:
    return line.removeprefix("listening on ").partition(": ")[0]


def ended(program: Running) -> str:
    """What it prints to the end."""
    program.process.send_signal(signal.SIGINT)
    assert program.process.stdout is not None
    printed = program.process.stdout.read()
    program.process.wait(PATIENCE)
    return printed


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def trail(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_what_no_rule_allows_is_refused_and_written_down(policy: Path, tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    with running(*serving("--policy", policy, "--audit", audit)) as program:
        line = begun(program)
        assert re.search("; policy [0-9a-f]{12} enforced; stop with Ctrl-C", line)
        with Client(url_of(line)) as client:
            assert client.read_holding_registers(0, 2) == [0, 0]
            client.write_single_register(5, 7)
            for refused in (lambda: client.write_single_register(6, 7), lambda: client.read_coils(0, 1)):
                with pytest.raises(IllegalFunction):
                    refused()
            assert client.read_holding_registers(5, 1) == [7]
        ended(program)
        program.wait_for("; policy: denied 2")
    kinds = [one["event"] for one in trail(audit)]
    assert (kinds.count("deny"), kinds.count("request")) == (2, 1)


def test_in_observe_mode_all_passes_and_that_is_said_loudly(policy: Path) -> None:
    policy.write_text(f"MODE OBSERVE\n{RULES}", encoding="utf-8")
    with running(*serving("--policy", policy)) as program:
        line = begun(program)
        assert "OBSERVED ONLY: nothing is refused" in line
        with Client(url_of(line)) as client:
            assert client.read_coils(0, 1) == [False]
        ended(program)
        program.wait_for("; policy: denied 1")


def test_a_device_file_behind_a_policy_is_the_same_device(policy: Path, tmp_path: Path) -> None:
    device = tmp_path / "device.toml"
    device.write_text("[units.3.holding]\n0 = 42\n", encoding="utf-8")
    policy.write_text("ALLOW SRC=* FC=3 UNIT=3", encoding="utf-8")
    with running(*serving("--policy", policy, device)) as program, Client(url_of(begun(program))) as client:
        assert client.unit(3).read_holding_registers(0, 1) == [42]
        with pytest.raises(IllegalFunction):
            client.unit(1).read_holding_registers(0, 1)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no SIGHUP")
def test_sighup_reads_the_policy_anew_and_a_wrong_one_changes_nothing(policy: Path, tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"

    def loads() -> list[Any]:
        return [one.get("result", "good") for one in trail(audit) if one["event"] == "policy_load"]

    with running(*serving("--policy", policy, "--audit", audit)) as program:
        with Client(url_of(begun(program))) as client:
            policy.write_text("ALLOW FC=nothing", encoding="utf-8")
            program.process.send_signal(signal.SIGHUP)
            until(lambda: loads() == ["refused"])
            assert client.read_holding_registers(0, 1) == [0]
            policy.write_text("ALLOW SRC=127.0.0.1 FC=1", encoding="utf-8")
            program.process.send_signal(signal.SIGHUP)
            until(lambda: loads() == ["refused", "good"])
            with pytest.raises(IllegalFunction):
                client.read_holding_registers(0, 1)
        program.wait_for("the changed policy was not applied")
        program.wait_for("applied: policy ")


def test_a_policy_that_is_saved_is_applied_without_a_signal(policy: Path) -> None:
    options = ("--policy", policy, "--reload-on-change")
    with running(*serving(*options)) as program, Client(url_of(begun(program))) as client:
        assert client.read_holding_registers(0, 1) == [0]
        policy.write_text("ALLOW SRC=127.0.0.1 FC=1", encoding="utf-8")
        program.wait_for("applied: policy ")
        with pytest.raises(IllegalFunction):
            client.read_holding_registers(0, 1)


def test_alerts_are_kept_where_it_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "alerts"
    with running(*serving("--alerts", folder, "--learn-for", "60s")) as program:
        line = begun(program)
        assert "watched, without a policy" in line
        with Client(url_of(line)) as client:
            client.read_holding_registers(0, 1)
        ended(program)
    assert any(folder.iterdir())


def test_as_json_the_hits_of_each_rule_are_told(policy: Path) -> None:
    with running(*serving("--policy", policy, "--json")) as program:
        first = json.loads(begun(program))
        with Client(first["listening"]) as client:
            client.read_holding_registers(0, 1)
        said = ended(program)
    assert first["guard"].endswith(" enforced")
    counted = json.loads(said)["guard"]
    assert (counted["firewall_allowed"], counted["rules"]["line-1"]["count"]) == (1, 1)


def test_check_says_whether_the_policy_is_right_too(run: CommandLine, policy: Path, tmp_path: Path) -> None:
    device = tmp_path / "device.toml"
    device.write_text("[units.3.holding]\n0 = 42\n", encoding="utf-8")
    outcome = run("serve", "--check", "--policy", str(policy), str(device))
    assert outcome.code == 0
    assert "enforced" in outcome.out
    policy.write_text("ALLOW FC=nothing", encoding="utf-8")
    outcome = run("serve", "--check", "--policy", str(policy), str(device))
    assert (outcome.code, "is no function" in outcome.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--on-full", "closed"), "--on-full goes with --audit"),
        (("--learn-for", "7d"), "--learn-for goes with --alerts"),
        (("--reload-on-change",), "--reload-on-change goes with --policy"),
        (("--policy", "nowhere.toml"), "nowhere.toml"),
        (("--syslog", "http://log"), "http://log"),
    ],
)
def test_an_option_that_would_be_ignored_or_is_wrong_is_refused(
    run: CommandLine, options: tuple[str, ...], sentence: str
) -> None:
    outcome = run("serve", "--for", "10ms", *options)
    assert outcome.code == 2
    assert sentence in outcome.err


def test_a_serial_line_has_no_policy(run: CommandLine, policy: Path) -> None:
    outcome = run("serve", "--listen", "rtu:///dev/ttyS99#1", "--policy", str(policy))
    assert outcome.code == 2
    assert "is a serial line, where nobody is told apart" in outcome.err
