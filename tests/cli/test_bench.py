"""`mbap bench`."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

import mbap
from mbap import Device
from mbap.cli import bench as command
from mbap.cli.benching import Bench, Latencies, Load
from mbap.client.typed import reading
from support.commandline import CommandLine
from support.hand_clock import HandClock
from support.peers import free_port
from support.scripted import Reply, Silence, scripted


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def url() -> Iterator[str]:
    with mbap.serving(Device(holding_registers=range(300))) as url:
        yield url


def test_it_tells_rate_latencies_and_errors(run: CommandLine, url: str) -> None:
    done = run("bench", url, "hr0..9", "--requests", "50")
    reads, rate, latency, errors = done.out.splitlines()
    assert re.fullmatch(r"reads    50 of hr0\.\.9 in \d+\.\d\d s, 1 connection, one request at a time", reads)
    assert re.fullmatch(r"rate     [\d,]+ a second", rate)
    assert re.fullmatch(r"latency  median .+ ms, 95 % .+ ms, 99 % .+ ms, longest .+ ms", latency)
    assert errors == "errors   none"
    assert (done.code, done.err) == (0, "")


def test_json_has_the_same(run: CommandLine, url: str) -> None:
    words = ["--requests", "40", "--connections", "2", "--outstanding", "4", "--json"]
    found = json.loads(run("bench", f"{url}#7", "hr0..9", *words).out)
    assert found["latency_ms"].keys() == {"mean", "p50", "p95", "p99", "max"}
    for name in ("seconds", "reads_per_second", "latency_ms"):
        assert found.pop(name)
    assert found == {
        "endpoint": f"{url}#7",
        "unit": 7,
        "item": "hr0..9",
        "connections": 2,
        "outstanding": 4,
        "reads": 40,
        "errors": {},
        "ended_by": "count",
    }


def test_an_item_longer_than_one_read_is_read_in_turns() -> None:
    with scripted(Reply()) as server:
        asyncio.run(Bench(_load(server.url, "hr0..199", count=3)).run())
    assert [asked.pdu.hex(" ", 2) for asked in server.requests] == [
        "03 0000 007d",
        "03 007d 004b",
        "03 0000 007d",
    ]


def test_time_ends_it(run: CommandLine, url: str) -> None:
    found = json.loads(run("bench", url, "--for", "50ms", "--requests", "9999999", "--json").out)
    assert found["ended_by"] == "time"
    assert found["seconds"] == pytest.approx(0.05, abs=0.5)


def test_a_pause_makes_it_slower(run: CommandLine, url: str) -> None:
    found = json.loads(run("bench", url, "--for", "200ms", "--pause", "50ms", "--json").out)
    assert found["reads"] <= 5


def test_errors_are_counted_by_kind() -> None:
    refused, nonsense = Reply(pdu=b"\x83\x02"), Reply(pdu=b"\x03\x01\x00")
    with scripted(refused, Reply(), nonsense, Reply(), Silence(), Reply()) as server:
        bench = Bench(_load(server.url, count=6, timeout=0.1))
        asyncio.run(bench.run())
    assert bench.errors == {"exception 2": 1, "protocol": 1, "timeout": 1}
    assert (len(bench.latencies), bench.ended) == (3, "count")


def test_a_device_that_fails_again_and_again_is_left_alone(run: CommandLine, url: str) -> None:
    done = run("bench", url, "hr9000")
    assert done.out.splitlines()[2:] == [
        "latency  median -, 95 % -, 99 % -, longest -",
        "errors   5 exception 2",
    ]
    assert done.code == 5
    assert "illegal data address" in done.err
    assert done.err.endswith("; the device was left alone, it failed again and again\n")


def test_failures_with_successes_between_them_do_not_end_it() -> None:
    bad = [Reply(pdu=b"\x83\x04")] * 4
    with scripted(*bad, Reply(), *bad, Reply()) as server:
        bench = Bench(_load(server.url, count=12))
        asyncio.run(bench.run())
    assert (bench.ended, bench.errors) == ("count", {"exception 4": 8})


def test_silence_has_the_exit_code_of_a_timeout(run: CommandLine) -> None:
    with scripted(Silence()) as server:
        done = run("bench", server.url, "--timeout", "50ms", "--for", "200ms")
    assert done.code == 4
    assert "errors   " in done.out


def test_silence_that_outlasts_the_time_has_it_too(run: CommandLine) -> None:
    with scripted(Silence()) as server:
        assert run("bench", server.url, "--for", "50ms").code == 4


def test_no_connection_is_one_sentence(run: CommandLine) -> None:
    done = run("bench", f"127.0.0.1:{free_port()}")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("error: ")


@pytest.mark.parametrize("words", [["nowhere://x"], ["127.0.0.1", "xy7"], ["127.0.0.1", "--quirk", "odd"]])
def test_what_cannot_be_understood_is_wrong_usage(run: CommandLine, words: list[str]) -> None:
    done = run("bench", *words)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_prints_what_was_measured() -> None:
    with scripted(Reply()) as server:
        words = [sys.executable, "-m", "mbap", "bench", server.url, "--requests", "9999999", "--for", "30s"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            server.wait_for_requests(20)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
    assert out.startswith("reads    ")
    assert (process.returncode, err) == (130, "")


async def test_a_long_run_shows_how_far_it_is(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []

    class Progress:
        def __enter__(self) -> object:
            return told.append

        def __exit__(self, *_: object) -> None:
            told.append(-1.0)

    monkeypatch.setattr(command, "UNSEEN", 0.02)
    monkeypatch.setattr(command, "progress", lambda what: Progress())
    await command._shown(Bench(_load(url, seconds=0.2, count=9_999_999)))
    assert 0 < told[0] <= 1
    assert told[-1] == -1.0


def test_how_far_it_is_goes_by_time_or_count_whichever_is_further(url: str) -> None:
    clock = HandClock(100.0)
    bench = Bench(_load(url, seconds=10.0, count=4), clock)
    assert bench.share == 0.0
    bench.latencies.record(0.1)
    assert bench.share == 0.25
    asyncio.run(bench.run())
    clock.now += 20.0
    assert bench.share == 1.0


def test_quantiles_have_three_digits() -> None:
    latencies = Latencies()
    for number in range(1, 1001):
        latencies.record(number / 1e6)
    assert [latencies.quantile(share) for share in (0.5, 0.95, 0.99, 1.0)] == [
        0.0005,
        0.00095,
        0.00099,
        0.001,
    ]
    assert latencies.mean == pytest.approx(0.0005005)


def test_there_are_no_quantiles_of_nothing() -> None:
    latencies = Latencies()
    assert (latencies.quantile(0.5), latencies.mean, len(latencies)) == (None, None, 0)


def test_however_many_durations_there_are_few_are_kept() -> None:
    latencies = Latencies()
    for number in range(20_000):
        latencies.record(0.001 + number / 1e7)
    assert len(latencies) == 20_000
    assert len(latencies._counts) <= 900


def _load(
    url: str, item: str = "hr0", *, count: int = 1000, seconds: float = 30.0, timeout: float = 3.0
) -> Load:
    return Load(url, None, reading(item, "").requests, count=count, seconds=seconds, timeout=timeout)
