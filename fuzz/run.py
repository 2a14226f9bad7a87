"""Fuzz what takes bytes or text from strangers: python fuzz/run.py --minutes 1

Every target gets the same share of the time. Inputs come from atheris where it is installed, otherwise from a
seeded generator. A finding is written to fuzz/findings/ with the command that shows it again.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import random
import re
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from fuzz.generator import LONGEST, Generator  # noqa: E402
from fuzz.scratch import folder, folder_of_a_run  # noqa: E402
from fuzz.targets import TARGETS, corpus  # noqa: E402

FINDINGS = ROOT / "fuzz" / "findings"
SECONDS_FOR_ONE = 5
"""An input that takes longer is a finding: a stranger could hang us with it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one target."""

    executions: int
    finding: Path | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz what the *arguments* name; 1 when something was found."""
    options = parsed(arguments)
    with folder_of_a_run():
        return again(options.target[0], options.input) if options.input else run(options)


def run(options: argparse.Namespace) -> int:
    """Fuzz every target that *options* name."""
    seed = random.SystemRandom().randrange(1 << 31) if options.seed is None else options.seed
    engine = options.engine or ("atheris" if importlib.util.find_spec("atheris") else "seeded")
    names = options.target or list(TARGETS)
    print(f"fuzz: {engine}, seed {seed}, {len(names)} targets, {options.minutes:g} min", flush=True)
    share = options.minutes * 60 / len(names)
    outcomes = [fuzzed(name, engine, seed, share, options.executions) for name in names]
    found = [outcome.finding for outcome in outcomes if outcome.finding is not None]
    total = sum(outcome.executions for outcome in outcomes)
    print(f"fuzz: {total:,} executions, {len(found)} findings", flush=True)
    return 1 if found else 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="dev fuzz", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="for all targets together (1)")
    parser.add_argument("--executions", type=int, help="end each target after so many inputs")
    parser.add_argument(
        "--target", action="append", choices=list(TARGETS), metavar="NAME", help="may be repeated"
    )
    parser.add_argument(
        "--seed", type=int, help="a number to repeat a run with; by default another every time"
    )
    parser.add_argument("--engine", choices=["atheris", "seeded"], help="atheris where it is installed")
    parser.add_argument(
        "--input", type=Path, help="only this file, to see a finding again; with one --target"
    )
    options = parser.parse_args(arguments)
    if options.input and len(options.target or ()) != 1:
        parser.error("--input goes with exactly one --target")
    return options


def fuzzed(name: str, engine: str, seed: int, seconds: float, most: int | None) -> Outcome:
    """Fuzz one target, and print its line."""
    begun = time.monotonic()
    outcome = (by_atheris if engine == "atheris" else by_generator)(name, seed, seconds, most)
    spent = max(time.monotonic() - begun, 0.001)
    word = "ok" if outcome.finding is None else "FOUND"
    rate = outcome.executions / spent
    print(f"{name:<15} {word:<5} {outcome.executions:>11,} executions {rate:>9,.0f}/s", flush=True)
    return outcome


def by_generator(name: str, seed: int, seconds: float, most: int | None) -> Outcome:
    """Fuzz with the seeded generator, beginning with the corpus."""
    inputs = corpus(name)
    generator = Generator(inputs, seed)
    end = time.monotonic() + seconds
    executions = 0
    while time.monotonic() < end and (most is None or executions < most):
        data = inputs[executions] if executions < len(inputs) else generator.next()
        executions += 1
        problem = problem_with(TARGETS[name], data)
        if problem:
            return Outcome(executions, kept(name, data, problem))
    return Outcome(executions)


def by_atheris(name: str, seed: int, seconds: float, most: int | None) -> Outcome:
    """Fuzz with atheris, in a process of its own."""
    inputs = folder() / name
    inputs.mkdir()
    for data in corpus(name):
        (inputs / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)
    crash = folder() / f"{name}.crash"
    command = [sys.executable, "-m", "fuzz.with_atheris", name, str(inputs), f"-seed={seed % (1 << 31) or 1}"]
    command += [f"-max_total_time={max(round(seconds), 1)}", f"-max_len={LONGEST}", f"-runs={most or -1}"]
    command += [f"-timeout={SECONDS_FOR_ONE}", f"-exact_artifact_path={crash}", "-rss_limit_mb=1024"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = done.stdout.decode("utf-8", "replace")
    counts = [int(number) for number in re.findall(r"^#(\d+)\s", said, re.MULTILINE)]
    counts += [int(number) for number in re.findall(r"Done (\d+) runs", said)]
    executions = max(counts, default=0)
    if done.returncode == 0:
        return Outcome(executions)
    data = crash.read_bytes() if crash.is_file() else b""
    return Outcome(executions, kept(name, data, said[-6000:]))


def problem_with(target: Callable[[bytes], None], data: bytes) -> str:
    """What *target* has against *data*; empty when nothing."""
    try:
        with hurried():
            target(data)
    except Exception:  # noqa: BLE001 - whatever it raises is what is looked for
        return traceback.format_exc()
    return ""


@contextmanager
def hurried() -> Iterator[None]:
    """Raise `TimeoutError` in the block when it takes too long; where the system has such a timer."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.signal(signal.SIGALRM, _too_slow)
    signal.setitimer(signal.ITIMER_REAL, SECONDS_FOR_ONE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _too_slow(number: int, frame: object) -> None:
    raise TimeoutError(f"one input took more than {SECONDS_FOR_ONE} s")


def kept(name: str, data: bytes, problem: str) -> Path:
    """Write a finding, and tell how to see it again."""
    FINDINGS.mkdir(exist_ok=True)
    path = FINDINGS / f"{name}-{hashlib.sha1(data, usedforsecurity=False).hexdigest()[:10]}"
    path.write_bytes(data)
    print(problem)
    print(f"{name}: {data[:200]!r}")
    print(f"again: python fuzz/run.py --target {name} --input {path.relative_to(ROOT)}", flush=True)
    return path


def again(name: str, path: Path) -> int:
    """One input, once."""
    problem = problem_with(TARGETS[name], path.read_bytes())
    print(problem or f"{name}: nothing wrong with {path}")
    return 1 if problem else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("fuzz: stopped")
