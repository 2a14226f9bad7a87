"""What one collector holds: a whole site (poller, history, page) on one core, its devices on another.

    python3 dev bench collector [--quick] [--only NAME]

Each device has a connection of its own and 125 registers, which are decoded to 62 float32 and one word. The
devices are a compiled server whose values are others at each read. Every row is a process of its own, so that
its memory is its own; its first seconds, in which it connects, do not count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from math import inf
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.building import CannotBuild, built
from bench.environments import ROOT, environment
from bench.measuring import Failed, free_port, on_core, quietest, running
from bench.poller import meter
from bench.tables import markdown, number

from mbap.collect.counters import Recent
from mbap.collect.device import PolledDevice
from mbap.collect.polled import Polled
from mbap.site.plan import HistoryPlan, LinkPlan, SitePlan, WebPlan
from mbap.site.running import Site

DEAD_SHARE = 10
"""One of so many devices is dead, where some are."""
FLUSH = 2.0
"""Seconds between two transactions of the history."""
PATIENCE = 40.0
"""Seconds within which every living device must have answered once."""


@dataclass(frozen=True)
class Scenario:
    """One site.

    Attributes:
        period: seconds between two reads of a device.
        seconds: how long it is measured, once every living device has answered.
        lasting: how long it has to be held where the most is looked for: each half has the end of a minute,
            when the history sums up, and its file is beyond what memory and the disk's cache make easy.
        dead: what a tenth of the devices does: `silent`, `refused`, `slow`.
        values, late, memory: what is wanted: at least so many a second, at most so many milliseconds and MB.
    """

    name: str
    devices: int
    period: float
    seconds: float = 15.0
    lasting: float = 0.0
    history: bool = True
    dead: str = ""
    values: float = 0.0
    late: float = inf
    memory: float = inf


@dataclass(frozen=True)
class Found:
    """What a scenario gave.

    Attributes:
        late: milliseconds within which 99 of 100 turns of the living devices began.
        overruns: turns of the living that were left out.
        cpu: share of one core. memory: the most, in MB. lost: values that the history gave up.
        growth: how many more values waited for the history at some moment of the second half than before.
    """

    reads: float
    values: float
    late: float | None
    overruns: int
    errors: int
    cpu: float
    memory: float
    stored: float
    lost: int
    growth: int


SCENARIOS = (
    Scenario("1,000 devices at 1 s, history", 1000, 1.0, values=62_000, late=100.0),
    Scenario("10,000 devices at 10 s, history", 10_000, 10.0, seconds=20, memory=300.0),
    Scenario("1,000 devices at 1 s, history, a tenth silent", 1000, 1.0, dead="silent", late=100.0),
    Scenario("1,000 devices at 1 s, history, a tenth refused", 1000, 1.0, dead="refused", late=100.0),
    Scenario("1,000 devices at 1 s, history, a tenth slow", 1000, 1.0, dead="slow", late=100.0),
)
AIM = 250_000
MOST = (
    Scenario("the most values, history", 1000, 1.0, seconds=20, lasting=150, values=AIM),
    Scenario("the most values, no history", 1000, 1.0, seconds=8, values=AIM, history=False),
)
HEAD = ("", "values/s", "reads/s", "late p99 ms", "overruns", "errors", "CPU %", "MB", "stored/s", "target")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios and print a table."""
    parser = argparse.ArgumentParser(prog="dev bench collector", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default="", help="only scenarios whose name has this in it")
    parser.add_argument("--quick", action="store_true", help="a few seconds of each")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.run:
        print(json.dumps(asdict(asyncio.run(collect(json.loads(options.run))))))
        return 0
    print(table(rows(options.only, quick=options.quick)))
    return 0


def table(lines: Sequence[Sequence[str]]) -> str:
    """As Markdown."""
    return markdown(HEAD, lines)


