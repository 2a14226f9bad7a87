"""`mbap poll` beside mbpoll itself: the same options, the same device, the same lines."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

import mbap
from mbap import Device, Units
from mbap.transport.endpoint import parse_endpoint
from support import peers
from support.serialports import Pair, serial_pair

pytestmark = pytest.mark.peer

FLOATS = [1.5, 1e10, 123456.78, 1e-5, 100000.0, 1e6, -0.0, float("inf"), float("nan"), 3.4e38]
ONE_BYTE = Device(server_id=b"A")
BANNER = re.compile(r"\A(?:.*\n)*?(?=Protocol configuration)")
"""mbpoll's name, its authors and its licence; ours has none of these."""


class Outcome(NamedTuple):
    out: str
    err: str
    code: int


def device() -> Device:
    floats = [word for one in FLOATS for word in _words(one)]
    return Device(
        holding_registers={0: [20, 0xFFFF, 0x8000, *range(3, 130)], 1000: floats},
        input_registers=[0xFFFF, 0xED99, 7, 0xABCD, *range(200)],
        server_id=b"\x11\xffMeter \x01\xe95",
        coils=[n % 3 == 0 for n in range(200)],
        discrete_inputs=[n % 2 == 0 for n in range(200)],
    )


def _words(value: float) -> tuple[int, ...]:
    import struct

    return struct.unpack(">2H", struct.pack(">f", value))


@pytest.fixture
def served() -> Iterator[tuple[str, Device]]:
    one = device()
    with mbap.serving(Units({1: one, 2: device(), 7: device()}), "tcp://127.0.0.1:0") as url:
        yield url, one


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with serial_pair(tmp_path) as connected:
        yield connected


def run(command: Sequence[str]) -> Outcome:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return Outcome(BANNER.sub("", done.stdout).rstrip("\n"), done.stderr, done.returncode)


def shown(done: Outcome) -> Outcome:
    """Without the transactions of frames, which are counted from another number here."""
    return done._replace(
        out=re.sub(r"^(?:\[..\]\[..\](?=\[)|<..><..>(?=<))", "", done.out, flags=re.MULTILINE)
    )


def theirs(*options: str) -> Outcome:
    return run([peers.require("mbpoll"), *options])


def ours(*options: str) -> Outcome:
    return run([sys.executable, "-m", "mbap", "poll", *options])


def port(url: str) -> str:
    return str(parse_endpoint(url).port)


READS = [
    "",
    "-m tcp",
    "-m TCP -t 3:HEX",
    "-c 3",
    "-c 0x3 -r 0x2 -a 0x2 -l 0x100",
    "-v -c 3",
    "-v -a 1,2 -t 3:int",
    "-B1qc2 -t4:float",
    "-r 2 -c 2",
    "-0",
    "-0 -r 0 -c 4",
    "-t 0 -c 9",
    "-t 1 -c 9",
    "-t 3 -c 3",
    "-t 3:hex -c 4",
    "-t 3:int",
    "-t 3:int -B -c 2",
    "-t 3:float -B",
    "-t 4 -c 125",
    "-t 4:hex -c 3",
    "-t 4:int -c 3",
    "-t4:int -B -c3",
    "-m tcp -t 4:float -r 1 -c 10",
    "-t 4:float -r 1001 -c 10",
    "-t 4:float -r 1001 -c 10 -B",
    "-t 0 -c 125",
    "-a 2",
    "-a 1,2,7 -c 2",
    "-a 1:2 -c 2",
    "-a 2,1 -c 1",
    "-l 200",
    "-o 0.5",
    "-o 2.25 -l 3000",
    "-q -c 2",
]


@pytest.mark.parametrize("options", READS)
def test_what_is_read_is_printed_the_same(served: tuple[str, Device], options: str) -> None:
    words = ["-1", "-p", port(served[0]), *options.split(), "127.0.0.1"]
    found, known = shown(ours(*words)), shown(theirs(*words))
    assert (found.out, found.code) == (known.out, known.code)


WRITES = [
    "-t 4 -r 5 HOST 55",
    "-t 4 -r 5 HOST 55 66 77",
    "-t 4 -r 5 HOST 0x1F",
    "-t 4:hex -r 5 HOST 0xABCD 9",
    "-t 4:int -r 5 HOST 100000 7",
    "-t 4:int -r 5 HOST -- -5 12",
    "-t 4:int -B -r 5 HOST -- -5",
    "-t 4:float -r 5 HOST 1.5 2",
    "-t 4:float -B -r 5 HOST -- -1.5e3",
    "-t 0 -r 5 HOST 1",
    "-t 0 -r 5 HOST 0 1 1 0 1",
    "-0 -r 0 HOST 9",
    "-q -r 6 HOST 3",
    "-v -r 6 HOST 3 4",
    "-v -t 0 -r 5 HOST 1",
]


