"""The project's figures, one table after the other, with the machine's load beside them.

python dev bench                    all of them, about six minutes
python dev bench poller page        only these
python dev bench -- --quick         less of everything: to see that it works
"""

from __future__ import annotations

import argparse
import os
import platform
import runpy
import sys
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
QUICK = {
    "poller": ["--seconds", "5"],
    "history": ["--rows", "200000"],
    "page": ["--seconds", "5"],
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks that are named, or all."""
    parser = argparse.ArgumentParser(prog="dev bench", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", choices=[[], *QUICK], metavar="|".join(QUICK), help="all without")
    parser.add_argument("--quick", action="store_true", help="less of everything")
    options = parser.parse_args(arguments)
    print(machine())
    worst = 0
    for name in options.names or QUICK:
        print(f"\n## {name}\n", flush=True)
        worst = max(worst, run(name, QUICK[name] if options.quick else []))
    return worst


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
