"""`mbap doctor`: what is printed, at 80 and 120 columns, and its exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

import mbap
from mbap import Device
from mbap.cli.doctor import status
from mbap.cli.findings import show_finding
from mbap.diagnose.doctor.finding import Finding, Severity
from support.commandline import CommandLine
from support.doctored import only_unit, refusing
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


def test_json_has_every_finding_and_what_to_write_down(run: CommandLine) -> None:
    with scripted(Reply(transaction=0)) as server:
        done = run("doctor", server.url, "--pause", "1ms", "--reads", "3", "--json")
    whole = json.loads(done.out)
    assert whole["unit"] == 1
    assert {"topic", "severity", "seen", "means", "advice", "data"} == set(whole["findings"][0])
    assert whole["prescription"]["quirks"] == {"transaction": "zero"}


QUICK = ("--timeout", "100ms", "--pause", "1ms", "--reads", "2")


def test_exit_codes_are_those_of_the_errors(run: CommandLine, free_port: Callable[[], int]) -> None:
    assert run("doctor", f"tcp://127.0.0.1:{free_port()}", *QUICK).code == 3
    for code, step in ((4, Silence()), (5, refusing(2)), (6, Reply(raw=b"SSH-2.0-x\r\n")), (0, Reply())):
        with scripted(step) as server:
            assert run("doctor", server.url, *QUICK).code == code
    with scripted(only_unit(1)) as server:
        assert run("doctor", server.url, *QUICK, "--unit", "5").code == 4


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


def test_the_servers_side_is_looked_at(run: CommandLine, free_port: Callable[[], int]) -> None:
    port = free_port()
    nobody = run("doctor", "--listen", f"tcp://127.0.0.1:{port}", *QUICK)
    assert f"nothing listens on port {port}" in nobody.out
    assert "we may listen there" in nobody.out
    with mbap.serving(Device(holding_registers=[1]), f"tcp://127.0.0.1:{port}"):
        somebody = run("doctor", "--listen", f"tcp://127.0.0.1:{port}", *QUICK)
    assert somebody.code == 0
    assert "Modbus is spoken" in somebody.out
