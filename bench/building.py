"""The C programs of the comparison, compiled once with the machine's own compiler."""

from __future__ import annotations

import hashlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "load"


class CannotBuild(Exception):
    """There is no program; the text says why."""


def built(name: str, *libraries: str) -> Path:
    """The program made from `load/NAME.c`; kept in the virtual environment until its source changes.

    Raises:
        CannotBuild: no compiler, no such library, or the compiler's own complaint.
    """
    source = SOURCES / f"{name}.c"
    mark = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    program = Path(sys.prefix, "cache", "bench", f"{name}-{mark}")
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        fresh = program.with_suffix(".new")
        _run([_compiler(), "-O2", "-o", str(fresh), str(source), *_flags(libraries), "-lpthread"], name)
        fresh.replace(program)
    return program


def _compiler() -> str:
    found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if sys.platform != "linux":
        raise CannotBuild("the load generator needs Linux")
    if found is None:
        raise CannotBuild("there is no C compiler (Debian: apt install gcc libc6-dev)")
    return found


def _flags(libraries: tuple[str, ...]) -> list[str]:
    if not libraries:
        return []
    if shutil.which("pkg-config") is None:
        raise CannotBuild("there is no pkg-config")
    return shlex.split(_run(["pkg-config", "--cflags", "--libs", *libraries], ", ".join(libraries)))


def _run(command: list[str], what: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotBuild(f"{what}: {done.stderr.strip().splitlines()[-1:] or done.returncode}")
    return done.stdout