def rows(only: str = "", *, quick: bool = False) -> list[list[str]]:
    """A row for each scenario that *only* names; what could not be measured says so."""
    lines: list[list[str]] = []
    for scenario in (*SCENARIOS, *MOST):
        if only not in scenario.name:
            continue
        chosen = scenario
        if quick:
            chosen = replace(scenario, seconds=scenario.seconds / 3, lasting=scenario.lasting / 3)
        print(f"{scenario.name} ...", file=sys.stderr, flush=True)
        try:
            lines.append(most(chosen) if scenario in MOST else _row(chosen, measured(chosen)))
        except (CannotBuild, Failed, OSError) as why:
            lines.append([scenario.name, f"left out: {why}", *[""] * (len(HEAD) - 2)])
    return lines


def most(scenario: Scenario) -> list[str]:
    """The shortest period that is held, of some around what the cost of reading once a second promises.

    It begins with the shortest: what a read costs falls with their number, as more of them share a turn. What
    is held for a moment is tried for as long as the scenario wants.
    """
    found = measured(scenario)
    guess = found.values / found.cpu
    for share in (1.6, 1.4, 1.2, 1.05, 0.9, 0.75, 0.6):
        tried = replace(scenario, period=scenario.devices * len(meter().points) / (guess * share))
        found = measured(tried)
        if holds(found, tried.period) and scenario.lasting:
            found = measured(replace(tried, seconds=scenario.lasting))
        if holds(found, tried.period):
            break
    held = "" if holds(found, tried.period) else "not held "
    lasting = f" for {scenario.lasting:.0f} s" if scenario.lasting else ""
    name = f"{scenario.name}: {held}at {1000 * tried.period:.0f} ms{lasting}"
    return _row(replace(scenario, name=name), found)


def holds(found: Found, period: float) -> bool:
    """Nothing is left out, nothing piles up."""
    return not found.overruns and (found.late or 0.0) < 1000 * period and not found.lost and keeps_up(found)


def keeps_up(found: Found) -> bool:
    """What waits is not more and more: what comes between two flushes comes and goes."""
    return found.growth <= FLUSH * found.values


def _row(scenario: Scenario, found: Found) -> list[str]:
    return [
        scenario.name,
        f"{found.values:,.0f}",
        f"{found.reads:,.0f}",
        number(found.late),
        f"{found.overruns:,}",
        f"{found.errors:,}",
        f"{100 * found.cpu:.0f}",
        f"{found.memory:.0f}",
        f"{found.stored:,.0f}",
        _verdict(scenario, found),
    ]


def _verdict(scenario: Scenario, found: Found) -> str:
    wrong = [
        text
        for missed, text in (
            (found.values < scenario.values * 0.99, f"{scenario.values:,.0f} values/s"),
            ((found.late or 0.0) > scenario.late, f"late at most {scenario.late:.0f} ms"),
            (found.overruns > 0, "no overruns"),
            (found.memory > scenario.memory, f"at most {scenario.memory:.0f} MB"),
            (found.lost > 0, "nothing lost"),
        )
        if missed
    ]
    return "missed: " + ", ".join(wrong) if wrong else "met"


