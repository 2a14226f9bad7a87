"""What a request costs on its way through a gateway: ours, others, a plain relay, and no gateway at all.

    python3 dev bench gateway [--quick] [--seconds 2] [--rounds 3] [--only tcp|slow|line|fair|dead]

A device that answers at once is read directly, through `socat` as the floor, through `mbap gateway`, `mbap
proxy`, modbus-proxy (of the environment with other libraries) and mbusd (where it is on PATH), over TCP and
over a pair of pseudo terminals; then a device that takes 2 ms for each answer, as real ones take some.
Everybody takes turns, several times; the figures are medians of the turns. The processor time that each
contender takes for an answer, with its children, is that of the least turn: it is what other work on the
machine disturbs least. Then 200 clients share a line,
and nine units share one with a tenth that is dead. Each answer is checked.

A pseudo terminal has no speed: what a line costs here is the silence between frames that the standard asks
for (1.75 ms), and the work.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import shutil
import signal
import statistics
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.gatewayload import COUNT, DEAD, SLOW
from bench.gatewaypeers import GATEWAY_ON_A_LINE, Contender, over_a_line, over_tcp
from bench.gatewayplaces import Figures, listening, measured, on_a_line, own, tcp_line

HERE = Path(__file__).parent
MANY = 16
CROWD = 200
DEAD_SECONDS, REST = 12.0, 0.02

THROUGHPUT_TARGET, LATENCY_TARGET, FAIR_TARGET, DEAD_TARGET = 3.0, 1.5, 0.5, 0.9


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


def least(figures: Sequence[Figures]) -> float:
    """Microseconds of processor time for an answer in the turn that took least; not a number without any."""
    return min((one.cost for one in figures), default=float("nan"))


COLUMNS: dict[str, Callable[[Contender], float]] = {
    "p50 us": lambda one: middle(one.alone, lambda f: f.p50),
    "p99 us": lambda one: middle(one.alone, lambda f: f.p99),
    "added p50": lambda one: middle(one.alone, lambda f: f.p50),
    "added p99": lambda one: middle(one.alone, lambda f: f.p99),
    "a second": lambda one: middle(one.alone, lambda f: f.rate),
    "CPU us": lambda one: least(one.alone),
    f"{MANY} clients: a second": lambda one: middle(one.crowd, lambda f: f.rate),
    "their p99 us": lambda one: middle(one.crowd, lambda f: f.p99),
    "their CPU us": lambda one: least(one.crowd),
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
    other = next((one for one in contenders if one.name == "modbus-proxy"), None)
    if other is None:
        return
    for one in (one for one in contenders if one.name.startswith("mbap")):
        times = middle(one.crowd, lambda f: f.rate) / middle(other.crowd, lambda f: f.rate)
        what = f"{one.name}, {MANY} clients, {device}: at least {THROUGHPUT_TARGET:g} x modbus-proxy"
        cost = f"{least(other.crowd) / least(one.crowd):.2f} x as many for its processor time"
        verdict(what, f"{times:.2f} x, and {cost}", times >= THROUGHPUT_TARGET)


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
    loop = "uvloop" if find_spec("uvloop") else "the loop of asyncio"
    return f"Python {platform.python_version()} with {loop}, {os.cpu_count()} cores, load average {load}"


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
