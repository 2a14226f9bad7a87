"""Following rules of a packet filter: what becomes of a packet, where some conditions are uncertain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DEEPEST = 16
Verdict = Literal["accept", "drop"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        applies: whether it is for the packet; None where that depends on what is not known.
        verdict: accept, drop, return, jump, goto, or empty where it only counts, marks or logs.
        target: of jump and goto. text: the rule itself.
    """

    applies: bool | None
    verdict: str
    target: str
    text: str


@dataclass(slots=True)
class Chain:
    """Rules in order, and what becomes of what they let alone; no policy means that the caller goes on."""

    policy: str
    rules: list[Rule] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Way:
    """What becomes of the packet.

    Attributes:
        doubts: rules that would decide otherwise for some clients.
        by: the rule that decided; empty where it was the policy.
    """

    verdict: Verdict
    doubts: tuple[Rule, ...] = ()
    by: str = ""


def follow(name: str, chains: Mapping[str, Chain]) -> Way:
    """The way through chain *name* and those it leads to; a chain that does not exist lets pass."""
    doubts: list[Rule] = []
    decided = _through(name, chains, doubts, certain=True, depth=0)
    policy = chains[name].policy if name in chains else ""
    verdict: Verdict = "drop" if (decided.verdict if decided else policy.lower()) == "drop" else "accept"
    against = "accept" if verdict == "drop" else "drop"
    told = tuple(rule for rule in doubts if rule.verdict == against)
    return Way(verdict, told, decided.text if decided else "")


def _through(
    name: str, chains: Mapping[str, Chain], doubts: list[Rule], *, certain: bool, depth: int
) -> Rule | None:
    """The rule that decides; None where the end is reached. Those that may decide go to *doubts*."""
    if name not in chains or depth > DEEPEST:
        return None
    for rule in chains[name].rules:
        if rule.applies is False or not rule.verdict:
            continue
        sure = certain and rule.applies is True
        if rule.verdict in ("jump", "goto"):
            decided = _through(rule.target, chains, doubts, certain=sure, depth=depth + 1)
            if decided is not None or (sure and rule.verdict == "goto"):
                return decided
        elif rule.verdict == "return":
            if sure:
                return None
        elif sure:
            return rule
        else:
            doubts.append(rule)
    return None
