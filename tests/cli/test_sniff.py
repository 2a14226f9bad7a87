"""`mbap sniff`: what is printed of the talk of others, and speed and parity found out."""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mbap.cli import sniff_guess
from mbap.cli.sniff_guess import Trial, candidates
from mbap.protocol.adu import Adu
from mbap.protocol.rtu import RtuFraming
from mbap.transport.endpoint import Endpoint
from mbap.transport.line import LineSettings
from support.commandline import CommandLine
from support.console import WIDTHS, Console
from support.serialports import SETTINGS, serial_pair

on_posix = pytest.mark.skipif(os.name != "posix", reason="needs pseudo terminals")
TALK = [(3, "0300000002"), (3, "030400070008"), (4, "0600010007"), (4, "8602"), (9, "0100000001")]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


def frame(unit: int, pdu: str) -> bytes:
    return RtuFraming(echo=False).pack(Adu(unit, bytes.fromhex(pdu)))


@contextmanager
def talk(port: Path) -> Iterator[None]:
    """`TALK` on *port*, again and again."""
    over = threading.Event()
    descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY)

    def say() -> None:
        while not over.is_set():
            for unit, pdu in TALK:
                os.write(descriptor, frame(unit, pdu))
                over.wait(0.005)

    talking = threading.Thread(target=say)
    talking.start()
    try:
        yield
    finally:
        over.set()
        talking.join()
        os.close(descriptor)


@on_posix
def test_it_prints_each_request_with_what_became_of_it_and_a_table(run: CommandLine, tmp_path: Path) -> None:
    with serial_pair(tmp_path) as pair, talk(pair.far):
        outcome = run("sniff", "--for", "400ms", f"rtu://{pair.near}{SETTINGS}")
    assert outcome.code == 0
    assert "unit 3   read holding registers, holding registers 0 to 1" in outcome.out
    assert ": answered after " in outcome.out
    assert "unit 4   write single register, holding register 1 (reference 40002): exception 02" in outcome.out
    assert "unit 9   read coils, coil 0 (reference 00001): no answer" in outcome.out
    assert "unit  function  requests  answers  exceptions  no answer  mean ms  longest ms" in outcome.out
    assert "0 check errors" in outcome.out


@on_posix
@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_printed_is_as_before_and_fits(console: Console, tmp_path: Path, width: int) -> None:
    masks = [
        (str(tmp_path), "PLACE"),
        (r"(?m)^( +\d +\d+ ).*$", r"\1COUNTS"),
        (r"(?s)[\d.]+ s, \d+ frames.*?%", "SENTENCE"),
    ]
    with serial_pair(tmp_path) as pair, talk(pair.far):
        words = ("sniff", "--for", "300ms", f"rtu://{pair.near}{SETTINGS}")
        console.same("sniff", width, *words, "--quiet", masks=masks)
        shown = console.at(width, *words).out
    assert "unit 3" in shown
    assert [line for line in shown.splitlines() if len(line) > width] == []


@on_posix
def test_as_json_it_is_an_object_a_line_and_the_counts(run: CommandLine, tmp_path: Path) -> None:
    with serial_pair(tmp_path) as pair, talk(pair.far):
        outcome = run("sniff", "--json", "--for", "400ms", f"rtu://{pair.near}{SETTINGS}")
    *exchanges, counts = [json.loads(line) for line in outcome.out.splitlines()]
    read = next(one for one in exchanges if one["unit"] == 3 and one["outcome"] == "answered")
    assert (read["request"], read["answer"]) == ("0300000002", "030400070008")
    assert [(row["unit"], row["function"]) for row in counts["rows"]] == [(3, 3), (4, 6), (9, 1)]
    assert counts["frames"] > 10


@on_posix
def test_quiet_prints_the_counts_alone(run: CommandLine, tmp_path: Path) -> None:
    with serial_pair(tmp_path) as pair, talk(pair.far):
        outcome = run("sniff", "--quiet", "--for", "200ms", f"rtu://{pair.near}{SETTINGS}")
    assert outcome.out.startswith("unit  function")


@on_posix
def test_a_line_on_which_nobody_talks_is_told(run: CommandLine, tmp_path: Path) -> None:
    with serial_pair(tmp_path) as pair:
        outcome = run("sniff", "--for", "100ms", f"rtu://{pair.near}{SETTINGS}")
    assert re.search(r"nothing was heard in \d+\.\d s", outcome.out)


