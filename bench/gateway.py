"""What a request costs on its way through a gateway: ours, others, a plain relay, and no gateway at all.

    python bench/gateway.py [--quick] [--seconds 2] [--rounds 3] [--only tcp|slow|line|fair|dead]

A device that answers at once is read directly, through `socat` as the floor, through `mbap gateway`, `mbap
proxy`, modbus-proxy (fetched from PyPI into a folder of its own) and mbusd (where it is on PATH), over TCP
and over a pair of pseudo terminals; then a device that takes 2 ms for each answer, as real ones take some.
Everybody takes turns, several times; the figures are medians of the turns. The processor time of each
contender, with its children, is what other work on the machine disturbs least. Then 200 clients share a line,
and nine units share one with a tenth that is dead. Each answer is checked.

A pseudo terminal has no speed: what a line costs here is the silence between frames that the standard asks
for (1.75 ms), and the work.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

HERE = Path(__file__).parent
LOAD = HERE / "gatewayload.py"
MODBUS_PROXY = "modbus-proxy[yaml]==0.8.0"
COUNT = 10
"""Registers of each read; register n holds n."""
DEAD = 99
"""The unit that the device never answers for."""
PATIENCE = 15.0
MANY = 16
CROWD = 200
SLOW = 0.002
DEAD_SECONDS, REST = 12.0, 0.02

THROUGHPUT_TARGET, LATENCY_TARGET, FAIR_TARGET, DEAD_TARGET = 3.0, 1.5, 0.5, 0.9


# --- who is measured ---


@dataclass(frozen=True)
class Place:
    """Where a load generator asks: a port of this host or the name of a serial port."""

    name: str
    rtu: bool = False
    process: int = 0
    """The number of the process that leads from there to the device; 0: none does."""


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


Starting = Callable[[], AbstractContextManager[Place]]


@dataclass
class Contender:
    """Somebody to measure: how to start it, and how many clients it can have."""

    name: str
    start: Starting
    many: bool = True
    alone: list[Figures] = field(default_factory=list)
    crowd: list[Figures] = field(default_factory=list)


def measured(
    place: Place, units: Sequence[int], seconds: float, warmup: float = 0.3, rest: float = 0.0
) -> Figures:
    """Run a load generator in a process of its own.

    Raises:
        RuntimeError: it met a wrong answer, or got none.
    """
    load = {"place": place.name, "units": list(units), "seconds": seconds, "warmup": warmup}
    load |= {"rtu": place.rtu, "rest": rest}
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


@contextmanager
def modbus_proxy(python: str, device: int) -> Iterator[Place]:
    """modbus-proxy, with its configuration file."""
    port = free_port()
    url, bind = f"tcp://127.0.0.1:{device}", f"127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="mbap-bench-") as folder:
        path = Path(folder, "proxy.yml")
        text = f"devices:\n- modbus:\n    url: {url}\n    timeout: 10\n  listen:\n    bind: {bind}\n"
        path.write_text(text, encoding="ascii")
        with started([python, "-m", "modbus_proxy", "-c", str(path)], port) as process:
            yield Place(str(port), process=process.pid)


def python_with_modbus_proxy() -> str | None:
    """The interpreter of an environment that has it, made when there is none; None where that fails."""
    folder = Path(sys.prefix, "cache", "bench-modbus-proxy")
    python = str(folder / "bin" / "python")
    if not Path(python).exists():
        venv.create(folder, with_pip=True)
    for attempt in range(2):
        there = subprocess.run([python, "-c", "import modbus_proxy, yaml"], capture_output=True, check=False)
        if there.returncode == 0:
            return python
        if not attempt:
            fetch = [python, "-m", "pip", "install", "--quiet", MODBUS_PROXY]
            subprocess.run(fetch, capture_output=True, check=False, timeout=180)
    return None


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


MBAP = (sys.executable, "-m", "mbap")
LISTEN = ("--listen", "tcp://127.0.0.1:PORT", "--idle", "never")
GATEWAY_ON_A_LINE = (*MBAP, "gateway", *LISTEN, "--timeout", "300ms", "--route", "rtu://LINE?baudrate=115200")
MBUSD = ("mbusd", "-d", "-L", "-", "-p", "LINE", "-s", "115200", "-P", "PORT", "-R", "0", "-C", "512")
SITE = """
[connections.device]
url = "{url}"
outstanding = 8
[gateway]
listen = ["tcp://127.0.0.1:{port}"]
idle_never = true
routes = ["*={url}"]
"""


@contextmanager
def gateway_of_a_site(url: str) -> Iterator[Place]:
    """`mbap gateway` with a site file, which lets 8 requests be on their way."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="mbap-bench-") as folder:
        path = Path(folder, "site.toml")
        path.write_text(SITE.format(url=url, port=port), encoding="utf-8")
        with started([*MBAP, "gateway", "--config", str(path)], port) as process:
            yield Place(str(port), process=process.pid)


