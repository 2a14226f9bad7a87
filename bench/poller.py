"""How punctual the poller is, and what it costs: devices in another process, over real loopback TCP.

    python bench/poller.py [--seconds 20] [--only NAME] [--large]

The collector polls into a stream that a subscriber and the newest values follow, as in a site; history and
page have benchmarks of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mbap.addresses import Table
from mbap.client.link import Link
from mbap.collect.device import PolledDevice
from mbap.collect.poller import Poller, Summary
from mbap.collect.readings import Readings
from mbap.collect.registermap import Point, Profile
from mbap.collect.stream import Latest, Stream, Subscription
from mbap.server.device import Device
from mbap.server.server import Server
from mbap.values import Encoding

RAMP = 2.0


@dataclass(frozen=True)
class Scenario:
    """So many devices, each read every *period* seconds.

    Attributes:
        own_address: they are on 127.0.1.1, 127.0.1.2, ...
        units: so many share one connection, as behind a gateway.
        large: only on request: it needs thousands of open files.
    """

    name: str
    devices: int
    period: float
    own_address: bool = False
    units: int = 1
    large: bool = False

    def hosts(self) -> list[str]:
        """Where to serve, one for each connection."""
        connections = self.devices // self.units
        return [f"127.0.1.{n + 1}" if self.own_address else "127.0.0.1" for n in range(connections)]


SCENARIOS = (
    Scenario("200 devices at 1 s", 200, 1.0),
    Scenario("50 meters on 50 addresses at 5 s", 50, 5.0, own_address=True),
    Scenario("20 devices at 100 ms", 20, 0.1),
    Scenario("1,000 devices at 1 s", 1000, 1.0, large=True),
    Scenario("10,000 devices at 10 s, 100 lines", 10_000, 10.0, units=100, large=True),
)


@dataclass(frozen=True)
class Figures:
    """What one scenario gave."""

    summary: Summary
    slowest_ms: float
    cpu: float
    seconds: float

    @property
    def cpu_per_1000(self) -> float:
        """Milliseconds of CPU for 1,000 points."""
        return self.cpu * 1e6 / self.summary.points if self.summary.points else float("nan")


def meter() -> Profile:
    """125 input registers: 62 floats and one word."""
    floats = [Point(f"f{n}", Table.INPUT_REGISTERS, 2 * n, Encoding("float32")) for n in range(62)]
    return Profile("meter", "Meter", (*floats, Point("word", Table.INPUT_REGISTERS, 124, Encoding())))


async def serve(hosts: Sequence[str]) -> None:
    """Serve one device at each of *hosts*, tell their URLs, and go on until standard input ends."""
    servers = [Server(f"tcp://{host}:0", Device(input_registers=range(125))) for host in hosts]
    for server in servers:
        await server.start()
    print(json.dumps([server.url for server in servers]), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for server in servers:
        await server.aclose()


@contextmanager
def served(hosts: Sequence[str]) -> Iterator[list[str]]:
    """The URLs of devices at *hosts*, in a process of their own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--serve", *hosts]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise OSError("no devices could be served on these addresses")
        yield json.loads(line)
        process.stdin.close()


async def follow(subscription: Subscription[Readings], latest: Latest) -> None:
    """What a site does with every reading at the least."""
    while batch := await subscription.take():
        for readings in batch:
            latest.update(readings)


async def poll(scenario: Scenario, urls: Sequence[str], seconds: float) -> Figures:
    """Poll the devices at *urls* for *seconds*, after a ramp in which connections are made."""
    profile, links = meter(), [Link(url) for url in urls]
    stream: Stream[Readings] = Stream()
    subscription = stream.subscribe(10_000)
    following = asyncio.create_task(follow(subscription, Latest()))
    periods = {"default": scenario.period}
    devices = [
        (
            PolledDevice(f"meter_{n}", f"Meter {n}", profile, n % 247 + 1, periods=periods),
            links[n % len(links)],
        )
        for n in range(scenario.devices)
    ]
    poller = Poller(devices, stream)
    running = asyncio.create_task(poller.run())
    await asyncio.sleep(max(RAMP, scenario.period))
    before, cpu = poller.summary(), time.process_time()
    await asyncio.sleep(seconds)
    cpu, after = time.process_time() - cpu, poller.summary()
    latency = max((s.latency_p99_ms or 0.0) for s in poller.statistics().values())
    poller.stop()
    await running
    subscription.close()
    await following
    for link in links:
        await link.aclose()
    return Figures(_difference(after, before), latency, cpu, seconds)


def _difference(after: Summary, before: Summary) -> Summary:
    return Summary(
        reads=after.reads - before.reads,
        points=after.points - before.points,
        errors=after.errors - before.errors,
        lateness_p99_ms=after.lateness_p99_ms,
        overruns=after.overruns - before.overruns,
    )


def row(scenario: Scenario, figures: Figures) -> str:
    """One line of the table."""
    late = figures.summary.lateness_p99_ms
    return (
        f"{scenario.name:34}{figures.summary.reads:8}{figures.summary.points:9}{figures.summary.errors:7}"
        f"{figures.summary.overruns:9}{'-' if late is None else format(late, '.1f'):>10}"
        f"{figures.slowest_ms:10.1f}{figures.cpu_per_1000:13.2f}"
        f"{100 * figures.cpu / figures.seconds:7.1f}{memory():>8}{load():>7}"
    )


def memory() -> str:
    """The most memory this process has used so far, in MB, where it can be told."""
    try:
        import resource
    except ImportError:
        return "-"
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}"


def load() -> str:
    """How busy the machine is, where it can be told."""
    return f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "-"


HEADER = (
    f"{'':34}{'reads':>8}{'points':>9}{'errors':>7}{'overruns':>9}{'late p99':>10}{'slowest':>10}"
    f"{'CPU ms per':>13}{'CPU':>7}{'memory':>8}{'load':>7}\n"
    f"{'':34}{'':>8}{'':>9}{'':>7}{'':>9}{'ms':>10}{'ms':>10}{'1,000 points':>13}{'%':>7}{'MB':>8}{'':>7}"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the scenarios and print a table."""
    parser = argparse.ArgumentParser(description="How punctual the poller is, and what it costs.")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each scenario, after a ramp of 2 s")
    parser.add_argument("--only", default="", help="only scenarios whose name has this in it")
    parser.add_argument("--large", action="store_true", help="also 1,000 and 10,000 devices")
    parser.add_argument("--serve", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.serve:
        asyncio.run(serve(options.serve))
        return 0
    print(HEADER)
    for scenario in SCENARIOS:
        if options.only in scenario.name and (options.large or not scenario.large):
            measure(scenario, options.seconds)
    return 0


def measure(scenario: Scenario, seconds: float) -> None:
    """Run one scenario and print its row."""
    try:
        with served(scenario.hosts()) as urls:
            print(row(scenario, asyncio.run(poll(scenario, urls, seconds))), flush=True)
    except OSError as error:
        print(f"{scenario.name:34}left out: {error}")


if __name__ == "__main__":
    sys.exit(main())
