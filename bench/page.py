"""What open pages cost the server: 500 points that change twice a second, on 20 live connections.

    python bench/page.py [--points 500] [--pages 20] [--seconds 20]

The server is a process of its own, and its processor time is what is measured; the same without a page is
subtracted by nobody, but stands beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import quantiles

from websockets.asyncio.client import connect

from mbap.addresses import Table
from mbap.collect.device import DeviceStatistics, PolledDevice
from mbap.collect.readings import Readings
from mbap.collect.registermap import Point, Profile
from mbap.collect.stream import Latest
from mbap.dashboard.app import create_app
from mbap.dashboard.plant import Plant, utc_now
from mbap.dashboard.serve import bind, serve
from mbap.values import Encoding

POINTS_A_DEVICE = 25
ROUND_SECONDS = 0.5
SUBSCRIBE = '{"type":"subscribe","points":"all"}'


@dataclass(frozen=True)
class Figures:
    """What one run gave; the processor shares are of one core."""

    pages: int
    points: int
    cpu_percent: float
    messages_per_second: float
    kilobytes_per_second: float
    delay_p50_ms: float | None
    delay_p99_ms: float | None


def polled(points: int) -> list[PolledDevice]:
    """Devices with together about *points* points."""
    encoding = Encoding("float32")
    table = Table.INPUT_REGISTERS
    columns = tuple(Point(f"value_{n}", table, 2 * n, encoding, "V") for n in range(POINTS_A_DEVICE))
    profile = Profile("bench", "Bench", columns)
    count = max(1, points // POINTS_A_DEVICE)
    return [PolledDevice(f"device_{n}", f"Device {n}", profile) for n in range(count)]


async def server(points: int) -> None:
    """Serve on a free port, say which; then answer each line on standard input with the time spent so far."""
    devices, latest = polled(points), Latest()
    statistics = {one.name: DeviceStatistics() for one in devices}
    plant = Plant("bench", devices, latest, None, lambda: statistics, dict)
    listening = bind("127.0.0.1", 0)
    print(listening.getsockname()[1], flush=True)
    serving = asyncio.create_task(serve(create_app(plant), "127.0.0.1", 0, listening=listening))
    moving = asyncio.create_task(move(devices, latest))
    while await asyncio.to_thread(sys.stdin.readline):
        print(time.process_time(), flush=True)
    moving.cancel()
    serving.cancel()
    await asyncio.wait([serving, moving])


async def move(devices: Sequence[PolledDevice], latest: Latest) -> None:
    """Another value for every point, twice a second."""
    chance = random.Random(1)
    names = tuple(point.name for point in devices[0].profile.points)
    columns = [[chance.uniform(200, 250) for _ in names] for _ in range(50)]
    while True:
        for device in devices:
            latest.update(Readings(device.name, utc_now(), names, chance.choice(columns)))
        await asyncio.sleep(ROUND_SECONDS)


class Pages:
    """Many pages, and what they received."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Count from now on."""
        self.messages = 0
        self.bytes = 0
        self.delays: list[float] = []

    async def watch(self, port: int) -> None:
        """One page, until cancelled."""
        async with connect(f"ws://127.0.0.1:{port}/api/v1/live", compression=None) as page:
            await page.send(SUBSCRIBE)
            async for text in page:
                self.messages += 1
                self.bytes += len(text)
                message = json.loads(text) if self.messages % 20 == 0 else {}
                if message.get("type") == "values":
                    self.delays.append((utc_now() - message["now"]) / 1000)


def spent(child: subprocess.Popen[str]) -> float:
    """Processor seconds of the server so far."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("\n")
    child.stdin.flush()
    return float(child.stdout.readline())


async def measure(
    child: subprocess.Popen[str], port: int, pages: int, points: int, seconds: float
) -> Figures:
    """One run with *pages* open pages."""
    watching = Pages()
    tasks = [asyncio.create_task(watching.watch(port)) for _ in range(pages)]
    await asyncio.sleep(2)
    watching.reset()
    before, began = spent(child), time.perf_counter()
    await asyncio.sleep(seconds)
    used, took = spent(child) - before, time.perf_counter() - began
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    cuts = quantiles(watching.delays, n=100) if len(watching.delays) > 1 else [None] * 99
    return Figures(
        pages,
        points,
        100 * used / took,
        watching.messages / took,
        watching.bytes / took / 1000,
        cuts[49],
        cuts[98],
    )


def run(points: int, pages: int, seconds: float) -> list[Figures]:
    """The figures without a page, with one, and with all."""
    command = [sys.executable, __file__, "--serve", "--points", str(points)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        counts = sorted({0, 1, pages})
        figures = [asyncio.run(measure(child, port, count, points, seconds)) for count in counts]
        assert child.stdin is not None
        child.stdin.close()
    return figures


def table(figures: Sequence[Figures]) -> str:
    """The figures as a table."""
    lines = ["pages  points   CPU of a core  messages/s      kB/s  delay p50 / p99"]
    for one in figures:
        delay = "-" if one.delay_p50_ms is None else f"{one.delay_p50_ms:.1f} / {one.delay_p99_ms:.1f} ms"
        lines.append(
            f"{one.pages:5}  {one.points:6}  {one.cpu_percent:12.1f} %  {one.messages_per_second:10.1f}"
            f"  {one.kilobytes_per_second:8.0f}  {delay}"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or the figures as JSON."""
    parser = argparse.ArgumentParser(description="What open pages cost the server.")
    parser.add_argument("--points", type=int, default=500)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.serve:
        asyncio.run(server(options.points))
        return 0
    figures = run(options.points, options.pages, options.seconds)
    print(json.dumps([asdict(one) for one in figures]) if options.json else table(figures))
    if not options.json:
        load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
        print(f"aim: below 5 % of a core with 20 pages; {os.cpu_count()} cores{load}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