@on_posix
def test_it_never_writes(run: CommandLine, tmp_path: Path) -> None:
    with serial_pair(tmp_path) as pair:
        descriptor = os.open(pair.far, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        run("sniff", "--for", "100ms", f"rtu://{pair.near}{SETTINGS}")
        with pytest.raises(BlockingIOError):
            os.read(descriptor, 1)
        os.close(descriptor)


def test_what_is_no_line_is_refused(run: CommandLine) -> None:
    outcome = run("sniff", "tcp://plc")
    assert (outcome.code, "only a serial line can be listened to" in outcome.err) == (2, True)


def test_a_port_that_is_not_there_is_told(run: CommandLine) -> None:
    outcome = run("sniff", "rtu:///dev/none")
    assert outcome.code == 3
    assert "there is no such port" in outcome.err


# --- guessing ---


class FakeEar:
    """Hears `TALK` where the settings are right, else what is left of it; errors are counted if at all."""

    def __init__(self, endpoint: Endpoint, right: LineSettings, faults: int | None, heard: Any) -> None:
        line = endpoint.line or LineSettings()
        same_speed = line.baudrate == right.baudrate
        readable = same_speed and (line.parity == "N") == (right.parity == "N")
        self.faults = faults if faults is None or line == right else 3
        data = b"".join(frame(unit, pdu) for unit, pdu in TALK) if readable else b"\x92" * 40
        self._task = asyncio.get_running_loop().call_soon(lambda: heard(data, time.monotonic()))

    async def aclose(self) -> None:
        self._task.cancel()


def guessing(
    monkeypatch: pytest.MonkeyPatch, right: LineSettings, *, faults: int | None = None, silent: bool = False
) -> list[LineSettings]:
    """Have a line with the settings *right*; gives those that are tried."""
    tried: list[LineSettings] = []

    async def listen(endpoint: Endpoint, heard: Any, _silent: Any) -> FakeEar:
        tried.append(endpoint.line or LineSettings())
        return FakeEar(endpoint, right, faults, (lambda *_: None) if silent else heard)

    monkeypatch.setattr("mbap.transport.ear.listen", listen)
    monkeypatch.setattr(sniff_guess, "_EACH", 0.02)
    monkeypatch.setattr(sniff_guess, "_STEP", 0.002)
    return tried


def test_guessing_prints_the_url_that_works(run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    guessing(monkeypatch, LineSettings(4800, "N"))
    outcome = run("sniff", "--guess", "rtu:///dev/x")
    assert outcome.code == 0
    assert outcome.out == "rtu:///dev/x?baudrate=4800&parity=N&stopbits=1\n"


def test_guessing_begins_with_what_is_said_and_ends_when_it_is_proven(
    run: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = guessing(monkeypatch, LineSettings(57600, "N"))
    run("sniff", "--guess", "rtu:///dev/x?baudrate=57600&parity=N")
    assert tried == [LineSettings(57600, "N")]


def test_where_the_driver_counts_errors_even_and_odd_parity_are_told_apart(
    run: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    guessing(monkeypatch, LineSettings(9600, "O"), faults=0)
    outcome = run("sniff", "--guess", "rtu:///dev/x")
    assert outcome.out == "rtu:///dev/x?baudrate=9600&parity=O&stopbits=1\n"
    assert "may be right" not in outcome.err


def test_where_it_does_not_the_user_is_told_so(run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    guessing(monkeypatch, LineSettings(9600, "O"))
    outcome = run("sniff", "--guess", "rtu:///dev/x")
    assert "does not count parity errors: parity=O may be right as well" in outcome.err


def test_without_any_byte_the_wires_are_suspected(run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    guessing(monkeypatch, LineSettings(), silent=True)
    outcome = run("sniff", "--guess", "rtu:///dev/x")
    assert outcome.code == 1
    assert "nothing was heard with any setting" in outcome.err


def test_bytes_that_fit_no_setting_are_told(run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    guessing(monkeypatch, LineSettings(300, "N"))
    outcome = run("sniff", "--guess", "rtu:///dev/x")
    assert outcome.code == 1
    assert "bytes came, but no frames with any setting" in outcome.err


def test_the_time_of_guessing_is_bounded(run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = guessing(monkeypatch, LineSettings(300, "N"))
    run("sniff", "--guess", "--for", "50ms", "rtu:///dev/x")
    assert len(tried) < 10


def test_over_tcp_there_is_nothing_to_guess(run: CommandLine) -> None:
    outcome = run("sniff", "--guess", "rtu+tcp://moxa:4001")
    assert (outcome.code, "knows speed and parity" in outcome.err) == (2, True)


def test_every_setting_is_tried_once() -> None:
    tried = list(candidates(LineSettings()))
    assert len(tried) == len(set(tried)) == 24


def test_frames_without_noise_and_faults_prove_it() -> None:
    line = LineSettings()
    assert Trial(line, 40, 3, 0, 0).proven
    assert Trial(line, 40, 3, 0, None).proven
    assert not Trial(line, 40, 3, 1, 0).proven
    assert not Trial(line, 40, 3, 0, 1).proven
    assert Trial(line, 40, 1, 0).score > 0 > Trial(line, 40, 0, 40).score
