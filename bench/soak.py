"""Ten minutes at full rate against a server that misbehaves: memory and descriptors must stay as they are.

    python bench/soak.py [--minutes 10] [--seed 1]

`mbap serve` simulates a device with faults of every kind in a process of its own. Blocking clients in threads
and asynchronous ones with several requests on their way read and write it as fast as they can, reconnect when
a connection ends, and every so often close theirs and begin anew. Every value that comes is compared with
what it must be. Both processes are measured; what they have after a tenth of the time is what they may keep.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mbap

THREADS, TASKS, OUTSTANDING = 3, 6, 4
EXCHANGES_BEFORE_A_NEW_CLIENT = 2_000
TIMEOUT = 0.25
MAY_GROW_MIB, MAY_GROW_FILES = 4.0, 8
"""Above what was there after a tenth of the time; new connections come and go while it is measured."""

DEVICE = """
[device]
name = "Soak"
seed = {seed}
[units.1.holding]
0 = [{values}]
1000 = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
[units.1.coil]
0 = [{bits}]
[faults]
late = {{ probability = 0.0005, by = "50ms" }}
silent = {{ probability = 0.0002 }}
exception = {{ probability = 0.001, code = 4 }}
busy = {{ probability = 0.0005 }}
close = [
    {{ probability = 0.0001, when = "before" }},
    {{ probability = 0.0001, when = "during" }},
    {{ probability = 0.0001, when = "after" }},
]
reset = {{ probability = 0.0001 }}
split = {{ probability = 0.0005 }}
trickle = {{ probability = 0.0001, by = "2ms" }}
duplicate = {{ probability = 0.0005 }}
reorder = {{ probability = 0.0002, by = "50ms" }}
wrong_transaction = {{ probability = 0.0001 }}
wrong_protocol = {{ probability = 0.0001 }}
wrong_unit = {{ probability = 0.0001 }}
wrong_function = {{ probability = 0.0001 }}
wrong_byte_count = {{ probability = 0.0001 }}
wrong_length = {{ probability = 0.0001 }}
rubbish_after = {{ probability = 0.0001 }}
"""
VALUES = [(n * 7919) & 0xFFFF for n in range(125)]
BITS = [n * 7919 % 3 == 0 for n in range(500)]


@dataclass
class Tally:
    """What the clients met, all of them together."""

    done: int = 0
    wrong: int = 0
    clients: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    ended: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, done: int, wrong: int, errors: Sequence[mbap.ModbusError]) -> None:
        """Count some exchanges."""
        with self.lock:
            self.done += done
            self.wrong += wrong
            self.errors.update(type(error).__name__ for error in errors)


@dataclass(frozen=True)
class Sample:
    """What a process has at one moment."""

    resident_mib: float
    files: int
    threads: int

    def __str__(self) -> str:
        return f"{self.resident_mib:6.1f} MiB {self.files:4d} files {self.threads:3d} threads"


def sample(pid: int | str) -> Sample:
    """What the process has now; Linux tells."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    files = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - entries may vanish meanwhile
    return Sample(int(facts["VmRSS"].split()[0]) / 1024, files, int(facts["Threads"]))


