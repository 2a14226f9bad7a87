"""`mbap doctor`: what is printed, at 80 and 120 columns, and its exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

import mbap
from mbap import Device
from mbap.cli.doctor import report, status
from mbap.cli.doctorasked import known_values
from mbap.cli.findings import show_finding
from mbap.collect.profiles import load_profile
from mbap.diagnose.doctor.case import Case, Wishes
from mbap.diagnose.doctor.finding import Finding, Severity
from mbap.transport.endpoint import parse_endpoint
from support.certificates import plant
from support.commandline import CommandLine
from support.doctored import WAITS, only_unit, refusing
from support.scripted import Reply, Silence, scripted

LONG = Finding(
    "units",
    Severity.FAULT,
    "unit 5 is silent, and units 1, 255 answered after all the others had been asked for the very same value",
    "the unit is wrong, or the device behind it is off or on another line, which nobody can tell from here",
    "ask unit 1: --unit 1",
)
AT_80 = """\
fault    units         unit 5 is silent, and units 1, 255 answered after all the
                       others had been asked for the very same value
                       means: the unit is wrong, or the device behind it is off
                              or on another line, which nobody can tell from
                              here
                       try:   ask unit 1: --unit 1
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.setenv("COLUMNS", "80")
    return CommandLine(capsys, monkeypatch)


def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str) -> str:
    monkeypatch.setenv("COLUMNS", columns)
    show_finding(LONG)
    return capsys.readouterr().out


def test_a_finding_at_80_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(capsys, monkeypatch, "80") == AT_80


@pytest.mark.parametrize("columns", ["120", "200"])
def test_a_finding_on_a_wide_console_fills_120_columns_and_no_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    text = shown(capsys, monkeypatch, columns)
    assert text.split() == AT_80.split()
    assert 110 < max(map(len, text.splitlines())) <= 120
    assert len(text.splitlines()) == 5


class Terminal:
    """Standard output that says it is a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("variable", "coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_colours_unless_no_color_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, variable: str, coloured: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", variable)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    show_finding(LONG)
    assert ("\x1b[31m" in terminal.text) is coloured


def reported(url: str, *, as_json: bool = False, **wishes: Any) -> int:
    """The exit code of what is found at *url*, without rests."""
    wanted: dict[str, Any] = {"timeout": 0.4, "pause": 0.0, "reads": 2, **wishes}
    case = Case(parse_endpoint(url), Wishes(**wanted), sleep=lambda _: None, waits=WAITS)
    return report(case, as_json=as_json)


def test_json_has_every_finding_and_what_to_write_down(capsys: pytest.CaptureFixture[str]) -> None:
    with scripted(Reply(transaction=0)) as server:
        reported(server.url, as_json=True)
    whole = json.loads(capsys.readouterr().out)
    assert whole["unit"] == 1
    assert {"topic", "severity", "seen", "means", "advice", "data"} == set(whole["findings"][0])
    assert whole["prescription"]["quirks"] == {"transaction": "zero"}


QUICK = ("--timeout", "400ms", "--pause", "0s", "--reads", "2")


@pytest.mark.parametrize(
    ("code", "step"),
    [(4, Silence()), (5, refusing(2)), (6, Reply(raw=b"SSH-2.0-x\r\n")), (0, Reply())],
)
def test_the_exit_code_is_that_of_the_error(code: int, step: Reply | Silence) -> None:
    with scripted(step) as server:
        assert reported(server.url) == code


def test_a_unit_that_is_silent_while_others_answer_is_no_answer() -> None:
    with scripted(only_unit(1)) as server:
        assert reported(server.url, unit=5) == 4


def test_the_command_ends_with_the_code_and_a_verdict(run: CommandLine, free_port: Callable[[], int]) -> None:
    done = run("doctor", f"tcp://127.0.0.1:{free_port()}", *QUICK)
    assert (done.code, done.err) == (3, "")
    assert done.out.endswith("\n1 fault: connect\n")


@pytest.mark.parametrize(
    "known",
    ["hr100", "hr100=", "hr100=0", "hr100=nan", "hr100=inf", "co0=1", "hr0.3=1", "voltage=230", "=5"],
)
def test_a_known_value_that_cannot_be_meant_is_one_sentence(run: CommandLine, known: str) -> None:
    done = run("doctor", "127.0.0.1", "--known", known)
    assert done.code == 2
    assert f"--known {known}: " in done.err


def test_a_known_value_may_be_that_of_a_point() -> None:
    meter = load_profile("sdm630")
    (known,) = known_values(["voltage_l1=231.5"], meter)
    assert (known.address, known.value, known.encoding) == (0, 231.5, meter.points[0].encoding)
    with pytest.raises(click.UsageError, match="mbap profile show sdm630"):
        known_values(["voltage_l9=231.5"], meter)


def test_a_fault_without_an_error_is_1() -> None:
    assert status([LONG]) == 1


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["tcp://127.0.0.1", "--listen", "tcp://:502"],
        ["http://x"],
        ["--listen", "rtu:///dev/ttyUSB0"],
        ["127.0.0.1", "--profile", "no-such-profile"],
        ["127.0.0.1", "--quirk", "nonsense"],
    ],
)
def test_what_cannot_be_meant_is_one_sentence(run: CommandLine, words: list[str]) -> None:
    done = run("doctor", *words)
    assert done.code == 2
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["127.0.0.1", "--listen", "tcp://:502"], "either ENDPOINT or --listen"),
        (["--listen", "tcp://:502", "--reads", "5"], "--reads is for a device: leave it out beside --listen"),
        (["--listen", "tcp://:502", "--known", "hr0=1"], "--known is for a device"),
        (["rtu:///dev/ttyS9", "--ports"], "--ports is for hosts, and a serial line is rtu:///dev/ttyS9"),
        (["udp://127.0.0.1", "--idle", "1s"], "--idle is for connections, and there are none at udp://"),
        (["127.0.0.1", "--ca", "ca.pem"], "nothing here is reached by TLS"),
    ],
)
def test_what_does_not_go_together_is_refused(
    run: CommandLine, words: list[str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ca.pem").write_text(plant().ca.read_text())
    done = run("doctor", *words)
    assert (done.code, done.out) == (2, "")
    assert complaint in done.err


def test_the_servers_side_is_looked_at(run: CommandLine, free_port: Callable[[], int]) -> None:
    port = free_port()
    quick = QUICK[:4]
    nobody = run("doctor", "--listen", f"tcp://127.0.0.1:{port}", *quick)
    assert f"nothing listens on port {port}" in nobody.out
    assert "we may listen there" in nobody.out
    with mbap.serving(Device(holding_registers=[1]), f"tcp://127.0.0.1:{port}"):
        somebody = run("doctor", "--listen", f"tcp://127.0.0.1:{port}", *quick)
    assert somebody.code == 0
    assert "Modbus is spoken" in somebody.out
