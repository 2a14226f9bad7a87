"""What is installed with mbap, as CycloneDX JSON: Python packages, and the files of the page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from supply import installed

ROOT = Path(__file__).parents[1]
VERSIONS = ROOT / "src" / "mbap" / "dashboard" / "static" / "vendor" / "versions.json"
LICENSES = {"uplot": "MIT", "htm": "Apache-2.0"}


def main(python: str | None = None) -> int:
    """Print what the environment of *python* has, with mbap in it; gives the exit status.

    Without it that is an environment with nothing else.
    """
    python = python or str(installed.python())
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
    done = subprocess.run(
        [*command, "--pyproject", str(ROOT / "pyproject.toml"), python],
        stdout=subprocess.PIPE, encoding="utf-8", check=False,
    )  # fmt: skip
    if done.returncode:
        return done.returncode
    versions = json.loads(VERSIONS.read_text(encoding="utf-8"))
    print(json.dumps(with_page(json.loads(done.stdout), versions), indent=2))
    return 0


def with_page(document: dict[str, Any], versions: dict[str, str]) -> dict[str, Any]:
    """*document* with the packages from npm whose files are within mbap, by their *versions*."""
    parts = [_component(name, version) for name, version in sorted(versions.items())]
    known = {part["bom-ref"] for part in document["components"]}
    document["components"] += [part for part in parts if part["bom-ref"] not in known]
    root = document["metadata"]["component"]["bom-ref"]
    for one in document["dependencies"]:
        if one["ref"] == root:
            one["dependsOn"] = sorted({*one.get("dependsOn", ()), *(part["bom-ref"] for part in parts)})
    document["dependencies"] += [{"ref": part["bom-ref"]} for part in parts]
    return document


def _component(name: str, version: str) -> dict[str, Any]:
    licensed = {"licenses": [{"license": {"id": LICENSES[name]}}]} if name in LICENSES else {}
    purl = f"pkg:npm/{name}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, **licensed}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
