"""Asks pip-audit whether a weakness is known of what is installed with mbap; a step of `dev check`.

It fails when one is. When the service that knows them cannot be reached, as behind a package index of one's
own, it passes and says so: nothing outside may stop the work on a machine without the internet.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supply.materials import materials

PATIENCE = 120.0
"""Seconds that the whole audit may take."""


def main() -> int:
    """Audit; gives the exit status."""
    found = materials()
    status, said = verdict(found, ask(found))
    print(said)
    return status


def ask(found: Mapping[str, str]) -> str:
    """What pip-audit prints of *found*; empty when it cannot say anything."""
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "requirements.txt"
        pinned.write_text(
            "".join(f"{name}=={version}\n" for name, version in found.items()), encoding="utf-8"
        )
        what = ["--requirement", str(pinned), "--no-deps", "--disable-pip"]
        how = ["--format", "json", "--progress-spinner", "off", "--timeout", "10"]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pip_audit", *what, *how],
                capture_output=True, encoding="utf-8", timeout=PATIENCE, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return ""
    return done.stdout


def verdict(found: Mapping[str, str], answer: str) -> tuple[int, str]:
    """The exit status and the sentences for what pip-audit printed about *found*."""
    try:
        audited: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        audited = []
    known = [one for one in audited if "skip_reason" not in one]
    weak = [one for one in known if one["vulns"]]
    lines = [_sentence(one, weakness) for one in weak for weakness in one["vulns"]]
    if not known:
        lines.append(f"note: the vulnerability service cannot be reached: {len(found)} packages not audited")
    elif len(known) < len(found):
        left = sorted(set(found) - {str(one["name"]) for one in known})
        lines.append(f"note: {len(left)} of {len(found)} packages not audited: {', '.join(left)}")
    else:
        lines.append(f"{len(known)} packages audited")
    return (1 if weak else 0), "\n".join(lines)


def _sentence(one: Mapping[str, Any], weakness: Mapping[str, Any]) -> str:
    repaired = ", ".join(weakness.get("fix_versions") or ()) or "no version so far"
    return f"{one['name']} {one['version']} has {weakness['id']}; repaired in {repaired}"


if __name__ == "__main__":
    sys.exit(main())
