"""The contenders of one table, in turns: A B C, A B C, so that a busy spell of the machine meets all."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bench.building import built
from bench.environments import ROOT, environment, node_modules, packages, program, python_with
from bench.measuring import Cell, Failed, client_cell, free_port, running, server_cell
from bench.rows import Contender, Table

Cells = dict[str, list[Cell]]


@dataclass
class Measured:
    """One table, filled.

    Attributes:
        cells: what each contender gave in each round, by its title.
        failed: why a contender has none.
        absent: contenders that are not installed.
    """

    table: Table
    cells: Cells = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Effort:
    """How often and for how long each cell is measured; the sink's port where clients need one."""

    rounds: int
    seconds: float
    port: int = 0


def command(contender: Contender) -> list[str] | None:
    """What runs *contender* here; None when something that it needs is not installed."""
    first, *rest = contender.command
    if contender.how == "program":
        return None if (path := program(first)) is None else [path, *rest]
    if contender.how == "node":
        modules = node_modules()
        there = modules is not None and all((modules / name).is_dir() for name in contender.needs)
        return ["node", str(Path(ROOT, "bench", "contenders", first)), *rest] if there else None
    python = python_with(*contender.needs)
    return None if python is None else [python, "-m", f"bench.contenders.{first}", *rest]


def label(title: str, contender: Contender) -> str:
    """*title*, and the version of Python where it is not that of the others."""
    python = python_with(*contender.needs) if contender.how == "python" else None
    other = python is not None and _version(python) != _version(sys.executable)
    return f"{title} (Python {_version(python)})" if other and python else title


@cache
def _version(python: str) -> str:
    script = "import sys; print('.'.join(map(str, sys.version_info[:2])))"
    return subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.strip()


def measure(table: Table, effort: Effort) -> Measured:
    """Fill *table*."""
    return _AREAS[table.area](table, effort)


def _in_turns(table: Table, effort: Effort, cell: Callable[[list[str]], Cell]) -> Measured:
    measured = Measured(table)
    commands = {title: command(contender) for title, contender in table.contenders.items()}
    measured.absent = [title for title, words in commands.items() if words is None]
    measured.cells = {title: [] for title, words in commands.items() if words is not None}
    for _ in range(effort.rounds):
        for title, words in commands.items():
            if words is None or title in measured.failed:
                continue
            try:
                measured.cells[title].append(cell(words))
            except Failed as why:
                measured.failed[title] = str(why)
    return measured


def servers(table: Table, effort: Effort) -> Measured:
    """Each server in a fresh process, under the load generator."""
    loadgen = built("loadgen")
    return _in_turns(table, effort, lambda words: server_cell(words, loadgen, table.load, effort.seconds))


def clients(table: Table, effort: Effort) -> Measured:
    """Each client in a process of its own, reading from the compiled server."""
    (mode,) = table.load
    return _in_turns(table, effort, lambda words: client_cell(words, effort.port, mode, effort.seconds))


def values(table: Table, effort: Effort) -> Measured:
    """In one process for each Python, whose contenders take turns; the plain way is measured in ours."""
    measured = Measured(table)
    by_python: dict[str, list[str]] = {}
    for title, contender in table.contenders.items():
        python = python_with(*contender.needs)
        if python is None:
            measured.absent.append(title)
        else:
            by_python.setdefault(python, []).append(title)
    for python, titles in by_python.items():
        words = [python, "-m", "bench.contenders.values", table.load[0], *titles]
        found = _json_of([*words, "--rounds", str(3 + 2 * effort.rounds)])
        for title, cpu in found.items():
            measured.cells[title] = [Cell(cpu, 1e6 / cpu)]
    return measured


def _json_of(words: list[str]) -> dict[str, float]:
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env=environment(), cwd=ROOT, timeout=120
    )
    if done.returncode != 0:
        print(done.stderr.strip().splitlines()[-1:], file=sys.stderr)
        return {}
    found: dict[str, float] = json.loads(done.stdout)
    return found


_IMPORT = """
import sys, time
wall, cpu = time.perf_counter(), time.process_time()
{}
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
print(cpu, wall, int("asyncio" in sys.modules))
"""


def imports(table: Table, effort: Effort) -> Measured:
    """Each statement in a fresh interpreter; the first time is not counted, it writes what is compiled."""
    measured = Measured(table)
    for number in range(3 + 4 * effort.rounds):
        for title, contender in table.contenders.items():
            python = python_with(*contender.needs)
            if python is None:
                measured.absent += [title] if number == 0 else []
                continue
            if title in measured.failed:
                continue
            script = _IMPORT.format(contender.command[0])
            done = subprocess.run(
                [python, "-c", script], capture_output=True, text=True, check=False, env=environment()
            )
            if done.returncode != 0:
                measured.failed[title] = done.stderr.strip().splitlines()[-1]
            elif number:
                cpu, wall, asyncio = map(float, done.stdout.split())
                loads = (("loads asyncio", 1),) if asyncio and "blocking" in table.title else ()
                measured.cells.setdefault(title, []).append(Cell(cpu * 1e3, 1 / wall, faults=loads))
    return measured


def processes(table: Table, effort: Effort) -> Measured:
    """`mbap read` from start to end."""
    measured = Measured(table)
    words = [
        sys.executable,
        "-m",
        "mbap",
        "read",
        f"tcp://127.0.0.1:{effort.port}",
        "40108:float32",
        "hr0..9",
    ]
    for _ in range(3 + 4 * effort.rounds):
        begun = time.perf_counter()
        subprocess.run(words, capture_output=True, check=True, timeout=30, env=environment())
        took = time.perf_counter() - begun
        measured.cells.setdefault("mbap", []).append(Cell(took, 1 / took))
    return measured


_AREAS: Mapping[str, Callable[[Table, Effort], Measured]] = {
    "server": servers,
    "client": clients,
    "values": values,
    "import": imports,
    "process": processes,
}


@contextmanager
def sink() -> Iterator[int]:
    """The port of the compiled server that clients read from."""
    port = free_port()
    with running([str(built("sink"))], port):
        yield port


def versions() -> str:
    """What is compared, with versions: a line."""
    names = ("mbap", "uvloop", "pymodbus", "pyModbusTCP", "uModbus", "modbus-tk", "pylibmodbus", "tmodbus")
    found = {name: python_with(name) for name in names}
    return ", ".join(
        f"{name} {packages(python)[name.lower()]}" for name, python in found.items() if python is not None
    )
