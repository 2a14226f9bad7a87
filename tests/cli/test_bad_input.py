"""What goes wrong for people, each with one clear sentence and the right exit code, and no traceback."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from mbap.errors import NoAnswer
from mbap.server.device import Device
from mbap.server.handler import Call
from mbap.server.serving import serving
from support.disks import fill
from support.peers import free_port
from support.program import get_json, mbap, running, until

R = TypeVar("R")

PROFILE = """\
[profile]
name = "Test device"
sources = ["made for this test", "and nothing else"]
[points.first]
table = "holding"
address = 0
type = "uint16"
"""


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence on standard error."""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


class Silent:
    """A device that never answers."""

    def handle(self, call: Call[R]) -> R:
        raise NoAnswer


@contextmanager
def rubbish() -> Iterator[str]:
    """A host that answers everything with what is not Modbus."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def answer() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with closing(connection):
                    connection.recv(1000)
                    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                    connection.recv(1000)

        threading.Thread(target=answer, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def test_a_host_that_is_unknown() -> None:
    done = mbap("read", "no-such-host.invalid", "hr0", "--retries", "0")
    assert done.returncode == 3
    assert "no-such-host.invalid" in said(done)


def test_a_port_that_is_closed() -> None:
    done = mbap("read", f"127.0.0.1:{free_port()}", "hr0", "--retries", "0")
    assert done.returncode == 3
    assert "refused" in said(done)


def test_a_unit_that_is_silent() -> None:
    with serving(Silent()) as url:
        done = mbap("read", url, "40108", "--retries", "0", "--timeout", "200ms")
    assert done.returncode == 4
    sentence = said(done)
    assert "holding register 107 (reference 40108)" in sentence
    assert "1 was assumed: try unit 255, then 0" in sentence


def test_a_unit_that_is_silent_and_was_given() -> None:
    with serving(Silent()) as url:
        done = mbap("read", url, "40108", "--unit", "7", "--retries", "0", "--timeout", "200ms")
    assert done.returncode == 4
    assert "unit 7" in said(done)
    assert "assumed" not in done.stderr


def test_an_exception_answer() -> None:
    with serving(Device(holding_registers=[1, 2, 3])) as url:
        done = mbap("read", url, "hr10", "--retries", "0")
    assert done.returncode == 5
    assert "exception 02, illegal data address" in said(done)


def test_a_device_that_sends_rubbish() -> None:
    with rubbish() as host:
        done = mbap("read", host, "hr0", "--retries", "0")
    assert done.returncode == 6
    assert "cannot be followed" in said(done)


def test_an_address_that_is_ambiguous() -> None:
    done = mbap("read", "127.0.0.1", "107")
    assert done.returncode == 2
    assert "hr107" in said(done)


def test_a_profile_with_overlapping_and_impossible_points(tmp_path: Path) -> None:
    more = (
        '[points.second]\ntable = "holding"\naddress = 0\ntype = "float32"\n'
        '[points.third]\ntable = "holding"\naddress = 65535\ntype = "float32"\n'
        '[points.fourth]\ntable = "coil"\naddress = 0\ntype = "float32"\n'
    )
    (tmp_path / "wrong.toml").write_text(PROFILE + more, encoding="utf-8")
    done = mbap("profile", "check", str(tmp_path / "wrong.toml"))
    assert done.returncode == 2
    text = done.stdout + done.stderr
    assert "Traceback" not in text
    for name in ("second", "third", "fourth"):
        assert f"points.{name}" in text


def health(page: str) -> dict[str, object]:
    document = get_json(f"{page}/api/v1/site")["health"]
    assert isinstance(document, dict)
    return document


def counter(page: str, name: str) -> Callable[[], int]:
    def value() -> int:
        history = health(page)["history"]
        assert isinstance(history, dict)
        return int(history[name])

    return value


def test_a_full_disk_stops_history_but_not_polling_and_the_gap_is_reported(
    tmp_path: Path, small_disk: Path
) -> None:
    (tmp_path / "test.toml").write_text(PROFILE, encoding="utf-8")
    with serving(Device(holding_registers=[42] * 10)) as url:
        (tmp_path / "site.toml").write_text(
            f'[devices.one]\nhost = "{url}"\nprofile = "./test.toml"\n'
            '[groups.default]\nperiod = "20ms"\n[web]\nlisten = "127.0.0.1:0"\n'
            f'[history]\npath = "{small_disk}/history.db"\nflush = "50ms"\n',
            encoding="utf-8",
        )
        with running("up", str(tmp_path / "site.toml")) as program:
            page = program.page()
            stored, received = counter(page, "acknowledged"), counter(page, "received")
            until(lambda: stored() > 10, "stored values")
            filler = small_disk / "filler"
            fill(filler)
            program.wait_for("history stops: .*full")
            before = received()
            until(lambda: received() > before + 20, "polling that goes on")
            assert "history is not being written" in str(health(page)["problems"])
            filler.unlink()
            before = stored()
            until(lambda: stored() > before, "history that goes on")
            program.wait_for("history goes on after .*: nothing was lost")
            assert program.end() == 0
