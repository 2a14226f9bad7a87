"""mbap gateway."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mbap
from mbap import (
    Call,
    Client,
    Device,
    GatewayPathUnavailable,
    GatewayTargetFailedToRespond,
    IllegalFunction,
    ReadHoldingRegisters,
    ResponseTimeout,
    Units,
)
from support.commandline import CommandLine
from support.peers import free_port
from support.program import Running, running
from support.program import mbap as run_mbap
from support.scripted import Reply, Silence, scripted

needs_hangup = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs SIGHUP")


@pytest.fixture
def commandline(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def device() -> Iterator[str]:
    units = Units({u: Device(holding_registers=[100 * u + a for a in range(10)]) for u in (1, 2)})
    with mbap.serving(units, "rtu+tcp://127.0.0.1:0") as url:
        yield url


def first_line(program: Running) -> str:
    assert program.process.stdout is not None
    return program.process.stdout.readline()


def listening(program: Running) -> str:
    """Where it listens, as it says."""
    return first_line(program).removeprefix("listening on ").split(": ")[0]


# --- what is understood ---


def test_check_shows_the_routes_as_they_are_understood(commandline: CommandLine) -> None:
    outcome = commandline(
        "gateway", "--check", "--route", "101-120=moxa#1-20", "--route", "1=rtu+tcp://m:4001"
    )
    assert outcome.code == 0
    lines = [line.split("  ") for line in outcome.out.splitlines()]
    assert [cell for cell in lines[1] if cell] == [
        "tcp://127.0.0.1:1502",
        "101-120",
        "tcp://moxa:502 unit 1-20",
    ]
    assert [cell for cell in lines[2] if cell] == ["tcp://127.0.0.1:1502", "1", "rtu+tcp://m:4001"]


def test_check_reads_the_table_of_a_site_file(commandline: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[gateway]\nlisten = ["tcp://127.0.0.1:5020"]\nread_only = true\nroutes = ["1=plc"]\n')
    outcome = commandline("gateway", "--check", "--config", str(file))
    assert "tcp://127.0.0.1:5020  1      tcp://plc:502  read only" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give at least one --route, or --config FILE"),
        (["--route", "1=htp://plc"], "is not a kind of connection"),
        (["--route", "1-2=a", "--route", "2=b"], "unit 2 has two routes"),
        (["--route", "1=tcp://127.0.0.1:1502"], "leads back to the gateway"),
        (["--route", "1=a", "--allow", "plc"], "is not a network"),
        (["--config", "x.toml", "--read-only"], "--read-only goes without --config"),
        (["--config", "x.toml", "--probing", "5"], "--probing goes without --config"),
        (["--config", "x.toml", "--outstanding", "2"], "--outstanding goes without --config"),
        (["--route", "1=a", "--reload-on-change"], "--reload-on-change goes with --config"),
        (["--route", "1=a", "--quarantine", "soon"], "is not a duration"),
        (["--route", "1=a", "--outstanding", "65"], "65 is not in the range 1<=x<=64"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    commandline: CommandLine, arguments: list[str], said: str
) -> None:
    outcome = commandline("gateway", "--check", *arguments)
    assert outcome.code == 2
    assert said in outcome.err


def test_a_site_file_without_a_gateway_is_told(commandline: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[devices.x]\nhost = "plc"\nprofile = "sdm630"\n[history]\nenabled = false\n')
    outcome = commandline("gateway", "--check", "--config", str(file))
    assert outcome.code == 2
    assert "has no [gateway]" in outcome.err


def test_a_site_file_that_is_wrong_is_told_as_everywhere(commandline: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[gateway]\nroutes = ["1=a"]\nlisen = []\n')
    outcome = commandline("gateway", "--check", "--config", str(file))
    assert outcome.code == 2
    assert 'did you mean "listen"' in outcome.err


# --- running ---


def test_it_serves_until_ctrl_c_and_says_what_it_has_counted(device: str) -> None:
    with running("gateway", "--listen", "tcp://127.0.0.1:0", "--route", f"1-2={device}") as program:
        url = listening(program)
        with Client(url, retries=0) as client:
            assert client.unit(2).read_holding_registers(3, 1) == [203]
            with pytest.raises(GatewayPathUnavailable):
                client.unit(3).read_holding_registers(3, 1)
        assert program.end() == 0
        assert program.said.endswith("2 requests on 1 connection; answers 1, unrouted 1")


def test_read_only_lets_nothing_pass_that_writes(device: str) -> None:
    with running(
        "gateway", "--listen", "tcp://127.0.0.1:0", "--route", f"1={device}", "--read-only"
    ) as program:
        with Client(listening(program), retries=0) as client:
            with pytest.raises(IllegalFunction):
                client.write_single_register(0, 5)
            assert client.read_holding_registers(0, 1) == [100]
        program.end()


class Together:
    """Answers when so many requests are with it at once."""

    def __init__(self, many: int) -> None:
        self._barrier = asyncio.Barrier(many)

    async def handle(self, call: Call[Any]) -> Any:
        """What was asked for, or nothing for as long as others are missing."""
        await self._barrier.wait()
        return call.request.apply(Device(holding_registers=[7]))


def test_outstanding_is_how_many_requests_are_with_a_device_at_once() -> None:
    with mbap.serving(Together(3), "tcp://127.0.0.1:0") as url:
        options = ["--listen", "tcp://127.0.0.1:0", "--route", f"1={url}", "--outstanding", "3"]
        with running("gateway", *options) as program, Client(listening(program), outstanding=3) as client:
            assert client.execute_many([ReadHoldingRegisters(0, 1)] * 3) == [[7]] * 3
            program.end()


def test_after_a_silence_a_line_is_asked_again_when_the_quarantine_is_over() -> None:
    with scripted(Silence(), Reply(), rtu=True) as device:
        options = ["--listen", "tcp://127.0.0.1:0", "--route", f"1={device.url}", "--timeout", "100ms"]
        with running("gateway", *options, "--quarantine", "0s") as program:
            with Client(listening(program), retries=0) as client:
                with pytest.raises(GatewayTargetFailedToRespond):
                    client.read_holding_registers(0, 1)
                assert client.read_holding_registers(0, 1) == [0x1100]
            program.end()


def test_in_quarantine_a_line_is_not_asked() -> None:
    with scripted(Silence(), Reply(), rtu=True) as device:
        options = ["--listen", "tcp://127.0.0.1:0", "--route", f"1={device.url}", "--timeout", "100ms"]
        with running("gateway", *options, "--quarantine", "60s") as program:
            with Client(listening(program), retries=0, timeout=1) as client:
                with pytest.raises(GatewayTargetFailedToRespond):
                    client.read_holding_registers(0, 1)
                with pytest.raises(ResponseTimeout):
                    client.read_holding_registers(0, 1)
            assert len(device.requests) == 1
            program.end()


def test_json_is_an_object_at_the_start_and_one_at_the_end(device: str) -> None:
    done = run_mbap(
        "gateway", "--listen", "tcp://127.0.0.1:0", "--route", f"1={device}", "--json", "--for", "100ms"
    )
    begin, end = (json.loads(line) for line in done.stdout.splitlines())
    assert begin["lines"] == [device]
    assert end["lines"][0]["state"] == "down"
    assert done.returncode == 0


def test_watch_shows_tables_where_there_is_no_terminal(device: str) -> None:
    done = run_mbap(
        "gateway", "--listen", "tcp://127.0.0.1:0", "--route", f"1={device}", "--watch", "--for", "1300ms"
    )
    assert "last failure" in done.stdout
    assert device in done.stdout


def test_a_port_that_is_taken_is_told(device: str) -> None:
    port = device.rpartition(":")[2]
    done = run_mbap("gateway", "--listen", f"tcp://127.0.0.1:{port}", "--route", "1=plc")
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr


def test_a_changed_file_is_applied_without_a_signal(device: str, tmp_path: Path) -> None:
    file, port = tmp_path / "site.toml", free_port()
    text = f'[gateway]\nlisten = ["tcp://127.0.0.1:{port}"]\nroutes = ["1={device}"]\n'
    file.write_text(text)
    with running("gateway", "--config", str(file), "--reload-on-change") as program:
        first_line(program)
        with Client(f"tcp://127.0.0.1:{port}", retries=0) as client:
            assert client.read_holding_registers(0, 1) == [100]
            file.write_text(text.replace("1=", "1==x"))
            program.wait_for("was not applied as a whole")
            assert client.read_holding_registers(0, 1) == [100]
            file.write_text(text.replace("1=", "1-2="))
            program.wait_for("applied: routes changed")
            assert client.unit(2).read_holding_registers(0, 1) == [200]
        assert program.end() == 0
        assert "on 1 connection;" in program.said


@needs_hangup
def test_a_hangup_applies_the_changed_file_without_dropping_clients(device: str, tmp_path: Path) -> None:
    file, port = tmp_path / "site.toml", free_port()
    text = f'[gateway]\nlisten = ["tcp://127.0.0.1:{port}"]\nroutes = ["1={device}"]\n'
    file.write_text(text)
    with running("gateway", "--config", str(file)) as program:
        first_line(program)
        with Client(f"tcp://127.0.0.1:{port}", retries=0) as client:
            assert client.read_holding_registers(0, 1) == [100]
            file.write_text(text.replace("1=", "1-2="))
            program.process.send_signal(signal.SIGHUP)
            program.wait_for("applied: routes changed")
            assert client.unit(2).read_holding_registers(0, 1) == [200]
            file.write_text(text.replace("1=", "1==x"))
            program.process.send_signal(signal.SIGHUP)
            program.wait_for("was not applied as a whole")
            assert client.unit(2).read_holding_registers(0, 1) == [200]
        assert program.end() == 0
        assert "on 1 connection;" in program.said


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")
def test_it_takes_the_socket_of_a_service_manager(device: str) -> None:
    """What systemd does: the socket is descriptor 3, the environment names this very process."""
    import os
    import socket
    import subprocess

    script = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3);"
        " os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
        " os.execv(sys.executable, [sys.executable, '-m', 'mbap', *sys.argv[2:]])"
    )
    with socket.create_server(("127.0.0.1", 0)) as given:
        port = given.getsockname()[1]
        options = ["gateway", "--listen", f"tcp://127.0.0.1:{port}", "--route", f"1={device}"]
        number = os.dup(given.fileno())
        with subprocess.Popen(
            [sys.executable, "-c", script, str(number), *options],
            pass_fds=[number],
            stdout=subprocess.PIPE,
            text=True,
        ) as program:
            os.close(number)
            assert program.stdout is not None
            assert program.stdout.readline().startswith(f"listening on tcp://127.0.0.1:{port}")
            with Client(f"tcp://127.0.0.1:{port}", retries=0) as client:
                assert client.read_holding_registers(0, 1) == [100]
            program.send_signal(signal.SIGINT)
            assert program.wait(20) == 0
