"""`mbap record`: what it says and refuses, and that it writes what `mbap serve` answers from."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mbap.server.trace import read_trace
from support.commandline import CommandLine

ANY_PORT = "tcp://127.0.0.1:0"
TRACE = """\
{"mbap_trace": 1, "device": "tcp://plc:502", "began": ""}
{"at": 0.0, "unit": 3, "request": "0300000001", "answer": "0302002a", "after": 0.01}
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


def test_it_says_where_it_listens_and_what_it_recorded(run: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    outcome = run("record", "--listen", ANY_PORT, "--for", "10ms", "tcp://127.0.0.1:1", str(file))
    assert outcome.code == 0
    assert outcome.out.startswith("listening on tcp://127.0.0.1:")
    assert outcome.out.endswith(", recording tcp://127.0.0.1:1; stop with Ctrl-C\n")
    assert outcome.err == "stopped after 0 exchanges on 0 connections\n"
    assert read_trace(file).device == "tcp://127.0.0.1:1"


def test_a_file_that_is_there_is_not_overwritten_unless_told(run: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    file.write_text("mine", encoding="utf-8")
    words = ("record", "--listen", ANY_PORT, "--for", "10ms", "tcp://127.0.0.1:1", str(file))
    refused = run(*words)
    assert refused.code == 2
    assert "is there already; --overwrite writes it anew" in refused.err
    assert file.read_text(encoding="utf-8") == "mine"
    assert run(*words, "--overwrite").code == 0
    assert read_trace(file).exchanges == ()


def test_a_file_that_cannot_be_written_is_one_sentence(run: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "missing" / "trace.jsonl"
    outcome = run("record", "--listen", ANY_PORT, "--for", "10ms", "tcp://127.0.0.1:1", str(file))
    assert outcome.code == 2
    assert f"{file} cannot be written: {os.strerror(errno.ENOENT)}; name a file" in outcome.err


def test_only_tcp_is_recorded(run: CommandLine, tmp_path: Path) -> None:
    outcome = run("record", "rtu+tcp://127.0.0.1:4001", str(tmp_path / "trace.jsonl"))
    assert outcome.code == 2
    assert not (tmp_path / "trace.jsonl").exists()


def test_serve_answers_from_a_trace(run: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    file.write_text(TRACE, encoding="utf-8")
    outcome = run("serve", "--check", str(file))
    assert outcome.code == 0
    assert "trace of tcp://plc:502: 1 exchanges over 0.0 s, units: 3" in outcome.out


def test_serve_says_what_is_wrong_with_a_trace(run: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    file.write_text(TRACE + "rubbish\n", encoding="utf-8")
    outcome = run("serve", "--check", str(file))
    assert outcome.code == 2
    assert "trace.jsonl:3: is not JSON" in outcome.err
