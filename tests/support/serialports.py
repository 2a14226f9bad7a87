"""Serial ports that are none: pairs of pseudo terminals by socat, and a bus of several."""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from support import peers

PATIENCE = 10.0
SETTINGS = "?parity=N"
"""A pseudo terminal knows no parity and no 7 bits."""


class Pair(NamedTuple):
    """Two ports that are connected with each other."""

    near: Path
    far: Path

    @property
    def near_url(self) -> str:
        return f"rtu://{self.near}{SETTINGS}"

    @property
    def far_url(self) -> str:
        return f"rtu://{self.far}{SETTINGS}"


@contextmanager
def serial_pair(folder: Path) -> Iterator[Pair]:
    """Two connected ports in *folder*; they vanish at the end, as an adapter that is unplugged."""
    pair = Pair(folder / "near", folder / "far")
    socat = peers.require("socat")
    command = [socat, *(f"pty,raw,echo=0,link={name}" for name in pair)]
    with subprocess.Popen(command) as process:
        try:
            _wait_for(pair)
            yield pair
        finally:
            process.terminate()


def _wait_for(paths: tuple[Path, ...]) -> None:
    end = time.monotonic() + PATIENCE
    while not all(path.exists() for path in paths):
        if time.monotonic() > end:
            pytest.fail("socat made no ports", pytrace=False)
        time.sleep(0.005)


@contextmanager
def bus(folder: Path, *names: str) -> Iterator[list[Path]]:
    """Ports that all hear what is written to any other."""
    pty, tty = pytest.importorskip("pty"), pytest.importorskip("tty")
    pairs = [pty.openpty() for _ in names]
    paths = [folder / name for name in names]
    for (_, port), path in zip(pairs, paths, strict=True):
        tty.setraw(port)
        path.symlink_to(os.ttyname(port))
    wake, end = os.pipe()
    copying = threading.Thread(target=_copy, args=([control for control, _ in pairs], wake))
    copying.start()
    try:
        yield paths
    finally:
        os.write(end, b"!")
        copying.join()
        for one in (wake, end, *(end for pair in pairs for end in pair)):
            os.close(one)


def _copy(controls: list[int], wake: int) -> None:
    while True:
        ready, _, _ = select.select([*controls, wake], [], [])
        if wake in ready:
            return
        for one in ready:
            data = os.read(one, 4096)
            for other in controls:
                if other != one:
                    os.write(other, data)
