"""Programs and Python packages that are not ours: found, or the test is skipped with a reason.

With `MBAP_REQUIRE_PEERS=1`, as in continuous integration, what is missing fails the test instead.
"""

from __future__ import annotations

import importlib
import os
import random
import shutil
import socket
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

REQUIRE_VARIABLE = "MBAP_REQUIRE_PEERS"
CAPTURES_VARIABLE = "MBAP_CAPTURES"


def missing(reason: str) -> NoReturn:
    """Skip the running test because of *reason*; fail it where everything has to be there."""
    if os.environ.get(REQUIRE_VARIABLE) == "1":
        pytest.fail(f"{reason} ({REQUIRE_VARIABLE}=1)", pytrace=False)
    pytest.skip(reason)


def require(program: str, *alternatives: str) -> str:
    """The path of *program*, or of the first of *alternatives* that is installed."""
    for name in (program, *alternatives):
        if path := shutil.which(name):
            return path
    missing(f"needs the program {program}")


def require_module(name: str) -> ModuleType:
    """The imported module *name*."""
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(f"needs the Python package {name}")


def captures_folder() -> Path:
    """The folder of recorded traffic that MBAP_CAPTURES names; the test is skipped when it names none."""
    given = os.environ.get(CAPTURES_VARIABLE)
    if not given:
        pytest.skip(f"needs recorded traffic: set {CAPTURES_VARIABLE} to its folder")
    folder = Path(given)
    if not folder.is_dir():
        pytest.fail(f"{CAPTURES_VARIABLE} is {given}, which is not a folder", pytrace=False)
    return folder


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listened on a moment ago; prefer port 0 wherever the port can be asked for.

    It is below the ports that systems hand out by themselves, so that no other test gets it meanwhile.
    """
    for _ in range(100):
        port = random.randrange(20_000, 32_000)
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    pytest.fail("no free port among a hundred tried", pytrace=False)
