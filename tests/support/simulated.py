"""A device file, answering on loopback while a block runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mbap.server.serving import serving
from mbap.server.simulator import load_device_file


@contextmanager
def serve_file(path: Path) -> Iterator[str]:
    """Serve the device file at *path*, standing still at its first values; gives the URL."""
    with serving(load_device_file(path), "tcp://127.0.0.1:0") as url:
        yield url
