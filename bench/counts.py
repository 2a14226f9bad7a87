"""Instructions of ten fixed hot paths, counted by callgrind, beside those kept in bench/counts.json.

python3 dev bench counts             compare; `dev check` does it, too
python3 dev bench counts --update    keep what is counted now

Counts do not depend on how busy the machine is; they do on the build of Python, so that they are judged only
where a yardstick, which has nothing to do with mbap, takes as many as when they were kept.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.environments import ROOT, environment
from bench.hotpaths import PATHS, YARDSTICK, HotPath
from bench.measuring import free_port, running

KEPT = Path(__file__).with_name("counts.json")
TOLERANCE = 0.10
"""By so much a count may be higher than the one that is kept."""
SAME_BUILD = 0.01
"""By so much the yardstick may differ."""


class CannotCount(Exception):
    """There are no counts; the text says why."""


@dataclass(frozen=True)
class Counts:
    """Instructions for one round of each path.

    Attributes:
        python: which Python they are of: `CPython 3.11`.
        yardstick: of something that no change of mbap changes.
    """

    python: str
    yardstick: int
    paths: Mapping[str, int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, or keep; 1 when a path takes more than it may."""
    parser = argparse.ArgumentParser(prog="dev bench counts", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--update", action="store_true", help="keep what is counted now")
    options = parser.parse_args(arguments)
    try:
        now = counted()
    except CannotCount as why:
        print(f"not counted: {why}")
        return 1 if options.update else 0
    if options.update:
        KEPT.write_text(json.dumps(vars(now), indent=2) + "\n", encoding="utf-8")
        print(f"wrote {KEPT.relative_to(ROOT)}")
        return 0
    kept = Counts(**json.loads(KEPT.read_text(encoding="utf-8")))
    print("\n".join(table(kept, now)))
    if (other := incomparable(kept, now)) is not None:
        print(f"not judged: {other}")
        return 0
    wrong = list(faults(kept, now))
    print("\n".join(wrong) or f"none takes over {TOLERANCE:.0%} more instructions than what is kept")
    return 1 if wrong else 0


def counted() -> Counts:
    """Count now.

    Raises:
        CannotCount: there is no valgrind, or it failed.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None or sys.platform != "linux":
        raise CannotCount("there is no valgrind (Debian: apt install valgrind)")
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        running([sys.executable, "-m", "bench.contenders.serve", "raw-epoll"], port),
    ):
        out = Path(folder, "out")
        options = ["--tool=callgrind", f"--callgrind-out-file={out}", "--dump-before=getppid"]
        command = [valgrind, *options, sys.executable, "-m", "bench.hotpaths", str(port)]
        done = subprocess.run(
            command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=600
        )
        if done.returncode != 0:
            raise CannotCount(f"valgrind ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        totals = [_total(out.with_name(f"out.{part}")) for part in range(1, 3 * len(PATHS) + 4)]
    each = dict(_each([YARDSTICK, *PATHS], totals))
    return Counts(this_python(), each.pop(YARDSTICK.name), each)


def _total(part: Path) -> int:
    lines = part.read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("totals:"))


def _each(paths: Sequence[HotPath], totals: Sequence[int]) -> Iterator[tuple[str, int]]:
    """What one round takes: n rounds less than 2n, so that what surrounds them falls out."""
    for index, path in enumerate(paths):
        once, twice = totals[3 * index + 1 : 3 * index + 3]
        yield path.name, round((twice - once) / path.times)


def this_python() -> str:
    """Implementation and minor version."""
    return f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]}"


def incomparable(kept: Counts, now: Counts) -> str | None:
    """Why *now* says nothing about *kept*; None when it does."""
    if kept.python != now.python:
        return f"this is {now.python}, and what is kept is of {kept.python}"
    if abs(now.yardstick / kept.yardstick - 1) > SAME_BUILD:
        return f"another build of {now.python}: the yardstick takes {now.yardstick:,}, not {kept.yardstick:,}"
    return None


def faults(kept: Counts, now: Counts) -> Iterator[str]:
    """What must not be: a sentence each."""
    for name, count in now.paths.items():
        before = kept.paths.get(name)
        if before is None:
            yield f"{name}: not kept yet; python3 dev bench counts --update"
        elif count > before * (1 + TOLERANCE):
            yield (
                f"{name}: {count:,} instructions, {count / before - 1:.0%} more than the {before:,} that are "
                "kept; make it cheaper, or keep it with a reason: python3 dev bench counts --update"
            )


def table(kept: Counts, now: Counts) -> Iterator[str]:
    """A line for each path."""
    width = max(map(len, now.paths))
    yield f"{'':{width}} {'kept':>11} {'now':>11} {'change':>8}"
    for name, count in now.paths.items():
        before = kept.paths.get(name)
        change = "-" if before is None else f"{100 * (count / before - 1):+.1f} %"
        yield f"{name:{width}} {'-' if before is None else format(before, ','):>11} {count:>11,} {change:>8}"


if __name__ == "__main__":
    sys.exit(main())
