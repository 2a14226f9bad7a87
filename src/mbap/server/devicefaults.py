"""The `[faults]` of a device file: what goes wrong, how often, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mbap.server.faults import KINDS, Fault, FaultKind, Rule
from mbap.server.fileproblems import Problems, shown

_WHEN = ("probability", "every", "for", "first")
_WHAT: dict[FaultKind, tuple[str, ...]] = {"late": ("by",), "exception": ("code",)}


def fault_rules(
    given: Mapping[str, Any], path: str, units: frozenset[int], problems: Problems
) -> tuple[Rule, ...]:
    """The rules of a `[faults]` table, for *units*; empty means all."""
    problems.unknown_keys(given, path, KINDS)
    rules = []
    for kind in KINDS:
        entries = given.get(kind, [])
        for entry in entries if isinstance(entries, list) else [entries]:
            rule = _rule(kind, entry, f"{path}.{kind}", units, problems)
            if rule is not None:
                rules.append(rule)
    return tuple(rules)


def _rule(
    kind: FaultKind, given: object, path: str, units: frozenset[int], problems: Problems
) -> Rule | None:
    if not isinstance(given, Mapping):
        problems.add(path, f"is a table such as {{ probability = 0.01 }}, not {shown(given)}")
        return None
    before = len(problems.found)
    problems.unknown_keys(given, path, (*_WHEN, *_WHAT.get(kind, ())))
    if "probability" not in given and "every" not in given:
        problems.add(path, 'says when: probability = 0.01, or every = "45s" with for = "8s"')
    delay = problems.duration(given, "by", path, 1.0) if kind == "late" else 0.0
    code = problems.whole(given, "code", path, 4) if kind == "exception" else 0
    every = problems.duration(given, "every", path, 0.0) or None
    probability = problems.number(given, "probability", path, 1.0)
    lasting = problems.duration(given, "for", path, 0.0)
    first = problems.duration(given, "first", path, 0.0)
    if len(problems.found) > before:
        return None
    try:
        return Rule(Fault(kind, delay, code), probability, every, lasting, first, units)
    except ValueError as error:
        problems.add(path, str(error))
        return None
