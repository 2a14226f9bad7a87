"""mbap guard: what passes and what does not, over real connections, and what it leaves behind."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import mbap
from mbap import Client, Device, IllegalFunction, ServerDeviceFailure
from support.certificates import plant
from support.commandline import CommandLine
from support.disks import fill
from support.program import PATIENCE, Running, running

RULES = """
HOST hmi=127.0.0.0/8
ALLOW SRC=hmi FC=3 REG=0-9
ALLOW SRC=hmi FC=6 REG=5 LOG=YES
DENY FC=8 LOG=YES
"""


@pytest.fixture
def commandline(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def device() -> Iterator[str]:
    with mbap.serving(Device(holding_registers=list(range(50))), "tcp://127.0.0.1:0") as url:
        yield url


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "plant.rules"
    path.write_text(RULES, encoding="utf-8")
    return path


def guard(device: str, *options: object) -> tuple[str, ...]:
    return ("guard", "--to", device, "--listen", "tcp://127.0.0.1:0", *map(str, options))


def listening(program: Running) -> str:
    """Where it listens, as it says."""
    return begun(program).removeprefix("listening on ").split(": 1 route")[0]


def begun(program: Running) -> str:
    """What it says first, which the console's width parts into lines."""
    assert program.process.stdout is not None
    said = ""
    while not said.endswith("Ctrl-C"):
        line = program.process.stdout.readline()
        assert line, program.said
        said += f" {line.strip()}" if said else line.strip()
    return said


