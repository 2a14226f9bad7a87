"""What changed from one policy to another, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from mbap.records import Record
from mbap.security.policy import Policy
from mbap.security.policytext import policy_data


class Change(Record):
    """One thing that is different.

    Attributes:
        what: `added`, `removed`, `changed`, `moved`.
        where: `rules`, `points`, `default`, ...
        name: of the rule or the point; empty where there is one only.
        fields: of what changed: its keys, with the value before and the value after.
    """

    what: Literal["added", "removed", "changed", "moved"]
    where: str
    name: str
    fields: Mapping[str, tuple[object, object]]

    def __str__(self) -> str:
        sign = {"added": "+", "removed": "-", "changed": "~", "moved": ">"}[self.what]
        lines = [f"{sign} {self.where} {self.name}".rstrip()]
        lines += [f"    {key}: {_shown(a)} -> {_shown(b)}" for key, (a, b) in self.fields.items()]
        return "\n".join(lines)


def differences(old: Policy, new: Policy) -> list[Change]:
    """What is different in *new*: none where both say the same."""
    before, after = policy_data(old), policy_data(new)
    changes: list[Change] = []
    for where in dict.fromkeys([*before, *after]):
        changes += _between(where, before.get(where, {}), after.get(where, {}))
    return changes + list(_moved(old, new))


def _between(
    where: str, before: Mapping[str, Mapping[str, object]], after: Mapping[str, Mapping[str, object]]
) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old is None:
            yield Change("added", where, name, {})
        elif new is None:
            yield Change("removed", where, name, {})
        elif old != new:
            keys = [key for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)]
            yield Change("changed", where, name, {key: (old.get(key), new.get(key)) for key in keys})


def _moved(old: Policy, new: Policy) -> Iterator[Change]:
    """Rules that are in both, and come after another one than before."""
    kept_before = [rule.id for rule in old.rules if any(rule.id == one.id for one in new.rules)]
    kept_after = [rule.id for rule in new.rules if any(rule.id == one.id for one in old.rules)]
    for was, name in zip(kept_before, kept_after, strict=True):
        if was != name:
            yield Change(
                "moved",
                "rules",
                name,
                {"place": (kept_before.index(name) + 1, kept_after.index(name) + 1)},
            )


def _shown(value: object) -> str:
    return "not given" if value is None else str(value)
