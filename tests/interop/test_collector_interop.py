"""The collector polls servers that are not ours."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mbap.addresses import Table
from mbap.client.link import Link
from mbap.collect.device import PolledDevice
from mbap.collect.poller import Poller
from mbap.collect.readings import Quality, Readings, Value
from mbap.collect.registermap import Point, Profile
from mbap.collect.stream import Latest, Stream
from mbap.values import Encoding
from support import peers

pytestmark = pytest.mark.peer

HERE = Path(__file__).parent
PATIENCE = 20.0

HOLDING, INPUT = Table.HOLDING_REGISTERS, Table.INPUT_REGISTERS
POINTS: tuple[tuple[Point, Value], ...] = (
    (Point("running", Table.COILS, 3), True),
    (Point("stopped", Table.COILS, 12), False),
    (Point("level_high", Table.DISCRETE_INPUTS, 7), True),
    (Point("level_low", Table.DISCRETE_INPUTS, 8), False),
    (Point("speed", HOLDING, 100, Encoding("uint16")), 1450),
    (Point("temperature", HOLDING, 101, Encoding("int16", scale=0.1)), -12.5),
    (Point("alarm", HOLDING, 102, Encoding("bool", bit=5)), True),
    (Point("serial", HOLDING, 110, Encoding("uint32", order="CDAB")), 3_000_000_001),
    (Point("energy", HOLDING, 112, Encoding("uint64")), 2**53 + 1),
    (Point("title", HOLDING, 120, Encoding("ascii", length=8)), "PUMP STATION 7"),
    (Point("voltage", INPUT, 0, Encoding("float32")), 230.5),
    (Point("power", INPUT, 2, Encoding("float32", order="CDAB")), -1234.5),
    (Point("pressure", INPUT, 4, Encoding("float32", order="DCBA")), 4.25),
    (Point("flow", INPUT, 300, Encoding("float64")), math.pi),
    (Point("far", INPUT, 900, Encoding("int32", order="BADC")), -70_000),
)
PROFILE = Profile("interop", "Interop", tuple(point for point, _ in POINTS))


def lines() -> str:
    """The tables of a device that has the values of `POINTS`, as the servers read them."""
    text = []
    for point, value in POINTS:
        text += [
            f"{point.table.value} {point.address + n} {word}" for n, word in enumerate(words(point, value))
        ]
    return "\n".join(text) + "\n"


def words(point: Point, value: Value) -> tuple[int, ...]:
    """The registers, or the bit, that mean *value*."""
    if point.encoding is None:
        return (int(bool(value)),)
    if point.encoding.bit is not None:
        return (1 << point.encoding.bit,) if value else (0,)
    return point.encoding.encode(value)


@contextmanager
def started(command: list[str], port: int) -> Iterator[None]:
    """One of the servers beside this file, from when it listens until the block ends."""
    with subprocess.Popen(
        [*command, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(lines())
            server.stdin.close()
            assert server.stdout.readline() == "ready\n"
            yield
        finally:
            server.kill()


@pytest.fixture(scope="session")
def libmodbus(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that starts the server built from libmodbus_server.c."""
    compiler, config = peers.require("gcc"), peers.require("pkg-config")
    flags = subprocess.run(
        [config, "--cflags", "--libs", "libmodbus"], capture_output=True, text=True, check=False
    )
    if flags.returncode:
        peers.missing("needs libmodbus-dev")
    program = tmp_path_factory.mktemp("libmodbus") / "server"
    source = HERE / "libmodbus_server.c"
    subprocess.run([compiler, "-o", str(program), str(source), *flags.stdout.split()], check=True)
    return [str(program)]


@pytest.fixture(params=["libmodbus", "pymodbus", "pyModbusTCP"])
def command(request: pytest.FixtureRequest) -> list[str]:
    """The command that starts each of the servers in turn."""
    if request.param == "libmodbus":
        built: list[str] = request.getfixturevalue("libmodbus")
        return built
    peers.require_module(request.param)
    return [sys.executable, str(HERE / f"{request.param.lower()}_server.py")]


@dataclass
class Collected:
    """A running collector of one device, and what it knows."""

    poller: Poller
    latest: Latest

    async def until(self, wanted: Callable[[Latest], bool]) -> None:
        """Wait until the newest values are as *wanted*; fails after `PATIENCE` seconds."""
        async with asyncio.timeout(PATIENCE):
            while not wanted(self.latest):
                await asyncio.sleep(0.02)


@contextmanager
def following(stream: Stream[Readings], latest: Latest) -> Iterator[None]:
    """Keep *latest* up to date while the block runs."""
    subscription = stream.subscribe(1000)

    async def follow() -> None:
        while batch := await subscription.take():
            for readings in batch:
                latest.update(readings)

    task = asyncio.ensure_future(follow())
    try:
        yield
    finally:
        subscription.close()
        task.cancel()


@asynccontextmanager
async def collecting(port: int, profile: Profile) -> AsyncIterator[Collected]:
    """Poll a device at *port* while the block runs."""
    stream: Stream[Readings] = Stream()
    link = Link(f"tcp://127.0.0.1:{port}", timeout=2.0)
    device = PolledDevice("pump", "Pump", profile, 1, periods={"default": 0.1})
    poller = Poller([(device, link)], stream, report_every=None)
    running = asyncio.ensure_future(poller.run())
    collected = Collected(poller, Latest())
    with following(stream, collected.latest):
        try:
            yield collected
        finally:
            poller.stop()
            await running
            await link.aclose()


def complete(latest: Latest) -> bool:
    """Every point has a good value."""
    newest = latest.device("pump")
    return len(newest) == len(POINTS) and all(value.quality.good for value in newest.values())


async def test_values_of_all_tables_and_encodings_arrive_right(command: list[str]) -> None:
    port = peers.free_port()
    with started(command, port):
        async with collecting(port, PROFILE) as collected:
            await collected.until(complete)
    newest = collected.latest.device("pump")
    assert {name: value.value for name, value in newest.items()} == {p.name: value for p, value in POINTS}
    assert {value.quality for value in newest.values()} == {Quality.GOOD}
    assert collected.poller.statistics()["pump"].state == "ok"
    assert collected.poller.summary().errors == 0


async def test_an_address_that_does_not_exist_costs_the_other_points_nothing(libmodbus: list[str]) -> None:
    port = peers.free_port()
    known = [Point(f"known_{n}", HOLDING, 990 + n, Encoding()) for n in range(10)]
    beyond = Point("beyond", HOLDING, 1000, Encoding())
    with started(libmodbus, port):
        async with collecting(port, Profile("edge", "Edge", (*known, beyond))) as collected:
            await collected.until(lambda latest: len(latest.device("pump")) == 11)
    newest = collected.latest.device("pump")
    assert newest.pop("beyond").quality == Quality.exception(2)
    assert {value.quality for value in newest.values()} == {Quality.GOOD}


def unreachable(latest: Latest) -> bool:
    """Every point says that there is no connection."""
    return all(value.quality == Quality.CONNECTION for value in latest.device("pump").values())


async def test_a_server_that_comes_back_is_read_again(libmodbus: list[str]) -> None:
    port = peers.free_port()
    async with collecting(port, PROFILE) as collected:
        with started(libmodbus, port):
            await collected.until(complete)
        await collected.until(unreachable)
        with started(libmodbus, port):
            await collected.until(complete)
    assert collected.poller.statistics()["pump"].reconnects == 1