def over_tcp(device: int) -> list[Contender]:
    """Who leads to the TCP device."""
    url = f"tcp://127.0.0.1:{device}"
    relay = (
        "socat",
        "tcp-listen:PORT,bind=127.0.0.1,fork,reuseaddr,nodelay",
        f"tcp:127.0.0.1:{device},nodelay",
    )
    found = [
        Contender("direct", lambda: contextlib.nullcontext(Place(str(device)))),
        Contender("socat", partial(listening, *relay)),
        Contender("mbap gateway", partial(listening, *MBAP, "gateway", *LISTEN, "--route", f"*={url}")),
        Contender("mbap gateway, outstanding = 8", partial(gateway_of_a_site, url)),
        Contender("mbap proxy", partial(listening, *MBAP, "proxy", url, *LISTEN)),
        Contender(
            "mbap proxy --outstanding 8",
            partial(listening, *MBAP, "proxy", url, *LISTEN, "--outstanding", "8"),
        ),
    ]
    python = python_with_modbus_proxy()
    if python is None:
        print(f"left out: {MODBUS_PROXY} cannot be installed")
    else:
        found.append(Contender("modbus-proxy", partial(modbus_proxy, python, device)))
    return found


def over_a_line() -> list[Contender]:
    """Who leads to the RTU device."""
    relay = ("socat", "-t0", "tcp-listen:PORT,bind=127.0.0.1,fork,reuseaddr,nodelay", "open:LINE,raw,echo=0")
    found = [
        Contender("direct", on_a_line, many=False),
        Contender("socat", partial(on_a_line, *relay, rtu=True), many=False),
        Contender("mbap gateway", partial(on_a_line, *GATEWAY_ON_A_LINE)),
    ]
    if shutil.which("mbusd") is None:
        print("left out: mbusd is not on PATH")
    else:
        found.append(Contender("mbusd", partial(on_a_line, *MBUSD)))
    return found


# --- the course of it ---


def take_turns(contenders: Sequence[Contender], rounds: int, seconds: float) -> None:
    """Measure all of them with one client and with many, *rounds* times."""
    for _ in range(rounds):
        for contender in contenders:
            with contender.start() as place:
                contender.alone.append(measured(place, [1], seconds))
                if contender.many:
                    contender.crowd.append(measured(place, [1] * MANY, seconds))


def middle(figures: Sequence[Figures], of: Callable[[Figures], float]) -> float:
    """The median of the turns; not a number where there were none."""
    return statistics.median(map(of, figures)) if figures else float("nan")


COLUMNS: dict[str, Callable[[Contender], float]] = {
    "p50 us": lambda one: middle(one.alone, lambda f: f.p50),
    "p99 us": lambda one: middle(one.alone, lambda f: f.p99),
    "added p50": lambda one: middle(one.alone, lambda f: f.p50),
    "added p99": lambda one: middle(one.alone, lambda f: f.p99),
    "a second": lambda one: middle(one.alone, lambda f: f.rate),
    "CPU us": lambda one: middle(one.alone, lambda f: f.cost),
    f"{MANY} clients: a second": lambda one: middle(one.crowd, lambda f: f.rate),
    "their p99 us": lambda one: middle(one.crowd, lambda f: f.p99),
    "their CPU us": lambda one: middle(one.crowd, lambda f: f.cost),
}


def table(title: str, contenders: Sequence[Contender]) -> None:
    """Print what was measured; what is added is what the first has less."""
    print(f"\n{title}\n\n| | {' | '.join(COLUMNS)} |\n| --- |{' ---: |' * len(COLUMNS)}")
    for one in contenders:
        cells = [of(one) - (of(contenders[0]) if "added" in name else 0) for name, of in COLUMNS.items()]
        print(f"| {one.name} | {' | '.join('-' if math.isnan(c) else f'{c:,.0f}' for c in cells)} |")
    sys.stdout.flush()


def verdict(what: str, figure: str, met: bool) -> None:
    """Print what became of a target."""
    print(f"{'met   ' if met else 'MISSED'}  {what}: {figure}", flush=True)


def throughput(contenders: Sequence[Contender], device: str) -> None:
    """Hold ours against modbus-proxy."""
    rates = {one.name: middle(one.crowd, lambda f: f.rate) for one in contenders}
    if "modbus-proxy" not in rates:
        return
    for name in (name for name in rates if name.startswith("mbap")):
        times = rates[name] / rates["modbus-proxy"]
        what = f"{name}, {MANY} clients, {device}: at least {THROUGHPUT_TARGET:g} x modbus-proxy"
        verdict(what, f"{times:.2f} x", times >= THROUGHPUT_TARGET)


