"""axe-core, the accessibility checker, from npm as package-lock.json pins it; never shipped."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from support import peers

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "package-lock.json"


def axe_script() -> Path:
    """The path of axe.min.js, fetched once into the virtual environment; skips when it cannot be had."""
    version = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]["node_modules/axe-core"]["version"]
    kept = Path(sys.prefix, "cache", f"axe-core-{version}.min.js")
    if not kept.is_file():
        kept.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="mbap-axe-") as folder:
            _npm_ci(Path(folder))
            fresh = kept.with_suffix(".new")
            shutil.copyfile(Path(folder, "node_modules", "axe-core", "axe.min.js"), fresh)
            fresh.replace(kept)
    return kept


def _npm_ci(folder: Path) -> None:
    npm = peers.require("npm")
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ROOT / name, folder / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        peers.missing(f"needs axe-core, and npm could not fetch it: {done.stderr.strip()[-300:]}")
