"""The `[faults]` of a device file: what goes wrong, how often, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mbap.server.faults import CONNECTION_FAULTS, KINDS, WHENS, Fault, FaultKind, Rule
from mbap.server.fileproblems import Problems, shown

TORN = "torn"
_WHEN = ("probability", "every", "for", "first", "times", "of")
_DELAYS: Mapping[FaultKind, float] = {
    "late": 1.0,
    "reboot": 5.0,
    "split": 0.001,
    "trickle": 0.1,
    "duplicate": 0.0,
    "reorder": 1.0,
}
_MOST: Mapping[FaultKind, int] = {
    "wrong_transaction": 0xFFFF,
    "wrong_protocol": 0xFFFF,
    "wrong_length": 0xFFFF,
    "wrong_unit": 0xFF,
    "wrong_function": 0xFF,
    "wrong_byte_count": 0xFF,
}
_RUBBISH: tuple[FaultKind, ...] = ("rubbish_before", "rubbish_after")
_SILENT: FaultKind = "silent"


def fault_rules(
    given: Mapping[str, Any], path: str, units: frozenset[int], problems: Problems
) -> tuple[Rule, ...]:
    """The rules of a `[faults]` table, for *units*; empty means all."""
    problems.unknown_keys(given, path, (*KINDS, TORN) if units else KINDS)
    rules = (
        _rule(_fault(kind, entry, where, problems), entry, where, units, problems)
        for kind in KINDS
        for entry, where in _entries(given, kind, path, problems)
    )
    return tuple(rule for rule in rules if rule is not None)


def tearing_rules(given: Mapping[str, Any], path: str, problems: Problems) -> tuple[Rule, ...]:
    """The rules of `torn` in the `[units.N.faults]`: when the halves of a value are of two moments."""
    rules = []
    for entry, where in _entries(given, TORN, path, problems):
        problems.unknown_keys(entry, where, (*_WHEN, "by"))
        delay = problems.duration(entry, "by", where, 1.0)
        rules.append(_rule(Fault(_SILENT, delay), entry, where, frozenset(), problems))
    return tuple(rule for rule in rules if rule is not None)


def _entries(
    given: Mapping[str, Any], kind: str, path: str, problems: Problems
) -> Iterator[tuple[Mapping[str, Any], str]]:
    entries = given.get(kind, [])
    for entry in entries if isinstance(entries, list) else [entries]:
        if isinstance(entry, Mapping):
            yield entry, f"{path}.{kind}"
        else:
            sentence = f"is a table such as {{ probability = 0.01 }}, not {shown(entry)}"
            problems.add(f"{path}.{kind}", sentence)


def _fault(kind: FaultKind, given: Mapping[str, Any], path: str, problems: Problems) -> Fault:
    """What *given* says about the fault itself."""
    problems.unknown_keys(given, path, (*_WHEN, *_keys(kind)))
    delay = problems.duration(given, "by", path, _DELAYS[kind]) if kind in _DELAYS else 0.0
    if kind == "exception":
        return Fault(kind, delay, problems.whole(given, "code", path, 4))
    if kind == "busy":
        return Fault(kind, delay, 6)
    if kind in CONNECTION_FAULTS:
        when = problems.choice(given, "when", path, WHENS, WHENS[0])
        return Fault(kind, delay, when=next(known for known in WHENS if known == when))
    if kind in _RUBBISH:
        return Fault(kind, delay, octets=problems.octets(given, "hex", path, b"\r\n"))
    return Fault(kind, delay, value=_value(kind, given, path, problems))


def _keys(kind: FaultKind) -> tuple[str, ...]:
    if kind in _DELAYS:
        return ("by",)
    if kind in _MOST:
        return ("value",)
    if kind in CONNECTION_FAULTS:
        return ("when",)
    return {"exception": ("code",)}.get(kind, ("hex",) if kind in _RUBBISH else ())


def _value(kind: FaultKind, given: Mapping[str, Any], path: str, problems: Problems) -> int | None:
    if kind not in _MOST or "value" not in given:
        return None
    value = problems.whole(given, "value", path, 0)
    if not 0 <= value <= _MOST[kind]:
        problems.add(f"{path}.value", f"is 0 to {_MOST[kind]}, not {value}")
    return value


def _rule(
    fault: Fault, given: Mapping[str, Any], path: str, units: frozenset[int], problems: Problems
) -> Rule | None:
    """*fault* at the times that *given* says."""
    before = len(problems.found)
    if not {"probability", "every", "times"} & set(given):
        problems.add(path, 'says when: probability = 0.01, or every = "45s" with for = "8s", or times = 3')
    every = problems.duration(given, "every", path, 0.0) or None
    probability = problems.number(given, "probability", path, 1.0)
    lasting = problems.duration(given, "for", path, 0.0)
    first = problems.duration(given, "first", path, 0.0)
    times = problems.whole(given, "times", path, 1) if "times" in given else None
    of = problems.whole(given, "of", path, 1) if "of" in given else None
    if len(problems.found) > before:
        return None
    try:
        return Rule(fault, probability, every, lasting, first, units, times, of)
    except ValueError as error:
        problems.add(path, str(error))
        return None