def latency(contenders: Sequence[Contender]) -> None:
    """Hold ours against mbusd."""
    middles = {one.name: middle(one.alone, lambda f: f.p50) for one in contenders}
    if "mbusd" in middles:
        added = {name: middles[name] - middles["direct"] for name in ("mbap gateway", "mbusd")}
        times = added["mbap gateway"] / added["mbusd"]
        what = f"added latency, p50: at most {LATENCY_TARGET:g} x mbusd's"
        verdict(what, f"{times:.2f} x", times <= LATENCY_TARGET)


def fairness(seconds: float) -> None:
    """200 clients on one line."""
    with on_a_line(*GATEWAY_ON_A_LINE) as place:
        figures = measured(place, [1] * CROWD, seconds, warmup=1.0)
    slowest, median = min(figures.rates), statistics.median(figures.rates)
    share = slowest / median if median else 0.0
    print(
        f"\n{CROWD} clients on one line: {figures.rate:,.0f} a second in all, p99 {figures.p99 / 1e3:,.0f} ms"
    )
    what = f"the slowest of {CROWD} clients: at least {FAIR_TARGET:g} of the median"
    verdict(what, f"{slowest:.2f} of {median:.2f} a second, {share:.2f}", share >= FAIR_TARGET)


def with_a_dead_unit(rounds: int, seconds: float) -> None:
    """Nine units of a line, without and with somebody who asks a tenth that is dead, again and again.

    A second after it fell silent it is looked for, and then so that it takes a twentieth of the time: that
    makes about 0.3 s every 6 s here, and it is measured for long enough to see it.
    """
    nine, ten = list(range(1, 10)), [*range(1, 10), DEAD]
    without, polled, pressed = [], [], []
    for _ in range(rounds):
        with on_a_line(*GATEWAY_ON_A_LINE) as place:
            without.append(measured(place, nine, seconds, warmup=0.5))
            polled.append(measured(place, ten, seconds, warmup=3.0, rest=REST))
            pressed.append(measured(place, ten, seconds, warmup=0.5))
    alone = middle(without, lambda f: f.rate)
    print(f"\n9 units of a line alone: {alone:,.0f} a second, {alone / 9:.0f} each")
    for how, figures in (("as often as they are", polled), ("again at once, always", pressed)):
        left = middle(figures, lambda f: sum(f.rates[:9])) / alone
        asked = figures[0].refused / seconds
        what = f"beside a tenth that is dead and asked {how} ({asked:,.0f} times a second)"
        verdict(f"{what}: more than {DEAD_TARGET:.0%} is left", f"{left:.1%}", left > DEAD_TARGET)


def machine() -> str:
    """What it is measured on, and how busy that is."""
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, load average {load}"


PARTS = ["tcp", "slow", "line", "fair", "dead"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="less of everything: to see that it works")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measuring")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=PARTS, action="append", default=[])
    parser.add_argument("--sink", type=Path, default=HERE / "load" / "sink.c", help="source of a TCP device")
    options = parser.parse_args(arguments)
    if shutil.which("socat") is None:
        print("this needs socat on PATH", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends what was started
    rounds, seconds = (1, min(options.seconds, 0.5)) if options.quick else (options.rounds, options.seconds)
    return measure_all(options.only or PARTS, rounds, seconds, options.sink)


def measure_all(names: Sequence[str], rounds: int, seconds: float, sink: Path) -> int:
    """All tables that are named."""
    print(f"{machine()}; {rounds} turns of {seconds:g} s each; reads of {COUNT} registers")
    if "tcp" in names:
        with tcp_line(sink) as device:
            contenders = over_tcp(device)
            take_turns(contenders, rounds, seconds)
        table("To a TCP device", contenders)
        throughput(contenders, "quick device")
    if "slow" in names:
        with listening(*own("slow-device")) as place:
            contenders = over_tcp(int(place.name))
            take_turns(contenders, rounds, seconds)
        table(f"To a TCP device that takes {1e3 * SLOW:g} ms", contenders)
        throughput(contenders, "slow device")
    if "line" in names:
        contenders = over_a_line()
        take_turns(contenders, rounds, seconds)
        table("To a serial line (pseudo terminals, 115200 baud)", contenders)
        latency(contenders)
    if "fair" in names:
        fairness(max(4 * seconds, 3.0))
    if "dead" in names:
        with_a_dead_unit(min(rounds, 2), DEAD_SECONDS)
    print(f"\n{machine()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
