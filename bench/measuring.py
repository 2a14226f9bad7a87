"""One cell of the comparison: a server under load, or a client that reads; CPU and rate of one process.

CPU is what the operating system counts for the process (user and system, all of its threads), in nanoseconds;
it does not count the load's process, and not the time spent waiting for a core. Both share one core: on two,
one connection's request and answer wake a sleeping core each time, and whether they do is chance: the same
server then takes 11 or 34 us for an answer. On one core it is 11, twenty times in a row.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.environments import ROOT, environment

_FAULTS = (
    "lost", "drops", "refused", "exceptions",
    "bad_tid", "bad_fc", "bad_len", "bad_data", "bad_unit", "bad_pid",
)  # fmt: skip


class Failed(Exception):
    """A contender that could not be measured; the text says why."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one run gave.

    Attributes:
        cpu: milliseconds for 1,000 answers, which is microseconds for one.
        rate: answers a second.
        p99: microseconds within which 99 of 100 answers came; None where nobody measured it.
        faults: what went wrong, by kind.
        served: connections that got an answer; None where nobody counted.
        kib: memory for each connection in KiB; None where nobody measured it.
    """

    cpu: float
    rate: float
    p99: float | None = None
    faults: tuple[tuple[str, int], ...] = ()
    served: int | None = None
    kib: float | None = None


@contextmanager
def one_core() -> Iterator[None]:
    """What is started meanwhile shares one core, the quietest."""
    with on_core(quietest()[0]):
        yield


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started meanwhile runs on *core*."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def quietest() -> list[int]:
    """The cores that may be used, first the one that was idle for longest in the last moment."""
    before = _idle()
    time.sleep(0.1)
    after = _idle()
    return sorted(os.sched_getaffinity(0), key=lambda core: before.get(core, 0) - after.get(core, 0))


def _idle() -> dict[int, int]:
    """How long each core was idle, in ticks."""
    lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    cores = [line.split() for line in lines if line.startswith("cpu") and not line.startswith("cpu ")]
    return {int(words[0][3:]): int(words[4]) for words in cores}


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running(command: Sequence[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The process of *command*, once it listens on *port*; ended on the way out."""
    with subprocess.Popen(
        [*command, "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=ROOT,
    ) as process:
        try:
            _wait_until_it_listens(process, port)
            yield process
        finally:
            process.kill()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, seconds: float = 20.0) -> None:
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
        except OSError:
            if process.poll() is not None and process.stderr is not None:
                said = process.stderr.read().decode("utf-8", "replace").strip().splitlines()
                raise Failed(said[-1] if said else f"ended with {process.returncode}") from None
            time.sleep(0.02)
        else:
            return
    raise Failed("did not listen")


def cpu_seconds(pid: int) -> float:
    """What the process has used so far, with all of its threads."""
    return time.clock_gettime(((~pid) << 3) | 2)  # as clock_getcpuclockid of the C library makes it


def resident_kib(pid: int) -> int:
    """How much of the process is in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def server_cell(command: Sequence[str], loadgen: Path, load: Sequence[str], seconds: float) -> Cell:
    """Start the server, put it under *load*, end it."""
    port = free_port()
    with running(command, port) as process:
        _loaded(process, [str(loadgen), "--port", str(port), "--seconds", "0.15", "--warmup", "0"])
        idle = resident_kib(process.pid)
        words = [str(loadgen), "--port", str(port), "--seconds", str(seconds), "--warmup", "0.1", *load]
        found, cpu, memory = _loaded(process, words)
    answered = found["total"] + found["exceptions"]
    if not found["requests"]:
        raise Failed("answered nothing, or not all that was asked")
    return Cell(
        cpu=cpu * 1e6 / answered,
        rate=found["rps"],
        p99=found["p99_us"],
        faults=tuple((kind, int(found[kind])) for kind in _FAULTS if found[kind]),
        served=int(found["served"]),
        kib=(memory - idle) / found["connected"] if found["connected"] else None,
    )


def _loaded(process: subprocess.Popen[bytes], command: Sequence[str]) -> tuple[dict[str, float], float, int]:
    """What the load generator says, the CPU that the server took since all were connected, its memory."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as load:
        assert load.stdout is not None
        assert load.stderr is not None
        load.stderr.readline()  # "connected N": accepting them is not counted
        before, most = cpu_seconds(process.pid), 0
        while load.poll() is None and process.poll() is None:
            time.sleep(0.1)
            most = max(most, resident_kib(process.pid))
        if process.poll() is not None:
            raise Failed(f"ended under load with {process.returncode}")
        cpu = cpu_seconds(process.pid) - before
        found: dict[str, float] = json.loads(load.stdout.read())
    return found, cpu, most


def client_cell(command: Sequence[str], port: int, mode: str, seconds: float) -> Cell:
    """Let the client read from the server on *port* for about *seconds*."""
    words = [*command, "--port", str(port), "--mode", mode, "--seconds", str(seconds)]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=60, check=False, env=environment(), cwd=ROOT
        )
        found = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        raise Failed("was still reading after 60 s") from None
    except (IndexError, ValueError):
        raise Failed((done.stderr.strip().splitlines() or ["said nothing"])[-1]) from None
    return Cell(cpu=found["cpu"], rate=found["rate"])
