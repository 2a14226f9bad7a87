"""The project's figures, one table after the other, with the machine's load beside them.

python3 dev bench                       all of them, about 40 minutes
python3 dev bench poller page           only these
python3 dev bench --quick               less of everything: to see that it works
python3 dev bench compare --only client what follows one name is for it: dev bench compare --help
python3 dev bench counts --update       instruction counts; see bench/counts.py
python3 dev bench anomaly               what alarms find on recorded traffic; see bench/anomaly.py
python3 dev bench --write               the comparison and the collector into docs/reference/performance.md
"""

from __future__ import annotations

import argparse
import os
import platform
import runpy
import sys
import time
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

HERE = Path(__file__).parent
QUICK = {
    "compare": ["--quick"],
    "collector": ["--quick"],
    "poller": ["--seconds", "5"],
    "history": ["--rows", "200000"],
    "page": ["--seconds", "5"],
    "capture": ["--megabytes", "20"],
    "tls": ["--quick"],
    "gateway": ["--quick"],
    "guard": ["--quick"],
    "probe": ["--quick"],
    "doctor": ["--quick"],
}
ALONE = ("anomaly", "counts")
"""Only when it is named."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks that are named, or all."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    names = list(takewhile(lambda word: not word.startswith("-"), words))
    own = words[len(names) :]
    if len(names) == 1 and names[0] in (*QUICK, *ALONE) and own not in ([], ["--quick"]):
        return run(names[0], own)
    options = _parser().parse_args(words)
    if options.write:
        from bench.performance import write

        return write(quick=options.quick)
    print(machine())
    worst = 0
    for name in options.names or QUICK:
        print(f"\n## {name}\n", flush=True)
        worst = max(worst, run(name, QUICK.get(name, []) if options.quick else []))
    return worst


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dev bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = (*QUICK, *ALONE)
    parser.add_argument("names", nargs="*", choices=[[], *known], metavar="|".join(known), help="all without")
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--write", action="store_true", help="write docs/reference/performance.md")
    return parser


def machine() -> str:
    """What the figures were measured on, and how busy that is."""
    load = " ".join(f"{value:.2f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}  {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, load average {load}"
    )


def run(name: str, arguments: Sequence[str]) -> int:
    """Run one benchmark as if it had been called by itself."""
    sys.argv = [str(HERE / f"{name}.py"), *arguments]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
