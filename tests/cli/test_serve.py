"""`mbap serve`: what it says, what it refuses, and that it answers and ends as asked."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mbap.transport.endpoint import parse_endpoint
from support.commandline import CommandLine
from support.program import mbap

FILE = """\
[device]
name = "Pump"
[units.1.holding]
0 = 1450
[units.1.coil]
0 = [true, false]
[units.any.input]
0 = 7
"""
ANY_PORT = "tcp://127.0.0.1:0"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pump.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_it_says_where_it_listens_and_what_it_has(run: CommandLine, file: Path) -> None:
    outcome = run("serve", "--listen", ANY_PORT, "--for", "10ms", str(file))
    assert outcome.code == 0
    assert re.fullmatch(
        r"listening on tcp://127\.0\.0\.1:\d+: Pump, unit 1 has 1 holding register and 2 coils; "
        r"every other unit has 1 input register; stop with Ctrl-C\n",
        outcome.out,
    )
    assert outcome.err == "stopped after 0 requests on 0 connections\n"


def test_without_a_file_there_are_ten_thousand_of_each(run: CommandLine) -> None:
    outcome = run("serve", "--listen", ANY_PORT, "--for", "10ms")
    assert "every unit has 10,000 holding registers, 10,000 input registers" in outcome.out


def test_check_says_that_a_file_is_right_and_serves_nothing(run: CommandLine, file: Path) -> None:
    outcome = run("serve", "--check", str(file))
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"{file} is right: Pump, unit 1 has")


def test_check_without_a_file_is_a_wrong_use(run: CommandLine) -> None:
    outcome = run("serve", "--check")
    assert outcome.code == 2
    assert "--check needs a device file" in outcome.err


def test_everything_that_is_wrong_with_a_file_is_said(run: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "pump.toml"
    path.write_text("[units.1.holding]\n0 = -1\n[fault]\n", encoding="utf-8")
    outcome = run("serve", str(path))
    assert outcome.code == 2
    assert outcome.err.count(str(path)) == 2
    assert "Traceback" not in outcome.err


def test_a_file_that_is_not_there_is_one_sentence(run: CommandLine, tmp_path: Path) -> None:
    outcome = run("serve", str(tmp_path / "none.toml"))
    assert outcome.code == 2
    assert outcome.err.endswith("none.toml: cannot be read: No such file or directory\n")


def test_a_taken_port_is_one_sentence(run: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = run("serve", "--listen", f"tcp://127.0.0.1:{port}")
    assert outcome.code == 1
    assert outcome.err == (
        f"error: cannot listen on tcp://127.0.0.1:{port}: port {port} is taken by another program; "
        "stop it or use another port\n"
    )


@pytest.mark.parametrize(
    ("listen", "sentence"),
    [("http://x", "not a kind of connection"), ("rtu:///dev/x", "it would answer for every unit")],
)
def test_what_is_no_url_to_listen_on_is_one_sentence(run: CommandLine, listen: str, sentence: str) -> None:
    outcome = run("serve", "--listen", listen)
    assert outcome.code == 2
    assert sentence in outcome.err


def test_a_time_without_its_unit_is_one_sentence(run: CommandLine) -> None:
    outcome = run("serve", "--for", "5")
    assert outcome.code == 2
    assert "has no unit of time" in outcome.err


def test_it_answers_until_it_is_interrupted(file: Path) -> None:
    command = [sys.executable, "-m", "mbap", "serve", "--listen", ANY_PORT, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = program.stdout.readline().split()[2].rstrip(":")
        endpoint = parse_endpoint(url)
        with socket.create_connection((endpoint.host, endpoint.port), 5) as client:
            client.sendall(bytes.fromhex("0001 0000 0006 01 03 0000 0001"))
            assert client.recv(100) == bytes.fromhex("0001 0000 0005 01 03 02 05aa")
            program.send_signal(signal.SIGINT)
            _, said = program.communicate(timeout=20)
    assert program.returncode == 0
    assert said == "stopped after 1 request on 1 connection; answers 1\n"


def wait_for_line(program: subprocess.Popen[str], stream: str = "stdout") -> str:
    said = getattr(program, stream)
    assert said is not None
    return str(said.readline())


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no SIGUSR1")
def test_sigusr1_makes_it_say_what_it_has_counted_and_go_on() -> None:
    command = [sys.executable, "-m", "mbap", "serve", "--listen", ANY_PORT, "--unit", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        endpoint = parse_endpoint(wait_for_line(program).split()[2].rstrip(":"))
        with socket.create_connection((endpoint.host, endpoint.port), 5) as client:
            client.sendall(bytes.fromhex("0001 0000 0006 01 03 0000 0001"))
            assert client.recv(100) == bytes.fromhex("0001 0000 0003 01 83 0b")
            program.send_signal(signal.SIGUSR1)
            said = wait_for_line(program, "stderr")
            assert said == "so far 1 request on 1 connection; open 1, exceptions 1\n"
            program.send_signal(signal.SIGINT)
            _, said = program.communicate(timeout=20)
    assert said == "stopped after 1 request on 1 connection; exceptions 1\n"


def test_json_says_where_it_listens_and_every_counter(run: CommandLine) -> None:
    outcome = run("serve", "--listen", ANY_PORT, "--for", "10ms", "--json")
    where, counted = (json.loads(line) for line in outcome.out.splitlines())
    assert (outcome.code, outcome.err) == (0, "")
    assert where["listening"].startswith("tcp://127.0.0.1:")
    assert (counted["requests"], counted["forbidden"], counted["faults"]) == (0, 0, {})


def test_it_can_answer_for_some_units_only(run: CommandLine) -> None:
    outcome = run("serve", "--listen", ANY_PORT, "--for", "10ms", "--unit", "7", "--unit", "5")
    assert ": units 5 and 7 have 10,000 holding registers" in outcome.out


def test_units_go_without_a_file(run: CommandLine, file: Path) -> None:
    outcome = run("serve", "--unit", "5", str(file))
    assert outcome.code == 2
    assert "--unit goes without a device file" in outcome.err


def test_a_network_that_is_none_is_one_sentence(run: CommandLine) -> None:
    outcome = run("serve", "--allow", "plc")
    assert outcome.code == 2
    assert "'plc' is not a network: write 192.168.1.0/24" in outcome.err


def test_an_address_of_the_internet_has_to_be_meant(run: CommandLine) -> None:
    outcome = run("serve", "--listen", "tcp://8.8.8.8:1502")
    assert outcome.code == 2
    assert "tcp://8.8.8.8:1502 can be reached from the whole internet" in outcome.err
    outcome = run("serve", "--listen", "tcp://8.8.8.8:1502", "--public")
    assert outcome.code == 1
    assert "8.8.8.8 is not an address of this machine" in outcome.err


def test_every_limit_can_be_set(run: CommandLine) -> None:
    limits = ("--max-connections", "5", "--max-per-address", "2", "--when-full", "drop-idle")
    outcome = run("serve", "--listen", ANY_PORT, "--for", "10ms", *limits, "--idle", "never")
    assert (outcome.code, outcome.err) == (0, "stopped after 0 requests on 0 connections\n")


def test_places_can_be_reserved_for_those_who_are_kept(run: CommandLine) -> None:
    keep = ("--keep", "192.0.2.0/24", "--keep", "127.0.0.1", "--reserve", "2")
    assert run("serve", "--listen", ANY_PORT, "--for", "10ms", *keep).code == 0


def test_places_are_reserved_for_somebody(run: CommandLine) -> None:
    outcome = run("serve", "--reserve", "2")
    assert outcome.code == 2
    assert "--reserve needs --keep NETWORK" in outcome.err


def test_reserved_places_reach_the_server() -> None:
    keep = ["--max-connections", "2", "--keep", "192.0.2.1", "--reserve", "1"]
    command = [sys.executable, "-m", "mbap", "serve", "--listen", ANY_PORT, *keep]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        endpoint = parse_endpoint(wait_for_line(program).split()[2].rstrip(":"))
        with socket.create_connection((endpoint.host, endpoint.port), 5) as first:
            first.sendall(bytes.fromhex("0001 0000 0006 01 03 0000 0001"))
            assert first.recv(100)
            with socket.create_connection((endpoint.host, endpoint.port), 5) as second:
                assert second.recv(1) == b""
            program.send_signal(signal.SIGINT)
            _, said = program.communicate(timeout=20)
    assert "reserved for others: 1" in said


def test_limits_reach_the_server() -> None:
    command = [sys.executable, "-m", "mbap", "serve", "--listen", ANY_PORT, "--max-connections", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        endpoint = parse_endpoint(wait_for_line(program).split()[2].rstrip(":"))
        with socket.create_connection((endpoint.host, endpoint.port), 5) as first:
            first.sendall(bytes.fromhex("0001 0000 0006 01 03 0000 0001"))
            assert first.recv(100)
            with socket.create_connection((endpoint.host, endpoint.port), 5) as second:
                assert second.recv(1) == b""
            program.send_signal(signal.SIGINT)
            _, said = program.communicate(timeout=20)
    assert said.endswith("stopped after 1 request on 1 connection; refused 1, answers 1\n")


@pytest.mark.parametrize("scheme", ["rtu+tcp", "ascii+tcp", "udp"])
def test_it_serves_the_other_framings(run: CommandLine, scheme: str) -> None:
    outcome = run("serve", "--listen", f"{scheme}://127.0.0.1:0", "--for", "10ms")
    assert outcome.code == 0
    assert outcome.out.startswith(f"listening on {scheme}://127.0.0.1:")


def test_the_plain_standard_library_is_enough() -> None:
    """Neither pydantic nor anything else that is not in the base install is loaded."""
    code = (
        "import sys\n"
        "for name in ('pydantic', 'rich', 'starlette', 'uvloop'): sys.modules[name] = None\n"
        "from mbap.cli.main import main\n"
        f"main(['serve', '--listen', '{ANY_PORT}', '--for', '10ms'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, "listening on" in done.stdout) == (0, True), done.stderr


def test_help_shows_examples() -> None:
    assert "mbap serve --check device.toml" in mbap("serve", "--help").stdout
