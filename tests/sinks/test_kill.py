"""A process that is killed while it writes: what was acknowledged is there, and nothing is there half."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from mbap.sinks.sqlite import SqliteStore
from mbap.sinks.sqlite_rollups import STEPS

KILLS = 15
SERIES = 40
READS = 25
SECOND = 1_000_000

# Each batch is 25 reads, a second apart, of 39 points and of one more: one value in all of them, the number
# of the batch.
WRITER = f"""
import sys
from mbap.collect.readings import Readings
from mbap.sinks.sqlite import SqliteStore

store = SqliteStore(sys.argv[1])
points = tuple(f"p{{n}}" for n in range({SERIES - 1}))
number = int(sys.argv[2])
while True:
    start = {20_000 * 86_400 * SECOND} + number * {READS * SECOND}
    store.write([
        Readings(device, start + n * {SECOND}, names, (number,) * len(names))
        for n in range({READS})
        for device, names in (("main", points), ("other", ("single",)))
    ])
    print(number, flush=True)
    number += 1
"""


def test_after_kill_minus_9_every_acknowledged_batch_is_there_and_nothing_half(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    chance = random.Random(2026)
    acknowledged: set[int] = set()
    for _ in range(KILLS):
        # One number is left out: the batch that was being written may be there although nobody was told.
        first = max(acknowledged, default=-2) + 2
        acknowledged |= _write_and_kill(path, first, chance.randrange(1, 30), chance.random() * 0.01)
        _check(path, acknowledged)


def _write_and_kill(path: Path, first: int, batches: int, moment: float) -> set[int]:
    """Write from number *first* on, kill *moment* seconds after *batches* acknowledgements; gives these."""
    acknowledged = set()
    arguments = [sys.executable, "-c", WRITER, str(path), str(first)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(batches):
            acknowledged.add(int(process.stdout.readline()))
        time.sleep(moment)  # not to wait for anything: to hit it in another place each time
        process.kill()
        acknowledged |= {int(line) for line in process.stdout if line.endswith("\n")}
    assert process.returncode == (1 if sys.platform == "win32" else -signal.SIGKILL)
    return acknowledged


def _check(path: Path, acknowledged: set[int]) -> None:
    """The file is sound, batches are whole, and nothing that was acknowledged is missing."""
    with SqliteStore(path) as store:
        stored = store.statistics().samples
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        batches = dict(file.execute("SELECT value, count(*) FROM samples GROUP BY value"))
        _check_rollups(file)
    assert set(batches.values()) == {SERIES * READS}
    assert stored == sum(batches.values())
    assert acknowledged <= batches.keys()


def _check_rollups(file: sqlite3.Connection) -> None:
    """Every level counts exactly the samples of the time for which it is complete."""
    for step in STEPS:
        (rolled,) = file.execute("SELECT total(count) FROM rollups WHERE step = ?", (step,)).fetchone()
        (samples,) = file.execute(
            "SELECT count(*) FROM samples WHERE time < (SELECT complete_to FROM levels WHERE step = ?)",
            (step,),
        ).fetchone()
        assert rolled == samples
