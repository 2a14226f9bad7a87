"""What is fuzzed, by name: each a function that takes any bytes and raises where something is wrong."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fuzz import framings, pdus, sessions, texts, trails

CORPUS: Final = Path(__file__).parent / "corpus"

TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "tcp_framing": framings.tcp,
    "rtu_framing": framings.rtu,
    "ascii_framing": framings.ascii_,
    "request": pdus.request,
    "response": pdus.response,
    "explain": pdus.explained,
    "client_session": sessions.client,
    "server_session": sessions.server,
    "addresses": texts.addresses,
    "types": texts.types,
    "endpoints": texts.endpoints,
    "device_file": texts.device_file,
    "profile_file": texts.profile_file,
    "policy_file": texts.policy_file,
    "policy_rules": texts.policy_rules,
    "site_file": texts.site_file,
    "audit_trail": trails.audit_trail,
    "learned": trails.learned,
    "unusual": trails.unusual,
    "syslog": trails.syslog,
}


def corpus(name: str) -> list[bytes]:
    """The inputs that *name* begins with: one a line, written as Python writes bytes."""
    lines = (CORPUS / f"{name}.txt").read_text(encoding="ascii").splitlines()
    return [ast.literal_eval(line) for line in lines if line]
