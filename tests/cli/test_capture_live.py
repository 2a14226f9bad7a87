"""`mbap capture` while packets still come: through a pipe, and by tcpdump on loopback; ended by Ctrl-C."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mbap import Client, Device, serving
from mbap.cli.captureinput import Stoppable
from support.commandline import CommandLine
from support.packets import Talk, pcap

on_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
READ, VALUES = "0007 0000 0006 01 03 006b 0002", "0007 0000 0007 01 03 04 0003 0009"
LINE = "00:00:01.002  10.0.0.5 -> 10.0.0.9  unit 1    read hr107..108: 3 9  1.0 ms"
MBAP = [sys.executable, "-m", "mbap", "capture"]


def started(*arguments: str) -> subprocess.Popen[bytes]:
    """`mbap capture`, which takes Ctrl-C even where this test runs in the background."""
    return subprocess.Popen(
        [*MBAP, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def lines_until(child: subprocess.Popen[bytes], wanted: str) -> list[str]:
    """What it prints up to the first line with *wanted*; it is killed when that takes too long."""
    assert child.stdout is not None
    alarm = threading.Timer(60, child.kill)
    alarm.start()
    lines = []
    for line in child.stdout:
        lines.append(line.decode().rstrip("\n"))
        if wanted in lines[-1]:
            break
    alarm.cancel()
    return lines


@on_posix
def test_an_exchange_is_printed_before_the_pipe_ends_and_ctrl_c_ends_it_with_the_counts() -> None:
    child = started("-")
    assert child.stdin is not None
    child.stdin.write(pcap(Talk().open().asks(READ).answers(VALUES).packets))
    child.stdin.flush()
    assert lines_until(child, "hr107") == ["1970-01-01 UTC", LINE]
    os.kill(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert (child.returncode, err.decode()) == (0, "1 exchange in 4 packets\n")


@on_posix
def test_an_exchange_is_printed_before_a_pipe_with_a_name_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")  # as on a terminal: whole lines are not held back
    pipe = tmp_path / "live.pcap"
    os.mkfifo(pipe)
    with os.fdopen(os.open(pipe, os.O_RDWR), "wb") as into:  # which does not wait for a reader
        into.write(pcap(Talk().open().asks(READ).answers(VALUES).packets))
        into.flush()
        child = started(str(pipe))
        assert lines_until(child, "hr107") == ["1970-01-01 UTC", LINE]
    _, err = child.communicate(timeout=60)
    assert err.decode().startswith("1 exchange in ")


@on_posix
def test_being_stopped_within_a_packet_is_no_fault_of_the_capture() -> None:
    child = started("--stats", "-")
    assert child.stdin is not None
    child.stdin.write(pcap(Talk().open().asks(READ).answers(VALUES).packets)[:-1])
    child.stdin.flush()
    # Statistics print nothing before the end: that it reads shows by the pipe being empty.
    while _waiting(child):
        pass
    os.kill(child.pid, signal.SIGTERM)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0
    assert b"1 request from" in out
    assert b"error" not in err


def _waiting(child: subprocess.Popen[bytes]) -> bool:
    """Whether there are bytes in its standard input that it has not read, or it has not begun to."""
    import fcntl
    import struct
    import termios

    assert child.stdin is not None
    (waiting,) = struct.unpack("i", fcntl.ioctl(child.stdin.fileno(), termios.FIONREAD, b"\0\0\0\0"))
    return bool(waiting)


def test_a_file_that_was_stopped_is_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    with path.open("rb") as file:
        stoppable = Stoppable(file)
        reader = io.BufferedReader(stoppable, 2)
        assert reader.read(1) == b"a"
        stoppable.stop()
        assert reader.read(5) == b"b"
        assert reader.read(5) == b""


@on_posix
def test_h146_a_pipe_that_ends_within_a_packet_is_said(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    child = started("-")
    out, err = child.communicate(pcap(Talk().open().asks(READ).answers(VALUES).packets)[:-1], timeout=60)
    assert child.returncode == 1
    assert b"unit 1    read hr107..108: no answer" in out
    assert b"error: standard input: the file ends within a packet, after 3 whole packets" in err


@on_posix
def test_a_reader_that_has_enough_ends_it_quietly(tmp_path: Path) -> None:
    path = tmp_path / "long.pcap"
    talk = Talk().open()
    for _ in range(5000):
        talk.asks(READ).answers(VALUES)
    path.write_bytes(pcap(talk.packets))
    with started(str(path)) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr is not None
        assert child.stderr.read() == b""
        assert child.wait(60) == 0


@pytest.mark.peer
@on_posix
def test_loopback_is_captured_by_tcpdump_itself(peer: Callable[..., str]) -> None:
    peer("tcpdump")
    if os.geteuid() != 0:
        pytest.skip("needs the right to capture")
    with serving(Device(holding_registers=[7] * 10)) as url:
        port = url.rpartition(":")[2]
        child = started("-i", "lo", "--port", port, "--count", "3")
        assert child.stderr is not None
        begun = child.stderr.readline()
        assert b"capturing on lo" in begun
        with Client(url) as client:
            over = threading.Event()
            asking = threading.Thread(target=_ask, args=(client, over))
            asking.start()
            out, _ = child.communicate(timeout=60)
            over.set()
            asking.join()
    assert child.returncode == 0
    # The first may be the answer to a request that was sent before tcpdump listened.
    lines = [line for line in out.decode().splitlines() if "unit 1" in line]
    assert ["read hr0..2: 7 7 7" in line for line in lines[1:]] == [True, True]


def _ask(client: Client, over: threading.Event) -> None:
    while not over.wait(0.01):
        client.read("hr0..2")


@on_posix
@pytest.mark.peer
def test_a_card_that_there_is_not_is_one_sentence(peer: Callable[..., str]) -> None:
    peer("tcpdump")
    child = started("-i", "nosuchcard0")
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (1, b"")
    assert b"error: tcpdump cannot capture on nosuchcard0: " in err


def test_without_tcpdump_it_says_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    outcome = CommandLine(capsys, monkeypatch)("capture", "-i", "lo", "unit", "==", "1")
    assert outcome.code == 1
    assert "tcpdump is not installed, and -i needs it" in outcome.err
