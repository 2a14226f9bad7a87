"""An environment with mbap[app] and nothing else, kept until what it depends on changes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv-app"
DESCRIBES_INSTALL = ("pyproject.toml", "package-lock.json", "hatch_build.py")


def python() -> Path:
    """Its Python; makes the environment where there is none, or one of other versions.

    Raises:
        SystemExit: it cannot be made; one sentence.
    """
    found = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    installed, wanted = VENV / "installed.txt", _fingerprint()
    if installed.is_file() and installed.read_text(encoding="utf-8") == wanted:
        return found
    print("dev: making .venv-app with mbap[app] and nothing else", file=sys.stderr, flush=True)
    venv = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)]
    pip = [sys.executable, "-m", "pip", "--python", str(found), "install", "-qq"]
    failed = subprocess.call(venv) or subprocess.call(
        [*pip, "--disable-pip-version-check", ".[app]"], cwd=ROOT
    )
    if failed:
        raise SystemExit("could not install mbap[app]; Python's own words are above")
    installed.write_text(wanted, encoding="utf-8")
    return found


def _fingerprint() -> str:
    digest = hashlib.sha256(f"{ROOT} {sys.version}".encode())
    for name in DESCRIBES_INSTALL:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()
