"""Ten minutes of `mbap gateway` in trouble: no answer may cross over, memory and descriptors must stay.

    python bench/gatewaysoak.py [--minutes 10] [--seed 1]

Units on two serial lines (pseudo terminals of `socat`) and behind a TCP host are late, silent, cut their
answers off, spoil checksums and answer as somebody else. Adapters are unplugged and plugged in again under
the same name. Clients ask several things at once, and some vanish with their requests on the way or in the
middle of one. Each register holds a value that tells its unit and its address: a wrong answer shows.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.gatewaysoakclients import AT_ONCE, CLIENTS, Tally, client
from bench.gatewaysoakdevices import TIMEOUT

DEVICES = Path(__file__).parent / "gatewaysoakdevices.py"
MAY_GROW_MIB, MAY_GROW_FILES = 4.0, 8
"""Above what was there at the first sample; clients come and go while it is measured."""


@contextmanager
def running(command: Sequence[str], log: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A process, until it is no longer needed."""
    with ExitStack() as stack:
        told = stack.enter_context(log.open("wb")) if log else subprocess.DEVNULL
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told)
        try:
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process, in earnest if need be."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Adapter:
    """A pair of serial ports that can be unplugged."""

    def __init__(self, near: Path, far: Path) -> None:
        self.near, self.far = near, far
        self._process: subprocess.Popen[bytes] | None = None

    def plug(self) -> None:
        """Let both ports exist."""
        names = (f"pty,raw,echo=0,link={name}" for name in (self.near, self.far))
        self._process = subprocess.Popen(["socat", *names], stderr=subprocess.DEVNULL)

    def unplug(self) -> None:
        """Let them vanish, whoever has them open."""
        if self._process is not None:
            stop(self._process)
            self._process = None


async def unplug_now_and_then(adapters: Sequence[Adapter], tally: Tally, chance: random.Random) -> None:
    """Unplug one of the adapters every so often, for a moment or some seconds."""
    while not tally.ended:
        await asyncio.sleep(chance.uniform(8, 20))
        adapter = chance.choice(adapters)
        adapter.unplug()
        await asyncio.sleep(chance.choice((0.05, 0.5, 3.0)))
        adapter.plug()
        tally.unplugged += 1


@dataclass(frozen=True)
class Sample:
    """What the gateway has at one moment."""

    resident_mib: float
    files: int

    def __str__(self) -> str:
        return f"{self.resident_mib:.1f} MiB, {self.files} files"


def sample(pid: int) -> Sample:
    """What the process has now; Linux tells."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    resident = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return Sample(int(resident) / 1024, len(list(Path(f"/proc/{pid}/fd").iterdir())))


def free_port() -> int:
    """A port of this host that nobody listens on, below those that connections are given."""
    for port in random.sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("no port is free")


async def soak(gateway: int, port: int, adapters: Sequence[Adapter], options: argparse.Namespace) -> int:
    """Keep everybody busy, print a line each minute (of a short run more often), and judge."""
    tally, seconds = Tally(), options.minutes * 60
    tasks = [
        asyncio.create_task(client(port, tally, random.Random(f"{options.seed} {n}"))) for n in range(CLIENTS)
    ]
    plugging = asyncio.create_task(unplug_now_and_then(adapters, tally, random.Random(options.seed)))
    samples: list[Sample] = []
    step = min(60.0, seconds / 6)
    for number in range(1, round(seconds / step) + 1):
        await asyncio.sleep(step)
        samples.append(sample(gateway))
        print(f"{number * step:6.0f} s  {samples[-1]}  {tally}", flush=True)
    tally.ended = True
    plugging.cancel()
    await asyncio.gather(*tasks)
    return judge(tally, samples, seconds)


def judge(tally: Tally, samples: Sequence[Sample], seconds: float) -> int:
    """Print the verdict; 1 when an answer was wrong or missing, or something grew."""
    grown = samples[-1].resident_mib - samples[0].resident_mib
    files = samples[-1].files - samples[0].files
    flat = grown <= MAY_GROW_MIB and files <= MAY_GROW_FILES
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    print(
        f"{tally.answers / seconds:,.0f} answers/s, adapters unplugged {tally.unplugged}, load average {load}"
    )
    print(f"wrong answers {tally.crossed}, never answered {tally.unanswered}, closed by us {tally.closed}")
    print(f"memory {grown:+.1f} MiB, files {files:+d}: {'flat' if flat else 'NOT FLAT'}")
    good = flat and not (tally.crossed or tally.unanswered or tally.closed) and tally.answers
    print("PASSED" if good else "FAILED")
    return 0 if good else 1


def surroundings(stack: ExitStack, folder: Path, seed: int) -> tuple[list[Adapter], list[str]]:
    """Two lines and a TCP host with their units: the adapters, and the routes of the gateway."""
    role = [sys.executable, "-S", str(DEVICES)]
    adapters = [Adapter(folder / f"near{n}", folder / f"far{n}") for n in range(2)]
    for number, adapter in enumerate(adapters):
        adapter.plug()
        stack.callback(adapter.unplug)
        stack.enter_context(running([*role, "line", str(adapter.far), f"{seed} line {number}"]))
    host = free_port()
    stack.enter_context(running([*role, "tcp", str(host), f"{seed} tcp"]))
    lines = [f"rtu://{adapter.near}?baudrate=115200" for adapter in adapters]
    places = ("1-5=" + lines[0], "11-15=" + lines[1], f"21-25=tcp://127.0.0.1:{host}")
    return adapters, [word for place in places for word in ("--route", place)]


def run(options: argparse.Namespace) -> int:
    """Start everything, soak, end everything."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mbap-soak-")))
        adapters, routes = surroundings(stack, folder, options.seed)
        port = free_port()
        listen = ["--listen", f"tcp://127.0.0.1:{port}", "--timeout", f"{round(TIMEOUT * 1000)}ms"]
        command = [
            sys.executable,
            "-m",
            "mbap",
            "gateway",
            *listen,
            *routes,
            *options.gateway_options.split(),
        ]
        gateway = stack.enter_context(running(command, options.log))
        _wait_for(port)
        return asyncio.run(soak(gateway.pid, port, adapters, options))


def _wait_for(port: int) -> None:
    end = time.monotonic() + 15
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("the gateway does not start")


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak and print; 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 16))
    parser.add_argument("--gateway-options", default="", help='more for the gateway, such as "--retries 1"')
    parser.add_argument("--log", type=Path, help="keep what the gateway says in this file")
    options = parser.parse_args(arguments)
    if shutil.which("socat") is None:
        print("this needs socat on PATH", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends what was started
    print(f"seed {options.seed}, {CLIENTS} clients with up to {AT_ONCE} requests each", flush=True)
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
