"""`mbap clone`: the twin of a device answers as the device does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mbap import Client
from mbap.errors import ExceptionResponse
from mbap.protocol.pdu import ReadDeviceIdentification, ReadHoldingRegisters, ReportServerId, Request
from mbap.protocol.pdu.reads import READS
from support.commandline import CommandLine
from support.simulated import serve_file

ORIGINAL = """
[device]
name = "Pump"
[units.3]
largest_read = 100
server_id = "07ff"
[units.3.identification]
vendor_name = "ACM\\u00c9 \\u001b[2J"
product_code = "P7"
major_minor_revision = "1"
[units.3.holding]
0 = { value = 7, count = 130 }
140 = [1, 2, 3]
[units.3.input]
10 = { value = 3.5, type = "float32", count = 40 }
[units.3.coil]
0 = { value = true, count = 70 }
71 = [false, true]
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "original.toml"
    path.write_text(ORIGINAL, encoding="utf-8")
    return path


def clone(run: CommandLine, url: str, output: Path, *more: str) -> Any:
    return run("clone", f"{url}#3", "--range", "0-199", "--pause", "1ms", "-o", str(output), *more)


def answers(url: str) -> list[object]:
    """What the unit says to every read of one address, to some of several, and of itself."""
    kinds: list[Any] = list(READS.values())
    requests: list[Request[Any]] = [kind(address, 1) for kind in kinds for address in range(200)]
    requests += [ReadHoldingRegisters(0, count) for count in (2, 50, 100, 101, 125)]
    requests += [ReportServerId(), ReadDeviceIdentification(1, 0)]
    with Client(url, unit=3) as client:
        return [_outcome(client, request) for request in requests]


def _outcome(client: Client, request: Request[Any]) -> object:
    try:
        return client.execute(request)
    except ExceptionResponse as refusal:
        return refusal.code


def test_the_twin_answers_as_the_original(run: CommandLine, original: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin.toml"
    with serve_file(original) as url:
        outcome = clone(run, url, twin)
        expected = answers(url)
    assert (outcome.code, outcome.err) == (0, "")
    assert "72 coil, 0 discrete, 80 input, 133 holding, after" in outcome.out
    with serve_file(twin) as url:
        assert answers(url) == expected
    assert sorted(one.name for one in tmp_path.iterdir()) == ["original.toml", "twin.toml"]


def test_what_was_found_can_be_had_as_json(run: CommandLine, original: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin.toml"
    with serve_file(original) as url:
        said = json.loads(clone(run, url, twin, "--json").out)
    assert said["file"] == str(twin)
    assert said["found"] == {"coil": 72, "discrete": 0, "input": 80, "holding": 133}
    assert (said["unknown"], said["requests"] > 0) == (0, True)


def test_a_file_that_is_there_is_left_alone(run: CommandLine, original: Path) -> None:
    outcome = clone(run, "tcp://127.0.0.1:1", original)
    assert outcome.code == 2
    assert "--overwrite" in outcome.err
    assert original.read_text(encoding="utf-8") == ORIGINAL


def test_what_was_read_before_is_not_asked_again(run: CommandLine, original: Path, tmp_path: Path) -> None:
    twin, part = tmp_path / "twin.toml", tmp_path / "twin.toml.part"
    with serve_file(original) as url:
        part.write_text(f"mbap answers 1 {url} 3\n030000007d 3.\n03000", encoding="ascii")
        outcome = clone(run, url, twin, "--table", "holding", "--most", "5")
    assert "going on with the 1 answer in" in outcome.err
    assert outcome.code == 0


def test_the_answers_of_another_device_are_not_taken(
    run: CommandLine, original: Path, tmp_path: Path
) -> None:
    (tmp_path / "twin.toml.part").write_text("mbap answers 1 tcp://10.0.0.1:502 1\n", encoding="ascii")
    with serve_file(original) as url:
        outcome = clone(run, url, tmp_path / "twin.toml")
    assert outcome.code == 2
    assert "is of another device" in outcome.err


def test_a_unit_that_is_not_there_gives_no_file(run: CommandLine, original: Path, tmp_path: Path) -> None:
    with serve_file(original) as url:
        outcome = run("clone", url, "-u", "9", "--pause", "1ms", "-o", str(tmp_path / "twin.toml"))
    assert outcome.code == 5
    assert "exception 0B" in outcome.err
    assert [one.name for one in tmp_path.iterdir()] == ["original.toml"]


@pytest.mark.parametrize("given", ["5-", "9-1", "0-70000", "a-b"])
def test_a_range_that_is_none_is_a_usage_error(run: CommandLine, tmp_path: Path, given: str) -> None:
    assert run("clone", "tcp://127.0.0.1:1", "--range", given, "-o", str(tmp_path / "x")).code == 2
