"""`mbap capture` of what `mbap record` and `mbap sniff` have written: exchanges as lines of JSON."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from support.commandline import CommandLine

DAY = "2026-05-04T10:00"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


def test_h154_names_in_a_trace_are_quoted_in_csv_and_escaped_in_text(
    run: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "trace.jsonl"
    head = {"mbap_trace": 1, "device": "=cmd()", "began": "2026-05-04T10:00:00+00:00"}
    one = {"at": 1.5, "client": 1, "peer": "\x1b[2J", "unit": 1, "request": "0300000001", "answer": "8302"}
    path.write_text(f"{json.dumps(head)}\n{json.dumps(one)}\n", encoding="utf-8")
    heads, row = csv.reader(io.StringIO(run("capture", "--csv", str(path)).out))
    assert dict(zip(heads, row, strict=True))["server"] == "'=cmd()"
    for option in ((), ("--stats",), ("--timeline",), ("--json",)):
        assert "\x1b" not in run("capture", *option, str(path)).out


def test_a_trace_of_a_device_is_read(run: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(
        '{"mbap_trace": 1, "device": "tcp://10.0.0.9", "began": "2026-05-04T10:00:00+00:00"}\n'
        '{"at": 2.5, "client": 1, "peer": "10.0.0.5", "unit": 1, "request": "0300000001",'
        ' "answer": "03020007", "after": 0.01}\n',
        encoding="utf-8",
    )
    assert run("capture", str(path)).out.splitlines() == [
        "2026-05-04 UTC",
        "10:00:02.500  10.0.0.5 -> tcp://10.0.0.9  unit 1    read hr0: 7  10.0 ms",
    ]


def test_what_sniff_heard_is_read_and_a_broadcast_needs_no_answer(run: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "bus.jsonl"
    lines = [
        {"time": f"{DAY}:00+00:00", "unit": 3, "request": "0300000001", "answer": "03020007", "ms": 20.5},
        {"time": f"{DAY}:01+00:00", "unit": 0, "request": "0600010005", "answer": None, "ms": None},
        {"time": f"{DAY}:02+00:00", "unit": 3, "request": "0300010001", "answer": None, "ms": None},
        {"seconds": 3.0, "frames": 4, "rows": []},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = json.loads(run("capture", "--stats", "--json", str(path)).out)["stats"]
    assert (found["requests"], found["unanswered"], found["mean_ms"]) == (3, 1, 20.5)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"unit": 1}',
        '{"unit": 999, "time": "2026-05-04", "request": "07"}',
        '{"at": "x", "request": "zz"}',
        '{"at": 1e400, "unit": 1, "request": "07"}',
    ],
)
def test_lines_that_cannot_be_read_are_left_out_and_said(run: CommandLine, tmp_path: Path, line: str) -> None:
    path = tmp_path / "bus.jsonl"
    good = '{"time": "2026-05-04T10:00:00+00:00", "unit": 3, "request": "0300000001", "answer": "03020007"}'
    path.write_text(f"{good}\n{line}\n{good}\n", encoding="utf-8")
    outcome = run("capture", str(path))
    assert outcome.code == 1
    assert outcome.out.count("read hr0: 7") == 2
    assert "line 2 cannot be read" in outcome.err
