"""mbap proxy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import mbap
from mbap import Client, Device, GatewayTargetFailedToRespond, IllegalFunction, Units
from mbap.server.faults import Fault, Faults, Rule
from support.commandline import CommandLine
from support.peers import free_port
from support.program import Running, running
from support.scripted import Reply, Silence, scripted


@pytest.fixture
def commandline(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


def units() -> Units:
    return Units({unit: Device(holding_registers=[100 * unit + a for a in range(60)]) for unit in (1, 5)})


@pytest.fixture
def device() -> Iterator[str]:
    with mbap.serving(units(), "tcp://127.0.0.1:0") as url:
        yield url


def listening(program: Running) -> str:
    """Where it listens, as it says."""
    assert program.process.stdout is not None
    return program.process.stdout.readline().removeprefix("listening on ").split(" for ")[0]


def last_line(program: Running) -> dict[str, object]:
    program.end()
    assert program.process.stdout is not None
    found = json.loads(program.process.stdout.read().splitlines()[-1])
    assert isinstance(found, dict)
    return found


def proxy(device: str, *options: str) -> tuple[str, ...]:
    return ("proxy", device, "--listen", "tcp://127.0.0.1:0", *options)


def test_a_proxy_of_itself_is_refused(commandline: CommandLine) -> None:
    """H122."""
    outcome = commandline("proxy", "tcp://localhost:1502#3")
    assert outcome.code == 2
    assert "tcp://localhost:1502 leads back to the proxy itself" in outcome.err


def test_many_clients_share_one_connection(device: str) -> None:
    with running(*proxy(device)) as program:
        url = listening(program)
        with Client(url) as one, Client(url) as other:
            assert one.read_holding_registers(3, 2) == [103, 104]
            assert other.unit(5).read_holding_registers(4, 1) == [504]
        program.end()
        assert "2 requests on 2 connections" in program.said
        assert "to the device connects 1" in program.said


def test_units_are_mapped_and_the_others_stay(device: str) -> None:
    with running(*proxy(device, "--unit", "9=5")) as program, Client(listening(program)) as client:
        assert client.unit(9).read_holding_registers(0, 1) == [500]
        assert client.unit(5).read_holding_registers(0, 1) == [500]
        assert client.unit(1).read_holding_registers(0, 1) == [100]


def test_a_unit_at_the_end_of_the_url_is_meant_by_all(device: str) -> None:
    with running(*proxy(f"{device}#5")) as program, Client(listening(program)) as client:
        assert client.unit(77).read_holding_registers(0, 1) == [500]


def test_a_read_only_proxy_lets_nothing_pass_that_writes(device: str) -> None:
    with running(*proxy(device, "--read-only")) as program, Client(listening(program)) as client:
        with pytest.raises(IllegalFunction):
            client.write_single_register(0, 1)
        assert client.read_holding_registers(0, 1) == [100]


def test_only_what_a_rule_names_passes(device: str) -> None:
    rules = ("--permit", "read", "--permit", "write holding 7-9")
    with running(*proxy(device, *rules)) as program, Client(listening(program)) as client:
        client.write_single_register(7, 1)
        with pytest.raises(IllegalFunction):
            client.write_multiple_registers(9, [1, 1])


def test_the_counts_are_json_with_what_the_cache_did(device: str) -> None:
    with running(*proxy(device, "--cache", "1m", "--json")) as program:
        assert program.process.stdout is not None
        url = json.loads(program.process.stdout.readline())["listening"][0]
        with Client(url) as client:
            for _ in range(3):
                client.read_holding_registers(0, 10)
            client.write_single_register(3, 7)
            assert client.read_holding_registers(0, 10)[3] == 7
        counts = last_line(program)
    assert counts["cache"] == {"hits": 2, "shared": 0, "misses": 2, "dropped": 0, "forgotten": 1}
    assert counts["connections"] == 1


def test_clients_do_not_see_that_the_device_was_away() -> None:
    port = free_port()
    there = f"tcp://127.0.0.1:{port}"
    with running(*proxy(there, "--deadline", "20s")) as program, ThreadPoolExecutor() as pool:
        with Client(listening(program), timeout=20.0) as client:
            with mbap.serving(units(), there):
                assert client.read_holding_registers(0, 1) == [100]
            asked = pool.submit(client.read_holding_registers, 1, 1)
            program.process.poll()
            with mbap.serving(units(), there):
                assert asked.result(20) == [101]
        program.end()
        assert "2 requests on 1 connection" in program.said


def test_answers_that_come_late_reach_nobody_else() -> None:
    late = Faults([Rule(Fault("late", delay=0.15), probability=0.3)], seed=5)
    device = Device(holding_registers=range(60))
    with (
        mbap.serving(device, "tcp://127.0.0.1:0", faults=late) as behind,
        running(*proxy(behind, "--timeout", "100ms", "--deadline", "5s")) as program,
        ThreadPoolExecutor() as pool,
    ):
        url = listening(program)

        def right(client: Client, first: int) -> bool:
            """Whether an answer came; the proxy may also say that none did."""
            try:
                answer = client.read_holding_registers(first, 2)
            except GatewayTargetFailedToRespond:
                return False
            assert answer == [first, first + 1]
            return True

        def work(first: int) -> int:
            with Client(url, timeout=30.0) as client:
                return sum(right(client, first) for _ in range(8))

        assert sum(pool.map(work, range(0, 8, 2))) > 10


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("plc", "--unit", "5"), "is not ASKED=BEHIND"),
        (("plc", "--unit", "1=256"), "is not ASKED=BEHIND"),
        (("plc#5", "--unit", "1=2"), "sends everything to unit 5"),
        (("plc", "--permit", "everything"), "is no rule of what is allowed"),
        (("plc", "--allow", "home"), "is not a network"),
        (("plc:port",), "port"),
    ],
)
def test_what_is_wrong_is_said(commandline: CommandLine, options: tuple[str, ...], said: str) -> None:
    outcome = commandline("proxy", *options)
    assert outcome.code == 2
    assert said in outcome.err


def test_after_a_silence_the_device_is_asked_again_when_the_quarantine_is_over() -> None:
    with (
        scripted(Silence(), Reply(), rtu=True) as device,
        running(*proxy(device.url, "--timeout", "100ms", "--quarantine", "0s")) as program,
    ):
        with Client(listening(program), retries=0) as client:
            with pytest.raises(GatewayTargetFailedToRespond):
                client.read_holding_registers(0, 1)
            assert client.read_holding_registers(0, 1) == [0x1100]
        program.end()


def test_in_quarantine_the_device_is_not_asked() -> None:
    with scripted(Silence(), Reply(), rtu=True) as device:
        options = ("--timeout", "100ms", "--deadline", "300ms", "--quarantine", "60s")
        with running(*proxy(device.url, *options)) as program:
            with Client(listening(program), retries=0) as client:
                for _ in range(2):
                    with pytest.raises(GatewayTargetFailedToRespond):
                        client.read_holding_registers(0, 1)
            assert len(device.requests) == 1
            program.end()