def trail(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_what_the_policy_allows_reaches_the_device_and_nothing_else_does(device: str, policy: Path) -> None:
    with running(*guard(device, "--policy", policy)) as program, Client(listening(program)) as plc:
        assert plc.read_holding_registers(0, 10) == list(range(10))
        plc.write_single_register(5, 77)
        assert plc.read_holding_registers(5, 1) == [77]
        for refused in (
            lambda: plc.read_holding_registers(9, 2),
            lambda: plc.write_single_register(6, 1),
            lambda: plc.write_multiple_registers(5, [1]),
            lambda: plc.read_coils(0, 1),
            lambda: plc.diagnostics(0, b"\0\0"),
        ):
            with pytest.raises(IllegalFunction):
                refused()


def test_it_says_that_the_policy_is_enforced_and_what_it_did(device: str, policy: Path) -> None:
    with running(*guard(device, "--policy", policy)) as program:
        line = begun(program)
        assert "1 route to 1 line, policy" in line
        assert "enforced" in line
        url = line.removeprefix("listening on ").split(": 1 route")[0]
        with Client(url) as plc, pytest.raises(IllegalFunction):
            plc.read_coils(0, 1)
        program.end()
        assert "policy: denied 1" in program.said


def test_a_policy_that_only_observes_is_said_loudly(device: str, tmp_path: Path) -> None:
    path = tmp_path / "plant.rules"
    path.write_text("MODE observe\n" + RULES, encoding="utf-8")
    with running(*guard(device, "--policy", path)) as program:
        line = begun(program)
        assert "OBSERVED ONLY: nothing is refused" in line
        url = line.removeprefix("listening on ").split(": 1 route")[0]
        with Client(url) as plc:
            assert plc.read_holding_registers(20, 1) == [20]


def test_without_a_policy_everything_passes_and_is_watched(device: str, tmp_path: Path) -> None:
    alerts = tmp_path / "alerts"
    with running(*guard(device, "--alerts", alerts)) as program:
        with Client(listening(program)) as plc:
            assert plc.read_holding_registers(20, 1) == [20]
            assert plc.diagnostics(0, b"\x12\x34") is not None
        program.end()
    assert json.loads((alerts / "learned.json").read_text())["anomaly"]


def test_the_trail_has_who_asked_for_what_and_what_became_of_it(
    device: str, policy: Path, tmp_path: Path, commandline: CommandLine
) -> None:
    audit = tmp_path / "audit.jsonl"
    with running(*guard(device, "--policy", policy, "--audit", audit)) as program:
        with Client(listening(program)) as plc:
            plc.write_single_register(5, 7)
            with pytest.raises(IllegalFunction):
                plc.write_single_register(6, 7)
        program.end()
    lines = trail(audit)
    assert [
        line["event"] for line in lines if line["event"] not in ("audit", "session_open", "session_close")
    ] == [
        "system",
        "request",
        "deny",
        "system",
    ]
    (allowed,) = [line for line in lines if line["event"] == "request"]
    (denied,) = [line for line in lines if line["event"] == "deny"]
    assert (allowed["rule"], allowed["src_ip"], allowed["func"], allowed["address"]) == (
        "line-4",
        "127.0.0.1",
        6,
        5,
    )
    assert (denied["decision"], denied["reason"], denied["address"]) == ("deny", "no rule allows it", 6)
    assert commandline("audit", "verify", str(audit)).code == 0


def test_a_changed_policy_counts_from_one_moment_to_the_next(
    device: str, policy: Path, tmp_path: Path
) -> None:
    audit = tmp_path / "audit.jsonl"
    with running(*guard(device, "--policy", policy, "--audit", audit, "-v")) as program:
        with Client(listening(program)) as plc:
            with pytest.raises(IllegalFunction):
                plc.read_holding_registers(20, 1)
            policy.write_text(RULES + "ALLOW SRC=hmi FC=3 REG=20\n", encoding="utf-8")
            program.process.send_signal(signal.SIGHUP)
            program.wait_for("in place of")
            assert plc.read_holding_registers(20, 1) == [20]
        program.end()
    assert [line for line in trail(audit) if line["event"] == "policy_load"]


def test_a_wrong_policy_changes_nothing_and_is_in_the_trail(
    device: str, policy: Path, tmp_path: Path
) -> None:
    audit = tmp_path / "audit.jsonl"
    with running(*guard(device, "--policy", policy, "--audit", audit)) as program:
        with Client(listening(program)) as plc:
            policy.write_text("ALOW FC=*\n", encoding="utf-8")
            program.process.send_signal(signal.SIGHUP)
            program.wait_for("not applied")
            assert plc.read_holding_registers(0, 1) == [0]
            with pytest.raises(IllegalFunction):
                plc.read_holding_registers(20, 1)
        program.end()
    (refused,) = [line for line in trail(audit) if line["event"] == "policy_load"]
    assert refused["result"] == "refused"


def test_saving_the_policy_is_enough_where_it_is_watched(device: str, policy: Path) -> None:
    options = ("--policy", policy, "--reload-on-change", "-v")
    with running(*guard(device, *options)) as program, Client(listening(program)) as plc:
        policy.write_text("ALLOW FC=3 SRC=127.0.0.1\n", encoding="utf-8")
        program.wait_for("in place of")
        assert plc.read_holding_registers(20, 1) == [20]


def test_roles_come_from_certificates_and_the_device_needs_none(device: str, tmp_path: Path) -> None:
    path = tmp_path / "roles.rules"
    path.write_text("ALLOW ROLE=Operator FC=3\n", encoding="utf-8")
    own = plant()["server"]
    tls = ("--listen-ca", own.ca, "--listen-certificate", own.chain, "--listen-key", own.key)
    options = ("--listen", "tls://127.0.0.1:0", "--policy", path, *tls)
    with running("guard", "--to", device, *map(str, options)) as program:
        url = listening(program)
        with Client(url, tls=plant()["operator"].tls()) as plc:
            assert plc.read_holding_registers(0, 2) == [0, 1]
            with pytest.raises(IllegalFunction):
                plc.write_single_register(0, 5)
        for name in ("lower role", "roleless", "doubly roled"):
            with Client(url, tls=plant()[name].tls()) as plc, pytest.raises(IllegalFunction):
                plc.read_holding_registers(0, 1)
        with Client(url.replace("tls://", "tcp://")) as plain, pytest.raises(mbap.ModbusError):
            plain.read_holding_registers(0, 1)


def test_h157_where_the_trail_has_to_be_kept_a_full_disk_stops_everything(
    device: str, policy: Path, small_disk: Path
) -> None:
    audit = small_disk / "audit.jsonl"
    options = ("--policy", policy, "--audit", audit, "--on-full", "closed", "--idle", "never")
    with running(*guard(device, *options)) as program, Client(listening(program)) as plc:
        assert plc.read_holding_registers(0, 1) == [0]
        fill(small_disk / "filler")
        with pytest.raises(ServerDeviceFailure):
            write_often(plc)
        (small_disk / "filler").unlink()
        program.wait_for("audit trail: .*")
        assert_soon(lambda: plc.read_holding_registers(0, 1) == [0])


def test_h157_elsewhere_it_goes_on_and_says_so(device: str, policy: Path, small_disk: Path) -> None:
    options = ("--policy", policy, "--audit", small_disk / "audit.jsonl")
    with running(*guard(device, *options)) as program, Client(listening(program)) as plc:
        fill(small_disk / "filler")
        for _ in range(300):
            plc.write_single_register(5, 1)
        program.wait_for("audit trail: .*")
        assert plc.read_holding_registers(5, 1) == [1]


def write_often(plc: Client) -> None:
    for _ in range(2000):
        plc.write_single_register(5, 1)


def assert_soon(holds: Callable[[], bool]) -> None:
    """Fail unless *holds* becomes true within some seconds; while it cannot be asked it does not."""
    ends = time.monotonic() + PATIENCE
    while True:
        with suppress(mbap.ModbusError):
            if holds():
                return
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_check_says_what_would_run(device: str, policy: Path, commandline: CommandLine) -> None:
    done = commandline(*guard(device, "--policy", policy, "--check"))
    assert done.code == 0
    assert "3 rules, mode enforce" in done.out


def test_check_refuses_a_policy_that_is_of_other_devices(tmp_path: Path, commandline: CommandLine) -> None:
    path = tmp_path / "other.rules"
    path.write_text("HOST plc=10.2.0.11\nALLOW SRC=10.0.0.5 DST=plc FC=3\n", encoding="utf-8")
    done = commandline(*guard("tcp://10.2.0.12", "--policy", path, "--check"))
    assert done.code == 2
    assert "none of its devices is tcp://10.2.0.12" in done.err
    assert commandline(*guard("tcp://10.2.0.11", "--policy", path, "--check")).code == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "give either --to URL, or at least one --route"),
        (("--to", "tcp://plc", "--route", "1=tcp://plc"), "give either --to URL"),
        (("--to", "tcp://plc", "--policy", "/nowhere/plant.toml"), "/nowhere/plant.toml"),
        (("--to", "tcp://plc", "--syslog", "http://x"), "is not a syslog server"),
        (("--to", "tcp://plc", "--no-watch", "--alerts", "x"), "goes without --no-watch"),
        (("--to", "tcp://plc", "--reload-on-change"), "goes with --policy"),
        (("--to", "tcp://localhost:1502"), "leads back"),
        (("--to", "tcp://plc", "--listen", "tls://127.0.0.1:802"), "tls"),
    ],
)
def test_what_cannot_be_is_a_sentence(commandline: CommandLine, options: tuple[str, ...], says: str) -> None:
    done = commandline("guard", *options, "--for", "1s")
    assert done.code == 2
    assert says in done.err