@pytest.mark.parametrize("options", WRITES)
def test_what_is_written_arrives_the_same(options: str) -> None:
    after, printed = [], []
    for program in (theirs, ours):
        one = device()
        with mbap.serving(one, "tcp://127.0.0.1:0") as url:
            words = ["-p", port(url), *options.replace("HOST", "127.0.0.1").split()]
            # The port differs from run to run, and is in a line about the settings.
            printed.append(re.sub(r"port \d+", "port", shown(program(*words)).out))
        after.append((list(one.holding_registers[0:130]), list(one.coils[0:200])))
    assert after[0] == after[1]
    assert after[0][0] != list(device().holding_registers[0:130]) or "-t 0" in options
    assert printed[0] == printed[1]


REFUSALS = ["-r 5000", "-t 3 -r 900 -c 2", "-t 0 -r 900", "-t 1 -r 900", "-a 9", "-a 1,9,2"]


@pytest.mark.parametrize("options", REFUSALS)
def test_what_the_device_refuses_is_said_in_the_same_words_first(
    served: tuple[str, Device], options: str
) -> None:
    words = ["-1", "-q", "-p", port(served[0]), *options.split(), "127.0.0.1"]
    known, found = theirs(*words), ours(*words)
    assert found.err.splitlines()[0] == known.err.splitlines()[0]
    assert (found.code, known.code) == (5, 1)


def test_a_write_that_is_refused_is_said_in_the_same_words_first(served: tuple[str, Device]) -> None:
    words = ["-p", port(served[0]), "-r", "5000", "127.0.0.1", "1"]
    assert ours(*words).err.splitlines()[0] == theirs(*words).err.splitlines()[0]


WRONG = [
    "-m xyz 127.0.0.1",
    "-a 300 127.0.0.1",
    "-a 1-2 127.0.0.1",
    "-r 0 127.0.0.1",
    "-r 65537 127.0.0.1",
    "-0 -r 65536 127.0.0.1",
    "-c 0 127.0.0.1",
    "-c 126 127.0.0.1",
    "-t 5 127.0.0.1",
    "-t 4:nonsense 127.0.0.1",
    "-l 5 127.0.0.1",
    "-o 20 127.0.0.1",
    "-o 0.001 127.0.0.1",
    "-m rtu -b 100 /dev/x",
    "-m rtu -d 9 /dev/x",
    "-m rtu -s 3 /dev/x",
    "-m rtu -P mark /dev/x",
    "-t 3 127.0.0.1 5",
    "-a 1,2 127.0.0.1 5",
    "-c 2 127.0.0.1 5",
    "127.0.0.1 abc",
    "-m t 127.0.0.1",
    "-t 4:h 127.0.0.1",
    "-P xx 127.0.0.1",
    "-Z 127.0.0.1",
    "-m rtu -u -a 1,2 /dev/x",
    "127.0.0.1 70000",
    "-t 0 127.0.0.1 5",
    "",
]


@pytest.mark.parametrize("options", WRONG)
def test_what_mbpoll_takes_for_a_mistake_is_one_here(options: str) -> None:
    words = ["-1", *options.split()]
    assert theirs(*words).code == 1
    found = ours(*words)
    assert found.code == 2
    assert found.err.lower().startswith(("error:", "usage:"))
    assert "Traceback" not in found.err


