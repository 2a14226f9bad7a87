"""axe-core, the accessibility checker, from npm; never shipped."""

from __future__ import annotations

from pathlib import Path

from support import npm


def axe_script() -> Path:
    """The path of axe.min.js; skips when it cannot be had."""
    return npm.node_modules() / "axe-core" / "axe.min.js"
