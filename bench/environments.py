"""Where contenders can run: Pythons that have their packages, Node.js with its modules, compiled programs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bench.building import CannotBuild, built

ROOT = Path(__file__).resolve().parents[1]
PEERS = (".venv-robustness", ".venv-robustness-newer")
"""Environments with other libraries, made by `dev`: of this Python, and of a newer one where it is needed."""


def pythons() -> list[str]:
    """This Python first, then those of the environments that were made for other libraries."""
    found = [ROOT / name / "bin" / "python" for name in PEERS]
    return [sys.executable, *(str(path) for path in found if path.exists())]


@cache
def packages(python: str) -> Mapping[str, str]:
    """What is installed for *python*: versions by name, in lower case and with hyphens."""
    script = (
        "import json, importlib.metadata as m;"
        "print(json.dumps({d.metadata['Name']: d.version for d in m.distributions()}))"
    )
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=False)
    found: dict[str, str] = json.loads(done.stdout) if done.returncode == 0 else {}
    return {name.lower().replace("_", "-"): version for name, version in found.items()}


@cache
def python_with(*names: str) -> str | None:
    """The first Python that has all of the packages *names*."""
    wanted = [name.lower() for name in names]
    return next((python for python in pythons() if all(name in packages(python) for name in wanted)), None)


@cache
def node_modules() -> Path | None:
    """The folder with the packages of package-lock.json, which the tests fetch, too; fetched when missing."""
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    kept = Path(sys.prefix, "cache")
    found = next(iter(sorted(kept.glob("npm-*/node_modules/jsmodbus"))), None) or _fetched(kept / "bench-npm")
    return found.parent if found and found.is_dir() else None


def _fetched(folder: Path) -> Path:
    if not folder.exists():
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(ROOT / name, folder / name)
        command = ["npm", "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=300)
    return folder / "node_modules" / "jsmodbus"


def program(name: str) -> str | None:
    """The compiled program that is a contender; None where it cannot be compiled."""
    try:
        return str(built(name, *(["libmodbus"] if name.startswith("libmodbus") else [])))
    except CannotBuild:
        return None


def environment() -> dict[str, str]:
    """For the processes that are started: what is in the project's folder can be imported.

    Bytecode is kept, whatever is usual here: an import that compiles would measure the compiler.
    """
    modules = node_modules()
    node = {"NODE_PATH": str(modules)} if modules else {}
    python = {
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "0",
        "PYTHONPYCACHEPREFIX": str(Path(sys.prefix, "cache", "bytecode")),
    }
    return {**os.environ, **node, **python, "PYTHONDONTWRITEBYTECODE": ""}