def test_rounds_go_on_until_ctrl_c_and_end_with_statistics(served: tuple[str, Device]) -> None:
    printed = []
    for command in ([peers.require("mbpoll")], [sys.executable, "-m", "mbap", "poll"]):
        words = ["-p", port(served[0]), "-l", "50", "-q", "-c", "2", "127.0.0.1"]
        program = subprocess.Popen(
            ["stdbuf", "-oL", *command, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert program.stdout is not None
        first = [program.stdout.readline() for _ in range(6)]
        program.send_signal(signal.SIGINT)
        rest, _ = program.communicate(timeout=20)
        printed.append(
            (first, re.findall(r"^---.*---$|received, 0 errors, 0.0% frame loss$", rest, re.MULTILINE))
        )
    assert printed[0] == printed[1]
    assert printed[0][0][0] == "-- Polling slave 1... Ctrl-C to stop)\n"


def test_without_a_connection_nothing_is_said_of_settings() -> None:
    words = ["-1", "-p", str(peers.free_port()), "127.0.0.1"]
    known, found = theirs(*words), ours(*words)
    assert known.out.splitlines()[-1].startswith("under certain conditions")
    assert found.out == ""
    assert "Connection failed" in known.err
    assert found.err.splitlines()[0] == "Connection failed"
    assert (found.code, known.code) == (3, 1)


# --- on a serial line ---


@pytest.mark.parametrize(
    "options", ["-c 3", "-b 9600 -c 2", "-s 2 -c 2", "-d 8", "-b 115200 -t 4:int -c 2", "-a 2"]
)
def test_a_serial_line_is_read_the_same(pair: Pair, options: str) -> None:
    words = ["-m", "rtu", "-P", "none", "-1", *options.split(), str(pair.near)]
    with mbap.serving(Units({1: device(), 2: device()}), pair.far_url):
        found = ours(*words)
        time.sleep(0.05)  # silence between two who speak
        known = first_that_was_heard(words)
    assert found == known


@pytest.mark.parametrize("options", ["-c 2 -v", "-v -a 2 -t 3"])
def test_frames_of_a_serial_line_are_shown_with_unit_and_checksum(pair: Pair, options: str) -> None:
    words = ["-m", "rtu", "-P", "none", "-1", *options.split(), str(pair.near)]
    with mbap.serving(Units({1: device(), 2: device()}), pair.far_url):
        found = ours(*words)
        time.sleep(0.05)  # silence between two who speak
        known = first_that_was_heard(words)
    assert found.out == known.out


@pytest.mark.parametrize("options", ["", "-q", "-a 2", "-a 3", "-v"])
def test_who_a_device_is_is_printed_the_same(pair: Pair, options: str) -> None:
    words = ["-m", "rtu", "-P", "none", "-1", "-u", *options.split(), str(pair.near)]
    with mbap.serving(Units({1: device(), 2: Device(server_id=b"\x00\x00"), 3: ONE_BYTE}), pair.far_url):
        found = ours(*words)
        time.sleep(0.05)  # silence between two who speak
        known = first_that_was_heard(words)
    assert (found.out, found.err, found.code) == (known.out, known.err, known.code)
    assert ("Length: " in known.out) == ("-a 3" not in options)


def test_a_device_that_does_not_say_who_it_is_is_told_in_the_same_words_first(pair: Pair) -> None:
    words = ["-m", "rtu", "-P", "none", "-1", "-u", str(pair.near)]
    with mbap.serving(Units({1: Device(holding_registers=[1])}), pair.far_url):
        found = ours(*words)
        time.sleep(0.05)  # silence between two who speak
        known = first_that_was_heard(words)
    assert found.err.splitlines()[0] == known.err.splitlines()[0]
    assert found.out == known.out
    assert (found.code, known.code) == (5, 0)


def test_the_name_of_a_serial_port_is_enough_for_rtu(pair: Pair, tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB7"
    port.symlink_to(pair.near)
    words = ["-P", "none", "-1", str(port)]
    with mbap.serving(Units({1: device()}), pair.far_url):
        found = ours(*words)
        time.sleep(0.05)  # silence between two who speak
        known = first_that_was_heard(words)
    assert found == known
    assert found.out.startswith("Protocol configuration: Modbus RTU")


def test_f_needs_a_driver_that_switches_and_says_so_where_mbpoll_reads_on(pair: Pair) -> None:
    words = ["-m", "rtu", "-P", "none", "-1", "-q", "-F", str(pair.near)]
    with mbap.serving(Units({1: device()}), pair.far_url):
        found = ours(*words)
        known = first_that_was_heard(words)
    assert (found.code, known.code) == (3, 0)
    assert "the driver cannot switch the direction" in found.err


def test_unit_0_of_a_serial_line_is_every_unit_and_nobody_is_waited_for(pair: Pair) -> None:
    one, other = device(), device()
    words = ["-m", "rtu", "-P", "none", "-q", "-a", "0", "-r", "5", str(pair.near)]
    with mbap.serving(Units({1: one, 2: other}), pair.far_url):
        begun = time.monotonic()
        done = ours(*words, "77")
        assert (done.out, done.code) == ("Written 1 references.", 0)
        assert "nobody answers" in done.err
        reading = ours("-1", "-q", "-m", "rtu", "-P", "none", "-a", "2", "-r", "5", str(pair.near))
    assert time.monotonic() - begun < 10
    assert reading.out.endswith("[5]: \t77")
    assert one.holding_registers[4] == 77
    assert ours(*words, "-1").code == 2


def test_a_serial_line_is_written_the_same(pair: Pair) -> None:
    one = device()
    words = ["-m", "rtu", "-P", "none", "-r", "5", str(pair.near)]
    with mbap.serving(Units({1: one}), pair.far_url):
        assert ours(*words, "77").out.splitlines()[-1] == "Written 1 references."
        assert one.holding_registers[4] == 77
        assert ours(*words, "78").out == first_that_was_heard([*words, "78"]).out


def first_that_was_heard(words: Sequence[str]) -> Outcome:
    """mbpoll throws away what comes soon after it opened the port, now and then its own answer."""
    for _ in range(5):
        known = theirs(*words)
        if known.code == 0:
            return known
    return known
