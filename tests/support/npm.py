"""What the tests take from npm, as package-lock.json pins it: fetched once, never shipped."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from support import peers

ROOT = Path(__file__).resolve().parents[2]
FILES = ("package.json", "package-lock.json")


@cache
def node_modules() -> Path:
    """The folder with the packages, in the virtual environment; skips when they cannot be had."""
    lock = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in FILES)).hexdigest()[:16]
    kept = Path(sys.prefix, "cache", f"npm-{lock}")
    if not kept.is_dir():
        kept.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="npm-", dir=kept.parent) as folder:
            _npm_ci(Path(folder))
            _keep(Path(folder, "node_modules"), kept)
    return kept / "node_modules"


def _npm_ci(folder: Path) -> None:
    npm = peers.require("npm")
    for name in FILES:
        shutil.copyfile(ROOT / name, folder / name)
    # The optional ones are for serial ports, and would have to be compiled.
    command = [npm, "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        peers.missing(f"needs packages that npm could not fetch: {done.stderr.strip()[-300:]}")


def _keep(fetched: Path, kept: Path) -> None:
    fresh = fetched.parent / "whole"
    fresh.mkdir()
    fetched.rename(fresh / "node_modules")
    try:
        fresh.rename(kept)
    except OSError:
        if not kept.is_dir():  # else another test run was quicker
            raise


def node(*arguments: str | Path) -> list[str]:
    """The command that runs a script on Node.js; the environment of `environment` finds the packages."""
    return [peers.require("node", "nodejs"), *map(str, arguments)]


def environment() -> dict[str, str]:
    """The environment in which Node.js finds the packages."""
    return os.environ | {"NODE_PATH": str(node_modules())}
