"""`mbap history`: list, stats, export, backup."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mbap.cli.history import command
from mbap.sinks.base import StoreError
from mbap.sinks.sqlite import SqliteStore
from support.store_contract import HOUR, MINUTE, SECOND, TODAY, bad, reading


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two hours of three points, a sample a second, and one failed read at the end of one of them."""
    path = tmp_path / "history.db"
    with SqliteStore(path) as store:
        times = range(TODAY, TODAY + 2 * HOUR, SECOND)
        store.write([reading(time, {"power": 5.5, "state": time // HOUR % 24}) for time in times])
        store.write([reading(time, {"level": time // SECOND % 60}, device="tank") for time in times])
        store.write([bad(TODAY + 2 * HOUR)])
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def data(*arguments: object) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def rows(*arguments: object) -> list[dict[str, str]]:
    result = run("export", *arguments)
    assert result.exception is None, result.exception
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_list_shows_every_point_with_its_count_and_times(file: Path) -> None:
    assert run("list", file).stdout.splitlines() == [
        "point       samples  first                 last",
        "main.power     7201  2024-10-04T00:00:00Z  2024-10-04T02:00:00Z",
        "main.state     7200  2024-10-04T00:00:00Z  2024-10-04T01:59:59Z",
        "tank.level     7200  2024-10-04T00:00:00Z  2024-10-04T01:59:59Z",
    ]


def test_list_as_json(file: Path) -> None:
    assert data("list", file)[0] == {
        "point": "main.power",
        "samples": 7_201,
        "first": "2024-10-04T00:00:00Z",
        "last": "2024-10-04T02:00:00Z",
    }


def test_list_of_an_empty_history_has_only_heads(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "empty.db").close()
    assert run("list", tmp_path / "empty.db").stdout == "point  samples  first  last\n"


def test_stats_show_size_and_levels(file: Path) -> None:
    lines = run("stats", file).stdout.splitlines()
    assert "samples           21601" in lines
    assert "1m         357  2024-10-04T00:00:00Z  2024-10-04T01:58:00Z  -" in lines


def test_stats_as_json(file: Path) -> None:
    numbers = data("stats", file)
    assert (numbers["series"], numbers["samples"], numbers["oldest"]) == (3, 21_601, "2024-10-04T00:00:00Z")
    assert 20 < numbers["bytes_per_sample"] < 60
    assert [level["level"] for level in numbers["levels"]] == ["samples", "1m", "15m", "1h", "1d"]


def test_stats_of_an_empty_history(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "empty.db").close()
    assert data("stats", tmp_path / "empty.db")["bytes_per_sample"] is None


def test_export_gives_a_row_a_sample(file: Path) -> None:
    exported = rows(file, "--point", "main.power", "--from", "2024-10-04T01:59:59")
    assert exported == [
        {"time": "2024-10-04T01:59:59Z", "point": "main.power", "value": "5.5", "quality": "good"},
        {"time": "2024-10-04T02:00:00Z", "point": "main.power", "value": "", "quality": "timeout"},
    ]


def test_export_without_options_gives_everything(file: Path) -> None:
    assert len(rows(file)) == 21_601


def test_export_takes_patterns(file: Path) -> None:
    exported = rows(file, "--point", "main.*", "--point", "tank.level", "--to", "2024-10-04T00:00:01")
    assert [row["point"] for row in exported] == ["main.power", "main.state", "tank.level"]


def test_export_in_steps_gives_lowest_mean_and_highest(file: Path) -> None:
    exported = rows(file, "--point", "tank.level", "--step", "1h")
    assert exported == [
        {
            "time": f"2024-10-04T0{hour}:00:00Z",
            "point": "tank.level",
            "low": "0.0",
            "mean": "29.5",
            "high": "59.0",
            "bad": "0",
        }
        for hour in (0, 1)
    ]


def test_export_in_steps_counts_bad_readings(file: Path) -> None:
    (last,) = rows(file, "--point", "main.power", "--step", "15m", "--from", "2024-10-04T02:00")
    assert (last["mean"], last["bad"]) == ("", "1")


def test_export_wide_has_a_column_a_point(file: Path) -> None:
    exported = rows(file, "--step", "1h", "--wide", "--to", "2024-10-04T02:00")
    assert exported[1] == {
        "time": "2024-10-04T01:00:00Z",
        "main.power": "5.5",
        "main.state": "1.0",
        "tank.level": "29.5",
    }


def test_export_in_small_steps_goes_in_several_windows(file: Path) -> None:
    exported = rows(file, "--point", "tank.level", "--step", "1s")
    assert [row["mean"] for row in exported] == [f"{second % 60}.0" for second in range(7_200)]


def test_export_as_json_is_an_object_a_line(file: Path) -> None:
    lines = run(
        "export", file, "--point", "main.state", "--to", "2024-10-04T00:00:02", "--json"
    ).stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"time": f"2024-10-04T00:00:0{n}Z", "point": "main.state", "value": 0, "quality": "good"}
        for n in (0, 1)
    ]


def test_export_of_an_infinite_value_is_still_json(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "history.db") as store:
        store.write([reading(TODAY, {"power": float("inf")})])
    assert json.loads(run("export", tmp_path / "history.db", "--json").stdout)["value"] == "inf"


def test_export_goes_to_a_file(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = run("export", file, "--point", "main.power", "--to", "2024-10-04T00:00:01", "-o", out)
    assert f"written: {out}, 66 bytes" in done.stderr
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == (
        "time,point,value,quality\n2024-10-04T00:00:00Z,main.power,5.5,good\n"
    )
    assert list(tmp_path.glob("*.part")) == []


def test_export_into_a_missing_folder_is_one_sentence(file: Path, tmp_path: Path) -> None:
    error = run("export", file, "-o", tmp_path / "nowhere" / "out.csv").exception
    assert isinstance(error, OSError)
    assert str(error).endswith("out.csv cannot be written: No such file or directory")


def test_export_starts_with_rollups_that_are_older_than_the_samples(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "history.db", keep=3_600) as store:
        store.write([reading(TODAY + n * MINUTE) for n in range(6 * 60)])
        while store.prune(TODAY + 6 * HOUR):
            pass
    assert len(rows(tmp_path / "history.db", "--step", "1h")) == 6
    assert len(rows(tmp_path / "history.db")) == 60


def test_export_of_nothing_is_refused(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "empty.db").close()
    assert str(run("export", tmp_path / "empty.db").exception) == (
        "this history is empty: there is nothing to export"
    )


def test_an_unknown_point_is_answered_with_the_nearest(file: Path) -> None:
    error = run("export", file, "--point", "main.powr").exception
    assert str(error) == "there is no point main.powr in this history: did you mean main.power?"


def test_a_pattern_without_match_says_where_to_look(file: Path) -> None:
    error = run("export", file, "--point", "zzz*").exception
    assert str(error) == "there is no point zzz* in this history: `mbap history list` shows the points"


def test_wide_without_step_is_refused(file: Path) -> None:
    assert "--wide needs --step" in str(run("export", file, "--wide").exception)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--step", "5"], "'5' has no unit of time"),
        (["--step", "0s"], "a step is at least 1ms, not 0s"),
        (["--from", "yesterday"], "'yesterday' is not a time: write it like 2025-06-01"),
        (["--from", "1h", "--to", "2h"], "there is no time: swap them"),
    ],
)
def test_what_cannot_be_meant_is_refused(file: Path, options: list[str], sentence: str) -> None:
    error = run("export", file, *options).exception
    assert isinstance(error, ValueError)
    assert sentence in str(error)


def test_backup_is_a_history(file: Path, tmp_path: Path) -> None:
    result = run("backup", file, tmp_path / "copy.db")
    assert result.stdout.startswith(f"copied {file} to ")
    assert data("stats", tmp_path / "copy.db")["samples"] == 21_601


def test_backup_replaces_a_file_only_when_told_to(file: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("an older copy", encoding="utf-8")
    assert "is there already" in str(run("backup", file, tmp_path / "copy.db").exception)
    assert run("backup", file, tmp_path / "copy.db", "--overwrite").exit_code == 0
    assert data("stats", tmp_path / "copy.db")["samples"] == 21_601


@pytest.mark.parametrize("name", ["list", "stats", "export"])
def test_a_missing_file_is_one_sentence(name: str, tmp_path: Path) -> None:
    error = run(name, tmp_path / "nowhere.db").exception
    assert isinstance(error, StoreError)
    assert "there is no history file" in str(error)


@pytest.mark.parametrize("name", ["list", "stats", "export"])
def test_a_file_that_is_no_database_is_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam,\n" * 100, encoding="utf-8")
    error = run(name, tmp_path / "letter.txt").exception
    assert isinstance(error, StoreError)
    assert "letter.txt is not a database" in str(error)


def test_a_history_that_is_being_written_can_be_read(file: Path) -> None:
    with SqliteStore(file) as store:
        store.write([reading(TODAY + 3 * HOUR)])
        assert data("stats", file)["samples"] == 21_602


def test_the_whole_program_ends_with_a_sentence_and_a_code(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from mbap.cli.main import main; main()", "history", "list", "nowhere.db"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=30,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "error: there is no history file nowhere.db: check the name\n"


def test_a_reader_that_stops_early_does_no_harm(file: Path) -> None:
    code = "from mbap.cli.main import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "history", "export", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "time,point,value,quality\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=30) == 0
