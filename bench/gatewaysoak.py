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
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import tty
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TIMEOUT = 0.3
CLIENTS, AT_ONCE = 24, 4
UNITS = (*range(1, 6), *range(11, 16), *range(21, 26))
"""1 to 5 are on the first line, 11 to 15 on the second, 21 to 25 behind the TCP host."""
SCRATCH = 200
"""From here on registers are written."""
LONGEST_WAIT = 30.0
"""Seconds after which a request counts as never answered."""
FAULTS = {"late": 0.004, "silent": 0.004, "spoiled": 0.004, "stranger": 0.004, "cut": 0.004, "later": 0.002}
VANISHES = 0.03
MAY_GROW_MIB, MAY_GROW_FILES = 4.0, 8
"""Above what was there at the first sample; clients come and go while it is measured."""


def value_of(unit: int, address: int) -> int:
    """What a register holds."""
    return unit << 8 | address


def crc(frame: bytes) -> bytes:
    """The checksum of an RTU frame, as it is sent."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


# --- devices that fail; each in a process of its own ---


def answer_to(request: bytes) -> bytes:
    """The right answer to a read or to the write of one register, without head and checksum."""
    unit, function, address, number = struct.unpack(">BBHH", request)
    if function == 6:
        return request
    values = [value_of(unit, address + n) for n in range(number)]
    return bytes((unit, 3, 2 * number)) + struct.pack(f">{number}H", *values)


def fault(chance: random.Random) -> str:
    """What goes wrong this time; nothing, mostly."""
    left = chance.random()
    for name, probability in FAULTS.items():
        left -= probability
        if left < 0:
            return name
    return ""


def faulty(request: bytes, chance: random.Random) -> tuple[float, bytes, bool]:
    """After how many seconds what is answered, and whether it is to be spoiled."""
    body, wrong = answer_to(request), fault(chance)
    if wrong == "silent":
        return 0.0, b"", False
    if wrong == "stranger":
        body = answer_to(bytes((request[0] % 247 + 1,)) + request[1:])
    if wrong == "cut":
        body = body[: len(body) // 2]
    # Later than two timeouts nothing tells an RTU answer from that to the next question: see `quarantine`.
    wait = {"late": TIMEOUT * 1.05, "later": TIMEOUT * 1.3}.get(wrong, 0.0)
    return wait * chance.uniform(1.0, 1.2), body, wrong in ("spoiled", "cut")


class Line:
    """The units of a serial line: each answers in its own time, and they wait for an adapter that is gone."""

    def __init__(self, path: str, chance: random.Random) -> None:
        self._path = path
        self._chance = chance
        self._due: list[tuple[float, bytes]] = []

    def serve(self) -> None:
        """Answer for ever."""
        while True:
            with contextlib.suppress(OSError, termios.error):
                port = os.open(self._path, os.O_RDWR | os.O_NOCTTY)
                try:
                    tty.setraw(port)
                    now = time.monotonic()
                    # What would have been said while nothing was plugged in has gone nowhere.
                    self._due = [one for one in self._due if one[0] > now]
                    self._serve(port)
                finally:
                    os.close(port)
            time.sleep(0.02)

    def _serve(self, port: int) -> None:
        watching = selectors.DefaultSelector()
        watching.register(port, selectors.EVENT_READ)
        kept = b""
        while True:
            # As a real device, it takes silence for the end of a frame: what is cut off does not stay.
            if watching.select(max(0.0, min([0.1, *(at - time.monotonic() for at, _ in self._due)]))):
                data = os.read(port, 4096)
                if not data:
                    return
                kept = self._take(kept + data)
            else:
                kept = b""
            self._answer(port)

    def _take(self, data: bytes) -> bytes:
        """Note when what is to be said; gives the rest of *data*."""
        while len(data) >= 8:
            request, data = data[:6], data[8:]
            wait, body, spoiled = faulty(request, self._chance)
            if body:
                self._due.append((time.monotonic() + wait, body + (b"\0\0" if spoiled else crc(body))))
        return data

    def _answer(self, port: int) -> None:
        now = time.monotonic()
        for one in [one for one in self._due if one[0] <= now]:
            self._due.remove(one)
            os.write(port, one[1])


def on_line(path: str, seed: str) -> None:
    """The units of a serial line."""
    Line(path, random.Random(seed)).serve()


def behind_tcp(port: str, seed: str) -> None:
    """The units behind a TCP host."""
    asyncio.run(_behind_tcp(int(port), random.Random(seed)))


async def _behind_tcp(port: int, chance: random.Random) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while chance.random() > 0.001:
                request = await reader.readexactly(12)
                wait, body, spoiled = faulty(request[6:], chance)
                await asyncio.sleep(wait)
                number = request[:2] if not spoiled else struct.pack(">H", chance.randrange(1 << 16))
                if body:
                    writer.write(number + b"\0\0" + struct.pack(">H", len(body)) + body)
                    await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", port) as server:
        await server.serve_forever()


# --- clients ---


@dataclass
class Tally:
    """What the clients met, all of them together."""

    answers: int = 0
    exceptions: Counter[int] = field(default_factory=Counter)
    crossed: int = 0
    unanswered: int = 0
    closed: int = 0
    vanished: int = 0
    unplugged: int = 0
    ended: bool = False

    def __str__(self) -> str:
        codes = ", ".join(f"{code:02X} {count:,}" for code, count in sorted(self.exceptions.items()))
        return f"{self.answers:,} answers, exceptions {codes or 'none'}, {self.vanished:,} clients vanished"


@dataclass(frozen=True)
class Asked:
    """A request that waits for its answer."""

    frame: bytes
    right: bytes

    def judge(self, answer: bytes, tally: Tally) -> None:
        """Count what came."""
        if answer == self.right:
            tally.answers += 1
        elif len(answer) == 3 and answer[:2] == bytes((self.right[0], self.right[1] | 0x80)):
            tally.exceptions[answer[2]] += 1
        else:
            tally.crossed += 1
            print(f"WRONG: asked {self.frame.hex(' ')}, got {answer.hex(' ')}", flush=True)


def something(chance: random.Random, number: int) -> Asked:
    """A request of a client."""
    unit = chance.choice(UNITS)
    if chance.random() < 0.1:
        body = struct.pack(">BBHH", unit, 6, SCRATCH + chance.randrange(50), chance.randrange(1 << 16))
    else:
        body = struct.pack(">BBHH", unit, 3, chance.randrange(180), chance.choice((1, 2, 2, 2, 10)))
    return Asked(struct.pack(">HHH", number, 0, 6) + body, answer_to(body))


async def client(port: int, tally: Tally, chance: random.Random) -> None:
    """Connect, ask for a while, leave one way or other, and begin anew."""
    while not tally.ended:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for _ in range(100):
                if tally.ended or not await _ask_some(reader, writer, tally, chance):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            tally.closed += 1
        except TimeoutError:
            tally.unanswered += 1
        finally:
            writer.transport.abort() if chance.random() < 0.5 else writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def _ask_some(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tally: Tally, chance: random.Random
) -> bool:
    """Send some requests at once and judge the answers; False when this client is to vanish."""
    first = chance.randrange(1 << 16)
    asked = {
        (first + n) & 0xFFFF: something(chance, (first + n) & 0xFFFF)
        for n in range(chance.randint(1, AT_ONCE))
    }
    data = b"".join(one.frame for one in asked.values())
    vanishes = chance.random() < VANISHES
    writer.write(data[: chance.randint(1, len(data))] if vanishes else data)
    if vanishes:
        tally.vanished += 1
        await asyncio.sleep(chance.choice((0.0, 0.002, 0.05)))
        return False
    async with asyncio.timeout(LONGEST_WAIT):
        while asked:
            number, _, size = struct.unpack(">HHH", await reader.readexactly(6))
            answer = await reader.readexactly(size)
            one = asked.pop(number, None)
            if one is None:
                tally.crossed += 1
                print(f"WRONG: nobody asked for {number}: {answer.hex(' ')}", flush=True)
            else:
                one.judge(answer, tally)
    return True


# --- what is around them ---


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
    role = [sys.executable, "-S", __file__, "--role"]
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
    parser.add_argument("--role", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.role:
        {"line": on_line, "tcp": behind_tcp}[options.role[0]](*options.role[1:])
        return 0
    if shutil.which("socat") is None:
        print("this needs socat on PATH", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends what was started
    print(f"seed {options.seed}, {CLIENTS} clients with up to {AT_ONCE} requests each", flush=True)
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
