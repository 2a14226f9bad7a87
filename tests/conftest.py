"""Fixtures that tests of several rooms need."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

pytest.register_assert_rewrite("support")  # what fails there is shown as what fails in a test

from support import axe, peers  # noqa: E402

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that runs the tests in the background has it ignored, and programs started here inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have what counts repeated tests send at once: workers waited 40 ms for it, at every test."""
    counter = getattr(config, "failures_db", None)  # of pytest-rerunfailures, beside pytest-xdist
    if isinstance(connection := getattr(counter, "sock", None), socket.socket):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


# What is printed is as wide as these say. A worker of pytest-xdist gets them from the process that starts
# it, where readline sets them to those of the terminal.
for size in ("COLUMNS", "LINES"):
    os.environ.pop(size, None)

# A busy machine is no failure of a property: how long an example takes is not what these tests are about.
hypothesis.settings.register_profile("mbap", deadline=None)
hypothesis.settings.load_profile("mbap")


@pytest.fixture
def peer() -> Callable[..., str]:
    """`peer("tshark")` gives the program's path, or skips; other names for it may follow."""
    return peers.require


@pytest.fixture
def captures() -> Path:
    """The folder of recorded traffic."""
    return peers.captures_folder()


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Each call gives a TCP port that is free on loopback."""
    return peers.free_port


@pytest.fixture(scope="session")
def axe_script() -> Path:
    """axe-core as one file, to add to a page."""
    return axe.axe_script()
