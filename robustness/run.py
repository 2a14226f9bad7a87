"""Clients against misbehaving devices, servers against hostile clients: ours beside others.

python3 dev robustness                         everything; writes docs/reference/robustness.md
python3 dev robustness --only mbap             of this package only, and what was seen; writes nothing
python3 dev robustness --number C19            this misbehaviour or hostile input only; writes nothing
python3 dev robustness --python python3.12     on another Python than the newest that is found
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from robustness.clients import CLIENTS
from robustness.misbehaviours import ALL, Misbehaviour
from robustness.trial import CRASH, HANG, Verdict

from robustness import servers, table

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "robustness.md"
HARD_LIMIT = 15.0
"""Seconds after which a trial is ended from outside."""
AT_ONCE = 8
"""Trials at once: they mostly wait."""

ClientVerdicts = Mapping[str, Mapping[str, Verdict]]
"""By the name of the client, and the number of the misbehaviour."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try everything that is asked for; 1 when ours did anything but right data or a clean error."""
    parser = argparse.ArgumentParser(
        prog="dev robustness", description=(__doc__ or "").split("\n", maxsplit=1)[0]
    )
    parser.add_argument("--only", metavar="PACKAGE", help="mbap, pymodbus, pyModbusTCP, uModbus or tmodbus")
    parser.add_argument(
        "--number", metavar="NUMBER", help="one misbehaviour (C.., R..) or hostile input (H..)"
    )
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as beside:
        attacking = beside.submit(servers.try_all, options.only, options.number)
        of_clients = try_clients(options.only, options.number)
        of_servers = attacking.result()
    whole = options.only is None and options.number is None
    if whole:
        PAGE.write_text(table.page(of_clients, of_servers), encoding="utf-8")
    else:
        print(table.seen(of_clients, of_servers))
    bad = [*table.bad(of_clients), *table.bad_servers(of_servers)]
    print(table.sums(of_clients, of_servers))
    print(f"{time.monotonic() - begun:.0f} s" + (f"; wrote {PAGE.relative_to(ROOT)}" if whole else ""))
    print(
        "\n".join(["of mbap, these should not be:", *bad])
        if bad
        else "mbap: only what is right, or a clean error"
    )
    return 1 if bad else 0


def try_clients(only: str | None, number: str | None) -> dict[str, dict[str, Verdict]]:
    """Every client that runs here against every misbehaviour of what it speaks."""
    pairs = [
        (name, misbehaviour)
        for name, client in CLIENTS.items()
        if client.runs_here and only in (None, client.package)
        for misbehaviour in ALL
        if misbehaviour.framing == client.framing and number in (None, misbehaviour.number)
    ]
    verdicts: dict[str, dict[str, Verdict]] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(_trial, pairs))
    for (name, misbehaviour), verdict in zip(pairs, found, strict=True):
        # A machine that is busy with other things can make a trial late: a hang has to show alone, too.
        certain = _trial((name, misbehaviour)) if verdict.word == HANG else verdict
        verdicts.setdefault(name, {})[misbehaviour.number] = certain
    return verdicts


def _trial(pair: tuple[str, Misbehaviour]) -> Verdict:
    name, misbehaviour = pair
    command = [sys.executable, "-m", "robustness.worker", name, misbehaviour.number]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=HARD_LIMIT,
            env=environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Verdict(HANG, f"no end after {HARD_LIMIT:g} s")
    try:
        return Verdict(**json.loads(done.stdout))
    except ValueError:
        return Verdict(CRASH, f"the process ended with {done.returncode}: {done.stderr.strip()[-120:]}")


def environment() -> dict[str, str]:
    """For the processes that are started: what is in the project's folder can be imported."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


if __name__ == "__main__":
    sys.exit(main())
