"""`mbap certs` as tests call it: in an empty folder, and the sentence or the JSON that it gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.commandline import Outcome

Certs = Callable[..., Outcome]


def refused(outcome: Outcome, code: int = 2) -> str:
    """The one sentence on standard error."""
    assert outcome.code == code, outcome
    last = outcome.err.strip().splitlines()[-1]
    assert last.lower().startswith("error: ")
    assert "Traceback" not in outcome.err
    return last


def data(outcome: Outcome) -> Any:
    """What it printed as JSON."""
    return json.loads(outcome.out)


def secret_file(text: str = "secret\n") -> Path:
    path = Path("passphrase")
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path
