"""How quickly captures are read, and in how much memory: a polled plant, written here and read by `Capture`.

    python bench/capture.py [--megabytes 100] [--file FILE]

CPU time, the least of three turns, lists printed to nobody; the memory is what the reading process takes
altogether, at its most. `--megabytes 1000` shows that it does not grow. `--file` reads another file. Where
tshark is installed, it reads the same file once and prints the function codes, as the measure of the machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from itertools import islice
from pathlib import Path

from mbap.cli.capturelists import CsvLines, Listing, WriteListing
from mbap.diagnose.capture import AT_ONCE, Capture, Captured
from mbap.diagnose.capturedevice import DeviceFromCapture
from mbap.diagnose.capturefilter import Filter
from mbap.diagnose.captureprofile import ProfileFromCapture
from mbap.diagnose.capturestats import Statistics
from mbap.diagnose.capturewrites import Writes
from mbap.diagnose.timeline import Timeline
from mbap.security.learning import Learned

CLIENTS, SERVERS, REGISTERS = 2, 8, 32
TURNS = 3
_BATCH = 2_000
_FILE_HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_536, 1)
Take = Callable[[Captured], object]


class Link:
    """One TCP connection, as a tap sees it."""

    def __init__(self, client: str, server: str, port: int) -> None:
        self._ends = (socket.inet_aton(client), port), (socket.inet_aton(server), 502)
        self._sequences = [1000, 5000]

    def packet(self, to_server: bool, data: bytes) -> bytes:
        """An Ethernet frame with *data* in it; without any, it acknowledges."""
        (source, port), (target, target_port) = self._ends if to_server else self._ends[::-1]
        mine = 0 if to_server else 1
        sequence, other = self._sequences[mine], self._sequences[1 - mine]
        self._sequences[mine] = (sequence + len(data)) % 2**32
        tcp = struct.pack("!HHIIBBHHH", port, target_port, sequence, other, 0x50, 16, 8192, 0, 0)
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(data), 1, 0, 64, 6, 0) + source + target
        return bytes(12) + b"\x08\x00" + ip + tcp + data


def packets() -> Iterator[bytes]:
    """A plant that is polled for ever: five blocks of eight devices by two clients; a write now and then."""
    links = [
        Link(f"10.0.0.{number % CLIENTS + 5}", f"10.0.1.{number + 1}", 40_000 + number)
        for number in range(SERVERS)
    ]
    number = 0
    while True:
        number += 1
        link, transaction = links[number % SERVERS], number & 0xFFFF
        if number % 50:
            asked = struct.pack("!BHH", 3, number // SERVERS % 5 * 100, REGISTERS)
            answered = bytes((3, 2 * REGISTERS)) + struct.pack("!H", transaction) * REGISTERS
        else:
            asked = answered = struct.pack("!BHH", 6, 7, transaction)
        yield link.packet(True, struct.pack("!HHHB", transaction, 0, len(asked) + 1, 1) + asked)
        yield link.packet(False, struct.pack("!HHHB", transaction, 0, len(answered) + 1, 1) + answered)
        yield link.packet(True, b"")


def write(path: Path, size: int) -> None:
    """A capture of *size* bytes or a little more."""
    every, microseconds = packets(), 1_700_000_000_000_000
    with path.open("wb") as file:
        written = file.write(_FILE_HEAD)
        while written < size:
            batch = []
            for _ in range(_BATCH):
                packet = next(every)
                microseconds += 300
                seconds, rest = divmod(microseconds, 1_000_000)
                batch.append(struct.pack("<IIII", seconds, rest, len(packet), len(packet)) + packet)
            written += file.write(b"".join(batch))


def read(path: Path, take: Take | None) -> tuple[int, float]:
    """How many packets there were, and the CPU seconds that they took."""
    began = time.process_time()
    with path.open("rb", buffering=1 << 20) as file:
        capture = Capture(file)
        exchanges = iter(capture)
        while batch := list(islice(exchanges, AT_ONCE)):
            if take is not None:
                for exchange in batch:
                    take(exchange)
    return capture.packets, time.process_time() - began


FILTER = "modbus.func_code == 3 && ip.addr == 10.0.0.5 && tcp.port == 502"


def filtering() -> Take:
    """A filter as people write it."""
    return Filter(FILTER).fits


def learning() -> Take:
    """Rules of a firewall."""
    learned = Learned()
    return lambda exchange: learned.take((exchange,))


KINDS: dict[str, Callable[[], Take | None]] = {
    "read and paired": lambda: None,
    "with a filter": filtering,
    "--stats": lambda: Statistics().take,
    "--timeline": lambda: Timeline().take,
    "--writes": lambda: Writes().take,
    "--to-device": lambda: DeviceFromCapture().take,
    "--to-profile": lambda: ProfileFromCapture().take,
    "--to-policy": learning,
    "--writes, printed": lambda: WriteListing().take,
    "every exchange": lambda: Listing().take,
    "--csv": lambda: CsvLines(writes=False).take,
}


def peak(path: Path) -> int:
    """KiB that `mbap capture --stats --timeline` takes at its most."""
    script = (
        "import resource, sys\n"
        "from mbap.cli.main import main\n"
        "try:\n    main(['capture', '--stats', '--timeline', sys.argv[1]])\n"
        "finally:\n    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return int(done.stdout.split()[-1])


def tshark(path: Path) -> float | None:
    """CPU seconds that tshark takes to find the function codes; None where it is not installed."""
    program = shutil.which("tshark")
    if program is None or sys.platform == "win32":
        return None
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [program, "-n", "-r", str(path), "-Y", "modbus", "-T", "fields", "-e", "modbus.func_code"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(path: Path) -> None:
    """Print the figures of the file at *path*."""
    print(f"{path.stat().st_size / 1e6:,.0f} MB; CPU of one core, the least of {TURNS} turns\n")
    theirs = tshark(path)
    for name, kind in KINDS.items():
        with Path(os.devnull).open("w", encoding="utf-8") as nobody, redirect_stdout(nobody):
            turns = [read(path, kind()) for _ in range(TURNS)]
        count, seconds = turns[0][0], min(took for _, took in turns)
        ratio = "" if theirs is None else f"  {theirs / seconds:5.1f} times as quick as tshark"
        print(
            f"{name:18} {count / seconds:>10,.0f} packets/s  {seconds / count * 1e6:5.2f} us a packet{ratio}"
        )
    if theirs is not None:
        print(f"{'tshark':18} {count / theirs:>10,.0f} packets/s")
    if sys.platform != "win32":
        print(f"\nmbap capture --stats --timeline took {peak(path) / 1024:,.0f} MiB of memory at its most")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--file", type=Path)
    options = parser.parse_args()
    if options.file is not None:
        measure(options.file)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "plant.pcap")
        write(path, options.megabytes * 1_000_000)
        measure(path)


if __name__ == "__main__":
    main()
