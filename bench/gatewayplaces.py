"""Where the load generators of `bench/gateway.py` ask: programs that listen, lines, and what they take."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

LOAD = Path(__file__).parent / "gatewayload.py"
PATIENCE = 15.0


@dataclass(frozen=True)
class Place:
    """Where a load generator asks: a port of this host or the name of a serial port."""

    name: str
    rtu: bool = False
    process: int = 0
    """The number of the process that leads from there to the device; 0: none does."""
    secured: tuple[str, ...] = ()
    """Over TLS: the files of CA, certificate and key that a client has."""


@dataclass(frozen=True)
class Figures:
    """What a load generator met: answers a second of each client, microseconds, what went wrong.

    Attributes:
        total: answers of the whole time. cost: microseconds of processor time that one of them took.
    """

    rates: list[float]
    total: int
    refused: int
    wrong: int
    p50: float
    p99: float
    cost: float = float("nan")

    @property
    def rate(self) -> float:
        """Of all clients together."""
        return sum(self.rates)


def measured(
    place: Place, units: Sequence[int], seconds: float, warmup: float = 0.3, rest: float = 0.0
) -> Figures:
    """Run a load generator in a process of its own.

    Raises:
        RuntimeError: it met a wrong answer, or got none.
    """
    load = {"place": place.name, "units": list(units), "seconds": seconds, "warmup": warmup}
    load |= {"rtu": place.rtu, "rest": rest, "secured": list(place.secured)}
    command = [sys.executable, "-S", str(LOAD), "load", json.dumps(load)]
    before = processor_time(place.process)
    ran = subprocess.run(command, capture_output=True, text=True, timeout=seconds + warmup + 60, check=False)
    if ran.returncode:
        raise RuntimeError(f"the load generator failed at {place.name}: {ran.stderr.strip()[-300:]}")
    figures = Figures(**json.loads(ran.stdout))
    if figures.wrong or not figures.rate:
        raise RuntimeError(f"{figures.wrong} wrong answers, {figures.rate:.0f} right ones a second")
    spent = processor_time(place.process) - before
    return replace(figures, cost=1e6 * spent / figures.total if place.process else float("nan"))


def processor_time(process: int) -> float:
    """Seconds that a process has used so far, with its children; Linux tells."""
    if not process:
        return 0.0
    found: dict[int, tuple[int, float]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            facts = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            found[int(path.parent.name)] = (int(facts[1]), sum(map(int, facts[11:15])))
    ticks = sum(used for number, (parent, used) in found.items() if process in (number, parent))
    return ticks / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of this host that nobody listens on, below those that connections are given."""
    for port in random.sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("no port is free")


@contextmanager
def started(command: Sequence[str], port: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process, until it is no longer needed; with *port*, once it listens there.

    Raises:
        RuntimeError: it does not.
    """
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True) as process:
        try:
            if port is not None:
                _wait_for(partial(_listens, port), process, command)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(ready: Callable[[], bool], process: subprocess.Popen[str], command: Sequence[str]) -> None:
    end = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > end or process.poll() is not None:
            raise RuntimeError(f"{' '.join(command[:4])} ... does not start")
        time.sleep(0.02)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextmanager
def listening(*command: str) -> Iterator[Place]:
    """A program that listens where its command says PORT."""
    port = free_port()
    with started([part.replace("PORT", str(port)) for part in command], port) as process:
        yield Place(str(port), process=process.pid)


@contextmanager
def serial_line() -> Iterator[str]:
    """A port with the quick RTU device at its other end."""
    with tempfile.TemporaryDirectory(prefix="mbap-bench-") as folder, ExitStack() as stack:
        near, far = Path(folder, "near"), Path(folder, "far")
        pair = ["socat", *(f"pty,raw,echo=0,link={name}" for name in (near, far))]
        process = stack.enter_context(started(pair))
        _wait_for(lambda: near.exists() and far.exists(), process, pair)
        device = [sys.executable, "-S", str(LOAD), "rtu-device", str(far)]
        answering = stack.enter_context(started(device))
        assert answering.stdout is not None
        answering.stdout.readline()
        yield str(near)


@contextmanager
def on_a_line(*command: str, rtu: bool = False) -> Iterator[Place]:
    """A program that listens on PORT and has the serial port LINE; without one, the port itself."""
    with serial_line() as near:
        if not command:
            yield Place(near, rtu=True)
            return
        with listening(*(part.replace("LINE", near) for part in command)) as place:
            yield replace(place, rtu=rtu)


def compiled(source: Path, folder: Path) -> str | None:
    """The quick device of *source*; None without it or a compiler."""
    compiler = shutil.which("cc")
    if compiler is None or not source.exists():
        return None
    program = folder / "sink"
    made = subprocess.run(
        [compiler, "-O2", "-o", str(program), str(source)], capture_output=True, check=False
    )
    return str(program) if made.returncode == 0 else None


@contextmanager
def tcp_line(source: Path) -> Iterator[int]:
    """The port of a quick TCP device."""
    with tempfile.TemporaryDirectory(prefix="mbap-bench-") as folder:
        program = compiled(source, Path(folder))
        print(f"TCP device: {'compiled' if program else 'in Python'}", flush=True)
        with listening(*((program, "--port", "PORT") if program else own("tcp-device"))) as place:
            yield int(place.name)


def own(role: str) -> tuple[str, ...]:
    """The command of a device of this script that listens."""
    return (sys.executable, "-S", str(LOAD), role, "PORT")
