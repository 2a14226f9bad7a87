"""What protection costs: the guard beside what does less, TLS beside TLS alone, a thousand clients, a flood.

    python3 dev bench guard [--quick] [--seconds 2] [--rounds 3] [--only cost|held|flood]

A device that answers at once is read directly, through `mbap proxy` and `mbap gateway`, through `mbap guard`
with thirty rules, with and without its watch and its trail, with and without TLS, and through haproxy and
stunnel (where they are on PATH), which end TLS and look at nothing. Everybody takes turns; each figure is
that of the best turn: other work on the machine only ever adds to it. Processor time is that of the
contender for an answer, with its children. Each answer is checked.

Then 1,000 TLS clients are held, and a client is served while 2,000 others begin what they never end: they say
nothing, stop within a handshake, or send a byte a second, from 200 addresses.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.gateway import MANY, machine, take_turns, verdict
from bench.gatewaypeers import LISTEN, MBAP, Contender, Starting
from bench.gatewayplaces import Figures, Place, measured, processor_time, tcp_line
from bench.guardpeers import Trust, guard, made_trust, over_tcp, policy, secure_guard
from bench.measuring import resident_kib

HERE = Path(__file__).parent
CROWD = HERE / "guardcrowd.py"
HELD, FLOODED = 1_000, 2_000
COST_TARGET, LATENCY_TARGET = 1.6, 2.0
HALF_A_REQUEST = "000100000006010300"
HALF_A_HELLO = "16030100c8010000c40303" + "00" * 32


def best(figures: Sequence[Figures], of: Callable[[Figures], float]) -> float:
    """The least of the turns; not a number where there were none."""
    return min(map(of, figures), default=math.nan)


COLUMNS: dict[str, Callable[[Contender], float]] = {
    "added p50 us": lambda one: best(one.alone, lambda f: f.p50),
    "added p99 us": lambda one: best(one.alone, lambda f: f.p99),
    "CPU us": lambda one: best(one.alone, lambda f: f.cost),
    f"{MANY} clients: a second": lambda one: -best(one.crowd, lambda f: -f.rate),
    "their p99 us": lambda one: best(one.crowd, lambda f: f.p99),
    "their CPU us": lambda one: best(one.crowd, lambda f: f.cost),
}


def cost(device: int, trust: Trust, rounds: int, seconds: float) -> None:
    """What an answer costs with each of them."""
    contenders = over_tcp(device, trust)
    take_turns(contenders, rounds, seconds)
    print(f"\n| | {' | '.join(COLUMNS)} |\n| --- |{' ---: |' * len(COLUMNS)}")
    for one in contenders:
        cells = [of(one) - (of(contenders[0]) if "added" in name else 0) for name, of in COLUMNS.items()]
        print(f"| {one.name} | {' | '.join('-' if math.isnan(c) else f'{c:,.0f}' for c in cells)} |")
    print()
    costs = {one.name: best(one.crowd, lambda f: f.cost) for one in contenders}
    for name in ("mbap guard --no-watch", "mbap guard"):
        times = costs[name] / costs["mbap proxy"]
        what = f"{name}, without TLS: at most {COST_TARGET:g} x the CPU of mbap proxy"
        verdict(
            what, f"{costs[name]:.1f} us to {costs['mbap proxy']:.1f} us, {times:.2f} x", times <= COST_TARGET
        )


@contextmanager
def crowd(part: str, **told: object) -> Iterator[subprocess.Popen[str]]:
    """A process of `guardcrowd.py`, which has begun."""
    command = [sys.executable, "-S", str(CROWD), part, json.dumps(told)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError(f"{part}: it failed")
            yield process
        finally:
            process.terminate()
            process.wait(10)


def held(device: int, trust: Trust, count: int) -> None:
    """So many TLS clients at once: their memory, and whether all are answered."""
    with secure_guard(trust, *_guarding(device, trust), watched=True) as place:
        measured(place, [1], 0.3)
        before, begun = resident_kib(place.process), time.monotonic()
        with crowd("hold", port=int(place.name), count=count, secured=place.secured) as many:
            took = time.monotonic() - begun
            each = (resident_kib(place.process) - before) / count
            figures = measured(place, [1], 1.0)
            answered, _ = many.communicate(timeout=120)
    print(
        f"\n{count:,} TLS clients came in {took:.1f} s and take {each:.1f} KiB each; beside them one more is"
        f" answered {figures.rate:,.0f} times a second"
    )
    verdict(f"{count:,} TLS clients held, all answered", answered.strip(), int(answered or 0) == count)


def flood(device: int, trust: Trust, count: int, rounds: int, seconds: float) -> None:
    """A client beside a flood, with and without TLS."""
    guarding = _guarding(device, trust)
    plain: Starting = partial(guard, trust, *guarding, *LISTEN, "--max-clients", "4000")
    secure: Starting = partial(secure_guard, trust, *guarding, watched=True)
    for name, start, beginning in (("without TLS", plain, HALF_A_REQUEST), ("TLS", secure, HALF_A_HELLO)):
        idle, elsewhere, flooded = [], [], []
        with start() as place:
            _alone(place, count, seconds, beginning, name)
            for _ in range(rounds):
                idle.append(measured(place, [1], seconds))
                # With the beginning of a handshake: the device closes those, so that they come again, too.
                elsewhere.append(_beside(place, device, count, seconds, HALF_A_HELLO))
                flooded.append(_beside(place, int(place.name), count, seconds, beginning))
        print(f"\n{name}: {flooded[-1].rate:,.0f} answers a second beside it, {idle[-1].rate:,.0f} without")
        usual, other, now = (best(them, lambda f: f.p99) for them in (idle, elsewhere, flooded))
        print(f"p99 beside a flood of the device instead, which takes CPU alike: {other:,.0f} us")
        what = (
            f"{name}: p99 of a client beside {count:,} that never finish under {LATENCY_TARGET:g} x its usual"
        )
        verdict(what, f"{usual:,.0f} us, {now:,.0f} us, {now / usual:.2f} x", now < LATENCY_TARGET * usual)


def _alone(place: Place, count: int, seconds: float, beginning: str, name: str) -> None:
    """What a flood costs when nobody else is there: processor time, to which others do not add."""
    stays = count / 400 + seconds + 5
    with crowd("flood", port=int(place.name), count=count, seconds=stays, beginning=beginning) as many:
        before, begun = processor_time(place.process), time.monotonic()
        said, _ = many.communicate(timeout=stays + 30)
        spent, took = processor_time(place.process) - before, time.monotonic() - begun
    came = json.loads(said)
    each = 1e6 * spent / max(came["made"] - came["begun"], 1)
    print(f"\n{name}: {each:.0f} us of CPU for each that comes, {100 * spent / took:.1f} % for all of it")


def _beside(place: Place, port: int, count: int, seconds: float, beginning: str) -> Figures:
    stays = count / 400 + seconds + 5
    with crowd("flood", port=port, count=count, seconds=stays, beginning=beginning) as many:
        figures = measured(place, [1], seconds)
        said, _ = many.communicate(timeout=stays + 30)
    came = json.loads(said)
    print(f"flood: {came['made']:,} connections made, at most {came['most']:,} at once", flush=True)
    return figures


def _guarding(device: int, trust: Trust) -> tuple[str, ...]:
    return (*MBAP, "guard", "--to", f"tcp://127.0.0.1:{device}", "--policy", str(policy(trust.folder)))


PARTS = ["cost", "held", "flood"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="dev bench guard", description=(__doc__ or "").split("\n", maxsplit=1)[0]
    )
    parser.add_argument("--quick", action="store_true", help="less of everything: to see that it works")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measuring")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=PARTS, action="append", default=[])
    parser.add_argument("--sink", type=Path, default=HERE / "load" / "sink.c", help="source of a TCP device")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends what was started
    rounds, seconds = (1, min(options.seconds, 0.5)) if options.quick else (options.rounds, options.seconds)
    parts, few = options.only or PARTS, 10 if options.quick else 1
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {machine()}; {rounds} turns of {seconds:g} s each")
    with tcp_line(options.sink) as device, tempfile.TemporaryDirectory(prefix="mbap-bench-") as folder:
        trust = made_trust(Path(folder))
        if "cost" in parts:
            cost(device, trust, rounds, seconds)
        if "held" in parts:
            held(device, trust, HELD // few)
        if "flood" in parts:
            flood(device, trust, FLOODED // few, rounds, seconds)
    print(f"\n{machine()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