def measured(scenario: Scenario) -> Found:
    """Run *scenario*: devices on one core, the collector in a process on another.

    Raises:
        CannotBuild: the devices cannot be compiled.
        Failed: the collector ended with an error.
    """
    core, *others = quietest()
    with dead_devices(scenario.dead) as dead, devices(others[0] if others else core) as port:
        task = {**asdict(scenario), "port": port, "dead_port": dead, "core": core}
        command = [sys.executable, "-m", "bench.collector", "--run", json.dumps(task)]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=scenario.seconds + PATIENCE + 60,
        )
    if done.returncode != 0:
        raise Failed((done.stderr.strip().splitlines() or ["ended without a word"])[-1])
    return Found(**json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def devices(core: int) -> Iterator[int]:
    """The port of the living ones, on *core*."""
    with ExitStack() as stack:
        port = free_port()
        with on_core(core):
            stack.enter_context(running([str(built("sink")), "--moving"], port))
        yield port


@contextmanager
def dead_devices(kind: str) -> Iterator[int]:
    """The port of the dead ones: nobody's, or that of a process that takes connections."""
    port = free_port()
    if kind not in ("silent", "slow"):
        yield port
        return
    with running([sys.executable, "-m", "bench.contenders.dead", kind], port):
        yield port


async def collect(task: dict[str, object]) -> Found:
    """Run the site that *task* describes, in this process, and say how it went."""
    port, dead_port, core = (int(str(task.pop(name))) for name in ("port", "dead_port", "core"))
    scenario = Scenario(**task)  # type: ignore[arg-type]
    os.sched_setaffinity(0, {core})
    with tempfile.TemporaryDirectory(prefix="mbap-bench-") as folder:
        site = Site(plan_of(scenario, port, dead_port, Path(folder)))
        await site.start()
        try:
            await _all_answered(site)
            return await _watched(site, scenario)
        finally:
            await site.stop()


def plan_of(scenario: Scenario, port: int, dead_port: int, folder: Path) -> SitePlan:
    """Each device from an address of its own, so that each has its own connection."""
    profile, links, polled = meter(), {}, []
    for index in range(scenario.devices):
        dead = bool(scenario.dead) and index % DEAD_SHARE == 0
        source = f"127.{1 + index // 62_500}.{index // 250 % 250}.{index % 250 + 1}"
        url = f"tcp://127.0.0.1:{dead_port if dead else port}?source={source}"
        links[url] = LinkPlan(url)
        name = f"{'dead' if dead else 'meter'}_{index}"
        polled.append(
            PolledDevice(name, name, profile, 1, url, {}, {"default": scenario.period, "slow": 60.0})
        )
    history = HistoryPlan(folder / "history.db", 86_400.0 * 400, None, None, FLUSH)
    return SitePlan(
        "bench",
        links,
        tuple(polled),
        history if scenario.history else None,
        WebPlan("127.0.0.1", 0),
        max_open_connections=scenario.devices + 10,
    )


async def _all_answered(site: Site) -> None:
    """Wait for every living device, and then until the rush of the beginning is over."""
    give_up = time.monotonic() + PATIENCE
    while not all(polled.counters.answers for polled in _living(site)):
        if time.monotonic() > give_up:
            raise Failed(f"not every device answered within {PATIENCE:g} s")
        await asyncio.sleep(0.5)
    await asyncio.sleep(2)


async def _watched(site: Site, scenario: Scenario) -> Found:
    _forget_lateness(site)
    before, stored, overran = site.poller.summary(), site.stored, _overruns(site)
    cpu, begun = time.process_time(), time.monotonic()
    first = await _most_waiting(site, scenario.seconds / 2)
    second = await _most_waiting(site, scenario.seconds / 2)
    cpu, took = time.process_time() - cpu, time.monotonic() - begun
    after = site.poller.summary()
    return Found(
        reads=(after.reads - before.reads) / took,
        values=(after.points - before.points) / took,
        late=_lateness(site),
        overruns=_overruns(site) - overran,
        errors=after.errors - before.errors,
        cpu=cpu / took,
        memory=_most_memory(),
        stored=(site.stored - stored) / took,
        lost=site.lost,
        growth=max(second - first, 0) if scenario.history else 0,
    )


async def _most_waiting(site: Site, seconds: float) -> int:
    """The most values that waited for the history in the next *seconds*."""
    most, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(min(0.5, max(0.0, end - time.monotonic())))
        most = max(most, site.poller.summary().points - site.stored)
    return most


def _most_memory() -> float:
    import resource  # there is none on Windows, where tests import this file

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _overruns(site: Site) -> int:
    return sum(polled.overruns for polled in _living(site))


def _living(site: Site) -> list[Polled]:
    """What is polled and answers; asked without making statistics, which would hold up what is measured."""
    return [polled for name, polled in site.poller._polled.items() if name.startswith("meter")]


# What the poller tells of lateness reaches back to when connections were made, which does not count here.


def _forget_lateness(site: Site) -> None:
    for polled in site.poller._polled.values():
        polled.counters.lateness = Recent()


def _lateness(site: Site) -> float | None:
    pooled = Recent(1_000_000)
    for polled in _living(site):
        for seconds in polled.counters.lateness._seconds:
            pooled.record(seconds)
    return pooled.quantile_ms(0.99)


if __name__ == "__main__":
    sys.exit(main())
