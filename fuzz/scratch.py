"""The one folder that a run of the fuzzer writes into: it goes when the run ends, however that is."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "mbap-fuzz-"
_GIVEN = "MBAP_FUZZ_FOLDER"
"""Tells processes that a run starts where its folder is."""
_ENDINGS = ("SIGTERM", "SIGHUP", "SIGBREAK")


@contextmanager
def folder_of_a_run() -> Iterator[Path]:
    """The folder while the block runs; a signal that ends the program ends the block first."""
    before = {number: signal.signal(number, _end) for number in _numbers()}
    try:
        with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
            os.environ[_GIVEN] = name
            try:
                yield Path(name)
            finally:
                del os.environ[_GIVEN]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def folder() -> Path:
    """The folder of the run that this process is part of.

    Raises:
        RuntimeError: it is part of none.
    """
    given = os.environ.get(_GIVEN)
    if given is None:
        raise RuntimeError("this target writes a file, and there is no folder_of_a_run for it")
    return Path(given)


def _numbers() -> Iterator[signal.Signals]:
    for name in _ENDINGS:
        if hasattr(signal, name):
            yield signal.Signals[name]


def _end(number: int, frame: object) -> None:
    raise SystemExit(128 + number)
