"""`mbap capture`: what it prints of captures, live and broken ones too, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from support.commandline import CommandLine, Outcome
from support.packets import Talk, pcap

READ, VALUES = "0007 0000 0006 01 03 006b 0002", "0007 0000 0007 01 03 04 0003 0009"
WRITE = "0008 0000 0006 01 06 006b 0005"
BAD, REFUSED = "0009 0000 0006 01 03 1000 0001", "0009 0000 0003 01 83 02"


@pytest.fixture
def mbap(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("COLUMNS", raising=False)
    return CommandLine(capsys, monkeypatch)


def talk() -> Talk:
    return Talk().open().asks(READ).answers(VALUES).asks(WRITE).answers(WRITE).asks(BAD).answers(REFUSED)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "plant.pcap"
    path.write_bytes(pcap(talk().packets))
    return str(path)


def test_each_exchange_is_a_line(mbap: CommandLine, file: str) -> None:
    assert mbap("capture", file) == Outcome(
        0,
        "1970-01-01 UTC\n"
        "00:00:01.002  10.0.0.5 -> 10.0.0.9  unit 1    read hr107..108: 3 9  1.0 ms\n"
        "00:00:01.004  10.0.0.5 -> 10.0.0.9  unit 1    write hr107 = 5: done  1.0 ms\n"
        "00:00:01.006  10.0.0.5 -> 10.0.0.9  unit 1    read hr4096: exception 02, illegal data address"
        "  1.0 ms\n",
        "3 exchanges in 8 packets\n",
    )


def test_a_filter_may_come_as_words_behind_the_file(mbap: CommandLine, file: str) -> None:
    out = mbap("capture", file, "write", "or", "exception == 2").out
    assert [line.split("unit 1    ")[1][:5] for line in out.splitlines()[1:]] == ["write", "read "]


def test_the_option_and_the_words_must_both_fit(mbap: CommandLine, file: str) -> None:
    assert mbap("capture", "-f", "read || write", file, "write").out.count("unit") == 1


def test_what_a_filter_means_otherwise_than_wireshark_is_said(mbap: CommandLine, file: str) -> None:
    assert "note: " in mbap("capture", file, "frame.time_delta > 1").err


def test_a_wrong_filter_is_a_usage_error(mbap: CommandLine, file: str) -> None:
    outcome = mbap("capture", file, "modbus.funk_code == 3")
    assert outcome.code == 2
    assert "did you mean modbus.func_code?" in outcome.err


def test_standard_input_is_read(mbap: CommandLine) -> None:
    assert mbap("capture", "-", given=pcap(talk().packets)).out.count("unit") == 3


def test_a_write_shows_what_was_there_before(mbap: CommandLine, file: str) -> None:
    assert mbap("capture", "--writes", file).out.splitlines()[1:] == [
        "00:00:01.004  10.0.0.5 -> 10.0.0.9  unit 1    hr107: 3 -> 5"
    ]


def test_a_broken_file_gives_what_is_whole_a_sentence_and_code_1(mbap: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(pcap(talk().packets)[:-3])
    outcome = mbap("capture", str(path))
    assert outcome.code == 1
    assert outcome.out.count("unit") == 3
    assert f"error: {path}: the file ends within a packet, after 7 whole packets" in outcome.err


def test_a_file_that_is_not_there_is_one_sentence(mbap: CommandLine) -> None:
    outcome = mbap("capture", "nowhere.pcap")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)


def test_json_is_an_object_a_line(mbap: CommandLine, file: str) -> None:
    rows = [json.loads(line) for line in mbap("capture", "--json", file).out.splitlines()]
    assert [(row["address"], row["exception"], row["said"]) for row in rows] == [
        (107, None, "3 9"),
        (107, None, "done"),
        (4096, 2, "exception 02, illegal data address"),
    ]


def test_csv_has_the_same_columns_in_every_row(mbap: CommandLine, file: str) -> None:
    heads, *rows = csv.reader(io.StringIO(mbap("capture", "--csv", file).out))
    assert {len(row) for row in rows} == {len(heads)}
    assert dict(zip(heads, rows[0], strict=True))["what"] == "read hr107..108"