@contextmanager
def simulated(seed: int) -> Iterator[tuple[str, int]]:
    """The misbehaving device: its URL and the number of its process."""
    values, bits = ", ".join(map(str, VALUES)), ", ".join(str(bit).lower() for bit in BITS)
    with tempfile.TemporaryDirectory(prefix="mbap-soak-") as folder:
        path = Path(folder, "soak.toml")
        path.write_text(DEVICE.format(seed=seed, values=values, bits=bits), encoding="utf-8")
        serve = [sys.executable, "-m", "mbap", "serve", "--json", "--listen", "tcp://127.0.0.1:0"]
        with subprocess.Popen([*serve, str(path)], stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                yield json.loads(server.stdout.readline())["listening"], server.pid
            finally:
                server.terminate()


# What one client does again and again, whichever front end it has: these requests, and whether each is right.
READS: list[mbap.Request[Any]] = [
    mbap.ReadHoldingRegisters(0, 125),
    mbap.ReadHoldingRegisters(60, 3),
    mbap.ReadCoils(0, 500),
]
RIGHT: list[object] = [VALUES, VALUES[60:63], BITS]


def tallied(tally: Tally, results: Sequence[object]) -> None:
    """Count the results of `READS`, each a value or an error."""
    errors = [result for result in results if isinstance(result, mbap.ModbusError)]
    pairs = zip(results, RIGHT, strict=True)
    wrong = sum(not isinstance(result, mbap.ModbusError) and result != right for result, right in pairs)
    tally.add(len(results), wrong, errors)


def blocking(url: str, tally: Tally, register: int) -> None:
    """One thread: client after client, read after read, and a write that is read back."""
    while not tally.ended:
        with mbap.Client(url, timeout=TIMEOUT) as client:
            tally.clients += 1
            for number in range(EXCHANGES_BEFORE_A_NEW_CLIENT // len(READS)):
                if tally.ended:
                    return
                tallied(tally, client.execute_many(READS))
                write_and_read_back(client, tally, register, number & 0xFFFF)


def write_and_read_back(client: mbap.Client, tally: Tally, register: int, value: int) -> None:
    """A register that nobody else writes has what was written, if nothing went wrong."""
    try:
        client.write_single_register(register, value)
        wrong = client.read_holding_registers(register, 1) != [value]
    except mbap.ModbusError as error:
        tally.add(1, 0, [error])
    else:
        tally.add(2, wrong, [])


async def asynchronous(url: str, tally: Tally) -> None:
    """One task: the same with several requests on their way."""
    while not tally.ended:
        async with mbap.AsyncClient(url, timeout=TIMEOUT, outstanding=OUTSTANDING) as client:
            tally.clients += 1
            for _ in range(EXCHANGES_BEFORE_A_NEW_CLIENT // len(READS)):
                if tally.ended:
                    return
                tallied(tally, await client.execute_many(READS))


async def soak(url: str, pid: int, seconds: float, tally: Tally) -> tuple[list[Sample], list[Sample]]:
    """Keep everybody busy for *seconds*; samples of the clients and of the server, ten of each."""
    threads = [threading.Thread(target=blocking, args=(url, tally, 1000 + n)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    tasks = [asyncio.create_task(asynchronous(url, tally)) for _ in range(TASKS)]
    clients, servers = [], []
    for number in range(10):
        await asyncio.sleep(seconds / 10)
        clients.append(sample("self"))
        servers.append(sample(pid))
        print(line(f"{(number + 1) * seconds / 10:.0f} s", tally.done, clients[-1], servers[-1]), flush=True)
    tally.ended = True
    await asyncio.gather(*tasks)
    for thread in threads:
        await asyncio.to_thread(thread.join)
    return clients, servers


def line(when: str, done: int, ours: Sample, theirs: Sample) -> str:
    """A row of the table."""
    return f"{when:>7}  {done:>10,} exchanges   clients {ours}   server {theirs}"


def is_flat(samples: Sequence[Sample]) -> bool:
    """Whether nothing grew after the first sample."""
    first, last = samples[0], samples[-1]
    return (
        last.resident_mib <= first.resident_mib + MAY_GROW_MIB
        and last.files <= first.files + MAY_GROW_FILES
        and last.threads <= first.threads + 2
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, print the figures; 1 when something grew or a value was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 16))
    options = parser.parse_args(arguments)
    tally = Tally()
    print(
        f"seed {options.seed}, {THREADS} threads, {TASKS} tasks with {OUTSTANDING} requests each", flush=True
    )
    begun = time.monotonic()
    with simulated(options.seed) as (url, pid):
        clients, servers = asyncio.run(soak(url, pid, options.minutes * 60, tally))
    flat = is_flat(clients) and is_flat(servers)
    rate = tally.done / (time.monotonic() - begun)
    errors = ", ".join(f"{name} {count:,}" for name, count in tally.errors.most_common())
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"{rate:,.0f} exchanges/s, {tally.clients:,} clients made, load average {load}")
    print(f"errors: {errors or 'none'}")
    print(f"wrong values: {tally.wrong:,}; {'flat' if flat else 'NOT FLAT'}")
    return 0 if flat and not tally.wrong else 1


if __name__ == "__main__":
    sys.exit(main())