def test_h030_who_comes_too_fast_is_closed_and_one_line_of_the_trail_says_how_many(
    device: str, policy: Path, tmp_path: Path
) -> None:
    audit = tmp_path / "audit.jsonl"
    options = ("--policy", policy, "--no-watch", "--audit", audit, "--connect-rate", "0.4")
    with running(*guard(device, *options)) as program:
        port = int(listening(program).rpartition(":")[2])
        ends = [_comes_from(f"127.0.0.{2 + number % 2}", port) for number in range(60)]
        program.process.send_signal(signal.SIGINT)
        program.process.wait(PATIENCE)
    away = [one for one in trail(audit) if one.get("reason") == "too many connections in a short time"]
    assert sum(one.get("count", 1) for one in away) == ends.count("closed") >= 50
    assert len(away) <= 11


def test_h030_who_is_to_be_kept_comes_as_often_as_it_likes(device: str, policy: Path) -> None:
    options = ("--policy", policy, "--no-watch", "--connect-rate", "0.1", "--keep", "127.0.0.2")
    with running(*guard(device, *options)) as program:
        port = int(listening(program).rpartition(":")[2])
        assert {_comes_from("127.0.0.2", port) for _ in range(20)} == {"open"}


def _comes_from(address: str, port: int) -> str:
    """Whether a new connection, which says nothing, is still there after a moment."""
    with (
        suppress(ConnectionResetError),
        socket.create_connection(("127.0.0.1", port), 5, source_address=(address, 0)) as client,
    ):
        client.settimeout(0.02)
        try:
            return "closed" if client.recv(1) == b"" else "open"
        except TimeoutError:
            return "open"
    return "closed"
